"""A run on dask workers: workers are killed, differ or see nothing, the scheduler goes, the user ends it."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from marrowsignal.cohort import cluster_admission, cluster_client
from marrowsignal.cohort.cluster import ClusterPlace, run_on_cluster
from marrowsignal.cohort.ledger import Ledger, LedgerCounts
from marrowsignal.cohort.records import CaseAnswer, CaseState, CaseTask, StudySource
from marrowsignal.cohort.runner import BatchOutcome, StopRequest, run_here
from marrowsignal.cohort.watched_process import CaseLimits
from marrowsignal.errors import UsageError
from tests.cohort.far_cases import HOLD, noted, write_folder
from tests.cohort.small_studies import write_study
from tests.dicom.dicom_builder import uid

distributed = pytest.importorskip("distributed", reason="the extra [cluster] is not installed")

WAIT_S = 60.0
STUDIES = [StudySource(key=f"{place:012x}", paths=("/a/patient",), signature="s") for place in range(12)]
SECRET = "/a/patient"


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(tmp_path) as opened:
        yield opened


@pytest.fixture(scope="module")
def workers() -> Iterator[Any]:
    """Two workers with a scheduler, as a site has them."""
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None, host="127.0.0.1", memory_limit=None
    ) as local:
        yield local


def go(
    out: Path,
    ledger: Ledger,
    *,
    stop: StopRequest | None = None,
    on_end: Callable[[CaseTask, CaseAnswer], None] = lambda _task, _answer: None,
    **place: Any,
) -> BatchOutcome:
    plan = ledger.enqueue(STUDIES, settings_sha256="settings")
    tasks = (CaseTask(source=source, out=str(out)) for source in plan.to_do)
    chosen = ClusterPlace(**{"out": out, "inputs": (out,), "analyze": write_folder} | place)
    return run_on_cluster(tasks, ledger, place=chosen, limits=CaseLimits(), stop=stop or StopRequest(), on_end=on_end)


def until(true: Callable[[], object]) -> None:
    last = time.monotonic() + WAIT_S
    while not true():
        assert time.monotonic() < last
        threading.Event().wait(0.01)


def meanwhile(act: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=act)
    thread.start()
    return thread


def test_a_worker_is_killed_and_each_study_is_done_once(tmp_path: Path, ledger: Ledger) -> None:
    victim = STUDIES[3].key
    hold = tmp_path / f"{HOLD}-{victim}"
    hold.touch()

    answered: set[str] = set()

    def kill() -> None:
        until(lambda: victim in dict(noted(tmp_path, "begun")))
        process = dict(noted(tmp_path, "begun"))[victim]
        # What it had written and not yet answered would be written again.
        until(lambda: {key for key, by in noted(tmp_path, "ended") if by == process} <= answered)
        os.kill(process, signal.SIGKILL)
        hold.unlink()

    left = tmp_path / f".{victim}.abcdefgh.partial"
    left.mkdir()
    killer = meanwhile(kill)
    outcome = go(tmp_path, ledger, on_end=lambda task, _answer: answered.add(task.source.key), local_workers=2)
    killer.join(WAIT_S)
    assert (outcome.done, outcome.failed, outcome.problem) == (len(STUDIES), 0, None)
    assert Counter(key for key, _ in noted(tmp_path, "ended")) == {one.key: 1 for one in STUDIES}
    begun = Counter(key for key, _ in noted(tmp_path, "begun"))
    assert begun == {one.key: 1 + (one.key == victim) for one in STUDIES}
    row = ledger.row(victim)
    assert row is not None and (row.state, row.attempts) == (CaseState.DONE, 2)
    assert not left.exists(), "what the lost worker had half written"
    assert os.getpid() not in dict(noted(tmp_path, "ended")).values()


def test_workers_give_the_same_bytes_as_this_machine(tmp_path: Path, workers: Any) -> None:
    studies = [write_study(tmp_path / "in" / name, name) for name in ("one", "two")]
    sources = [
        StudySource(key=f"{place:012x}", paths=(str(study),), study_instance_uid=str(uid(study.name)), signature="s")
        for place, study in enumerate(studies)
    ]
    outs = tmp_path / "far", tmp_path / "here"
    for out in outs:
        with Ledger.open(out) as ledger:
            plan = ledger.enqueue(sources, settings_sha256="settings")
            tasks = (CaseTask(source=source, out=str(out), dicom=False) for source in plan.to_do)
            if out.name == "far":
                place = ClusterPlace(out=out, inputs=tuple(studies), scheduler=workers.scheduler_address)
                done = run_on_cluster(tasks, ledger, place=place, limits=CaseLimits(), stop=StopRequest())
            else:
                done = run_here(tasks, ledger, jobs=1, limits=CaseLimits(), stop=StopRequest())
            assert (done.done, done.failed) == (2, 0)
    far, here = (written(out) for out in outs)
    assert far == here and len(far) > 20
    # The cluster lives on without them.
    until(lambda: not [child for child in processes_of(workers) if "case_process" in child])


def written(out: Path) -> dict[str, bytes]:
    """Return all files of all cases but the page, and of the result all but when it was made."""
    files = {str(file.relative_to(out)): file.read_bytes() for file in sorted(out.glob("*/**/*")) if file.is_file()}
    for name in [name for name in files if name.endswith("result.json")]:
        files[name] = json.dumps({**json.loads(files[name]), "run": None}).encode()
    return {name: content for name, content in files.items() if not name.endswith("report.html")}


def processes_of(workers: Any) -> list[str]:
    with distributed.Client(workers.scheduler_address, set_as_default=False) as client:
        return [line for lines in client.run(children).values() for line in lines]


def children() -> list[str]:
    return [" ".join(child.cmdline()) for child in psutil.Process().children() if child.status() != "zombie"]


def test_asked_once_what_runs_is_finished_and_what_waits_is_not_begun(
    tmp_path: Path, ledger: Ledger, workers: Any
) -> None:
    stop = StopRequest()
    for study in STUDIES:
        (tmp_path / f"{HOLD}-{study.key}").touch()

    def ask() -> None:
        until(lambda: len(noted(tmp_path, "begun")) == 2)
        stop.ask()
        # The gates of the workers are closed; then both studies may end.
        until(lambda: all(closed(workers)))
        for study in STUDIES:
            (tmp_path / f"{HOLD}-{study.key}").unlink()

    asker = meanwhile(ask)
    outcome = go(tmp_path, ledger, stop=stop, scheduler=workers.scheduler_address)
    asker.join(WAIT_S)
    assert (outcome.done, outcome.problem) == (2, None)
    assert len(noted(tmp_path, "begun")) == len(noted(tmp_path, "ended")) == 2
    assert ledger.counts() == LedgerCounts(done=2, queued=len(STUDIES) - 2)

    again = go(tmp_path, ledger, scheduler=workers.scheduler_address)
    assert (again.done, len(noted(tmp_path, "ended"))) == (len(STUDIES) - 2, len(STUDIES))


def closed(workers: Any) -> list[bool]:
    with distributed.Client(workers.scheduler_address, set_as_default=False) as client:
        return list(client.run(gates_closed).values())


def gates_closed() -> bool:
    from marrowsignal.cohort.cluster_worker import _gates

    return any(gate.closed and gate.inside for gate in _gates.values())


def test_workers_of_another_version_get_no_study(
    tmp_path: Path, ledger: Ledger, workers: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster_admission, "__version__", "99.0")
    with pytest.raises(UsageError, match=r"another marrowsignal \(version .* where this is 99\.0\)"):
        go(tmp_path, ledger, scheduler=workers.scheduler_address)
    assert noted(tmp_path, "begun") == []


def test_workers_that_do_not_see_the_studies_get_none(tmp_path: Path, ledger: Ledger, workers: Any) -> None:
    with pytest.raises(UsageError, match="2 of 2 workers do not see the studies") as told:
        go(tmp_path, ledger, scheduler=workers.scheduler_address, inputs=(tmp_path / "nowhere",))
    assert (told.value.code, str(tmp_path) in str(told.value)) == ("folder_not_shared", False)
    assert [file.name for file in tmp_path.glob(".marrowsignal-cluster-*")] == []


def test_a_scheduler_that_goes_ends_the_run_and_blames_no_study(
    tmp_path: Path, ledger: Ledger, workers: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster_client, "_CONNECT_WITHIN_S", 1.0)
    for study in STUDIES:
        (tmp_path / f"{HOLD}-{study.key}").touch()

    def end() -> None:
        until(lambda: noted(tmp_path, "begun"))
        workers.close()

    ender = meanwhile(end)
    outcome = go(tmp_path, ledger, scheduler=workers.scheduler_address)
    ender.join(WAIT_S)
    assert outcome.problem is not None and (outcome.problem.code, outcome.problem.exit_code) == ("workers_gone", 8)
    assert (outcome.failed, ledger.counts()) == (0, LedgerCounts(queued=len(STUDIES)))


def test_a_record_in_a_log_of_a_worker_tells_no_path_and_no_uid() -> None:
    task = CaseTask(source=STUDIES[0].model_copy(update={"study_instance_uid": "1.2.3"}), out=SECRET)
    said = repr(task) + str(task)
    assert STUDIES[0].key in said and SECRET not in said and "1.2.3" not in said
    assert "refused" in repr(CaseAnswer(state=CaseState.REFUSED))


def test_without_dask_it_is_said_how_to_install_it(
    tmp_path: Path, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(UsageError, match=r'pip install "marrowsignal\[cluster\]"'):
        go(tmp_path, ledger)


def test_an_address_where_no_scheduler_is_is_a_usage_error(
    tmp_path: Path, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster_client, "_CONNECT_WITHIN_S", 0.5)
    with pytest.raises(UsageError, match="the scheduler does not answer"):
        go(tmp_path, ledger, scheduler="tcp://127.0.0.1:9")
