"""What tissue a mask holds: how much of it looks like muscle, like fat under the skin, like nothing at all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from marrowsignal.geometry.depth import box_of, deeper_in_slices
from marrowsignal.geometry.windows import closed_in_slices
from marrowsignal.marrow.check.levels import Levels
from marrowsignal.protocol.schema import MaskCheckSettings

__all__ = ["TissueLook", "look_at_tissue"]

_LEVEL_MM = 0.8
_LINE_MM = 5.4
_DEEP_MM = 2.5
# in pixels: from the middle of a square of 3 x 3 to its corners
_PIXELS, _TO_CORNER = (1.0, 1.0, 1.0), 1.5
_IN_PLANE = np.zeros((3, 3, 3), bool)
_IN_PLANE[1] = [[0, 1, 0], [1, 1, 1], [0, 1, 0]]


@dataclass(frozen=True, slots=True, kw_only=True)
class TissueLook:
    """Shares of a mask that look like another tissue.

    Attributes
    ----------
    muscle_share, fat_share : float
        Of the mask: as muscle on T1 and, where there is one, on STIR, or as bright as fat, in a patch that goes on
        outside the mask with no dark line between.
    void_share : float
        Of the inside: darker than muscle by half, as cortex, air and vessels.
    line_share : float
        Of the inside: on a thin dark line, as septa between muscles, cortices and vessels are.
    spread : float
        Robust SD of T1 over its middle, inside.
    """

    muscle_share: float
    fat_share: float
    void_share: float
    line_share: float
    spread: float


def look_at_tissue(
    t1: NDArray[np.float32],
    stir: NDArray[np.float32] | None,
    mask: NDArray[np.bool_],
    *,
    levels: Levels,
    spacing_mm: tuple[float, float, float],
    settings: MaskCheckSettings,
) -> TissueLook | None:
    """Look at the signal inside a mask and where it goes on outside.

    Parameters
    ----------
    t1 : ndarray of float32, shape (slice, row, column)
        Bias-corrected.
    stir : ndarray of float32, same shape, or None
        The same of STIR.
    mask : ndarray of bool, same shape
        Marrow.
    levels : Levels
        Of muscle and fat.
    spacing_mm : tuple of float
        Between slices, rows, columns.
    settings : MaskCheckSettings
        What counts as which tissue.

    Returns
    -------
    TissueLook or None
        None where the mask is too thin to have an inside, farther than a cortex is thick from its border.
    """
    box = box_of(mask, margin=(1, *(int(2 * _LINE_MM / s) + 1 for s in spacing_mm[1:])))
    if box is None:
        return None
    inside = mask[box]
    deep = deeper_in_slices(inside, spacing_mm=spacing_mm, depth_mm=_DEEP_MM)
    if not deep.any():
        return None
    t1_of_fat = t1[box] / np.float32(levels.fat_t1)
    sigma = [0.0, *(_LEVEL_MM / s for s in spacing_mm[1:])]
    level = ndimage.gaussian_filter(t1_of_fat, sigma)
    rows, columns = (2 * max(1, round(_LINE_MM / 2 / s)) + 1 for s in spacing_mm[1:])
    line = closed_in_slices(t1_of_fat, (rows, columns)) - t1_of_fat > settings.line_depth.value
    muscle = levels.muscle_t1 / levels.fat_t1
    like_muscle = np.abs(level / muscle - 1) <= settings.muscle_tolerance_t1.value
    if stir is not None and levels.muscle_stir:
        water = ndimage.gaussian_filter(stir[box], sigma) / levels.muscle_stir
        like_muscle &= np.abs(water - 1) <= settings.muscle_tolerance_stir.value
    middle = float(np.median(level[deep]))
    return TissueLook(
        muscle_share=_continued(like_muscle & ~line, inside, settings),
        fat_share=_continued((level >= settings.fat_like.value) & ~line, inside, settings),
        void_share=float(np.mean(level[deep] < settings.void_like.value * muscle)),
        line_share=float(np.mean(line[deep])),
        spread=float(1.4826 * np.median(np.abs(level[deep] - middle)) / max(middle, 1e-6)),
    )


def _continued(tissue: NDArray[np.bool_], mask: NDArray[np.bool_], settings: MaskCheckSettings) -> float:
    """Share of the mask in in-plane patches of a tissue that lie outside of it as much as inside."""
    # Thin bridges between patches are partial volume.
    labels, count = ndimage.label(_opened(tissue), _IN_PLANE)
    outside = np.bincount(labels[~mask], minlength=count + 1)
    inner = np.bincount(labels[mask], minlength=count + 1)
    leaks = outside > settings.leak_outside.value * (outside + inner)
    leaks[0] = False
    return float(inner[leaks].sum() / mask.sum())


def _opened(tissue: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Open a mask by squares of 3 x 3 pixels that lie in the picture."""
    eroded = deeper_in_slices(tissue, spacing_mm=_PIXELS, depth_mm=_TO_CORNER)
    for axis in (1, 2):
        np.moveaxis(eroded, axis, 0)[[0, -1]] = False
    return ~deeper_in_slices(~eroded, spacing_mm=_PIXELS, depth_mm=_TO_CORNER)
