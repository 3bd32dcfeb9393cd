"""What the automatic network takes each voxel for: one more thing the trees look at."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from marrowsignal.geometry.volume import VolumeGeometry
from marrowsignal.marrow.automatic.classes import BoneClass
from marrowsignal.marrow.automatic.inference import believe
from marrowsignal.marrow.automatic.slices import display_of, resampled
from marrowsignal.marrow.automatic.weights import load_network

__all__ = ["bone_shares"]


def bone_shares(t1: NDArray[np.generic], grid: VolumeGeometry) -> tuple[NDArray[np.float16], ...]:
    """Ask the network about a T1.

    Parameters
    ----------
    t1 : ndarray, shape (slice, row, column)
        Any unit.
    grid : VolumeGeometry
        Its axes and spacing; where it lies does not count.

    Returns
    -------
    tuple of ndarray of float16, shape of `t1`
        Probability of each `BoneClass`, 0 to 1.
    """
    display = display_of(grid)
    shown = display.shown(np.asarray(t1, np.float32))
    belief = believe(load_network(), shown, None, display=display)
    rows, columns = shown.shape[1:]
    return tuple(
        display.stored(
            resampled(
                belief.shares[kind : kind + 1],
                pixel_mm=(belief.pixel_mm, belief.pixel_mm),
                new_mm=display.spacing_mm[1:],
                shape=(rows, columns),
            )[0]
        ).astype(np.float16)
        for kind in BoneClass
    )
