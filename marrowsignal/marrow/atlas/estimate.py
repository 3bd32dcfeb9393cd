"""How good a mask probably is, from what the probabilities say and how that held for the atlas' own subjects."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.special import stdtrit

from marrowsignal.marrow.atlas.records import LeftOut

__all__ = ["estimate_dice", "looks_foreign"]

_LEVEL = 0.90
# Of expected against true Dice: fewer than ten subjects cannot show less.
_LEAST_SPREAD = 0.015


def estimate_dice(expected: float, left_out: Sequence[LeftOut], *, foreign: bool) -> tuple[float, float, float]:
    """Estimated Dice against the atlas' experts with the ends of its 90 % interval.

    The expected Dice of the probabilities is shifted by what it was off on the subjects left out; the interval is that
    of a further observation (Student's t). A study that looks foreign has no lower end.

    Parameters
    ----------
    expected : float
        Expected Dice of the mask under its own probabilities.
    left_out : sequence of LeftOut
        Of the atlas.
    foreign : bool
        From `looks_foreign`.
    """
    off = np.array([row.dice - row.expected_dice for row in left_out])
    spread = max(float(off.std(ddof=1)), _LEAST_SPREAD)
    half = float(stdtrit(len(off) - 1, (1 + _LEVEL) / 2)) * spread * float(np.sqrt(1 + 1 / len(off)))
    middle = float(np.clip(expected + off.mean(), 0.0, 1.0))
    low = 0.0 if foreign else max(0.0, middle - half)
    return middle, low, min(1.0, middle + half)


def looks_foreign(placed: float, left_out: Sequence[LeftOut], *, share: float) -> bool:
    """Whether a study correlates with the template less than a share of the lowest of the atlas' own subjects."""
    return placed < share * min(row.placed for row in left_out)
