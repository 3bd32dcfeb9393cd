"""Progress of a run over many studies: counts, pace and what is left."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from marrowsignal.cli.batch_progress import Pace, batch_progress, words_of_time
from marrowsignal.cohort.records import CaseAnswer, CaseState, CaseTask, StudySource

TASK = CaseTask(source=StudySource(key="0123456789ab", paths=("/home/Mustermann",)), out="/somewhere")
DONE = CaseAnswer(state=CaseState.DONE, wall_s=30.0)
FAILED = CaseAnswer(
    state=CaseState.FAILED, stage="read_volume", code="damaged", reason="a slice is\x1b[2J gone", wall_s=1.0
)
KNOWN = CaseAnswer(state=CaseState.FAILED, stage="find_series", code="input_unreadable", reason="it cannot be read")


def clock(*seconds: float) -> Iterator[float]:
    yield from seconds


def pace(total: int, *seconds: float) -> Pace:
    times = clock(*seconds)
    return Pace(total=total, clock=lambda: next(times))


def test_two_studies_in_a_minute_are_120_an_hour() -> None:
    now = pace(12, 0.0, 30.0, 60.0)
    assert (now.per_hour, now.remaining_s) == (None, None), "before the first"
    now.count(DONE)
    now.count(FAILED)
    assert (now.per_hour, now.remaining_s) == (120.0, 300.0)
    assert str(now) == "2 of 12 studies, 1 failed, 120 an hour, about 5 min left"


def test_the_pace_is_that_of_the_last_studies() -> None:
    now = pace(1000, *(float(k) for k in range(300)), *(300.0 + 10.0 * k for k in range(200)))
    for _ in range(499):
        now.count(DONE)
    assert now.per_hour == pytest.approx(360.0)


def test_what_was_known_to_be_unreadable_makes_no_pace() -> None:
    now = pace(3, 0.0, 60.0)
    now.count(KNOWN)
    assert (now.ended, now.failed, now.per_hour) == (1, 1, None)
    now.count(DONE)
    assert now.per_hour == 60.0


def test_in_a_log_each_failure_has_its_line_and_the_end_the_counts(capsys: pytest.CaptureFixture[str]) -> None:
    with batch_progress(3, quiet=False) as ended:
        for answer in (DONE, FAILED, DONE):
            ended(TASK, answer)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "failed 0123456789ab: read_volume: a slice is [2J gone [damaged]"
    assert lines[-1].startswith("3 of 3 studies, 1 failed, ") and len(lines) == 2


def test_quiet_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with batch_progress(1, quiet=True) as ended:
        ended(TASK, FAILED)
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(("seconds", "words"), [(0.4, "0 s"), (119, "119 s"), (600, "10 min"), (7200, "2 h")])
def test_a_time_is_said_in_one_unit(seconds: float, words: str) -> None:
    assert words_of_time(seconds) == words
