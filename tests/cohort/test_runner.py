"""The run itself, with simulated studies and a true ledger: nothing is lost, nothing twice, never too many at once."""

from __future__ import annotations

import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marrowsignal.cohort.ledger import Ledger, LedgerCounts
from marrowsignal.cohort.ledger_row import LedgerRow
from marrowsignal.cohort.records import CaseAnswer, CaseState, CaseTask, StudySource
from marrowsignal.cohort.runner import BatchOutcome, RunSetup, StopRequest, run_batch
from marrowsignal.cohort.watched_process import CaseLimits
from marrowsignal.errors import OutputError

DONE = CaseAnswer(state=CaseState.DONE)
REFUSED = CaseAnswer(state=CaseState.REFUSED, stage="select_pair", code="no_usable_pair", reason="no STIR")
FAILED = CaseAnswer(state=CaseState.FAILED, stage="read_volume", code="bad", reason="bad")
DIED = CaseAnswer(state=CaseState.FAILED, stage="analyze", code="process_died", reason="it was killed")
FULL = CaseAnswer(
    state=CaseState.FAILED, stage="write_case", code="output_not_writable", reason="full", output_failed=True
)
WAIT_S = 20.0


def sources(number: int) -> list[StudySource]:
    return [StudySource(key=f"{place:012x}", paths=("/somewhere",), signature="s") for place in range(number)]


