"""How many threads libraries and our own pools may start: one rule for one study and for many at once."""

from __future__ import annotations

import os
import sys
from contextlib import suppress

__all__ = ["environment_of_programs", "library_threads", "one_thread_for_algebra", "pool_threads", "usable_cores"]

# What a process of a run over many studies is told.
_OWN_VARIABLE = "MARROWSIGNAL_THREADS"
# Threads of these wait by spinning: beside other work they take cores from it and give back nothing.
_ALGEBRA_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
_VARIABLES = (*_ALGEBRA_VARIABLES, "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS", _OWN_VARIABLE)
_MOST_THREADS = 4
_not_the_users: set[str] = set()


def library_threads(threads: int) -> dict[str, str]:
    """Return the environment variables that hold a new process, libraries and our own pools, to so many threads.

    Parameters
    ----------
    threads : int
        At least 1.
    """
    return dict.fromkeys(_VARIABLES, str(threads))


def one_thread_for_algebra() -> None:
    """Keep libraries of linear algebra in this process to one thread, where its user says nothing else.

    They read it when they are loaded: once NumPy is there, nothing is changed.
    """
    if "numpy" in sys.modules:
        return
    ours = [name for name in _ALGEBRA_VARIABLES if name not in os.environ]
    os.environ.update(dict.fromkeys(ours, "1"))
    _not_the_users.update(ours)


def environment_of_programs() -> dict[str, str]:
    """Return the environment for a program that works while we wait: without what holds ourselves to one thread."""
    return {name: value for name, value in os.environ.items() if name not in _not_the_users}


def pool_threads() -> int:
    """Return how many threads a pool of this process may have: what it was told, else one a core and at most four."""
    with suppress(ValueError):
        told = int(os.environ.get(_OWN_VARIABLE, ""))
        if told > 0:
            return told
    return min(_MOST_THREADS, usable_cores())


def usable_cores() -> int:
    """Return the number of cores this process may run on."""
    with suppress(AttributeError):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
