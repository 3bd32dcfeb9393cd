"""One task of a run: whatever the study, there is an answer, and it says what became of it."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from marrowsignal.cohort.one_task import answer_task
from marrowsignal.cohort.records import CaseAnswer, CaseState
from marrowsignal.dicom import case_key, case_name, find_series
from marrowsignal.geometry import LabelVolume
from marrowsignal.geometry.itk_bridge import write_nifti
from tests.cohort.small_studies import SHAPE, damage, task_of, write_study, write_zip
from tests.dicom.dicom_builder import SeriesSpec, stir_spec, uid, write_series

NO_STIR = "a usable T1 was found but no usable STIR"


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_study(tmp_path_factory.mktemp("Jane Doe"))


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on a disk of 96 kB."""
    place = tmp_path / "full"
    place.mkdir()
    if shutil.which("mount") is None:
        pytest.skip("no mount here")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=96k", "tmpfs", place], check=False, capture_output=True
    )
    if mounted.returncode != 0:
        pytest.skip("a small disk can be mounted by root only")
    yield place
    subprocess.run(["umount", place], check=True)


def told(answer: CaseAnswer) -> tuple[str, str, str]:
    return answer.state.value, answer.stage, answer.code


def files_of(folder: Path) -> dict[str, bytes]:
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_a_study_is_done_once_and_found_unchanged_after_that(study: Path, tmp_path: Path) -> None:
    first = answer_task(task_of(study, out=tmp_path, name="study"))
    assert (first.state, first.reason, first.unchanged) == (CaseState.DONE, "", False)
    assert [made.case for made in first.cases] == ["0123456789ab"], "the key of a study that was found is its name"
    assert (tmp_path / "0123456789ab" / "result.json").is_file()
    assert not (tmp_path / ".marrowsignal-key").exists(), "who is told the name needs no key"
    assert first.cpu_s > 0.0 and first.wall_s > 0.0

    before = (tmp_path / "0123456789ab").stat().st_ino
    moved = shutil.copytree(study, tmp_path / "moved")
    again = answer_task(task_of(moved, out=tmp_path, name="study", done_input_sha256=first.input_sha256))
    assert again.unchanged and again.cases == first.cases and again.protocol_sha256 == first.protocol_sha256
    assert (tmp_path / "0123456789ab").stat().st_ino == before

    file = next((moved / "t1").iterdir())
    file.write_bytes(file.read_bytes()[:-2] + b"\7\7")
    changed = answer_task(task_of(moved, out=tmp_path, name="study", done_input_sha256=first.input_sha256))
    assert (changed.state, changed.unchanged) == (CaseState.DONE, False)
    assert changed.input_sha256 != first.input_sha256

    shutil.rmtree(tmp_path / "0123456789ab")
    anew = answer_task(task_of(study, out=tmp_path, name="study", done_input_sha256=first.input_sha256))
    assert (anew.unchanged, (tmp_path / "0123456789ab").is_dir()) == (False, True), "its folder was gone"


def test_of_two_studies_in_one_folder_the_one_that_is_meant_is_done(tmp_path: Path) -> None:
    both = tmp_path / "in"
    write_study(both / "a", "one")
    write_study(both / "b", "two", stir=False)
    one = answer_task(task_of(both, out=tmp_path / "out", name="one"))
    two = answer_task(task_of(both, out=tmp_path / "out", name="two"))
    none = answer_task(task_of(both, out=tmp_path / "out", name="three"))
    assert told(one) == ("done", "", "")
    assert told(two) == ("refused", "select_pair", "no_usable_pair") and NO_STIR in two.reason
    assert two.input_sha256 is not None
    assert told(none) == ("failed", "find_series", "study_gone")
    unnamed = answer_task(task_of(both / "a", out=tmp_path / "out"))
    assert [made.case for made in unnamed.cases] == [case_name(str(uid("one")), key=case_key(tmp_path / "out"))]


