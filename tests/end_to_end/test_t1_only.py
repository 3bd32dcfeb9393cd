"""The installed command on a study whose STIR is gone."""

from __future__ import annotations

from pathlib import Path

import pytest

pytestmark = pytest.mark.end_to_end

T1_RATIOS = ("t1_marrow_to_muscle", "t1_marrow_to_fat", "fat_signal_index")


@pytest.fixture(scope="module")
def alone(analyze, sample_data: Path):
    """The study with symmetric red marrow without its STIR, its true mask supplied."""
    study = sample_data / "reconversion_like"
    mask = str(study / "truth" / "marrow.nii.gz")
    return analyze(study / "dicom" / "T1", "--marrow", mask, "--allow-t1-only", "--quiet")


def ratios(document: dict) -> dict[tuple[str, str, str], float]:
    return {
        (region["key"], region["side"], item["name"]): item["value"]
        for region in (document["whole"], *document["regions"])
        for item in region["measurements"]
        if item["name"] in T1_RATIOS
    }


def test_its_t1_ratios_are_those_of_the_whole_study(alone, reconversion) -> None:
    assert alone.code == 0, alone.err
    assert ratios(alone.document) == pytest.approx(ratios(reconversion.document), rel=3e-3, abs=2e-3)


def test_no_pattern_is_named_and_no_stir_written(alone) -> None:
    assert alone.out.startswith("CANNOT_ASSESS")
    assert (alone.document["lesions"], alone.document["alignment"]["verdict"]) == (None, "not_evaluable")
    assert not list(alone.folder.rglob("*stir*")) and not list(alone.folder.rglob("lesions*"))


def test_unasked_it_is_3_and_nothing_is_written(call, sample_data: Path, tmp_path: Path) -> None:
    done = call("analyze", sample_data / "reconversion_like" / "dicom" / "T1", "-o", tmp_path / "out")
    assert done.returncode == 3
    assert "--allow-t1-only" in done.stderr
    assert not (tmp_path / "out").exists()
