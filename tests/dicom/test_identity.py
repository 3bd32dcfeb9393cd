"""The truth table of SCIENCE 5.1: what each header is, and why."""

from __future__ import annotations

from pathlib import Path

import pytest

from marrowsignal.dicom import Series, find_series
from marrowsignal.dicom.records import SeriesIdentity as Id
from tests.dicom.dicom_builder import STIR, T1, SeriesSpec, write_series

NO_NAME = {**STIR, "SequenceName": ""}
LONG = {"ScanningSequence": "SE", "RepetitionTime": 3850, "EchoTime": 17, "SequenceName": "*tseR2d1rr13"}
SPAIR = {**LONG, "EchoTime": 60, "InversionTime": 110}


def the_series(folder: Path, spec: SeriesSpec) -> Series:
    write_series(folder, spec)
    (series,) = find_series(folder).series
    return series


TABLE = [
    ("t1", T1, Id.T1),
    ("t1 3 T", {**T1, "RepetitionTime": 1000, "MagneticFieldStrength": 3}, Id.T1),
    ("t1 without a name", {**T1, "SequenceName": ""}, Id.T1),
    ("t1 TE 27 named", {**T1, "EchoTime": 27, "SeriesDescription": "T1W/SE"}, Id.T1),
    ("t1 GE, TI 0", {**T1, "InversionTime": 0, "Manufacturer": "GE MEDICAL SYSTEMS"}, Id.T1),
    ("t1 fat-sat", {**T1, "ScanOptions": "FS"}, Id.T1_FAT_SUPPRESSED),
    ("t1 fat-sat by name", {**T1, "SeriesDescription": "T1 SPIR"}, Id.T1_FAT_SUPPRESSED),
    ("t1 named non fs", {**T1, "SeriesDescription": "T1 non FS"}, Id.T1),
    ("vibe", {**T1, "ScanningSequence": "GR", "RepetitionTime": 5}, Id.GRADIENT_ECHO),
    ("ffe with T1 timing", {**T1, "ScanningSequence": "GR", "SeriesDescription": "T1W_FFE"}, Id.GRADIENT_ECHO),
    ("stir", STIR, Id.STIR),
    ("stir 3 T", {**STIR, "InversionTime": 220, "MagneticFieldStrength": 3}, Id.STIR),
    (
        "stir Hitachi",
        {**STIR, "ScanningSequence": "IR", "InversionTime": 110, "MagneticFieldStrength": 0.3},
        Id.STIR,
    ),
    ("stir with FS flag", {**STIR, "ScanOptions": ["IR", "FS"]}, Id.STIR),
    ("stir de-identified", {**STIR, "SequenceName": ""}, Id.STIR),
    ("stir TI in seconds", {**STIR, "InversionTime": 0.15}, Id.STIR),
    ("stir by TI and name", {**NO_NAME, "ScanningSequence": "SE", "SeriesDescription": "STIR"}, Id.STIR),
    ("TI alone", {**STIR, "ScanningSequence": "SE", "SequenceName": ""}, Id.UNKNOWN),
    ("spair with TI", {**SPAIR, "ScanOptions": ["IR", "FS"]}, Id.T2_FAT_SUPPRESSED),
    ("spair by name", {**SPAIR, "SeriesDescription": "T2W_SPAIR"}, Id.T2_FAT_SUPPRESSED),
    ("flair", {**STIR, "RepetitionTime": 9000, "EchoTime": 100, "InversionTime": 2500}, Id.FLAIR),
    ("flair named tirm", {**STIR, "InversionTime": 2370, "SeriesDescription": "tirm dark-fluid FS"}, Id.FLAIR),
    ("t1 flair", {**STIR, "RepetitionTime": 2000, "EchoTime": 9, "InversionTime": 860}, Id.T1_IR),
    ("ir-spgr", {**STIR, "ScanningSequence": ["GR", "IR"], "InversionTime": 400}, Id.GRADIENT_ECHO),
    ("pd fs", {**LONG, "ScanOptions": ["PFP", "FS"], "SeriesDescription": "SAG DP FS ."}, Id.PD_FAT_SUPPRESSED),
    ("pd", LONG, Id.PD),
    ("t2", {**LONG, "EchoTime": 95}, Id.T2),
    ("t2 fs", {**LONG, "EchoTime": 70, "ScanOptions": "FS"}, Id.T2_FAT_SUPPRESSED),
    ("dwi", {**T1, "ScanningSequence": ["SE", "EP"], "SeriesDescription": "ep2d_diff"}, Id.DIFFUSION),
    ("epi", {**T1, "ScanningSequence": ["SE", "EP"]}, Id.ECHO_PLANAR),
    ("mpr", {**T1, "ImageType": ["DERIVED", "SECONDARY", "MPR"]}, Id.DERIVED),
    ("subtraction", {**T1, "ImageType": ["DERIVED", "PRIMARY", "M", "SUB"]}, Id.DERIVED),
    ("phase", {**T1, "ImageType": ["ORIGINAL", "PRIMARY", "P", "ND"]}, Id.DERIVED),
    ("derived but acquired", {**T1, "ImageType": ["DERIVED", "SECONDARY", "OTHER", "AI"]}, Id.T1),
    ("dixon water", {**T1, "ImageType": ["ORIGINAL", "PRIMARY", "W", "W"]}, Id.DIXON),
    ("dixon in phase", {**T1, "ImageType": ["ORIGINAL", "PRIMARY", "IP", "IP"]}, Id.T1),
    ("localizer", {**T1, "ScanningSequence": "GR", "SeriesDescription": "localizer"}, Id.LOCALIZER),
    ("ct", {**T1, "Modality": "CT", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.2"}, Id.NOT_MR),
    ("no timings", {"ScanningSequence": "SE", "SeriesDescription": "T1 TSE"}, Id.UNKNOWN),
    ("between", {**T1, "RepetitionTime": 1150, "EchoTime": 20}, Id.UNKNOWN),
]  # fmt: skip


@pytest.mark.parametrize(("name", "header", "expected"), TABLE, ids=[row[0] for row in TABLE])
def test_truth_table(tmp_path: Path, name: str, header: dict[str, object], expected: Id) -> None:
    description = str(header.get("SeriesDescription", ""))
    series = the_series(tmp_path, SeriesSpec(header=header, description=description))
    assert series.identity is expected, series.reasons
    assert series.usable == (expected in (Id.T1, Id.STIR))
    assert series.reasons


def test_fat_saturated_pd_says_why_it_is_no_stir(tmp_path: Path) -> None:
    series = the_series(tmp_path, SeriesSpec(header={**LONG, "ScanOptions": "FS"}))
    for piece in ("TR 3850 ms", "TE 17 ms", "no inversion", "ScanOptions FS", "not STIR", "spectrally"):
        assert piece in series.reasons[0]


def test_text_against_physics_is_logged(tmp_path: Path) -> None:
    series = the_series(tmp_path, SeriesSpec(header={**LONG, "EchoTime": 80}, description="STIR cor"))
    assert series.identity is Id.T2
    assert "text_physics_conflict" in {f.code for f in series.findings}


@pytest.mark.parametrize(
    ("header", "description", "given"),
    [
        ({"ContrastBolusAgent": "Omniscan"}, "", True),
        ({"ContrastBolusAgent": "off"}, "", False),
        ({"ContrastBolusAgent": "NONE"}, "", False),
        ({"ContrastBolusAgent": ""}, "T1 post Gd", True),
        ({}, "t1_tse_cor nach KM", True),
        ({}, "T1 +C", True),
        ({}, "T1 pre contrast", False),
        ({}, "T1 ohne KM", False),
        ({}, "T1 cor 40 cm", False),
        ({"ContrastBolusAgent": "Gadovist", "ContrastBolusStartTime": "103000"}, "", False),
        ({"ContrastBolusAgent": "Gadovist", "ContrastBolusStartTime": "093000"}, "", True),
    ],
)
def test_contrast_keeps_the_identity_and_ends_the_use(
    tmp_path: Path, header: dict[str, object], description: str, given: bool
) -> None:
    series = the_series(tmp_path, SeriesSpec(header={**T1, **header}, description=description))
    assert series.identity is Id.T1
    assert series.acquisition.post_contrast is given
    assert series.usable is not given
    assert any("Contrast was given" in reason for reason in series.reasons) is given


def test_real_reconstruction_is_identified_but_not_usable(tmp_path: Path) -> None:
    header = {**STIR, "ImageType": ["ORIGINAL", "PRIMARY", "OTHER", "R", "IR"]}
    series = the_series(tmp_path, SeriesSpec(header=header))
    assert (series.identity, series.usable) == (Id.STIR, False)


def test_few_slices_are_identified_but_not_usable(tmp_path: Path) -> None:
    series = the_series(tmp_path, SeriesSpec(shape=(7, 4, 4)))
    assert (series.identity, series.usable, series.slices) == (Id.T1, False, 7)
    assert "7 slice(s)" in " ".join(series.reasons)


def test_a_hostile_description_loses_only_control_characters(tmp_path: Path) -> None:
    series = the_series(tmp_path, SeriesSpec(description="<script>alert(1)</script>\x07\x1b[31m T1"))
    assert series.description == "<script>alert(1)</script> [31m T1"
