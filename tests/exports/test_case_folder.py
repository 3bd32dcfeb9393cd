from __future__ import annotations

import gzip
import hashlib
import json
import os
import shlex
import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from marrowsignal.errors import OutputError, UsageError
from marrowsignal.exports import CaseOptions, case_folder, write_case, write_whole_case
from marrowsignal.exports.case_folder import check_case_name
from marrowsignal.exports.images.label_tables import LabelRow, label_tables
from marrowsignal.geometry.itk_bridge import geometry_of
from marrowsignal.geometry.label_files import read_label_volume
from marrowsignal.geometry.volume import LabelVolume
from marrowsignal.marrow.supplied import read_label_table
from marrowsignal.results.study_result import StudyResult
from tests.report.study_builder import SHAPE, build_result, without_lesions

FILES = {
    "bones.csv",
    "columns.json",
    "images/fat_signal_index.nii.gz",
    "images/lesions.ctbl",
    "images/lesions.json",
    "images/lesions.label.txt",
    "images/lesions.nii.gz",
    "images/lesions.tsv",
    "images/marrow.ctbl",
    "images/marrow.json",
    "images/marrow.label.txt",
    "images/marrow.nii.gz",
    "images/marrow.tsv",
    "images/regions.ctbl",
    "images/regions.json",
    "images/regions.label.txt",
    "images/regions.nii.gz",
    "images/regions.tsv",
    "images/stir_on_t1.nii.gz",
    "images/t1.nii.gz",
    "lesions.csv",
    "measurements.csv",
    "quality.csv",
    "regions.csv",
    "report.html",
    "result.json",
    "state/aligned_pair.npz",
    "study.csv",
    "symmetry.csv",
}


