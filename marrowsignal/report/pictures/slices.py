"""Which slices a reader needs to see."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["SliceChoice", "choose_slices", "fullest_slice"]

_SHOWN = 4
_SHOWN_WELL = 0.7  # a lesion is seen where a slice holds this share of its largest cross-section
_RICH = 0.4  # a slice that shows marrow well holds this share of the fullest slice's marrow


@dataclass(frozen=True, slots=True, kw_only=True)
class SliceChoice:
    """One slice and why it is shown.

    Attributes
    ----------
    index : int
        On the T1 grid, counted from 0.
    reason : str
        In words.
    """

    index: int
    reason: str


def choose_slices(
    marrow_mask: NDArray[np.bool_], lesion_labels: NDArray[np.uint16], *, count: int = _SHOWN
) -> tuple[SliceChoice, ...]:
    """Choose slices: each lesion where it is seen well, largest lesion first, then spread over marrow.

    Parameters
    ----------
    marrow_mask : ndarray of bool, shape (slice, row, column)
        Marrow.
    lesion_labels : ndarray of uint16, shape (slice, row, column)
        1 is the largest lesion.
    count : int
        How many, at most.

    Returns
    -------
    tuple of SliceChoice
        Never empty and never the same slice twice.
    """
    chosen = _lesion_slices(lesion_labels, count)
    area = marrow_mask.sum(axis=(1, 2))
    rich = [int(i) for i in np.flatnonzero(area >= max(_RICH * area.max(), 1))]
    while len(chosen) < count and (open_slices := [i for i in rich if i not in chosen]):
        if chosen:
            far = max(open_slices, key=lambda i: (min(abs(i - j) for j in chosen), int(area[i]), -i))
            chosen[far] = "spread over the marrow"
        else:
            chosen[max(open_slices, key=lambda i: (int(area[i]), -i))] = "the most marrow in one slice"
    if not chosen:
        chosen[marrow_mask.shape[0] // 2] = "the middle of the series; there is no marrow mask"
    return tuple(SliceChoice(index=index, reason=reason) for index, reason in chosen.items())


def fullest_slice(mask: NDArray[np.bool_]) -> int:
    """Index of the slice that holds most of a mask; the middle one when it is empty."""
    area = mask.sum(axis=(1, 2))
    return int(np.argmax(area)) if area.any() else mask.shape[0] // 2


def _lesion_slices(lesion_labels: NDArray[np.uint16], count: int) -> dict[int, str]:
    chosen: dict[int, str] = {}
    for label in range(1, int(lesion_labels.max()) + 1):
        area = (lesion_labels == label).sum(axis=(1, 2))
        best = int(np.argmax(area))
        seen = max((int(area[k]) for k in chosen), default=0) >= _SHOWN_WELL * area[best]
        if area[best] > 0 and not seen and len(chosen) < count:
            chosen[best] = f"largest cross-section of lesion {label}"
    return chosen
