"""The process of a study is watched, replaced when it must be, and never outlives its owner."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest

from marrowsignal.cohort.case_environment import case_environment
from marrowsignal.cohort.records import CaseState
from marrowsignal.cohort.watched_process import CaseLimits, run_case, stop_case_processes
from marrowsignal.threads import library_threads
from tests.cohort.small_studies import task_of, write_study

WAIT_S = 60.0
OWNER = """
import sys
from marrowsignal.cohort.records import CaseTask, StudySource
from marrowsignal.cohort.watched_process import CaseLimits, run_case
task = CaseTask(source=StudySource(key="k", paths=(sys.argv[1],)), out=sys.argv[2])
run_case(task, CaseLimits())
print("answered", flush=True)
sys.stdin.read()
"""


def case_processes(owner: psutil.Process | None = None) -> list[psutil.Process]:
    children = (owner or psutil.Process()).children()
    return [child for child in children if any("case_process" in word for word in child.cmdline())]


@pytest.fixture
def missing(tmp_path: Path) -> Path:
    """A study that is not there: an answer in no time."""
    return tmp_path / "nothing"


def test_one_process_serves_study_after_study(missing: Path, tmp_path: Path) -> None:
    task = task_of(missing, out=tmp_path)
    answers = [run_case(task, CaseLimits()) for _ in range(3)]
    assert {(answer.state, answer.code) for answer in answers} == {(CaseState.FAILED, "input_missing")}
    (process,) = case_processes()
    environment = process.environ()
    told = {
        name: environment[name] for name in case_environment(1) if name in (*library_threads(1), "MALLOC_ARENA_MAX")
    }
    assert set(told) >= {"MARROWSIGNAL_THREADS", "OMP_NUM_THREADS", "MALLOC_ARENA_MAX"}
    assert set(told.values()) == {"1"}
    assert Path(environment["TMPDIR"]).stat().st_mode & 0o077 == 0

    run_case(task, CaseLimits(studies_per_process=3))
    (next_one,) = case_processes()
    assert next_one.pid != process.pid, "after three studies"
    assert not Path(environment["TMPDIR"]).exists()


@pytest.mark.parametrize(
    ("limits", "code"),
    [(CaseLimits(time_s=0.0), "time_limit"), (CaseLimits(memory_bytes=1_000_000), "memory_limit")],
)
def test_over_its_limits_a_study_fails_alone(tmp_path: Path, limits: CaseLimits, code: str) -> None:
    study = write_study(tmp_path / "Mustermann")
    left = tmp_path / "out" / ".0123456789ab.abcdefgh.partial"
    left.mkdir(parents=True)
    answer = run_case(task_of(study, out=tmp_path / "out", name="study"), limits)
    assert (answer.state, answer.stage, answer.code) == (CaseState.FAILED, "analyze", code)
    assert (case_processes(), left.exists()) == ([], False), "the process is gone, and what it had half written"


def test_a_process_that_is_killed_is_told_and_replaced(missing: Path, tmp_path: Path) -> None:
    answered = threading.Event()

    def stop() -> None:
        while not answered.wait(0.01):
            stop_case_processes()

    stop_case_processes()
    for process in case_processes():
        process.wait(WAIT_S)
    # A new one takes long to come, so that it is stopped before it can answer.
    stopper = threading.Thread(target=stop)
    stopper.start()
    answer = run_case(task_of(missing, out=tmp_path), CaseLimits())
    answered.set()
    stopper.join(WAIT_S)
    assert (answer.state, answer.code) == (CaseState.FAILED, "process_died")
    assert "killed" in answer.reason
    assert run_case(task_of(missing, out=tmp_path), CaseLimits()).code == "input_missing"


def test_ctrl_c_and_sigterm_do_not_reach_a_study(missing: Path, tmp_path: Path) -> None:
    run_case(task_of(missing, out=tmp_path), CaseLimits())
    (process,) = case_processes()
    for number in (signal.SIGINT, signal.SIGTERM):
        process.send_signal(number)
    assert run_case(task_of(missing, out=tmp_path), CaseLimits()).code == "input_missing"
    assert case_processes() == [process]
    assert os.name != "posix" or os.getpgid(process.pid) != os.getpgrp(), "Ctrl-C goes to the terminal's group"


def test_an_owner_that_is_killed_leaves_no_process_and_no_files(missing: Path, tmp_path: Path) -> None:
    line = [sys.executable, "-c", OWNER, str(missing), str(tmp_path)]
    with subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == b"answered\n"
        (process,) = case_processes(psutil.Process(owner.pid))
        scratch = Path(process.environ()["TMPDIR"])
        (scratch / "unpacked.dcm").write_text("a patient's")
        owner.kill()
    process.wait(WAIT_S)
    assert not scratch.exists()
