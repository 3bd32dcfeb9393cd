"""The truth table of SCIENCE 5.1: what each header is, and why."""

from __future__ import annotations

from pathlib import Path

import pydicom
import pytest

from marrowsignal.dicom import Series, find_series
from marrowsignal.dicom.records import SeriesIdentity as Id
from tests.dicom.dicom_builder import STIR, T1, SeriesSpec, stir_spec, uid, write_series

UTF8 = {"SpecificCharacterSet": "ISO_IR 192"}
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


POST = [
    "T1 post Gd",
    "t1_tse_cor nach KM",
    "T1 +C",
    "T1 C+",
    "AX T1 POST",
    "T1 W CONTRAST",
    "T1 with contrast",
    "T1 CE",
    "t1_tse_cor_KM",
    "T1 mit Kontrastmittel",
    "T1 APRES INJECTION",
    "T1 après gado",
    "T1 inj",
    "T1 dopo mdc",
    "T1 con mdc",
    "T1 con contraste",
    "T1 con CIV",
    "T1 pós contraste",
    "T1 com contraste",
    "T1 na contrast",
    "T1 met contrast",
    "T1 IV KONTRASTLI",
    "T1 po kontraście",
    "T1 с контрастом",
    "T1 после контраста",
    "T1 постконтраст",
    "T1增强",
    "T1 造影",
    "T1 造影後",
    "T1 조영증강",
    "T1 dotarem",
    "T1 cor mKM",
    "T1 nachKM",
    "T1 K+",
    "T1 ENHANCED",
    "T1 GdDTPA",
    "T1 GD+",
    "T1 +КУ",
    "T1 C/C",
    "T1 com CTR",
    "T1 +IV",
    "T1 gadavist",
]
NATIVE = [
    "T1 pre contrast", "T1 precontrast", "T1 pre", "T1 ohne KM", "T1 vor KM", "T1 nativ", "T1 sans injection",
    "T1 avant gado", "T1 senza mdc", "T1 sin contraste", "T1 sem contraste", "T1 zonder contrast", "T1 kontrastsız",
    "T1 kontrast öncesi", "T1 bez kontrastu", "T1 przed kontrastem", "T1 без контраста", "T1 до контраста",
    "T1 нативная", "T1 平扫", "T1 造影前", "T1 造影なし", "磁振造影 T1", "T1 조영전", "T1 cor 40 cm", "T1 post op",
    "T1 posterior", "T1 W/O CONTRAST", "T1 W/WO contrast", "T1 without and with contrast", "IRM T1", "T1 injury",
    "T1 con", "T1W_C_SPINE", "T1W C SPINE", "SAG T1W C-SPINE", "T1 sag GD", "T1 cor o. KM", "T1 KM-frei", "T1 s/mdc",
    "T1 post fracture", "T1 post trauma", "T1 post fall", "T1 CM 32", "T1 inj knee", "T1 high contrast", "T1 HIGADO",
    "T1 unenhanced", "T1 edge enhanced", "T1 Gd-",
]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "identity"),
    [({"ScanningSequence": "GR"}, Id.GRADIENT_ECHO), ({"InversionTime": 1000, "EchoTime": 10}, Id.T1_IR)],
)
def test_a_stir_by_name_only_is_logged(tmp_path: Path, changes: dict[str, object], identity: Id) -> None:
    series = the_series(tmp_path, SeriesSpec(header={**STIR, **changes}, description="STIR"))
    assert series.identity is identity
    assert "text_physics_conflict" in {f.code for f in series.findings}


