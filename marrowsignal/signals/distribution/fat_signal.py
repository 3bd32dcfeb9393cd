"""The fat signal of every voxel of marrow (D03)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from marrowsignal.alignment.records import AlignedPair
from marrowsignal.geometry.volume import LabelVolume
from marrowsignal.intensity.records import References
from marrowsignal.signals.statistics.ratios import fat_signal_index

__all__ = ["fat_signal_map"]


def fat_signal_map(pair: AlignedPair, marrow: LabelVolume, references: References) -> NDArray[np.float32] | None:
    """FSI in marrow, NaN elsewhere; None without muscle and fat."""
    muscle, fat = references.muscle.t1, references.fat.t1
    if muscle is None or fat is None:
        return None
    index = fat_signal_index(pair.t1.array, muscle=muscle, fat=fat)
    return np.where(marrow.mask, index, np.nan).astype(np.float32)
