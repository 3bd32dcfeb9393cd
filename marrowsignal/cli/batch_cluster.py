"""A run over many studies on a cluster, as a user asks for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from marrowsignal.cli.terminal import say

if TYPE_CHECKING:
    from marrowsignal.cohort.ledger_plan import PlannedStudy
    from marrowsignal.cohort.runner import BatchOutcome

__all__ = ["ClusterChoice", "cluster_run"]

_STUDIES_LOOKED_AT = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterChoice:
    """A cluster that a user asked for.

    Attributes
    ----------
    scheduler : str or None
        Address of its scheduler, or the file that this wrote; None for a cluster on this machine.
    local_workers : int
        Workers of that one.
    """

    scheduler: str | None
    local_workers: int


def cluster_run(
    cluster: ClusterChoice, out: Path, to_do: Sequence[PlannedStudy], *, quiet: bool
) -> Callable[..., BatchOutcome]:
    """Return what runs studies on a cluster, called as `run_here` but for its jobs.

    Parameters
    ----------
    cluster : ClusterChoice
        Which one.
    out : Path
        Folder of the cases.
    to_do : sequence of PlannedStudy
        The studies.
    quiet : bool
        Whether nothing is told of the workers.
    """
    # Late: dask is an extra.
    from marrowsignal.cohort.cluster import ClusterPlace, run_on_cluster

    def tell(line: str) -> None:
        if not quiet:
            say(line, err=True)

    place = ClusterPlace(
        out=out,
        inputs=_some_places(to_do),
        scheduler=cluster.scheduler,
        local_workers=min(cluster.local_workers, len(to_do)),
        tell=tell,
    )
    return partial(run_on_cluster, place=place)


def _some_places(to_do: Sequence[PlannedStudy]) -> tuple[Path, ...]:
    """Return where some studies lie, evenly taken: a worker that sees those sees all file systems of a run."""
    readable = [study.source for study in to_do if study.source.problem is None]
    step = max(1, len(readable) // _STUDIES_LOOKED_AT)
    return tuple(sorted({Path(path) for source in readable[::step] for path in source.paths}))
