"""``marrowsignal batch`` over small phantom studies with two workers and with one."""

from __future__ import annotations

import sys

from .measured import Comparison, Way
from .setting import Setting

__all__ = ["comparisons"]

_STUDIES = 16


def comparisons(setting: Setting) -> tuple[Comparison, ...]:
    """Try small studies that are all alike in size."""
    count = 2 if setting.quick else _STUDIES
    studies = setting.made(f"small_{count}", "-m", "benchmarks.small_studies", "--count", str(count))
    return (
        Comparison(
            name="batch",
            study=f"{count} small phantoms",
            threads=2,
            rounds=min(setting.rounds, 2),
            ways=tuple(_workers(setting, str(studies), number) for number in (2, 1)),
        ),
    )


def _workers(setting: Setting, studies: str, number: int) -> Way:
    out = setting.scratch / f"batch_{number}_{{round}}"
    return Way(
        name=f"marrowsignal batch, {number} worker" + ("s" if number > 1 else ""),
        command=(sys.executable, "-m", "marrowsignal", "batch", studies, "--output", str(out), "-j", str(number)),
        tells=False,
    )
