"""How far what was found agrees with what readers marked."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from marrowsignal.learned_lesions.records import LabelledLesions, LeftOutLesions

__all__ = ["left_out_row", "read_dices"]

_HALF = 0.5
_FULL = np.ones((3, 3, 3), bool)


def read_dices(subject: LabelledLesions, found: NDArray[np.bool_]) -> list[float]:
    """Dice of `found` (of the voxels looked at) against each read; 1 where both are empty."""
    size = int(found.sum())
    return [
        2 * int((found & read).sum()) / (size + marked) if size + marked else 1.0
        for read, marked in zip(subject.reads, subject.read_voxels, strict=True)
    ]


def left_out_row(subject: LabelledLesions, found: NDArray[np.bool_], *, least_ml: float) -> LeftOutLesions:
    """Compare what was found with the reads.

    Parameters
    ----------
    subject : LabelledLesions
        Study and reads.
    found : ndarray of bool, shape (voxel,)
        Of the voxels looked at.
    least_ml : float
        Components of the reads below it are not counted.
    """
    lesions, touched = _lesions_touched(subject, found, least_ml)
    return LeftOutLesions(
        name=subject.name,
        dice=float(np.mean(read_dices(subject, found))),
        reads_dice=_between_reads(subject),
        found_ml=int(found.sum()) * subject.voxel_ml,
        read_ml=float(np.mean(subject.read_voxels)) * subject.voxel_ml,
        lesions=lesions,
        lesions_found=touched,
    )


def _between_reads(subject: LabelledLesions) -> float | None:
    """Mean Dice of the reads within the voxels looked at."""
    pairs = list(combinations(subject.reads, 2))
    if not pairs:
        return None
    sizes = [(int(a.sum()) + int(b.sum()), int((a & b).sum())) for a, b in pairs]
    return float(np.mean([2 * both / size if size else 1.0 for size, both in sizes]))


def _lesions_touched(subject: LabelledLesions, found: NDArray[np.bool_], least_ml: float) -> tuple[int, int]:
    where = subject.view.looked_at
    marked, hit = np.zeros(where.shape, bool), np.zeros(where.shape, bool)
    marked[where], hit[where] = subject.reads.mean(axis=0) >= _HALF, found
    labels, count = ndimage.label(marked, _FULL)
    large = np.bincount(labels.ravel(), minlength=count + 1) * subject.voxel_ml >= least_ml
    large[0] = False
    touched = np.unique(labels[hit & marked])
    return int(large.sum()), int(large[touched].sum())
