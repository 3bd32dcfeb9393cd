"""Descent of a function of a few numbers that is smooth but for what enters and leaves the field of view."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

__all__ = ["Loss", "minimized"]

Loss = Callable[[NDArray[np.float64]], tuple[float, NDArray[np.float64]]]

_ITERATIONS = 40
_HALVINGS = 5


def minimized(
    loss: Loss, *, inverse: NDArray[np.float64], longest: float, enough: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """Go downhill from zero by quasi-Newton steps of bounded length.

    Parameters
    ----------
    loss : callable
        Gives value and slope.
    inverse : ndarray of float64, shape (size, size)
        First guess of the inverse of the curvature.
    longest : float
        No step is longer.
    enough : float
        A shorter step ends the descent.

    Returns
    -------
    numbers : ndarray of float64, shape (size,)
        Where it ended.
    inverse : ndarray of float64, shape (size, size)
        The inverse curvature as learned on the way (Broyden, Fletcher, Goldfarb and Shanno; Nocedal and Wright,
        Numerical Optimization, 2006, eq. 6.17).
    value : float
        Of the function where it ended.
    """
    numbers, first = np.zeros(len(inverse)), inverse
    value, slope = loss(numbers)
    for _ in range(_ITERATIONS):
        step = -inverse @ slope
        step *= min(1.0, longest / max(float(np.linalg.norm(step)), 1e-12))
        taken = _shortened(loss, numbers, step, value)
        if taken is None and inverse is not first:
            inverse = first
            continue
        if taken is None:
            break
        step, value, new_slope = taken
        inverse = _learned(inverse, step, new_slope - slope)
        numbers, slope = numbers + step, new_slope
        if np.linalg.norm(step) < enough:
            break
    return numbers, inverse, value


def _shortened(
    loss: Loss, numbers: NDArray[np.float64], step: NDArray[np.float64], value: float
) -> tuple[NDArray[np.float64], float, NDArray[np.float64]] | None:
    """Halve a step until it goes down; None when it never does."""
    for _ in range(_HALVINGS):
        new_value, slope = loss(numbers + step)
        if new_value < value:
            return step, new_value, slope
        step = step / 2
    return None


def _learned(
    inverse: NDArray[np.float64], step: NDArray[np.float64], change: NDArray[np.float64]
) -> NDArray[np.float64]:
    along = float(step @ change)
    if along <= 1e-3 * float(np.linalg.norm(step) * np.linalg.norm(change)):
        return inverse
    keep = np.eye(len(step)) - np.outer(step, change) / along
    return np.asarray(keep @ inverse @ keep.T + np.outer(step, step) / along)
