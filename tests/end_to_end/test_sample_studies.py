"""The installed command on the synthetic studies: what it says, writes, and leaves alone."""

from __future__ import annotations

import csv
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pydicom
import pytest

from marrowsignal import __version__

pytestmark = pytest.mark.end_to_end


def test_it_is_the_wheel_that_runs(command: Path, repository: Path, tmp_path: Path) -> None:
    if "MARROWSIGNAL_COMMAND" not in os.environ:
        pytest.skip("MARROWSIGNAL_COMMAND is not set: these tests run the development install (see make test)")
    python = command.parent / "python"
    code = "import marrowsignal; print(marrowsignal.__file__)"
    home = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path).stdout
    assert Path(home.strip()).parent != repository / "marrowsignal"
    assert "site-packages" in home


def test_version_is_the_one_under_test(call) -> None:
    assert call("--version").stdout.strip() == f"marrowsignal {__version__}"


def test_focal_edema_is_called_so(focal) -> None:
    assert focal.code == 0, focal.err
    assert focal.document["pattern"]["class"] == "FOCAL_EDEMA_LIKE"
    assert focal.document["lesions"]


def test_reconversion_is_called_so(reconversion) -> None:
    assert reconversion.code == 0, reconversion.err
    assert reconversion.document["pattern"]["class"] == "SYMMETRIC_RECONVERSION_LIKE"


def test_stdout_is_the_answer_and_stderr_is_progress(focal) -> None:
    lines = focal.out.splitlines()
    assert lines[0].startswith("FOCAL_EDEMA_LIKE (confidence ")
    assert lines[-1] == f"Report: {focal.folder / 'report.html'}"
    assert all(line.startswith("[") and " done in " in line for line in focal.err.splitlines())


def test_json_on_stdout_is_the_result_and_quiet_is_quiet(reconversion) -> None:
    assert reconversion.err == ""
    assert json.loads(reconversion.out) == reconversion.document


def test_the_case_folder_is_whole(focal) -> None:
    names = {path.relative_to(focal.folder).as_posix() for path in focal.folder.rglob("*") if path.is_file()}
    wanted = {"report.html", "result.json", "regions.csv", "lesions.csv"}
    images = ("t1", "stir_on_t1", "marrow", "regions", "lesions", "fat_signal_index")
    assert wanted | {f"images/{image}.nii.gz" for image in images} <= names
    assert [path.name for path in focal.folder.parent.iterdir()] == ["case"]


def test_result_json_has_what_scripts_rely_on(focal) -> None:
    document = focal.document
    assert document["schema_version"]
    assert document["pattern"]["confidence"] in ("high", "moderate", "low", "none")
    alignment = document["alignment"]
    assert [len(row) for row in alignment["t1_to_stir_lps"]] == [4, 4, 4, 4]
    assert {"estimated_error_mm", "verdict"} <= set(alignment)
    assert document["regions"]


def test_the_page_needs_nothing_from_outside(focal) -> None:
    page = (focal.folder / "report.html").read_text(encoding="utf-8")
    assert "Research use only" in page
    for link in ('src="http', 'href="http', "url(http", "@import"):
        assert link not in page


def test_no_identity_or_path_leaves_but_pseudonyms(focal, sample_data: Path) -> None:
    first = next(path for path in (sample_data / "focal_edema_like" / "dicom").rglob("*") if path.is_file())
    header = pydicom.dcmread(first, stop_before_pixels=True)
    for name in ("report.html", "result.json", "regions.csv", "lesions.csv"):
        text = (focal.folder / name).read_text(encoding="utf-8")
        for secret in (
            str(header.get("PatientName", "")),
            str(header.get("PatientID", "")),
            str(sample_data),
        ):
            assert not secret or secret not in text


def _outputs(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in ("result.json", "report.html")
    }


def test_other_file_names_and_order_give_the_same_bytes(focal, analyze, rewritten, sample_data: Path) -> None:
    again = analyze(rewritten(sample_data / "focal_edema_like" / "dicom"), "--quiet")
    assert again.code == 0, again.err
    first, second = focal.document, again.document
    for document in (first, second):
        del document["run"]
    assert first == second
    mine, theirs = _outputs(focal.folder), _outputs(again.folder)
    assert [name for name in mine if mine[name] != theirs.get(name)] == []
    assert set(mine) == set(theirs)


OTHER_SIDE = {"left": "right", "right": "left", "none": "none"}


def _ratios(document: dict[str, Any], *, mirrored: bool = False) -> Iterator[tuple[tuple[str, ...], float]]:
    for region in document["regions"]:
        side = OTHER_SIDE[region["side"]] if mirrored else region["side"]
        for item in region["measurements"]:
            # What was not measured in one must not be in the other either: it is then missing from both.
            if item["unit"] == "1" and item["value"] is not None:
                yield (region["key"], side, item["name"]), item["value"]


def test_a_mirrored_patient_swaps_sides_and_nothing_else(focal, analyze, rewritten, sample_data: Path) -> None:
    def mirror(dataset: pydicom.Dataset) -> None:
        x, *rest = dataset.ImagePositionPatient
        dataset.ImagePositionPatient = [-x, *rest]
        row_x, row_y, row_z, column_x, column_y, column_z = dataset.ImageOrientationPatient
        dataset.ImageOrientationPatient = [-row_x, row_y, row_z, -column_x, column_y, column_z]

    mirrored = analyze(rewritten(sample_data / "focal_edema_like" / "dicom", mirror), "--quiet")
    assert mirrored.code == 0, mirrored.err
    was, now = focal.document, mirrored.document
    assert now["pattern"]["class"] == was["pattern"]["class"]
    assert now["pattern"]["confidence"] == was["pattern"]["confidence"]
    assert [OTHER_SIDE[lesion["side"]] for lesion in now["lesions"]] == [lesion["side"] for lesion in was["lesions"]]
    before, after = dict(_ratios(was)), dict(_ratios(now, mirrored=True))
    assert before
    assert after == pytest.approx(before, rel=0.03, abs=0.02)


def test_a_gain_changes_no_ratio(focal, analyze, rewritten, sample_data: Path) -> None:
    def amplify(dataset: pydicom.Dataset) -> None:
        gain = 3.0 if dataset.get("InversionTime") else 0.25
        dataset.RescaleSlope = float(dataset.get("RescaleSlope", 1)) * gain
        dataset.RescaleIntercept = float(dataset.get("RescaleIntercept", 0)) * gain

    louder = analyze(rewritten(sample_data / "focal_edema_like" / "dicom", amplify), "--quiet")
    assert louder.code == 0, louder.err
    assert louder.document["pattern"]["class"] == focal.document["pattern"]["class"]
    before, after = dict(_ratios(focal.document)), dict(_ratios(louder.document))
    assert after == pytest.approx(before, rel=1e-3, abs=1e-3)


def test_tables_have_one_line_for_each_region_and_lesion(focal) -> None:
    for name in ("regions", "lesions"):
        with (focal.folder / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        assert len(rows) >= len(focal.document[name])
