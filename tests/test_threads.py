"""Threads: linear algebra keeps to one, pools to what they are told, and the user's own word counts."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from marrowsignal.threads import library_threads, pool_threads, usable_cores

VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")

# A study that is not there: what `analyze` does before it reads anything is done.
ANALYZE = """
import json, os, sys
from marrowsignal.cli.app import main
main(["analyze", "nothing-here", "-o", "out"])
from marrowsignal.threads import environment_of_programs
json.dump([dict(os.environ), environment_of_programs()], sys.stdout)
"""


def environments_of_analyze(**said: str) -> list[dict[str, str]]:
    bare = {name: value for name, value in os.environ.items() if name not in library_threads(1)}
    line = [sys.executable, "-c", ANALYZE]
    done = subprocess.run(line, env=bare | said, capture_output=True, text=True, check=True)
    own, programs = json.loads(done.stdout)
    return [own, programs]


def test_analyze_keeps_algebra_to_one_thread_but_not_what_it_starts() -> None:
    own, programs = environments_of_analyze(OMP_NUM_THREADS="3")
    assert [own[name] for name in VARIABLES] == ["3", "1", "1", "1"], "what the user says counts"
    assert {name: programs[name] for name in VARIABLES if name in programs} == {"OMP_NUM_THREADS": "3"}


@pytest.mark.parametrize(("told", "expected"), [("7", 7), ("1", 1), ("", None), ("0", None), ("many", None)])
def test_pools_have_what_they_are_told(monkeypatch: pytest.MonkeyPatch, told: str, expected: int | None) -> None:
    monkeypatch.setenv("MARROWSIGNAL_THREADS", told)
    assert pool_threads() == (expected or min(4, usable_cores()))


def test_a_new_process_is_told_of_all_its_threads() -> None:
    told = library_threads(2)
    assert set(told.values()) == {"2"}
    assert set(told) > {*VARIABLES, "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS"}
    line = [sys.executable, "-c", "from marrowsignal.threads import pool_threads; print(pool_threads())"]
    done = subprocess.run(line, env=os.environ | told, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "2"
