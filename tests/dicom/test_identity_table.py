"""Every header of the truth table is called what it is."""

from __future__ import annotations

import pytest
from pydicom.dataset import Dataset

from marrowsignal.dicom import Series, find_series
from marrowsignal.dicom.records import SeriesIdentity
from tests.dicom.dicom_builder import SeriesSpec, dataset_of, uid
from tests.dicom.identity_table import MAKERS, Row, rows

ROWS = rows()
MEASURED = (SeriesIdentity.T1, SeriesIdentity.STIR)


def header_of(row: Row) -> Dataset:
    """One slice with the header of the row, in a study of its own."""
    name = f"row{row.number}"
    ds = dataset_of(SeriesSpec(name=name, study=name, description=row.description, header={}), 0)
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.Manufacturer, ds.ScanningSequence, ds.ScanOptions = MAKERS[row.maker], list(row.codes), list(row.options)
    ds.ImageType, ds.EchoTrainLength = list(row.image_type), row.train
    ds.MagneticFieldStrength, ds.RepetitionTime, ds.EchoTime, ds.InversionTime = row.field_t, row.tr, row.te, row.ti
    if row.maker == "G" and row.names:
        block = ds.private_block(0x0019, "GEMS_ACQU_01", create=True)
        block.add_new(0x9C, "LO", row.names[0])
        block.add_new(0x9E, "LO", row.names[-1])
    elif row.maker == "P" and row.names:
        ds.private_block(0x2001, "Philips Imaging DD 001", create=True).add_new(0x20, "LO", row.names[0])
    elif row.names:
        ds.SequenceName = row.names[0]
    return ds


@pytest.fixture(scope="module")
def series_by_row(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Series]:
    folder = tmp_path_factory.mktemp("table")
    for row in ROWS:
        header_of(row).save_as(folder / f"{row.number}.dcm", enforce_file_format=True)
    found = {series.study_instance_uid: series for series in find_series(folder).series}
    return {row.number: found[uid(f"row{row.number}")] for row in ROWS}


@pytest.mark.parametrize("row", ROWS, ids=[row.label for row in ROWS])
def test_identity(series_by_row: dict[int, Series], row: Row) -> None:
    series = series_by_row[row.number]
    assert series.identity is row.identity, (series.reasons, series.evidence)
    assert series.reasons[0].endswith(".")


@pytest.mark.parametrize("row", ROWS, ids=[str(row.number) for row in ROWS])
def test_evidence_adds_up(series_by_row: dict[int, Series], row: Row) -> None:
    series = series_by_row[row.number]
    totals: dict[SeriesIdentity, float] = {}
    for item in series.evidence:
        assert item.told
        totals[item.identity] = totals.get(item.identity, 0.0) + item.points
    ranked = sorted(totals.values(), reverse=True)
    assert series.identity_score == pytest.approx(ranked[0])
    if len(ranked) > 1:
        assert series.identity_margin == pytest.approx(ranked[0] - ranked[1])
        assert series.runner_up is not None
    if series.identity in MEASURED:
        assert series.identity_score >= 0.7
        assert series.identity_margin >= 0.2


def test_the_table_is_large_and_holds_every_identity() -> None:
    assert len(ROWS) >= 150
    assert {row.identity for row in ROWS} == set(SeriesIdentity) - {SeriesIdentity.NOT_MR}
