"""`marrowsignal analyze` where a study holds no STIR, several pairs, or lies in two folders."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from marrowsignal.dicom import find_series
from marrowsignal.geometry import LabelVolume
from marrowsignal.geometry.itk_bridge import write_nifti
from tests.dicom.dicom_builder import SeriesSpec, stir_spec, write_series

T1, STIR = SeriesSpec(shape=(9, 16, 16)), stir_spec().but(shape=(9, 16, 16))
SIDES = {"left": 60.0, "right": -60.0}


@pytest.fixture(scope="module")
def hips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One study with a T1 and a STIR of each side."""
    folder = tmp_path_factory.mktemp("hips")
    for place, (side, x) in enumerate(SIDES.items()):
        for spec in (T1, STIR):
            moved = spec.but(name=f"{spec.name}-{side}", number=spec.number + 10 * place, origin_mm=(x, 5.0, 30.0))
            write_series(folder / moved.name, moved)
    return folder


@pytest.fixture
def lone_t1(tmp_path: Path) -> Path:
    """A study without STIR."""
    write_series(tmp_path / "study", T1)
    return tmp_path / "study"


def result(folder: Path) -> dict:
    return json.loads((folder / "result.json").read_text(encoding="utf-8"))


class TestWithoutStir:
    def test_it_is_3_and_names_the_way_out(self, run, lone_t1: Path, tmp_path: Path) -> None:
        done = run("analyze", lone_t1, "-o", tmp_path / "out")
        assert done.code == 3
        assert "no usable STIR" in done.err and "--allow-t1-only" in done.err
        assert not (tmp_path / "out").exists()

    def test_when_allowed_t1_is_measured_and_no_pattern_named(self, run, lone_t1: Path, tmp_path: Path) -> None:
        done = run("analyze", lone_t1, "-o", tmp_path, "--case", "c", "--allow-t1-only")
        assert (done.code, done.out.split()[0]) == (0, "CANNOT_ASSESS")
        told = result(tmp_path / "c")
        assert (told["series"]["stir"], told["lesions"], told["lesions_reason"]) == (None, None, "no STIR series")

    def test_allowing_it_changes_nothing_where_there_is_a_stir(self, run, lone_t1: Path, tmp_path: Path) -> None:
        write_series(lone_t1 / "stir", STIR)
        assert run("analyze", lone_t1, "-o", tmp_path, "--case", "c", "--allow-t1-only").code == 0
        assert result(tmp_path / "c")["series"]["stir"] is not None


class TestSeveralPairs:
    def test_each_gets_a_case_folder(self, run, hips: Path, tmp_path: Path) -> None:
        done = run("analyze", hips, "-o", tmp_path, "--case", "c")
        assert done.code == 0, done.err
        assert [result(tmp_path / f"c-{side}")["series"]["label"] for side in SIDES] == list(SIDES)
        named = [line.split(":")[0] for line in done.out.splitlines() if "(confidence" in line]
        assert named == list(SIDES)
        assert done.out.count("mL of marrow could be") == 2, "why nothing can be assessed stands on the terminal"
        lines = done.out.splitlines()
        after_class = [lines[k + 1] for k, line in enumerate(lines) if "(confidence" in line]
        assert all(line.startswith("Quality gates: ") and "No pattern is named" in line for line in after_class)
        assert done.err.count("find_series done") == 1 and done.err.count("write_case done") == 2
        x_origin = [np.array(result(tmp_path / f"c-{side}")["grid"]["index_to_lps"])[0, 3] for side in SIDES]
        assert x_origin == list(SIDES.values())

    def test_without_a_case_name_folders_share_the_study_s(self, run, hips: Path, tmp_path: Path) -> None:
        assert run("analyze", hips, "-o", tmp_path, "-q").code == 0
        names = sorted(path.name for path in tmp_path.iterdir() if path.is_dir())
        assert [name.split("-") for name in names] == [[names[0].split("-")[0], side] for side in SIDES]

    def test_json_is_a_list(self, run, hips: Path, tmp_path: Path) -> None:
        done = run("analyze", hips, "-o", tmp_path, "--case", "c", "-q", "--json")
        assert json.loads(done.out) == [result(tmp_path / f"c-{side}") for side in SIDES]

    def test_one_can_be_picked(self, run, hips: Path, tmp_path: Path) -> None:
        done = run("analyze", hips, "-o", tmp_path, "--case", "c", "--pair", "right", "-q", "--json")
        assert json.loads(done.out) == result(tmp_path / "c")
        assert result(tmp_path / "c")["series"]["label"] == "right"
        assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == ["c"]

    def test_a_pair_that_is_not_there_is_2(self, run, hips: Path, tmp_path: Path) -> None:
        done = run("analyze", hips, "-o", tmp_path / "out", "--pair", "middle")
        assert done.code == 2
        assert "'left', 'right'" in done.err

    def test_a_case_name_too_long_with_its_label_is_2_before_any_work(self, run, hips: Path, tmp_path: Path) -> None:
        done = run("analyze", hips, "-o", tmp_path / "out", "--case", "c" * 64)
        assert done.code == 2
        assert "case name" in done.err and "read_volume" not in done.err

    def test_one_that_fails_is_8_and_the_other_is_kept(self, run, hips: Path, tmp_path: Path) -> None:
        left = next(s for s in find_series(hips).series if s.geometry and s.geometry.affine_lps[0, 3] > 0)
        labels = np.zeros(left.geometry.shape, np.uint16)
        labels[3:6, 5:11, 5:11] = 1
        mask = tmp_path / "mask.nii.gz"
        write_nifti(mask, LabelVolume(array=labels, geometry=left.geometry))
        done = run("analyze", hips, "-o", tmp_path / "out", "--case", "c", "--marrow", mask)
        assert done.code == 8
        assert "error: pair right: " in done.err and "1 of 2 pairs failed: right" in done.err
        assert result(tmp_path / "out" / "c-left")["marrow"]["source"] == "supplied"
        assert not (tmp_path / "out" / "c-right").exists()


@pytest.mark.parametrize("studies", [("study", "study"), ("study", "another")])
def test_t1_and_stir_exported_apart_are_two_folders(run, tmp_path: Path, studies: tuple[str, str]) -> None:
    folders = tmp_path / "a", tmp_path / "b"
    for folder, spec, study in zip(folders, (T1, STIR), studies, strict=True):
        write_series(folder, spec.but(study=study))
    assert [run("analyze", folder, "-o", tmp_path / "out").code for folder in folders] == [3, 3]
    for order in (folders, folders[::-1]):
        done = run("analyze", *order, "-o", tmp_path / "out", "--case", "c")
        assert done.code == 0, done.err
        assert result(tmp_path / "out" / "c")["series"]["stir"]["description"] == STIR.description
