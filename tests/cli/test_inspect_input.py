"""`marrowsignal inspect` on paths that hold nothing it can read: an exit code and clear words."""

from __future__ import annotations

import json
from pathlib import Path

from tests.dicom.dicom_builder import SeriesSpec, write_series

NAME = "Mueller_Hans"


def test_an_empty_folder_is_3_with_the_reason(run, tmp_path: Path) -> None:
    done = run("inspect", tmp_path, "--json")
    assert done.code == 3
    document = json.loads(done.out)
    assert document["series"] == []
    assert document["pair_reason"]
    assert [finding["message"] for finding in document["findings"]] == ["There is not a single file here."]
    text = run("inspect", tmp_path)
    assert text.code == 3
    assert "not a single file" in text.out + text.err


def test_a_folder_without_dicom_is_3_with_the_reason(run, tmp_path: Path) -> None:
    (tmp_path / f"{NAME}.doc").write_bytes(b"dear colleague")
    done = run("inspect", tmp_path)
    assert done.code == 3
    assert "None of 1 file(s) is DICOM" in done.out + done.err
    assert NAME not in done.out + done.err


def test_a_path_with_nothing_is_5_with_the_reason(run, tmp_path: Path) -> None:
    done = run("inspect", tmp_path / "nothing")
    assert done.code == 5
    assert "there is no file or folder" in done.err


def test_a_damaged_zip_is_5_with_the_reason(run, tmp_path: Path) -> None:
    archive = tmp_path / f"{NAME}.zip"
    archive.write_bytes(b"PK\3\4 and no more")
    done = run("inspect", archive)
    assert done.code == 5
    assert "damaged" in done.err
    assert NAME not in done.out + done.err


def test_a_header_that_was_cut_is_not_called_no_mr(run, tmp_path: Path) -> None:
    (file, *_) = write_series(tmp_path, SeriesSpec())
    data = file.read_bytes()
    file.write_bytes(data[: data.index(b"\x28\x00\x10\x00US")])
    assert "its file may be cut short" in run("inspect", tmp_path, "--json").out


def test_a_folder_without_dicom_says_what_lies_there(run, tmp_path: Path) -> None:
    (tmp_path / "study").mkdir()
    (tmp_path / "study" / "1.dcm").touch()
    done = run("analyze", tmp_path / "study", "-o", tmp_path / "out")
    assert done.code == 3
    assert "hold no bytes" in done.err
    assert "--t1" not in done.err
