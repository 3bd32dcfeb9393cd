"""Simulated studies for workers in other processes: each leaves a folder, and a line of who began and who ended it."""

from __future__ import annotations

import os
import time
from pathlib import Path

from marrowsignal.cohort.records import CaseAnswer, CaseState, CaseTask
from marrowsignal.cohort.watched_process import CaseLimits

HOLD, LOG = "hold", "log"
WAIT_S = 60.0


def write_folder(task: CaseTask, _limits: CaseLimits) -> CaseAnswer:
    """Write a study's folder; as long as there is a file `hold-KEY` the study waits before it."""
    out, key = Path(task.out), task.source.key
    note(out, "begun", key)
    last = time.monotonic() + WAIT_S
    while (out / f"{HOLD}-{key}").exists():
        if time.monotonic() > last:
            raise TimeoutError
        time.sleep(0.01)
    (out / key).mkdir(exist_ok=True)
    (out / key / "result.json").write_text(key, encoding="ascii")
    note(out, "ended", key)
    return CaseAnswer(state=CaseState.DONE)


def note(out: Path, what: str, key: str) -> None:
    with (out / LOG).open("a", encoding="ascii") as log:
        log.write(f"{what} {key} {os.getpid()}\n")


def noted(out: Path, what: str) -> list[tuple[str, int]]:
    """Return keys and processes in the order of their lines."""
    log = out / LOG
    lines = log.read_text(encoding="ascii").splitlines() if log.exists() else []
    split = [line.split() for line in lines]
    return [(key, int(process)) for word, key, process in split if word == what]
