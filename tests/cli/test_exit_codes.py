"""Every way out of the command has its exit code and one clear message on stderr."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

import marrowsignal
import marrowsignal.dicom


def test_version_and_help_end_well(run) -> None:
    assert run("--version").out.split() == ["marrowsignal", marrowsignal.__version__]
    done = run("--help")
    assert done.code == 0
    assert all(word in done.out for word in ("inspect", "analyze", "protocol"))


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["analyze"],
        ["analyze", ".", "--no-such-option"],
        ["inspect"],
        ["protocol", "show"],
    ],
)
def test_wrong_usage_is_2(run, arguments: list[str]) -> None:
    done = run(*arguments)
    assert done.code == 2
    assert done.out == ""
    assert "Usage" in done.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--marrow-from", "external:name"], "name"),
        (["--marrow-from", "crystal_ball"], "takes automatic, supplied, atlas:FOLDER or external:NAME"),
        (["--marrow-from", "automatic:x"], "takes automatic, supplied, atlas:FOLDER or external:NAME"),
        (["--marrow-from", "supplied"], "needs --marrow FILE"),
        (["--marrow-from", "automatic", "--marrow", "m.nii.gz"], "contradict"),
        (["--case", "../outside"], "case name"),
        (["--case", ""], "case name"),
    ],
)
def test_options_that_make_no_sense_are_2(run, study: Path, tmp_path: Path, arguments: list[str], message: str) -> None:
    done = run("analyze", study, "-o", tmp_path / "out", *arguments)
    assert done.code == 2
    assert message in done.err
    assert not (tmp_path / "out").exists()


def test_an_unknown_protocol_is_2(run, study: Path, tmp_path: Path) -> None:
    done = run("analyze", study, "-o", tmp_path, "--protocol", "elbow")
    assert done.code == 2
    assert "elbow" in done.err


@pytest.mark.parametrize("command", [["inspect"], ["analyze", "-o", "out"]])
def test_a_missing_input_is_5_and_its_name_is_not_told(run, tmp_path: Path, command: list[str]) -> None:
    done = run(*command, tmp_path / "not_there")
    assert done.code == 5
    assert "no file or folder at the given path" in done.err
    assert "not_there" not in done.err
    assert str(tmp_path) not in done.err


def test_a_missing_atlas_is_5_before_any_work(run, study: Path, tmp_path: Path) -> None:
    done = run("analyze", study, "-o", tmp_path / "out", "--marrow-from", f"atlas:{tmp_path / 'nowhere'}")
    assert done.code == 5
    assert "atlas" in done.err
    assert str(tmp_path) not in done.err
    assert not (tmp_path / "out").exists()


def test_a_missing_mask_is_5(run, study: Path, tmp_path: Path) -> None:
    done = run("analyze", study, "-o", tmp_path, "--marrow", tmp_path / "mask.nii.gz")
    assert done.code == 5
    assert "segment_marrow" in done.err


def test_a_mask_in_a_case_folder_is_2_as_that_folder_is_replaced(run, study: Path, tmp_path: Path) -> None:
    images = tmp_path / "c" / "images"
    images.mkdir(parents=True)
    (tmp_path / "c" / "result.json").write_text("{}")
    (images / "corrected.nii.gz").write_text("a person's work")
    done = run("analyze", study, "-o", tmp_path, "--case", "c", "--marrow", images / "corrected.nii.gz")
    assert done.code == 2
    assert "mask_in_case" in done.err
    assert str(tmp_path) not in done.err
    (images / "marrow.nii.gz").write_text("the mask of the case, corrected in place")
    assert run("analyze", study, "-o", tmp_path, "--case", "c", "--marrow", images / "marrow.nii.gz").code == 5


def test_an_output_that_cannot_be_written_is_6_before_any_work(run, study: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    done = run("analyze", study, "-o", tmp_path / "file" / "out")
    assert done.code == 6
    assert "find_series" not in done.err


def test_nothing_to_analyze_is_3_and_nothing_is_written(run, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    done = run("analyze", empty, "-o", tmp_path / "out")
    assert done.code == 3
    assert done.out == ""
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("options", "traceback"), [([], False), (["-v"], True)])
def test_a_bug_is_1_and_one_line(
    run, study: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], *, traceback: bool
) -> None:
    name = "Mustermann"

    def broken(_path: Path, **_options: object) -> None:
        raise RuntimeError(name)

    monkeypatch.setattr(marrowsignal.dicom, "find_series", broken)
    done = run("inspect", study, *options)
    assert done.code == 1
    assert done.out == ""
    assert "this is a bug in marrowsignal (RuntimeError)" in done.err
    assert ("Traceback" in done.err) is traceback
    assert ("RuntimeError: its words are not shown" in done.err) is traceback
    assert name not in done.err


def test_arguments_beyond_the_path_are_2_and_not_repeated(run) -> None:
    done = run("inspect", "study", "two", "of", "Mustermann")
    assert done.code == 2
    assert "2 arguments too many" in done.err
    assert "Mustermann" not in done.err


def test_an_empty_argument_is_not_the_current_folder(run, study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(study)
    done = run("inspect", "")
    assert done.code == 2
    assert "an argument is empty" in done.err


def test_an_interruption_is_130(run, study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_path: Path, **_options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(marrowsignal.dicom, "find_series", interrupted)
    assert run("inspect", study).code == 130


def test_a_damaged_case_key_is_6_before_the_long_work(run, study: Path, tmp_path: Path) -> None:
    (tmp_path / ".marrowsignal-key").write_text("no key")
    done = run("analyze", study, "-o", tmp_path)
    assert done.code == 6
    assert "case_key_damaged" in done.err
    assert "read_volume done" not in done.err


@pytest.mark.skipif(os.name != "posix", reason="permission bits are a POSIX thing")
def test_a_case_key_that_others_can_read_is_told(run, study: Path, tmp_path: Path) -> None:
    key = tmp_path / ".marrowsignal-key"
    key.write_text("ab" * 32)
    key.chmod(0o644)
    # A missing mask would stop it earlier; one that is none stops it after the pair is chosen.
    (mask := tmp_path / "mask.nii").write_text("no mask")
    done = run("analyze", study, "-o", tmp_path, "--marrow", mask)
    assert done.code == 5
    assert "note: Others can read .marrowsignal-key" in done.err


def test_an_unknown_protocol_is_2_before_any_work(run, study: Path, tmp_path: Path) -> None:
    done = run("analyze", study, "-o", tmp_path / "out", "--protocol", "nope")
    assert done.code == 2
    assert "find_series done" not in done.err
    assert not (tmp_path / "out").exists()


def test_swapped_series_are_told_on_the_terminal(run, study: Path, tmp_path: Path) -> None:
    series = json.loads(run("inspect", study, "--json").out)["series"]
    uids = {one["identity"]: one["series_instance_uid"] for one in series}
    done = run("analyze", study, "-o", tmp_path, "--t1", f" {uids['stir']} ", "--stir", uids["t1"])
    assert "warning: " in done.err
    assert "because the user named it" in done.err
