"""Slice ends: partial volume through the slice, where the mask does not go on in the next one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from marrowsignal.signals.lesions.scene import Candidate, LesionScene

__all__ = ["slice_end"]

_FOUR = ndimage.generate_binary_structure(2, 1)[None]


def slice_end(candidate: Candidate, scene: LesionScene) -> str:
    """Tell a candidate most of which has no marrow above it or below it; empty when the mask goes on.

    A thick slice that holds the end of a bone holds what lies beyond it too. The stack's own ends are no ends of bone.
    """
    depth = len(scene.marrow)
    above, below = (_neighbour(scene.marrow, candidate.box, step, depth) for step in (-1, 1))
    share = float(np.mean(~(above & below)[candidate.mask]))
    if share < scene.settings.slice_end_share.value:
        return ""
    return f"{100 * share:.0f} % of it has no marrow in the slice above or below"


def _neighbour(marrow: NDArray[np.bool_], box: tuple[slice, ...], step: int, depth: int) -> NDArray[np.bool_]:
    """Marrow of the next slice, a pixel wider so that oblique surfaces pass."""
    index = np.arange(depth)[box[0]] + step
    inside = (index >= 0) & (index < depth)
    planes = marrow[index.clip(0, depth - 1)][(slice(None), *box[1:])]
    wide = ndimage.binary_dilation(planes, _FOUR)
    return np.asarray(wide | ~inside[:, None, None])
