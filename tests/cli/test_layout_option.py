"""`marrowsignal analyze --layout bids` and `--no-dicom`."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from marrowsignal.cli.analyze import _warn
from marrowsignal.cohort.one_study import FinishedPair
from marrowsignal.exports.case_folder import WrittenCase
from marrowsignal.exports.dicom_objects import write_dicom_objects
from tests.dicom.dicom_builder import SeriesSpec, stir_spec, write_series
from tests.report.study_builder import build_result


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A T1 and a STIR of a few voxels."""
    folder = tmp_path_factory.mktemp("small")
    write_series(folder / "t1", SeriesSpec(shape=(9, 16, 16)))
    write_series(folder / "stir", stir_spec().but(shape=(9, 16, 16)))
    return folder


def test_a_subject_of_a_bids_dataset_without_dicom_objects(run, small: Path, tmp_path: Path) -> None:
    done = run("analyze", small, "-o", tmp_path, "--case", "a-1", "--layout", "bids", "--no-dicom", "--json", "-q")
    assert done.code == 0, done.err
    subject = tmp_path / "sub-a1"
    assert done.out == (subject / "result.json").read_text(encoding="utf-8")
    assert json.loads(done.out)["dicom"] == {"status": "not_written", "files": [], "reason": "none were asked for"}
    assert (subject / "anat" / "sub-a1_desc-preproc_T1w.nii.gz").is_file()
    assert (tmp_path / "dataset_description.json").is_file() and not (subject / "dicom").exists()
    again = run("analyze", small, "-o", tmp_path, "--case", "a_1", "--layout", "bids")
    assert (again.code, "bids_label_taken" in again.err, "done" in again.err) == (6, True, False)


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [(("--layout", "nii"), 2, "--layout takes"), (("--layout", "bids", "--case", "__"), 2, "bids_label_empty")],
)
def test_what_makes_no_sense_is_refused_before_any_work(
    run, small: Path, tmp_path: Path, options: tuple[str, ...], code: int, words: str
) -> None:
    done = run("analyze", small, "-o", tmp_path / "out", *options)
    assert (done.code, words in done.err) == (code, True)
    assert not (tmp_path / "out").exists()


def test_the_label_map_of_a_subject_may_be_corrected_where_it_lies(run, small: Path, tmp_path: Path) -> None:
    anat = tmp_path / "sub-c" / "anat"
    anat.mkdir(parents=True)
    (tmp_path / "sub-c" / "result.json").write_text('{"case": "c"}')
    for name, code in (("sub-c_seg-marrow_dseg.nii.gz", 5), ("drawn.nii.gz", 2)):
        (anat / name).write_text("no image")
        done = run("analyze", small, "-o", tmp_path, "--case", "c", "--layout", "bids", "--marrow", anat / name)
        assert done.code == code, done.err


def test_dicom_objects_that_were_not_written_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result = build_result()
    gone = replace(result.series.t1, sources=())
    export = write_dicom_objects(replace(result, series=replace(result.series, t1=gone)), tmp_path, first_screen=None)
    _warn(FinishedPair(result=result, written=WrittenCase(folder=tmp_path, dicom=export)), quiet=False)
    assert "warning: No DICOM objects were written" in capsys.readouterr().err
