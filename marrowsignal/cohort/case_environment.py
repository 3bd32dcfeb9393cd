"""Threads and memory of a process that analyzes study after study."""

from __future__ import annotations

import ctypes
import os
from contextlib import suppress

from marrowsignal.threads import library_threads

__all__ = ["case_environment", "give_memory_back"]

# glibc keeps what was freed, in an area for each thread: with one area for all, the next study finds it again.
_MEMORY = {"MALLOC_ARENA_MAX": "1"}
_GLIBC = "libc.so.6"


def case_environment(threads: int) -> dict[str, str]:
    """Return this process's environment, with what the new one shall know of its threads and memory.

    Parameters
    ----------
    threads : int
        For libraries and for our own pools, at least 1. What the user's environment says of memory counts, of threads
        it does not: many studies run at once.
    """
    return {**_MEMORY, **os.environ, **library_threads(threads)}


def give_memory_back() -> None:
    """Give what an ended study left to the system; where the allocator is not glibc's, nothing happens."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(_GLIBC).malloc_trim(0)
