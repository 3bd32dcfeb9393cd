"""Progress goes to stderr: a bar on a terminal, plain lines elsewhere, nothing when quiet."""

from __future__ import annotations

import ast
import inspect
import sys

import pytest

import marrowsignal.study
from marrowsignal.cli.progress import INSTEAD, STEPS, step_progress


def test_the_steps_told_are_the_steps_made() -> None:
    tree = ast.parse(inspect.getsource(marrowsignal.study))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    made = {
        call.args[0].value
        for call in calls
        if isinstance(call.func, ast.Attribute) and call.func.attr == "done"
        if isinstance(call.args[0], ast.Constant)
    }
    assert {step for step, _words in STEPS} | set(INSTEAD) == made | {"render_report", "write_case"}


def test_a_step_in_place_of_several_counts_for_all(capsys: pytest.CaptureFixture[str]) -> None:
    with step_progress(quiet=False) as done:
        for step, _words in STEPS:
            if step not in ("align_pair", "mark_metal"):
                done("take_over_pair" if step == "correct_bias" else step)
    counts = [line.partition("/")[0] for line in capsys.readouterr().err.splitlines()]
    assert counts == [f"[{n}" for n in range(1, len(STEPS) + 1) if n not in (4, 5)]


def test_plain_lines_elsewhere(capsys: pytest.CaptureFixture[str]) -> None:
    with step_progress(quiet=False) as done:
        done("find_series")
        done("select_pair")
    captured = capsys.readouterr()
    assert captured.out == ""
    lines = captured.err.splitlines()
    assert [line.split(" done in ")[0] for line in lines] == [
        f"[1/{len(STEPS)}] find_series",
        f"[2/{len(STEPS)}] select_pair",
    ]
    assert "\x1b" not in captured.err
    assert "\r" not in captured.err


def test_nothing_when_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    with step_progress(quiet=True) as done:
        done("find_series")
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "")


def test_a_bar_on_a_terminal(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    with step_progress(quiet=False) as done:
        for step, _words in STEPS:
            done(step)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert STEPS[-1][1] in captured.err


def test_steps_done_once_for_several_pairs_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    with step_progress(quiet=False, before=2) as done:
        done("read_volume")
    assert capsys.readouterr().err.startswith(f"[3/{len(STEPS)}] read_volume done in ")
