"""The scripts of pipelines/ for clusters: what they run, and what they say where they cannot."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

PIPELINES = Path(__file__).parents[2] / "pipelines"


def run(*line: object, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(part) for part in line], capture_output=True, text=True, check=False, env={**os.environ, **environment}
    )


def test_the_dask_script_says_what_it_does_without_dask_jobqueue() -> None:
    told = run(sys.executable, PIPELINES / "slurm_dask.py", "--help")
    assert told.returncode == 0 and "--walltime" in told.stdout


@pytest.mark.skipif(importlib.util.find_spec("dask_jobqueue") is not None, reason="dask-jobqueue is installed")
def test_the_dask_script_needs_dask_jobqueue(tmp_path: Path) -> None:
    told = run(sys.executable, PIPELINES / "slurm_dask.py", "--jobs", "2", tmp_path, "-o", tmp_path / "out")
    assert (told.returncode, "pip install dask-jobqueue" in told.stderr) == (2, True)


@pytest.mark.skipif(sys.platform == "win32", reason="Slurm runs on Linux")
def test_a_task_of_the_array_does_its_shard(tmp_path: Path) -> None:
    command = tmp_path / "marrowsignal"
    command.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\nexit 8\n', encoding="ascii")
    command.chmod(0o755)
    task = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "SLURM_ARRAY_TASK_ID": "3", "SLURM_CPUS_PER_TASK": "8"}
    done = run("bash", PIPELINES / "slurm_array.sh", "16", "out put", "a study.csv", "--no-dicom", **task)
    assert done.stdout.splitlines() == [
        "batch",
        "a study.csv",
        "--no-dicom",
        "-o",
        "out put",
        "--shard",
        "3/16",
        "-j",
        "8",
    ]
    assert done.returncode == 8, "Slurm sees how it ended"
    alone = run("bash", PIPELINES / "slurm_array.sh", "16", "out", "in", SLURM_ARRAY_TASK_ID="")
    assert (alone.returncode, "sbatch --array=1-16" in alone.stderr) == (2, True)
