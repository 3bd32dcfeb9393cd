"""The scripts of pipelines/ run as they are, on the installed package."""

from __future__ import annotations

import os
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
