"""Series identification and reading on real studies; skipped, visibly, where they are not."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import numpy as np
import pydicom
import pytest

from marrowsignal.dicom import find_series, read_volume, select_pair
from marrowsignal.dicom.records import SeriesIdentity
from marrowsignal.errors import NoUsablePairError
from marrowsignal.findings import Severity

REPOSITORY = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("MARROWSIGNAL_REAL_DATA", REPOSITORY.parent / "shared" / "data"))
EXPECTED = DATA.parent / "score" / "series_expected.csv"

pytestmark = [
    pytest.mark.real_data,
    pytest.mark.skipif(not DATA.is_dir(), reason="real data not found: set MARROWSIGNAL_REAL_DATA"),
]


def expected_rows() -> list[dict[str, str]]:
    if not EXPECTED.is_file():
        return []
    with EXPECTED.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def needs(path: str) -> Path:
    if not (DATA / path).exists():
        pytest.skip(f"{path} is not among the real data")
    return DATA / path


@pytest.mark.parametrize("row", expected_rows(), ids=lambda row: f"{row['path']}-{row['expect']}")
def test_expected_identities(row: dict[str, str]) -> None:
    found = {str(s.identity) for s in find_series(needs(row["path"])).series} & {"t1", "stir"}
    if row["expect"] in ("t1", "stir"):
        assert row["expect"] in found
        assert row["both"] == "1" or found == {row["expect"]}
    else:
        assert not found


@pytest.mark.parametrize(
    ("study", "shape"),
    [
        ("sij/1007/dicom", (25, 336, 336)),
        ("sij/1016/dicom", (25, 336, 336)),
        ("sij/1234/dicom", (25, 336, 336)),
        ("sij/2014/dicom", (25, 336, 336)),
        ("lumbar/AKa/dicom", (57, 361, 361)),
        ("lumbar/taichi/dicom", (11, 512, 512)),
    ],
)
def test_pairs_are_chosen_and_read(study: str, shape: tuple[int, int, int]) -> None:
    pair = select_pair(find_series(needs(study)))
    assert (pair.t1.identity, pair.stir.identity) == (SeriesIdentity.T1, SeriesIdentity.STIR)
    for series in (pair.t1, pair.stir):
        volume = read_volume(series)
        assert volume.array.shape == shape
        assert float(np.ptp(volume.array)) > 100


def test_jpeg_lossless_knee_is_read_and_its_fat_saturation_is_no_stir() -> None:
    catalog = find_series(needs("knee/flothesof/dicom"))
    (t1,) = [s for s in catalog.series if s.identity is SeriesIdentity.T1]
    assert read_volume(t1).array.shape == (24, 384, 384)
    assert "duplicate_instances" in {f.code for f in t1.findings}
    with pytest.raises(NoUsablePairError) as caught:
        select_pair(catalog)
    assert any("DP FS" in reason and "not STIR" in reason for reason in caught.value.series_reasons)


@pytest.mark.parametrize("syntax", ["J2KR", "JLSL", "JPLL", "RLE"])
@pytest.mark.parametrize("image", ["MR1", "MR2", "MR3", "MR4"])
def test_lossless_syntaxes_give_the_same_values(image: str, syntax: str) -> None:
    folder = needs("robust/nema_wg04_T1_STIR")
    (plain,) = find_series(folder / "REF" / f"{image}_UNC").series
    (packed,) = find_series(folder / syntax / f"{image}_{syntax}").series
    assert np.array_equal(read_volume(plain).array, read_volume(packed).array)


def test_contrast_is_noted_and_ends_the_use() -> None:
    (series,) = find_series(needs("pelvis/case01/dicom")).series
    assert series.acquisition.post_contrast
    assert not series.usable


@pytest.mark.parametrize("name", ["case01", "case05", "case14"])
def test_a_t1_after_contrast_goes_alone_when_allowed(name: str) -> None:
    catalog = find_series(needs(f"pelvis/{name}/dicom"))
    with pytest.raises(NoUsablePairError):
        select_pair(catalog)
    pair = select_pair(catalog, allow_t1_only=True)
    assert (pair.t1.identity, pair.stir) == (SeriesIdentity.T1, None)
    assert [f.severity for f in pair.findings if f.code == "t1_after_contrast"] == [Severity.WARN]


def test_an_enhanced_philips_series_is_read_on_the_scanners_own_scale() -> None:
    folder = needs("robust/philips_classic_vs_enhanced/Philips/201_T1W_TSE_Sno_CSno_CSAIno")
    (series,) = [s for s in find_series(folder).series if s.identity is SeriesIdentity.T1]
    assert series.usable
    volume = read_volume(series)
    assert volume.geometry.spacing_mm == pytest.approx((5.0, 1.0, 1.0), abs=1e-3)
    stored = pydicom.dcmread(series.files[0])
    for index, source in enumerate(series.sources):
        frame = stored.PerFrameFunctionalGroupsSequence[source.frame]
        scale = frame[0x2005, 0x100F].value[0][0x2005, 0x100E].value
        np.testing.assert_allclose(volume.array[index], stored.pixel_array[source.frame] / scale, rtol=1e-5)
        position = volume.geometry.to_patient([index, 0, 0])
        told = [float(v) for v in frame.PlanePositionSequence[0].ImagePositionPatient]
        np.testing.assert_allclose(position, told, atol=1e-3)
