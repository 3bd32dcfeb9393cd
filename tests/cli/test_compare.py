"""``marrowsignal compare``: refusals before the long work, and one whole run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--mask-kind", "skin"], "takes marrow or bone"),
        (["--mask-kind", "bone"], "needs --marrow FILE or --marrow-followup FILE"),
        (["--case", "../x"], "case name"),
        (["--protocol", "elbow"], "elbow"),
        (["--marrow-from", "crystal_ball"], "takes automatic"),
    ],
)
def test_options_that_make_no_sense_are_2(run, study: Path, tmp_path: Path, options: list[str], message: str) -> None:
    done = run("compare", study, study, "-o", tmp_path / "out", *options)
    assert done.code == 2
    assert message in done.err
    assert not (tmp_path / "out").exists()


def test_one_study_alone_is_2(run, study: Path, tmp_path: Path) -> None:
    assert run("compare", study, "-o", tmp_path).code == 2


def test_a_missing_study_is_5_and_its_name_is_not_told(run, study: Path, tmp_path: Path) -> None:
    done = run("compare", study, tmp_path / "Mustermann", "-o", tmp_path / "out")
    assert done.code == 5
    assert "Mustermann" not in done.err
    assert "the path given as FOLLOWUP" in done.err
    done = run("compare", study, study, "-o", tmp_path / "out", "--marrow-followup", tmp_path / "Mustermann")
    assert done.code == 5
    assert "the path given by --marrow-followup" in done.err


def test_an_output_that_cannot_be_written_is_6(run, study: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    assert run("compare", study, study, "-o", tmp_path / "file" / "out").code == 6


def test_a_follow_up_without_a_pair_is_3(run, study: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    done = run("compare", study, tmp_path / "empty", "-o", tmp_path / "out")
    assert done.code == 3
    assert "follow-up: " in done.err


def test_two_patients_are_refused_before_the_long_work(run, sample_data: Path, tmp_path: Path) -> None:
    studies = [sample_data / name / "dicom" for name in ("focal_edema_like", "reconversion_like")]
    done = run("compare", *studies, "-o", tmp_path / "out")
    assert done.code == 2
    assert "different patients" in done.err
    assert "--other-patient" in done.err
    assert "read_volume" not in done.err


def test_a_study_against_itself_is_no_change(run, study: Path, tmp_path: Path) -> None:
    mask = study.parent / "truth" / "marrow.nii.gz"
    masks = ["--marrow", mask, "--marrow-followup", mask]
    done = run("compare", study, study, "-o", tmp_path, "--case", "c", "--quiet", "--json", *masks)
    assert done.code == 0, done.err
    told = json.loads(done.out)
    assert told["comparable"] is True
    assert {change["change"] for row in told["regions"] for change in row["changes"]} <= {0.0, None}
    assert not any(one["beyond_repeatability"] for one in told["lesions"] or ())
    assert json.loads((tmp_path / "c" / "comparison.json").read_text(encoding="utf-8")) == told
    assert (tmp_path / "c" / "report.html").is_file()
    assert {path.name for path in tmp_path.iterdir()} <= {"c", ".marrowsignal-key"}
