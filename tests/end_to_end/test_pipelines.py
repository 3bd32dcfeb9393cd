"""The scripts of pipelines/ run as they are, on the installed package."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from marrowsignal.marrow.external.tools import read_segmenter_text

pytestmark = pytest.mark.end_to_end


@pytest.fixture
def script(command: Path, repository: Path, tmp_path: Path):
    """Call a script with the interpreter that the command belongs to."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}

    def run(name: str, *arguments: object) -> subprocess.CompletedProcess:
        line = [command.parent / "python", repository / "pipelines" / name, *arguments]
        return subprocess.run(
            [str(part) for part in line], capture_output=True, text=True, check=False, cwd=tmp_path, env=environment
        )

    return run


def test_a_folder_goes_to_its_end_whatever_fails(script, sample_data: Path, tmp_path: Path) -> None:
    studies = tmp_path / "studies"
    good = sample_data / "reconversion_like" / "dicom"
    shutil.copytree(good, studies / "b_good")
    shutil.copytree(good / "T1", studies / "a_only_t1")
    shutil.copytree(good / "T1", studies / "c_two_studies" / "one")
    shutil.copytree(sample_data / "focal_edema_like" / "dicom" / "T1", studies / "c_two_studies" / "two")
    done = script("analyze_folder.py", studies, tmp_path / "out")
    assert done.returncode == 8
    lines = done.stdout.splitlines()
    assert lines[0].startswith("folder 1 of 3: FAILED")
    assert any(line.startswith("folder 2 of 3: ") and "case" in line for line in lines)
    assert "2 of 3 studies failed" in done.stderr
    assert "folder 3: FAILED: analyze_folder: the folder holds 2 studies" in done.stderr
    assert "c_two_studies" not in done.stdout + done.stderr
    assert len(list((tmp_path / "out").glob("*/report.html"))) == 1
    assert sorted(path.name for path in (tmp_path / "out").iterdir())[0] == ".marrowsignal-key"


def test_a_folder_without_studies_and_a_call_without_arguments(script, tmp_path: Path) -> None:
    assert script("analyze_folder.py", tmp_path / "none", tmp_path / "out").returncode == 5
    assert script("analyze_folder.py").returncode == 2


def test_an_external_segmenter_is_looked_for_before_any_study(script, sample_data: Path, tmp_path: Path) -> None:
    text = read_segmenter_text("totalsegmentator")
    own = tmp_path / "own.toml"
    own.write_text(text.replace('["TotalSegmentator"', '["NoSuchSegmentator"'), encoding="utf-8")
    done = script("external_segmenter.py", own, sample_data, tmp_path / "out")
    assert done.returncode == 5
    assert "is not installed" in done.stderr
    assert not (tmp_path / "out").exists()
    assert script("external_segmenter.py").returncode == 2


def test_the_tutorial_runs_on_a_sample_study(script, sample_data: Path, tmp_path: Path) -> None:
    done = script("analyze_study.py", sample_data / "focal_edema_like" / "dicom", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert "FOCAL_EDEMA_LIKE" in done.stdout
    assert len(list((tmp_path / "out").glob("*/report.html"))) == 1
