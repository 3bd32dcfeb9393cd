"""The panel's people in as many processes as asked for: ``CACHE [--people 0,3] [--workers N]``."""

from __future__ import annotations

import argparse
import multiprocessing
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import TypeVar

from panel_people import PEOPLE

__all__ = ["for_people"]

Row = TypeVar("Row")


def for_people(measure: Callable[[int, Path], Iterable[Row]], *, about: str | None) -> list[Row]:
    """Read the command line, measure every person asked for, and gather the rows in the people's order.

    Parameters
    ----------
    measure : callable
        Takes a person's number and the folder of renderings, gives the person's rows; a function of a module, since
        processes pass it on by name.
    about : str or None
        What ``--help`` says.
    """
    options = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("cache", type=Path, help="folder of renderings, filled when missing")
    options.add_argument("--people", default="all", help="numbers, say 0,3,21; all 30 by default")
    options.add_argument("--workers", type=int, default=1, help="processes")
    chosen = options.parse_args()
    every = [person.number for person in PEOPLE]
    numbers = every if chosen.people == "all" else [int(word) for word in chosen.people.split(",")]
    rows: list[Row] = []
    # a fresh interpreter each, so that a library's threads are not copied in the middle of their work
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(chosen.workers, mp_context=context, max_tasks_per_child=1) as pool:
        for number, found in zip(numbers, pool.map(partial(_listed, measure, chosen.cache), numbers), strict=True):
            rows += found
            sys.stderr.write(f"{number} ")
            sys.stderr.flush()
    sys.stderr.write("\n")
    return rows


def _listed(measure: Callable[[int, Path], Iterable[Row]], cache: Path, number: int) -> list[Row]:
    return list(measure(number, cache))