def test_what_cannot_be_read_failed_with_its_reason(study: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    broken = tmp_path / "Mustermann.zip"
    broken.write_bytes(b"PK\3\4" + bytes(100))
    damaged = damage(shutil.copytree(study, tmp_path / "damaged"))
    half = shutil.copytree(study, tmp_path / "half")
    damage(half / "stir")
    answers = {
        "archive_unreadable": answer_task(task_of(broken, out=out)),
        "input_missing": answer_task(task_of(tmp_path / "nothing", out=out)),
        "no_usable_pair": answer_task(task_of(damaged, out=out)),
    }
    for code, answer in answers.items():
        assert (answer.state, answer.code) == (CaseState.FAILED, code)
        assert str(tmp_path) not in answer.reason and "Mustermann" not in answer.reason
    lost = answer_task(task_of(half, out=out, name="study"))
    assert lost.state is CaseState.FAILED, "nobody knows whether there was a STIR"
    assert lost.reason.endswith("9 files there cannot be read") and NO_STIR in lost.reason


def test_of_a_study_with_two_pairs_the_good_one_is_kept(tmp_path: Path) -> None:
    for place, x in enumerate((60.0, -60.0)):
        for spec in (SeriesSpec(shape=SHAPE), stir_spec().but(shape=SHAPE)):
            moved = spec.but(name=f"{spec.name}{x}", number=spec.number + 10 * place, origin_mm=(x, 5.0, 30.0))
            write_series(tmp_path / "in" / moved.name, moved)
    left = next(s for s in find_series(tmp_path / "in").series if s.geometry and s.geometry.affine_lps[0, 3] > 0)
    assert left.geometry is not None
    labels = np.zeros(left.geometry.shape, np.uint16)
    labels[3:6, 5:11, 5:11] = 1
    write_nifti(tmp_path / "mask.nii.gz", LabelVolume(array=labels, geometry=left.geometry))
    task = task_of(tmp_path / "in", out=tmp_path / "out", name="study", marrow=str(tmp_path / "mask.nii.gz"))
    answer = answer_task(task)
    assert told(answer) == ("failed", "analyze", "some_pairs_failed")
    assert answer.reason.startswith("1 of 2 pairs failed: right (right: ")
    assert [made.case for made in answer.cases] == ["0123456789ab-left"]
    assert [folder.name for folder in (tmp_path / "out").iterdir()] == ["0123456789ab-left"]


def test_a_bug_is_told_by_its_place_and_not_by_its_words(study: Path, tmp_path: Path) -> None:
    answer = answer_task(task_of(study, out=tmp_path, layout="Mustermann"))
    assert told(answer) == ("failed", "analyze", "bug")
    assert answer.reason.startswith("a bug (ValueError in marrowsignal.cohort.one_task:")
    assert "Mustermann" not in answer.reason and not answer.output_failed


def test_what_a_manifest_says_is_heeded(study: Path, tmp_path: Path) -> None:
    answer = answer_task(task_of(study, out=tmp_path, name="study", case="S017", protocol="knee"))
    assert [made.case for made in answer.cases] == ["S017"]
    unknown = answer_task(task_of(study, out=tmp_path, name="study", t1_uid="1.2.3"))
    assert (unknown.state, unknown.stage) == (CaseState.FAILED, "select_pair")


def test_where_nothing_can_be_written_the_study_is_not_to_blame(study: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    answer = answer_task(task_of(study, out=tmp_path / "file" / "out"))
    assert (answer.output_failed, answer.code) == (True, "case_key_unreadable")


def test_a_full_disk_is_told_and_nothing_half_stays_on_it(study: Path, full_disk: Path) -> None:
    answer = answer_task(task_of(study, out=full_disk, name="study", dicom=True))
    assert (answer.output_failed, answer.code) == (True, "output_not_writable")
    assert list(full_disk.iterdir()) == []


def test_the_same_study_from_a_folder_and_from_an_archive_leaves_the_same_bytes(tmp_path: Path) -> None:
    folder, archive = write_study(tmp_path / "f", "one"), write_zip(tmp_path / "z.zip", "one")
    answers = [
        answer_task(task_of(place, out=tmp_path / place.stem / "out", name="one")) for place in (folder, archive)
    ]
    assert answers[0].input_sha256 == answers[1].input_sha256
    first, second = (files_of(tmp_path / place / "out") for place in "fz")
    assert first.keys() == second.keys() and len(first) > 10
    different = {name for name in first if first[name] != second[name]}
    assert different <= {"0123456789ab/result.json", "0123456789ab/report.html"}, "which hold times"
