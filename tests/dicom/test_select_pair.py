"""Which T1 and which STIR belong together."""

from __future__ import annotations

from pathlib import Path

import pytest

from marrowsignal.dicom import SeriesPair, find_series, input_sha256, select_pair
from marrowsignal.dicom.records import SeriesIdentity
from marrowsignal.errors import DicomError, NoUsablePairError, UsageError
from tests.dicom.dicom_builder import SeriesSpec, stir_spec, uid, write_series


def write(folder: Path, *specs: SeriesSpec) -> None:
    for spec in specs:
        write_series(folder / spec.study / spec.name, spec)


def pair_of(folder: Path, *specs: SeriesSpec, **options: str) -> SeriesPair:
    write(folder, *specs)
    return select_pair(find_series(folder), **options)  # type: ignore[arg-type]


def test_the_simple_pair(tmp_path: Path) -> None:
    pair = pair_of(tmp_path, SeriesSpec(), stir_spec())
    assert (pair.t1.series_number, pair.stir.series_number) == (4, 5)
    assert (pair.findings, pair.rejected) == ((), ())
    assert pair.reasons


def test_plane_goes_before_everything_else(tmp_path: Path) -> None:
    sagittal = SeriesSpec(name="sag", number=9, shape=(15, 8, 8), along_columns=(0.0, 1.0, 0.0))
    pair = pair_of(tmp_path, sagittal, SeriesSpec(), stir_spec())
    assert pair.t1.series_number == 4
    assert [s.series_number for s in pair.rejected] == [9]


def test_of_two_stirs_the_later_complete_one(tmp_path: Path) -> None:
    repeat = stir_spec().but(name="again", number=7)
    short = stir_spec().but(name="broken off", number=8, shape=(8, 6, 5))
    pair = pair_of(tmp_path, SeriesSpec(), stir_spec(), repeat, short)
    assert pair.stir.series_number == 7
    assert "repeated_series" in {f.code for f in pair.findings}


def test_more_overlap_wins_over_a_small_volume_inside(tmp_path: Path) -> None:
    small = stir_spec().but(name="small", number=9, spacing_mm=(4.0, 0.3, 0.2))
    assert pair_of(tmp_path, SeriesSpec(), stir_spec(), small).stir.series_number == 5


def test_far_apart_is_no_pair(tmp_path: Path) -> None:
    with pytest.raises(NoUsablePairError, match="same anatomy"):
        pair_of(tmp_path, SeriesSpec(), stir_spec().but(origin_mm=(500.0, 0.0, 0.0)))


def test_no_pair_across_studies(tmp_path: Path) -> None:
    with pytest.raises(NoUsablePairError) as caught:
        pair_of(tmp_path, SeriesSpec(), stir_spec().but(study="other"))
    assert len(caught.value.series_reasons) == 2


def test_two_studies_with_pairs_need_a_word_from_the_user(tmp_path: Path) -> None:
    specs = [s.but(study=study) for study in ("one", "two") for s in (SeriesSpec(), stir_spec())]
    write(tmp_path, *specs)
    catalog = find_series(tmp_path)
    with pytest.raises(UsageError, match="several studies"):
        select_pair(catalog)
    pair = select_pair(catalog, t1_uid=uid("two/t1"))
    assert pair.t1.study_instance_uid == pair.stir.study_instance_uid == uid("two")
    (told,) = (f.message for f in pair.findings if f.code == "other_studies")
    assert told == "1 other study lies below the same path: not looked at, because the user named a series."


def test_named_series_override_and_leave_a_finding(tmp_path: Path) -> None:
    fat_saturated = SeriesSpec(
        name="pd", number=6, header={"ScanningSequence": "SE", "RepetitionTime": 3850, "EchoTime": 17,
                                     "ScanOptions": "FS", "SequenceName": "*tse2d1_7"},
    )  # fmt: skip
    write(tmp_path, SeriesSpec(), fat_saturated)
    catalog = find_series(tmp_path)
    with pytest.raises(NoUsablePairError) as caught:
        select_pair(catalog)
    assert any("not STIR" in reason for reason in caught.value.series_reasons)
    pair = select_pair(catalog, stir_uid=uid("study/pd"))
    assert pair.stir.identity is SeriesIdentity.PD_FAT_SUPPRESSED
    assert "identity_overridden" in {f.code for f in pair.findings}


def test_wrong_uids_are_usage_errors(tmp_path: Path) -> None:
    ct = SeriesSpec(name="ct").with_header(Modality="CT")
    write(tmp_path, SeriesSpec(), stir_spec(), ct)
    catalog = find_series(tmp_path)
    for options in ({"t1_uid": "1.2.3"}, {"stir_uid": uid("study/ct")}, {"t1_uid": uid("study/stir")}):
        with pytest.raises(UsageError):
            select_pair(catalog, **options)  # type: ignore[arg-type]


def test_differences_between_the_two_are_told(tmp_path: Path) -> None:
    stir = stir_spec().but(frame="other").with_header(
        MagneticFieldStrength=1.0, InversionTime=130, ImageType=["ORIGINAL", "PRIMARY", "M", "ND"]
    )  # fmt: skip
    found = {f.code for f in pair_of(tmp_path, SeriesSpec(), stir).findings}
    assert found == {"frames_differ", "field_strength_differs", "normalisation_differs"}


def test_input_hash_knows_content_only(tmp_path: Path) -> None:
    files = write_series(tmp_path / "a", SeriesSpec())
    renamed = write_series(tmp_path / "b", SeriesSpec(), names=[f"x{9 - i}" for i in range(9)])
    assert input_sha256(files) == input_sha256(reversed(renamed))
    assert input_sha256(files) != input_sha256(files[1:])
    with pytest.raises(DicomError, match="file_unreadable"):
        input_sha256([tmp_path / "gone"])
