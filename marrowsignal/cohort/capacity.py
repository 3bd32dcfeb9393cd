"""How many studies this machine can analyze at once."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import psutil

from marrowsignal.threads import usable_cores

__all__ = ["default_jobs"]

# Memory that a container or a job of a scheduler may use, where it is less than the machine's (cgroup v2).
_GROUP = Path("/sys/fs/cgroup")


def default_jobs(memory_bytes: int | None) -> int:
    """Return the number of cores this process may use, bounded by the memory that is free for its studies.

    Parameters
    ----------
    memory_bytes : int or None
        Budget of one study.
    """
    cores = usable_cores()
    if memory_bytes is None:
        return cores
    free = min(psutil.virtual_memory().available, _free_of_group())
    return max(1, min(cores, int(free // memory_bytes)))


def _free_of_group() -> float:
    with suppress(OSError, ValueError):
        most = int((_GROUP / "memory.max").read_text(encoding="ascii"))
        return most - int((_GROUP / "memory.current").read_text(encoding="ascii"))
    return float("inf")
