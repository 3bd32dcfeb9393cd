"""Progress on stderr: a bar on a terminal, plain lines elsewhere, nothing when quiet."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import typer

__all__ = ["INSTEAD", "STEPS", "step_progress"]

STEPS = (
    ("find_series", "Reading headers"),
    ("select_pair", "Choosing T1 and STIR"),
    ("read_volume", "Reading images"),
    ("align_pair", "Aligning STIR with T1"),
    ("mark_metal", "Looking for metal"),
    ("correct_bias", "Removing coil shading"),
    ("read_chemical_shift", "Looking for Dixon series"),
    ("segment_marrow", "Finding marrow"),
    ("label_regions", "Naming regions"),
    ("find_references", "Measuring muscle and fat"),
    ("measure_signals", "Measuring marrow"),
    ("check_quality", "Checking quality"),
    ("classify", "Weighing evidence"),
    ("render_report", "Drawing the report"),
    ("write_case", "Writing the case folder"),
)

# One step in place of several: what a corrected mask of a finished case needs no more.
INSTEAD = {"take_over_pair": "correct_bias"}


def _count(step: str) -> int:
    """How many of `STEPS` are done when this one is."""
    return 1 + [name for name, _words in STEPS].index(INSTEAD.get(step, step))


@contextmanager
def step_progress(*, quiet: bool, before: int = 0) -> Iterator[Callable[[str], None]]:
    """Give a function that is called with each step's name when the step is done.

    Parameters
    ----------
    quiet : bool
        Whether nothing is shown.
    before : int
        How many of `STEPS` are done already.
    """
    if quiet:
        yield lambda _step: None
    elif sys.stderr.isatty():
        with _bar(before) as done:
            yield done
    else:
        yield _plain_lines()


def _plain_lines() -> Callable[[str], None]:
    started = last = time.perf_counter()

    def done(step: str) -> None:
        nonlocal last
        now = time.perf_counter()
        seconds, total = now - last, now - started
        typer.echo(f"[{_count(step)}/{len(STEPS)}] {step} done in {seconds:.1f} s, {total:.1f} s in all", err=True)
        last = now

    return done


@contextmanager
def _bar(before: int) -> Iterator[Callable[[str], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description:<26}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    words = [text for _step, text in STEPS]
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(words[before], total=len(STEPS), completed=before)

        def done(step: str) -> None:
            count = _count(step)
            progress.update(task, completed=count, description=words[min(count, len(words) - 1)])

        yield done