class Direct(Executor):
    """Runs each study when it is submitted, and keeps the answers until they are taken."""

    def submit(self, call: Callable[..., Any], /, *arguments: Any, **named: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(call(*arguments, **named))
        except Exception as error:  # noqa: BLE001
            future.set_exception(error)
        return future


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(tmp_path) as opened:
        yield opened


def go(
    ledger: Ledger,
    studies: list[StudySource],
    analyze: Callable[[CaseTask, CaseLimits], CaseAnswer],
    *,
    executor: Executor | None = None,
    window: int = 3,
    stop: StopRequest | None = None,
    stop_now: Callable[[], None] = lambda: None,
    on_end: Callable[[CaseTask, CaseAnswer], None] = lambda _task, _answer: None,
) -> BatchOutcome:
    plan = ledger.enqueue(studies, settings_sha256="settings")
    setup = RunSetup(window=lambda: window, limits=CaseLimits(), analyze=analyze, stop_now=stop_now)
    tasks = (CaseTask(source=source, out="/nowhere") for source in plan.to_do)
    return run_batch(tasks, ledger, executor or Direct(), setup=setup, stop=stop or StopRequest(), on_end=on_end)


def rows(ledger: Ledger) -> dict[str, LedgerRow]:
    return {row.key: row for row in ledger.rows()}


@settings(max_examples=40)
@given(answers=st.lists(st.sampled_from([DONE, REFUSED, FAILED]), max_size=12), window=st.integers(1, 5))
def test_each_study_ends_once_with_its_own_answer(answers: list[CaseAnswer], window: int) -> None:
    studies = sources(len(answers))
    expected = dict(zip((one.key for one in studies), answers, strict=True))
    begun: Counter[str] = Counter()

    def analyze(task: CaseTask, _limits: CaseLimits) -> CaseAnswer:
        begun[task.source.key] += 1
        return expected[task.source.key]

    with tempfile.TemporaryDirectory() as folder, Ledger.open(Path(folder)) as ledger:
        outcome = go(ledger, studies, analyze, window=window)
        assert {key: row.state for key, row in rows(ledger).items()} == {k: a.state for k, a in expected.items()}
    states = Counter(answer.state for answer in answers)
    assert (outcome.done, outcome.failed, outcome.refused) == tuple(
        states[state] for state in (CaseState.DONE, CaseState.FAILED, CaseState.REFUSED)
    )
    assert begun == dict.fromkeys(expected, 1)


@pytest.mark.parametrize("window", [1, 4, 50])
def test_no_more_studies_than_the_window_are_with_the_executor(ledger: Ledger, window: int) -> None:
    begun, ended, most = 0, 0, 0

    def analyze(_task: CaseTask, _limits: CaseLimits) -> CaseAnswer:
        nonlocal begun, most
        begun += 1
        most = max(most, begun - ended)
        return DONE

    def end(_task: CaseTask, _answer: CaseAnswer) -> None:
        nonlocal ended
        ended += 1

    assert go(ledger, sources(24), analyze, window=window, on_end=end).done == 24
    assert most == min(window, 24)


def test_as_many_studies_as_the_window_run_at_once(ledger: Ledger) -> None:
    together = threading.Barrier(4)

    def analyze(_task: CaseTask, _limits: CaseLimits) -> CaseAnswer:
        together.wait(WAIT_S)
        return DONE

    with ThreadPoolExecutor(4) as threads:
        assert go(ledger, sources(12), analyze, executor=threads, window=4).done == 12


def test_a_study_that_is_known_to_be_unreadable_never_reaches_the_executor(ledger: Ledger) -> None:
    bad = sources(1)[0].model_copy(update={"problem": "it cannot be read"})
    outcome = go(ledger, [bad], lambda _task, _limits: DONE)
    row = rows(ledger)[bad.key]
    assert (outcome.done, outcome.failed) == (0, 1)
    assert (row.state, row.code, row.reason) == (CaseState.FAILED, "input_unreadable", "it cannot be read")


def test_a_study_whose_worker_was_lost_is_given_to_another(ledger: Ledger) -> None:
    lost: Counter[str] = Counter()
    deadly = sources(3)[1].key

    def analyze(task: CaseTask, _limits: CaseLimits) -> CaseAnswer:
        lost[task.source.key] += 1
        if task.source.key == deadly or lost[task.source.key] == 1:
            raise BrokenExecutor
        return DONE

    outcome = go(ledger, sources(3), analyze)
    assert (outcome.done, outcome.failed, outcome.problem) == (2, 1, None)
    row = rows(ledger)[deadly]
    assert (row.state, row.code, row.attempts) == (CaseState.FAILED, "worker_lost", 3)
    assert "BrokenExecutor" in row.reason


def test_where_no_worker_takes_a_study_the_run_ends_and_all_wait(ledger: Ledger) -> None:
    threads = ThreadPoolExecutor(1)
    threads.shutdown()
    outcome = go(ledger, sources(3), lambda _task, _limits: DONE, executor=threads)
    assert outcome.problem is not None and outcome.problem.code == "workers_gone"
    assert ledger.counts() == LedgerCounts(queued=3)


def test_an_output_that_cannot_be_written_ends_the_run_and_blames_no_study(ledger: Ledger) -> None:
    answers = iter((DONE, FULL, FULL, DONE, DONE))
    outcome = go(ledger, sources(5), lambda _task, _limits: next(answers), window=1)
    assert isinstance(outcome.problem, OutputError) and outcome.problem.exit_code == 6
    assert (outcome.done, outcome.failed) == (1, 0)
    assert ledger.counts() == LedgerCounts(done=1, queued=4)


def test_a_ledger_that_cannot_be_written_ends_the_run(tmp_path: Path) -> None:
    class Full(Ledger):
        """Of which the disk is full at the second study."""

        def start(self, key: str) -> None:
            if key == sources(2)[1].key:
                raise OutputError("the disk is full", code="ledger_not_writable", stage="ledger")
            super().start(key)

    with Full.open(tmp_path) as ledger:
        outcome = go(ledger, sources(4), lambda _task, _limits: DONE, window=2)
        assert outcome.problem is not None and outcome.problem.code == "ledger_not_writable"
        assert ledger.counts() == LedgerCounts(done=1, queued=3)


def test_asked_once_running_studies_are_finished_and_nothing_is_begun(ledger: Ledger) -> None:
    stop, both = StopRequest(), threading.Barrier(2)

    def analyze(_task: CaseTask, _limits: CaseLimits) -> CaseAnswer:
        both.wait(WAIT_S)
        stop.times = 1
        return DONE

    with ThreadPoolExecutor(2) as threads:
        outcome = go(ledger, sources(6), analyze, executor=threads, window=2, stop=stop)
    assert outcome.done == 2 and ledger.counts() == LedgerCounts(done=2, queued=4)


def test_asked_twice_running_studies_are_stopped_and_wait(ledger: Ledger) -> None:
    stop, stopped = StopRequest(), threading.Event()

    def analyze(_task: CaseTask, _limits: CaseLimits) -> CaseAnswer:
        stop.times = 2
        assert stopped.wait(WAIT_S)
        return DIED

    with ThreadPoolExecutor(2) as threads:
        outcome = go(ledger, sources(6), analyze, executor=threads, window=4, stop=stop, stop_now=stopped.set)
    assert (outcome.done, outcome.failed) == (0, 0)
    assert ledger.counts() == LedgerCounts(queued=6)


def test_a_process_that_dies_by_itself_is_a_failure(ledger: Ledger) -> None:
    assert go(ledger, sources(1), lambda _task, _limits: DIED).failed == 1