def digests(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_a_case_folder_holds_every_file_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    folder = write_case(build_result(), tmp_path / "out", report_html="<p>é</p>")
    assert folder == tmp_path / "out" / "case-0001"
    assert set(digests(folder)) == FILES
    assert list((tmp_path / "out").iterdir()) == [folder]
    assert (folder / "report.html").read_bytes() == "<p>é</p>".encode()
    assert json.loads((folder / "result.json").read_text(encoding="utf-8"))["case"] == "case-0001"


def with_parts() -> StudyResult:
    """The sacrum divided into an upper and a lower part; the ala holds both."""
    result = build_result()
    sacrum = result.regions.regions[2]
    array = np.where(result.regions.labels.array == sacrum.label, 1, 0)
    array[: SHAPE[0] // 2] *= 2
    names = ((1, "ala; lower"), (2, 'ala; "upper"'))
    parts = [
        replace(sacrum, label=number, key=key, name=key, parent="sacrum", code=code, cells=cells)
        for number, (key, code, cells) in enumerate([("upper", "7", (2,)), ("lower", None, (1,)), ("ala", "8", (1, 2))])
    ]
    cells = LabelVolume(array=array, geometry=result.regions.labels.geometry, names=names)
    return replace(result, regions=replace(result.regions, parts=tuple(parts), part_labels=cells))


def test_parts_of_bones_are_a_label_map_of_their_own(tmp_path: Path) -> None:
    result = with_parts()
    images = write_case(result, tmp_path, report_html="x") / "images"
    cells = result.regions.part_labels
    read = read_label_volume(images / "parts.nii.gz", cells.geometry)
    np.testing.assert_array_equal(read.array, cells.array)
    told = json.loads((images / "parts.json").read_text(encoding="utf-8"))["labels"]
    assert [(row["index"], row["key"], row["code"], row["name"]) for row in told] == [
        (1, "lower", None, "ala; lower"),
        (2, "upper", "7", 'ala; "upper"'),
    ]
    for row in told:
        assert row["volume_ml"] == pytest.approx((cells.array == row["index"]).sum() * cells.geometry.voxel_ml)


@pytest.mark.parametrize("ending", [".json", ".tsv", ".label.txt", ".ctbl"])
def test_tables_of_label_maps_are_read_back_as_label_tables(tmp_path: Path, ending: str) -> None:
    result = with_parts()
    images = write_case(result, tmp_path, report_html="x") / "images"
    expected = {region.label: region.name for region in result.regions.regions}
    read = read_label_table(images / f"regions{ending}")
    # 3D Slicer's own form has underscores for blanks.
    assert {label.value: label.name.replace("_", " ") for label in read} == expected
    assert [label.value for label in read_label_table(images / f"parts{ending}")] == [1, 2]
    assert (images / f"regions{ending}").read_bytes().isascii()


def test_the_same_result_gives_the_same_bytes(tmp_path: Path) -> None:
    first = write_case(build_result(), tmp_path / "a", report_html="x")
    second = write_case(build_result(), tmp_path / "b", report_html="x")
    assert digests(first) == digests(second)


def test_no_file_holds_a_path_of_the_input(tmp_path: Path) -> None:
    folder = write_case(build_result(), tmp_path, report_html="x")
    for path in folder.rglob("*"):
        if path.is_file():
            assert b"Doe" not in path.read_bytes(), path.name


def test_an_old_case_is_replaced_whole(tmp_path: Path) -> None:
    folder = write_case(build_result(), tmp_path, report_html="old")
    (folder / "stale.txt").write_text("stale")
    write_case(without_lesions(), tmp_path, report_html="new")
    assert set(digests(folder)) == FILES - {"images/fat_signal_index.nii.gz"}
    assert (folder / "report.html").read_text() == "new"
    assert list(tmp_path.iterdir()) == [folder]


def test_without_overwrite_an_old_case_stays(tmp_path: Path) -> None:
    folder = write_case(build_result(), tmp_path, report_html="old")
    with pytest.raises(OutputError, match="case_exists"):
        write_case(build_result(), tmp_path, report_html="new", overwrite=False)
    assert (folder / "report.html").read_text() == "old"


def test_a_failure_leaves_the_old_case_and_no_litter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_case(build_result(), tmp_path, report_html="old")

    def full(*_args: Any, **_options: Any) -> None:
        raise OSError(28, "No space left on device", "/machine/secret")

    monkeypatch.setattr(case_folder, "write_tables", full)
    with pytest.raises(OutputError) as caught:
        write_case(build_result(), tmp_path, report_html="new")
    assert caught.value.exit_code == 6
    assert "No space left on device" in str(caught.value)
    assert "/machine" not in str(caught.value) and str(tmp_path) not in str(caught.value)
    assert (folder / "report.html").read_text() == "old"
    assert list(tmp_path.iterdir()) == [folder]


def test_the_old_case_comes_back_when_the_last_rename_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_case(build_result(), tmp_path, report_html="old")
    rename = Path.rename

    def fail_new(self: Path, target: Path) -> Path:
        if self.name == "new":
            raise PermissionError(13, "Permission denied")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fail_new)
    with pytest.raises(OutputError):
        write_case(build_result(), tmp_path, report_html="new")
    monkeypatch.undo()
    assert (folder / "report.html").read_text() == "old"
    assert list(tmp_path.iterdir()) == [folder]


def test_an_output_that_is_a_file_is_refused(tmp_path: Path) -> None:
    target = tmp_path / "file"
    target.write_text("x")
    with pytest.raises(OutputError) as caught:
        write_case(build_result(), target, report_html="x")
    assert str(tmp_path) not in str(caught.value)


@pytest.mark.skipif(os.name != "posix", reason="permission bits are a POSIX thing")
def test_the_folder_has_the_permissions_the_user_asks_for(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.mkdir()
    folder = write_case(build_result(), tmp_path, report_html="x")
    assert stat.S_IMODE(folder.stat().st_mode) == stat.S_IMODE(plain.stat().st_mode)


@pytest.mark.parametrize(
    "name", ["", ".", "..", "a/b", "a\\b", ".hidden", "-x", "a" * 65, "é", "a b", "a\n", "nul", "COM1.x", "end."]
)
def test_names_that_cannot_name_a_folder(name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        write_case(replace(build_result(), case=name), tmp_path, report_html="x")
    assert caught.value.exit_code == 2
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["a", "case-0001", "A.b_c-9", "a" * 64])
def test_names_that_can(name: str) -> None:
    assert check_case_name(name) == name


def test_images_keep_their_place_and_values(tmp_path: Path) -> None:
    result = build_result()
    images = write_case(result, tmp_path, report_html="x") / "images"
    grid = result.pair.t1.geometry
    for name in ("t1", "stir_on_t1", "regions", "lesions", "marrow", "fat_signal_index"):
        image = sitk.ReadImage(str(images / f"{name}.nii.gz"))
        assert geometry_of(image).difference(grid).within(0.01), name
    regions = read_label_volume(images / "regions.nii.gz", grid)
    np.testing.assert_array_equal(regions.array, result.regions.labels.array)
    t1 = sitk.GetArrayFromImage(sitk.ReadImage(str(images / "t1.nii.gz")))
    np.testing.assert_array_equal(t1, result.pair.t1.array)


def test_the_fat_signal_index_is_nan_outside_marrow(tmp_path: Path) -> None:
    # Read byte by byte: ITK's own reader turns NaN into 0.
    result = build_result()
    write_case(result, tmp_path, report_html="x")
    raw = gzip.decompress((tmp_path / "case-0001" / "images" / "fat_signal_index.nii.gz").read_bytes())
    start = int(np.frombuffer(raw[108:112], "<f4")[0])
    index = np.frombuffer(raw[start:], "<f4").reshape(SHAPE)
    np.testing.assert_array_equal(index, result.signals.fat_signal_index)
    assert np.isnan(index).any()


def test_label_tables_name_every_value(tmp_path: Path) -> None:
    result = build_result()
    images = write_case(result, tmp_path, report_html="x") / "images"
    for name, labels in (("regions", result.regions.labels), ("lesions", result.signals.lesion_labels)):
        table = json.loads((images / f"{name}.json").read_text(encoding="utf-8"))["labels"]
        lines = (images / f"{name}.tsv").read_text(encoding="utf-8").splitlines()
        present = sorted(int(v) for v in np.unique(labels.array) if v)
        assert [row["index"] for row in table] == present
        assert [int(line.split("\t")[0]) for line in lines[1:]] == present
        assert {len(line.split("\t")) for line in lines} == {7}
        assert len({row["color"] for row in table}) == len(table)


def test_colors_and_names_are_the_same_for_every_viewer(tmp_path: Path) -> None:
    """Read as the programs read them: ITK-SNAP by columns and quotes, 3D Slicer by blanks."""
    images = write_case(with_parts(), tmp_path, report_html="x") / "images"
    for name in ("marrow", "regions", "parts", "lesions"):
        told = json.loads((images / f"{name}.json").read_text(encoding="utf-8"))["labels"]
        colors = {row["index"]: tuple(bytes.fromhex(row["color"][1:])) for row in told}
        snap = [shlex.split(line) for line in (images / f"{name}.label.txt").read_text().splitlines() if line[0] != "#"]
        slicer = [line.split() for line in (images / f"{name}.ctbl").read_text().splitlines() if line[0] != "#"]
        assert snap[0] == ["0", "0", "0", "0", "0", "0", "0", "Clear Label"]
        assert slicer[0] == ["0", "Background", "0", "0", "0", "0"]
        assert {int(row[0]): tuple(map(int, row[1:4])) for row in snap[1:]} == colors
        assert {int(row[0]): tuple(map(int, row[2:5])) for row in slicer[1:]} == colors
        assert {len(row) for row in snap} == {8} and {len(row) for row in slicer} == {6}
        words = {int(row[0]): row[7] for row in snap[1:]}
        assert words == {row["index"]: row["name"].replace('"', "'") for row in told}


def test_dicom_objects_that_cannot_be_made_are_told_and_the_rest_is_written(tmp_path: Path) -> None:
    written = write_whole_case(build_result(), tmp_path, report_html="x")
    assert written.dicom is not None and written.dicom.files == ()
    told = json.loads((written.folder / "result.json").read_text(encoding="utf-8"))["dicom"]
    assert (told["status"], told["files"]) == ("not_written", [])
    assert told["reason"] == " ".join(finding.message for finding in written.dicom.findings) != ""


def test_dicom_objects_can_be_left_out(tmp_path: Path) -> None:
    written = write_whole_case(build_result(), tmp_path, report_html="x", options=CaseOptions(dicom=False))
    told = json.loads((written.folder / "result.json").read_text(encoding="utf-8"))["dicom"]
    assert written.dicom is None
    assert told == {"status": "not_written", "files": [], "reason": "none were asked for"}


@pytest.mark.parametrize("name", ["=1+1", "\x1b[31m@SUM(1)", 'a "quoted"\tname\nof two lines', "", "  "])
def test_names_of_a_foreign_mask_break_no_label_table(name: str) -> None:
    row = LabelRow(index=7, name=name, key=name, side="none")
    for ending, text in label_tables([row]):
        lines = text.splitlines()
        assert all(line.isprintable() for line in "".join(lines).split("\t")), ending
        if ending == ".tsv":
            cells = lines[1].split("\t")
            assert len(lines) == 2 and len(cells) == len(lines[0].split("\t"))
            assert not any(cell.startswith(("=", "+", "-", "@")) for cell in cells)
        elif ending == ".label.txt":
            assert len(shlex.split(lines[-1])) == 8
        elif ending == ".ctbl":
            assert [len(line.split()) for line in lines[2:]] == [6, 6]
        else:
            assert json.loads(text)["labels"][0]["index"] == 7
