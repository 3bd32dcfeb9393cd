"""The connection to a dask cluster, of this machine or of many."""

from __future__ import annotations

import importlib.util
import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from marrowsignal.cohort import cluster_worker
from marrowsignal.errors import UsageError

if TYPE_CHECKING:
    from distributed import Client

__all__ = ["check_cluster_extra", "cluster_client"]

_STAGE = "batch"
_CONNECT_WITHIN_S = 30.0
_LOOPBACK = "127.0.0.1"
_FILE = ".json"


def check_cluster_extra() -> None:
    """Refuse a cluster where dask.distributed is not installed.

    Raises
    ------
    UsageError
        Saying how to install it.
    """
    if importlib.util.find_spec("distributed") is None:
        raise UsageError(
            "a cluster needs dask.distributed, which is not installed",
            code="cluster_extra_missing",
            stage=_STAGE,
            hint='install it here and on the workers: pip install "marrowsignal[cluster]"',
        )


@contextmanager
def cluster_client(scheduler: str | None, *, local_workers: int) -> Iterator[Client]:
    """Connect to a cluster, or to one on this machine that ends with the connection.

    Parameters
    ----------
    scheduler : str or None
        Address of its scheduler, or the JSON file that this wrote; None for one on this machine.
    local_workers : int
        Worker processes of that one.

    Raises
    ------
    UsageError
        If the scheduler does not answer.
    """
    from distributed import Client  # noqa: PLC0415 - heavy, and an extra

    with ExitStack() as stack:
        # What it has to say goes through errors of ours.
        for name in ("distributed", "distributed.client"):
            stack.enter_context(_silent(name))
        if scheduler is None:
            given = {"address": stack.enter_context(_local_cluster(local_workers))}
        else:
            given = {"scheduler_file" if scheduler.endswith(_FILE) else "address": scheduler}
        try:
            client = Client(**given, timeout=_CONNECT_WITHIN_S, set_as_default=False)
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise _no_scheduler(error) from error
        yield stack.enter_context(client)


@contextmanager
def _local_cluster(workers: int) -> Iterator[Any]:
    """Start a scheduler and workers that nobody but this machine can reach, without a page or a profile of them."""
    import dask  # noqa: PLC0415
    from distributed import LocalCluster  # noqa: PLC0415

    settings = {
        # A study whose worker was lost comes back to the ledger, which counts its attempts.
        "distributed.scheduler.allowed-failures": 0,
        "distributed.scheduler.http.routes": [],
        "distributed.worker.http.routes": [],
        "distributed.worker.profile.enabled": False,
    }
    with (
        dask.config.set(settings),
        TemporaryDirectory(prefix="marrowsignal-dask-", ignore_cleanup_errors=True) as scratch,
        LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            processes=True,
            # Each study is watched by its own limit.
            memory_limit=None,
            host=_LOOPBACK,
            dashboard_address=None,
            # Without one there is a server still, on a port that another one may have.
            scheduler_kwargs={"dashboard_address": f"{_LOOPBACK}:0"},
            local_directory=scratch,
            silence_logs=logging.CRITICAL,
            preload=cluster_worker.__name__,
        ) as cluster,
    ):
        yield cluster


@contextmanager
def _silent(name: str) -> Iterator[None]:
    logger = logging.getLogger(name)
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(before)


def _no_scheduler(error: Exception) -> UsageError:
    return UsageError(
        f"the scheduler does not answer ({type(error).__name__})",
        code="scheduler_unreachable",
        stage=_STAGE,
        hint="give its address, such as tcp://node7:8786 or tls://node7:8786, or the JSON file that it wrote",
    )
