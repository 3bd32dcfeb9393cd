"""A run over many studies on the workers of a dask cluster, of this machine or of many."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from marrowsignal import __version__
from marrowsignal.cohort import cluster_worker
from marrowsignal.cohort.cluster_admission import Admission
from marrowsignal.cohort.cluster_client import check_cluster_extra, cluster_client
from marrowsignal.cohort.leftovers import remove_leftovers
from marrowsignal.cohort.records import CaseAnswer, CaseTask
from marrowsignal.cohort.runner import BatchOutcome, RunLedger, RunSetup, StopRequest, run_batch
from marrowsignal.cohort.watched_process import CaseLimits, run_case
from marrowsignal.errors import MarrowSignalError, SomeStudiesFailedError

if TYPE_CHECKING:
    from distributed import Client

__all__ = ["ClusterPlace", "run_on_cluster"]

_STAGE = "batch"
# A worker has its next study at hand when it ends one, and an adaptive cluster sees that more is to be done.
_STUDIES_OF_THREAD = 2
_LOOK_EACH_S = 2.0
_WAIT_EACH_S = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterPlace:
    """Which cluster, and what its workers must see.

    Attributes
    ----------
    out : Path
        Folder of the cases.
    inputs : tuple of Path
        What studies are read from.
    scheduler : str or None
        Address of a running scheduler, such as ``"tcp://node7:8786"``, or the JSON file that it wrote.
    local_workers : int
        Without a scheduler: how many worker processes are started on this machine.
    analyze : callable
        Importable function that answers a task in a worker.
    tell : callable
        Given lines about the workers, for people.
    """

    out: Path
    inputs: tuple[Path, ...]
    scheduler: str | None = None
    local_workers: int = 1
    analyze: Callable[[CaseTask, CaseLimits], CaseAnswer] = run_case
    tell: Callable[[str], None] = lambda _line: None


def run_on_cluster(
    tasks: Iterable[CaseTask],
    ledger: RunLedger,
    *,
    place: ClusterPlace,
    limits: CaseLimits,
    stop: StopRequest,
    on_end: Callable[[CaseTask, CaseAnswer], None] = lambda _task, _answer: None,
) -> BatchOutcome:
    """Run studies on the workers of a cluster, each thread of a worker with a process for its studies.

    Workers may come and go. A study whose worker was lost is given to another one; when three were lost with it, it
    failed.

    Parameters
    ----------
    tasks, ledger, stop, on_end
        As `run_batch` takes them.
    place : ClusterPlace
        Which cluster.
    limits : CaseLimits
        What each study may take.

    Returns
    -------
    BatchOutcome
        As of `run_batch`.

    Raises
    ------
    UsageError
        If dask.distributed is missing, the scheduler does not answer, or a worker has no marrowsignal, another version
        of it, or does not see the folders of the run.
    OutputError
        If a worker cannot write the output folder.
    """
    check_cluster_extra()
    begun: list[str] = []

    def counted() -> Iterator[CaseTask]:
        for task in tasks:
            begun.append(task.source.case or task.source.key)
            yield task

    with cluster_client(place.scheduler, local_workers=place.local_workers) as client:
        workers = _Workers(client, place)
        if not workers.wait(stop):
            return BatchOutcome()
        try:
            setup = workers.setup(limits)
            return run_batch(counted(), ledger, workers.executor(), setup=setup, stop=stop, on_end=on_end)
        finally:
            workers.release()
            # A worker that was lost had no time for it.
            remove_leftovers(place.out, begun)


class _Workers:
    """The workers of a cluster as a run sees them: each is looked at before it counts."""

    def __init__(self, client: Client, place: ClusterPlace) -> None:
        self._client = client
        self._place = place
        self._out = str(place.out.absolute())
        self._run = secrets.token_hex(8)
        self._threads: dict[str, int] = {}
        self._closed: set[str] = set()
        self._admission = Admission(client=client, out=place.out, inputs=place.inputs, tell=place.tell)
        self._looked_at = float("-inf")

    def wait(self, stop: StopRequest) -> bool:
        """Wait for the first worker, however long a queue of jobs takes; False where the run is ended before."""
        told = False
        while not stop.times:
            self.look()
            if self._threads:
                self._place.tell(
                    f"cluster: {len(self._threads)} workers, {sum(self._threads.values())} studies at once"
                )
                return True
            if not told:
                self._place.tell("cluster: waiting for its first worker")
            told = True
            time.sleep(_WAIT_EACH_S)
        return False

    def executor(self) -> Any:
        """Return the executor of the cluster; each study is a task of its own, also one that is tried again."""
        return self._client.get_executor(pure=False)

    def setup(self, limits: CaseLimits) -> RunSetup:
        """Return how studies are run."""
        analyze = partial(cluster_worker.analyze_far, run=self._run, version=__version__, analyze=self._place.analyze)
        return RunSetup(
            window=self._window,
            limits=limits,
            analyze=analyze,
            stop_now=self._stop_now,
            end_waiting=self._end_waiting,
            check=self.look,
        )

    def look(self) -> None:
        """See which workers there are, and look at new ones.

        Raises
        ------
        SomeStudiesFailedError
            If the scheduler is gone.
        UsageError, OutputError
            If a new worker cannot serve.
        """
        try:
            threads = dict(self._client.nthreads())
            new = [worker for worker in threads if worker not in self._threads]
            if new:
                self._admission.admit(new)
        except MarrowSignalError:
            raise
        except Exception as error:
            raise _scheduler_gone(error) from error
        self._threads = threads
        self._looked_at = time.monotonic()

    def release(self) -> None:
        """Give back what idle processes of the run hold, where the cluster lives on."""
        self._on_workers(cluster_worker.stop_running, self._run, self._out)

    def _window(self) -> int:
        if time.monotonic() - self._looked_at >= _LOOK_EACH_S:
            self.look()
        return _STUDIES_OF_THREAD * sum(self._threads.values())

    def _end_waiting(self) -> None:
        if time.monotonic() - self._looked_at >= _LOOK_EACH_S:
            with suppress(MarrowSignalError):
                self.look()
        new = [worker for worker in self._threads if worker not in self._closed]
        if new:
            self._on_workers(cluster_worker.end_waiting, self._run, workers=new)
            self._closed.update(new)

    def _stop_now(self) -> None:
        self._on_workers(cluster_worker.stop_running, self._run, self._out)

    def _on_workers(self, act: Callable[..., Any], *arguments: str, workers: list[str] | None = None) -> None:
        """Ask all workers for something; those that are gone need not do it."""
        with suppress(Exception):
            self._client.run(act, *arguments, workers=workers, on_error="ignore")


def _scheduler_gone(error: Exception) -> SomeStudiesFailedError:
    return SomeStudiesFailedError(
        f"the scheduler of the cluster is gone ({type(error).__name__})",
        code="workers_gone",
        stage=_STAGE,
        hint="look after the cluster, then run again: what is done is kept",
    )
