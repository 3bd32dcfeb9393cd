"""A program that hangs, is interrupted or cannot start leaves no process, no folder and no secret behind."""

from __future__ import annotations

import json
import os
import select
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from marrowsignal.errors import MaskError
from marrowsignal.marrow.external import segment_external
from marrowsignal.marrow.external.process import run_program, workplace
from marrowsignal.protocol import load_protocol
from tests.marrow.external.stand_in import install, pair_on

TOOL = """
schema_version = 1
name = "mytool"
title = "My tool"
install = "ask the department"
kind = "marrow"
timeout_s = {timeout}
[[tasks]]
name = "all"
command = ["{{here}}/TotalSegmentator", "-i", "{{t1}}", "-o", "{{labels}}", "--ml"]
output = "labels.nii.gz"
[tasks.labels]
sacrum = "sacrum"
"""


def describe(tmp_path: Path, *, timeout_s: float) -> str:
    install(tmp_path / "bin")
    file = tmp_path / "bin" / "mine.toml"
    file.write_text(TOOL.format(timeout=timeout_s), encoding="utf-8")
    return str(file)


def ended(pid: int) -> bool:
    """Whether a process ended, or does so within the time that a loaded machine takes to end a killed one."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([handle], [], [], 20)[0])
    finally:
        os.close(handle)


def gone(log: Path) -> bool:
    facts = json.loads((log / "facts.json").read_text())
    child = int((log / "child").read_text())
    return ended(facts["pid"]) and ended(child) and not Path(facts["folder"]).parent.exists()


needs_handles = pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="waits for foreign processes as Linux does")


@needs_handles
def test_a_program_that_hangs_is_ended_with_its_children(
    tmp_path: Path, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STAND_IN", '{"hang": true}')
    with pytest.raises(MaskError) as caught:
        segment_external(pair_on(), describe(tmp_path, timeout_s=4), protocol=load_protocol("hips"))
    assert caught.value.code == "segmenter_timeout", str(caught.value)
    assert gone(log)


@pytest.fixture
def ctrl_c_heard() -> Iterator[None]:
    """A process begun in the background, as by nohup, ignores Ctrl-C and so would the tests."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@needs_handles
@pytest.mark.usefixtures("ctrl_c_heard")
def test_ctrl_c_ends_the_program_and_its_children(tmp_path: Path, log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # the stand-in sends the signal that the terminal would send us
    monkeypatch.setenv("STAND_IN", '{"interrupt": true}')
    with pytest.raises(KeyboardInterrupt):
        segment_external(pair_on(), describe(tmp_path, timeout_s=60), protocol=load_protocol("hips"))
    assert gone(log)


def test_a_program_that_ignores_being_asked_is_forced() -> None:
    stubborn = "trap '' TERM; sleep 20; touch outlived"
    with workplace() as place:
        done = run_program(["/bin/sh", "-c", stubborn], place=place, timeout_s=0.2)
        assert not any(place.files.iterdir())
    assert done.code is None


def test_arguments_reach_the_program_as_they_are() -> None:
    odd = ["a b", "$HOME", "; touch hurt", '"', "*", "{}"]
    with workplace() as place:
        done = run_program(["/usr/bin/printf", "%s\\n", *odd], place=place, timeout_s=20)
        assert not any(place.files.iterdir())
    assert done.printed.splitlines() == odd


def test_the_environment_is_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOTALSEG_HOME_DIR", "weights are here")
    with workplace() as place:
        done = run_program(["/usr/bin/env"], place=place, timeout_s=20)
    assert "TOTALSEG_HOME_DIR=weights are here" in done.printed


def test_what_is_told_is_short_clean_and_without_paths() -> None:
    lines = [
        "old line " * 100,
        "Loading C:\\Users\\Jane\\scan.nii",
        "see https://backend.totalsegmentator.com/license-academic/ and http://jane:secret@proxy:80/",
        "\x1b[31mred\x1b[0m \u202etxt",
        "1%\r50%\rdone",
    ]
    with workplace() as place:
        told = run_program(["/usr/bin/printf", "%s\\n", *lines], place=place, timeout_s=20).told
    assert told.splitlines() == [
        "Loading <path>",
        "see https://backend.totalsegmentator.com/license-academic/ and <path>",
        "[31mred[0m txt",
        "done",
    ]


def test_what_cannot_be_started_is_an_error_of_ours(tmp_path: Path, log: Path) -> None:
    file = describe(tmp_path, timeout_s=20)
    (tmp_path / "bin" / "TotalSegmentator").write_text("#!/no/such/interpreter\n", encoding="utf-8")
    with pytest.raises(MaskError) as caught:
        segment_external(pair_on(), file, protocol=load_protocol("hips"))
    assert caught.value.code == "segmenter_not_started"
    assert str(tmp_path) not in str(caught.value)