@pytest.mark.parametrize(
    ("header", "description", "given"),
    [
        ({"ContrastBolusAgent": "Omniscan"}, "", True),
        ({"ContrastBolusAgent": "off"}, "", False),
        ({"ContrastBolusAgent": "NONE"}, "", False),
        ({"ContrastBolusAgent": "нет"}, "", False),
        ({"ContrastBolusAgent": ""}, "T1 post Gd", True),
        ({"ContrastBolusAgent": "Gadovist", "ContrastBolusStartTime": "103000"}, "", False),
        ({"ContrastBolusAgent": "Gadovist", "ContrastBolusStartTime": "093000"}, "", True),
        ({"ContrastBolusStartTime": "093000"}, "", True),
        ({"ContrastBolusAgent": "no", "ContrastBolusStartTime": "093000"}, "", False),
        ({"ContrastBolusAgent": "Gadovist", "ContrastBolusStartTime": "235000", "AcquisitionTime": "000500"}, "", True),
        ({"ContrastBolusAgent": "Gadovist", "ContrastBolusStartTime": "09"}, "", True),
        ({"ContrastBolusAgent": "Gadovist"}, "T1 nativ", False),
        ({"ProtocolName": "PELVIS W/WO CONTRAST"}, "T1 cor", False),
        ({"ProtocolName": "t1_tse_cor_KM"}, "T1 cor", True),
        *(({}, description, True) for description in POST),
        *(({}, description, False) for description in NATIVE),
    ],
)
def test_contrast_keeps_the_identity_and_ends_the_use(
    tmp_path: Path, header: dict[str, object], description: str, given: bool
) -> None:
    series = the_series(tmp_path, SeriesSpec(header={**T1, **UTF8, **header}, description=description))
    assert series.identity is Id.T1
    assert series.acquisition.post_contrast is given
    assert series.usable is not given
    assert series.usable_but_for_contrast is given
    assert any("Contrast was given" in reason for reason in series.reasons) is given


def test_an_agent_against_the_description_is_told(tmp_path: Path) -> None:
    series = the_series(tmp_path, SeriesSpec(header={**T1, "ContrastBolusAgent": "Gadovist"}, description="T1 ohne KM"))
    assert series.usable
    assert "contrast_disputed" in {f.code for f in series.findings}


@pytest.mark.parametrize("description", ["T1 GD", "AX T1 PC", "T1C cor", "T1 inj knee", "T1 IV", "T1 post left"])
def test_a_short_word_that_may_mean_contrast_is_noted(tmp_path: Path, description: str) -> None:
    series = the_series(tmp_path, SeriesSpec(description=description))
    assert series.usable
    assert "contrast_disputed" in {f.code for f in series.findings}


@pytest.mark.parametrize("description", ["T1 cor o. KM", "T1W_C_SPINE", "T1 post op", "T1 pre Gd"])
def test_words_that_mean_no_contrast_are_not_noted(tmp_path: Path, description: str) -> None:
    series = the_series(tmp_path, SeriesSpec(description=description))
    assert not {"contrast_disputed", "post_contrast"} & {f.code for f in series.findings}


@pytest.mark.parametrize(("started", "given"), [("110000", False), ("095900", True)])
def test_the_clock_orders_agent_and_series_without_a_date(tmp_path: Path, started: str, given: bool) -> None:
    header = {"AcquisitionDate": "", "SeriesDate": "", "AcquisitionTime": "100100", "ContrastBolusStartTime": started}
    series = the_series(tmp_path, SeriesSpec().with_header(ContrastBolusAgent="Gadovist", **header))
    assert series.acquisition.post_contrast is given
    assert ("contrast_after_series" in {f.code for f in series.findings}) is not given


def after_contrast(folder: Path, *descriptions: str, **header: object) -> tuple[Series, Series]:
    """A native T1, what is told of contrast, and the STIR that comes after it."""
    write_series(folder / "a", SeriesSpec(name="before", number=3, description="T1"))
    for number, description in enumerate(descriptions, start=4):
        suppressed = {**T1, "ScanOptions": "FS", **header}
        enhanced = SeriesSpec(name=description, number=number, description=description, header=suppressed)
        write_series(folder / str(number), enhanced)
    write_series(folder / "z", stir_spec().but(description="STIR", number=9))
    before, *_, after = find_series(folder).series
    return before, after


