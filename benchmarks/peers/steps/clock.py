"""Time a step in this process and tell it; standard library only, since every peer's environment runs it."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

__all__ = ["figure", "repeated", "tell"]

Outcome = TypeVar("Outcome")


def repeated(work: Callable[[], Outcome], *, repeats: int, warm: bool = True) -> tuple[Outcome, dict[str, list[float]]]:
    """Do the work several times and time it, after once untimed where `warm`.

    Returns
    -------
    tuple of object and dict
        The last outcome; ``wall_s`` and ``cpu_s`` of each repeat, all threads and ended children counted.
    """
    times: dict[str, list[float]] = {"wall_s": [], "cpu_s": []}
    if warm:
        work()
    for _ in range(repeats):
        start, busy = time.perf_counter(), _cpu_s()
        outcome = work()
        times["wall_s"].append(time.perf_counter() - start)
        times["cpu_s"].append(_cpu_s() - busy)
    return outcome, times


def _cpu_s() -> float:
    used = os.times()
    return time.process_time() + used.children_user + used.children_system


def figure(name: str, value: float, unit: str) -> dict[str, str | float]:
    """One figure of quality, as `tell` takes it."""
    return {"name": name, "value": float(value), "unit": unit}


def tell(times: dict[str, list[float]], quality: Sequence[dict[str, str | float]] = ()) -> None:
    """Print times and quality on one line for the process that measures."""
    sys.stdout.write("\n" + json.dumps({**times, "quality": list(quality)}) + "\n")
