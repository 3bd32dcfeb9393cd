"""A segmenter of one's own, described in TOML: any names, one file or many, T1 alone or with STIR, marrow or bone."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marrowsignal.errors import MaskError, UsageError
from marrowsignal.findings import Severity
from marrowsignal.geometry import LabelVolume
from marrowsignal.geometry.itk_bridge import write_nifti
from marrowsignal.marrow.external import find_segmenter, list_tools, segment_external
from marrowsignal.marrow.external.outputs import read_task
from marrowsignal.marrow.external.tools import read_segmenter, read_segmenter_text, segmenter_names
from marrowsignal.marrow.external.union import unite
from marrowsignal.marrow.records import MaskKind, Segmentation
from marrowsignal.marrow.supplied.volume_files import read_volume_file
from marrowsignal.protocol import load_protocol
from tests.marrow.external.stand_in import GRID, Truth, install, pair_on

BY_VALUE = """
schema_version = 1
name = "mytool"
title = "My tool"
install = "ask the department"
kind = "marrow"
timeout_s = 60
t1_file = "case_0000.nii.gz"
stir_file = "case_0001.nii.gz"
version_command = ["{here}/mytool", "--version"]
[[tasks]]
name = "all"
command = ["{here}/mytool", "{t1}", "{inputs}/case_0001.nii.gz", "{labels_folder}/case.nii.gz"]
output = "case.nii.gz"
labels_by = "value"
ignored = [3]
[tasks.labels]
1 = "sacrum"
2 = "ilium:left"
"""

PER_CLASS = """
schema_version = 1
name = "folder"
title = "Folder tool"
install = "ask the department"
kind = "bone"
timeout_s = 60
[[tasks]]
name = "total_mr"
command = ["{here}/TotalSegmentator", "-i", "{t1}", "-o", "{labels}", "--task", "total_mr"]
output = "segmentations"
output_kind = "file_per_class"
[tasks.labels]
sacrum = "sacrum"
hip_left = "ilium:left"
hip_right = "ilium:right"
"""


def write(tmp_path: Path, text: str, *, program: str) -> Path:
    file = install(tmp_path / "tools", name=program).parent / "mine.toml"
    file.write_text(text, encoding="utf-8")
    return file


def run(file: Path) -> Segmentation:
    return segment_external(pair_on(), str(file), protocol=load_protocol("hips"))


def region(segmentation: Segmentation, key: str) -> np.ndarray:
    return np.isin(segmentation.labels.array, [value for value, name in segmentation.labels.names if name == key])


def test_labels_by_value_with_stir(tmp_path: Path, log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STAND_IN_SAYS", "a warning of 2025\nmytool v1.3-rc1 (built 2026)")
    found = run(write(tmp_path, BY_VALUE, program="mytool"))
    np.testing.assert_array_equal(region(found, "sacrum"), Truth(GRID).bone("sacrum"))
    np.testing.assert_array_equal(region(found, "ilium:left"), Truth(GRID).bone("hip_left"))
    assert {name for _, name in found.labels.names} == {"sacrum", "ilium:left"}
    assert found.kind is MaskKind.MARROW
    assert found.made_by == "My tool 1.3-rc1, task all"
    assert found.findings == ()


def test_a_value_that_is_neither_known_nor_ignored_is_told(tmp_path: Path, log: Path) -> None:
    found = run(write(tmp_path, BY_VALUE.replace("ignored = [3]", ""), program="mytool"))
    assert [(f.code, f.severity) for f in found.findings] == [("segmenter_label_unknown", Severity.WARN)]


def test_stir_that_is_not_there_is_asked_for(tmp_path: Path, log: Path) -> None:
    file = write(tmp_path, BY_VALUE, program="mytool")
    lone = replace(pair_on(), stir=None, t1_to_stir_lps=None, quality=None)
    with pytest.raises(MaskError, match="needs STIR") as caught:
        segment_external(lone, str(file), protocol=load_protocol("hips"))
    assert caught.value.code == "segmenter_needs_stir"


def test_no_task_that_could_be_done_is_an_error(tmp_path: Path, log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STAND_IN", '{"fail": 3}')
    text = PER_CLASS.replace("[tasks.labels]", "required = false\n[tasks.labels]")
    with pytest.raises(MaskError) as caught:
        run(write(tmp_path, text, program="TotalSegmentator"))
    assert caught.value.code == "segmenter_no_task"
    assert "exit code 3" in str(caught.value)


def test_images_that_cannot_be_written_are_an_error_of_ours(tmp_path: Path, log: Path) -> None:
    # a name longer than any file system takes, as good as a full disk
    text = BY_VALUE.replace("case_0000.nii.gz", f"{'long' * 100}.nii.gz")
    with pytest.raises(MaskError) as caught:
        run(write(tmp_path, text, program="mytool"))
    assert caught.value.code == "segmenter_no_space"
    assert "marrowsignal-" not in str(caught.value)


def test_one_file_a_class(tmp_path: Path, log: Path) -> None:
    found = run(write(tmp_path, PER_CLASS, program="TotalSegmentator"))
    for name, key in (("sacrum", "sacrum"), ("hip_left", "ilium:left"), ("hip_right", "ilium:right")):
        np.testing.assert_array_equal(region(found, key), Truth(GRID).bone(name))


def test_where_files_of_classes_overlap_the_first_in_the_table_counts(tmp_path: Path) -> None:
    task = read_segmenter(str(write(tmp_path, PER_CLASS, program="TotalSegmentator"))).tasks[0]
    masks = {name: np.zeros(GRID.shape, np.uint16) for name, _ in task.labels}
    masks["sacrum"][:8], masks["hip_left"][4:], masks["hip_right"][11:] = 1, 1, 1
    for name, mask in masks.items():
        write_nifti(tmp_path / f"{name}.nii.gz", LabelVolume(array=mask, geometry=GRID))
    labels, findings = read_task(tmp_path, task, GRID)
    np.testing.assert_array_equal(labels.array[:, 0, 0], [1] * 8 + [2] * 4)
    assert findings == ()


def test_a_missing_file_of_a_class_is_told(tmp_path: Path, log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STAND_IN", '{"files_missing": ["hip_left"]}')
    found = run(write(tmp_path, PER_CLASS, program="TotalSegmentator"))
    assert "segmenter_class_missing" in {finding.code for finding in found.findings}
    monkeypatch.setenv("STAND_IN", '{"files_missing": ["hip_left", "hip_right", "sacrum"]}')
    with pytest.raises(MaskError) as caught:
        run(write(tmp_path, PER_CLASS, program="TotalSegmentator"))
    assert caught.value.code == "segmenter_no_output"


def test_a_tool_of_a_folder_goes_by_its_name(tmp_path: Path, log: Path) -> None:
    folder = write(tmp_path, PER_CLASS, program="TotalSegmentator").rename(tmp_path / "tools" / "folder.toml").parent
    found = segment_external(pair_on(), "folder", protocol=load_protocol("hips"), extra_tools=folder)
    assert region(found, "sacrum").any()
    names = [(state.segmenter.name, state.installed) for state in list_tools(folder)]
    assert names[-1] == ("folder", True)
    assert tuple(name for name, _ in names[:-1]) == segmenter_names()


def test_the_list_says_what_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(install(tmp_path / "bin").parent))
    states = {state.segmenter.name: state.installed for state in list_tools()}
    assert states["totalsegmentator"]
    assert not states["totalspineseg"]


@pytest.mark.parametrize("name", segmenter_names())
def test_shipped_descriptions_are_sound_and_name_regions_of_the_protocols(name: str) -> None:
    segmenter = read_segmenter(name)
    regions = {key.partition(":")[0] for task in segmenter.tasks for key in task.keys}
    # levels above the lumbar spine are no region of any protocol; they keep their names
    above = {f"t{n}" for n in range(1, 9)} | {f"c{n}" for n in range(1, 8)} | {"l6"}
    generic = load_protocol("generic")
    assert {key for key in regions - above if generic.spec(key) is None} == set()
    assert segmenter.kind is MaskKind.BONE
    assert "schema_version" in read_segmenter_text(name)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('"{t1}"', '"{t2}"', "{t2} is no placeholder"),
        ('"{t1}"', '"t1.nii.gz"', "neither {t1} nor {inputs}"),
        ('output = "segmentations"', 'output = "../segmentations"', "private folder"),
        ('output = "segmentations"', 'output = "/tmp/segmentations"', "private folder"),
        ('"ilium:left"', '"ilium:sinister"', "tasks.0.labels"),
        ("timeout_s = 60", "timeout_s = 0", "timeout_s"),
        ('kind = "bone"', 'kind = "soup"', "kind"),
        ('title = "Folder tool"', 'title = "/home/jane/tool"', "title"),
        ("schema_version = 1", "schema_version = 1\nspeed = 3", "speed"),
        ("schema_version = 1", "schema_version =", "is not TOML"),
    ],
)
def test_a_malformed_description_is_refused_with_the_place(tmp_path: Path, old: str, new: str, words: str) -> None:
    assert old in PER_CLASS
    file = write(tmp_path, PER_CLASS.replace(old, new, 1), program="TotalSegmentator")
    with pytest.raises(UsageError) as caught:
        find_segmenter(str(file))
    assert words in str(caught.value)
    assert str(tmp_path) not in str(caught.value)


def test_values_in_a_table_by_value_are_numbers(tmp_path: Path) -> None:
    file = write(tmp_path, BY_VALUE.replace('1 = "sacrum"', 'sacrum = "sacrum"'), program="mytool")
    with pytest.raises(UsageError, match="whole numbers above 0"):
        find_segmenter(str(file))


def test_names_survive_the_reading_of_the_voxels(tmp_path: Path, log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # the extension moves the voxels: whoever ignores its size reads shifted labels
    program = install(tmp_path / "bin")
    write_nifti(tmp_path / "t1.nii.gz", pair_on().t1)
    out = tmp_path / "labels.nii.gz"
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    subprocess.run([program, "-i", tmp_path / "t1.nii.gz", "-o", out, "--ml"], check=True, cwd=tmp_path)
    drawn = read_volume_file(out)
    values = {label.name: label.value for label in drawn.named}
    assert len(values) == 50
    np.testing.assert_array_equal(drawn.labels.array == values["sacrum"], Truth(GRID).bone("sacrum"))


def labels(array: np.ndarray, *names: str) -> LabelVolume:
    return LabelVolume(
        array=np.broadcast_to(array, (2, *array.shape)).astype(np.uint16),
        geometry=replace_shape(array.shape),
        names=tuple(enumerate(names, start=1)),
    )


def replace_shape(shape: tuple[int, ...]):
    return replace(GRID, affine_lps=np.diag([2.0, 1.0, 1.0, 1.0]), shape=(2, *shape))


def test_a_later_call_fills_and_replaces_only_what_it_knows_better() -> None:
    early = labels(np.array([[1, 1, 2, 2, 2, 0]]), "sacrum", "vertebra")
    late = labels(np.array([[0, 1, 1, 0, 0, 1]]), "l5")
    united = unite([(early, ()), (late, ("vertebra",))], rim_mm=1.0)
    names = dict(united.names)
    # the sacrum stays, the vertebra becomes L5, with the rim that touches it, and what was free is filled
    row = [names.get(int(value), "") for value in united.array[0, 0]]
    assert row[:3] == ["sacrum", "sacrum", "l5"]
    assert row[5] == "l5"


@given(st.lists(st.lists(st.integers(0, 2), min_size=12, max_size=12), min_size=1, max_size=4))
def test_a_union_has_a_label_where_any_call_has_one(rows: list[list[int]]) -> None:
    tasks = [
        (labels(np.array(row).reshape(3, 4), f"bone{n}", "shared"), ("shared",) if n else ())
        for n, row in enumerate(rows)
    ]
    united = unite(tasks, rim_mm=2.0)
    np.testing.assert_array_equal(united.mask, np.any([task.array > 0 for task, _ in tasks], axis=0))
    assert set(np.unique(united.array)) - {0} == {value for value, _ in united.names}