@pytest.mark.parametrize(
    ("descriptions", "header"),
    [(("T1 fs tra",), {"ContrastBolusAgent": "Gadovist"}), (("T1 fs KM tra", "T1 fs KM cor"), {})],
)
def test_what_comes_after_contrast_is_enhanced_too(
    tmp_path: Path, descriptions: tuple[str, ...], header: dict[str, object]
) -> None:
    before, after = after_contrast(tmp_path, *descriptions, **header)
    assert (before.usable, before.acquisition.post_contrast) == (True, False)
    assert (after.identity, after.usable, after.acquisition.post_contrast) == (Id.STIR, False, True)
    assert (before.usable_but_for_contrast, after.usable_but_for_contrast) == (False, True)
    assert "acquired_after_contrast" in {f.code for f in after.findings}
    assert "Acquired after a series" in after.reasons[-1]


def test_one_word_does_not_refuse_a_whole_study(tmp_path: Path) -> None:
    _, after = after_contrast(tmp_path, "T1 fs KM")
    assert (after.identity, after.usable, after.acquisition.post_contrast) == (Id.STIR, True, False)
    assert "maybe_after_contrast" in {f.code for f in after.findings}


def test_an_unknown_echo_train_is_told_as_missing(tmp_path: Path) -> None:
    series = the_series(tmp_path, SeriesSpec().with_header(EchoTrainLength=None))
    assert (series.identity, series.identity_score) == (Id.T1, 0.9)
    assert "echo train missing (wanted 0-8)" in series.evidence[0].told


@pytest.mark.parametrize(
    ("changes", "description", "code"),
    [
        ({"InversionTime": 0.15}, "STIR", "inversion_time_in_seconds"),
        ({"MagneticFieldStrength": 15000}, "STIR", "field_strength_in_gauss"),
        ({"MagneticFieldStrength": ""}, "STIR", "field_strength_missing"),
        ({"ImageType": ["DERIVED", "PRIMARY", "M", "ND"]}, "STIR", "image_type_derived"),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "M", "DRB"]}, "STIR", "learned_reconstruction"),
        ({}, "STIR AIR Recon DL", "learned_reconstruction"),
        ({"SequenceName": "*hir2d1_192"}, "STIR haste", "single_shot"),
        ({}, "SC_MobiView_eSTIR_TSE", "stitched"),
        ({}, "T1", "text_physics_conflict"),
        ({}, "T2 SPAIR", "text_physics_conflict"),
    ],
)
def test_a_weakened_stir_stays_usable_and_says_so(
    tmp_path: Path, changes: dict[str, object], description: str, code: str
) -> None:
    series = the_series(tmp_path, SeriesSpec(description=description).but(header=dict(STIR)).with_header(**changes))
    assert (series.identity, series.usable) == (Id.STIR, True), series.reasons
    assert code in {f.code for f in series.findings}


def test_gauss_are_read_as_tesla(tmp_path: Path) -> None:
    series = the_series(tmp_path, SeriesSpec().with_header(MagneticFieldStrength=2000))
    assert series.acquisition.magnetic_field_strength_t == pytest.approx(0.2)


def test_a_header_without_anything_says_so(tmp_path: Path) -> None:
    series = the_series(tmp_path, SeriesSpec(header={}))
    assert series.identity is Id.UNKNOWN
    assert "nothing in the header tells a contrast" in series.reasons[0]


def test_a_relaxation_measurement_holds_no_t1(tmp_path: Path) -> None:
    for echo in (1, 2, 3, 4):
        one = SeriesSpec(shape=(9, 4, 4)).with_header(EchoTime=10 * echo, RepetitionTime=850, SOPInstanceUID=None)
        names = [f"{echo}_{index}.dcm" for index in range(9)]
        write_series(tmp_path, one, names)
        for index, file in enumerate(names):
            header = pydicom.dcmread(tmp_path / file)
            header.SOPInstanceUID = uid(f"{echo}/{index}")
            header.file_meta.MediaStorageSOPInstanceUID = header.SOPInstanceUID
            header.save_as(tmp_path / file)
    assert {series.identity for series in find_series(tmp_path).series} == {Id.UNKNOWN}


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
