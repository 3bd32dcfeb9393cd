"""A dark sheet on T1 inside or next to a lesion: candidate for a fracture line (SCIENCE D35)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from marrowsignal.geometry.depth import deeper_in_slices
from marrowsignal.geometry.distance import near_to
from marrowsignal.protocol.schema import ShapeSettings
from marrowsignal.signals.shapes.ridges import on_dark_line

__all__ = ["FractureLine", "LineScene", "find_fracture_line"]

Mask = NDArray[np.bool_]
Image = NDArray[np.float32]
_FULL = np.ones((3, 3, 3), bool)
_DEEP_PERCENTILE = 75.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LineScene:
    """Where a line is looked for; all arrays share one box.

    Attributes
    ----------
    t1 : ndarray of float32, shape (slice, row, column)
        Bias-corrected.
    stir : ndarray of float32, same shape, or None
        The same of STIR.
    marrow : ndarray of bool, same shape
        Marrow, holes filled: a line is as dark as a hole.
    lesions : ndarray of bool, same shape
        Every lesion, not only the one that is measured.
    joint_mm : ndarray of float32, same shape, or None
        Distance from the joint surface.
    muscle_t1 : float
        Level of lean muscle.
    spacing_mm : tuple of float
        Between slices, rows, columns.
    """

    t1: Image
    stir: Image | None
    marrow: Mask
    lesions: Mask
    joint_mm: Image | None
    muscle_t1: float
    spacing_mm: tuple[float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FractureLine:
    """The longest candidate.

    Attributes
    ----------
    length_mm, width_mm : float
        In the slice that shows most of it; the width is area over length.
    slices : int
        Slices that show it.
    mask : ndarray of bool, shape (slice, row, column)
        Its voxels in the box.
    """

    length_mm: float
    width_mm: float
    slices: int
    mask: Mask

    @property
    def aspect(self) -> float:
        """Length over width."""
        return self.length_mm / self.width_mm


def find_fracture_line(scene: LineScene, near: Mask, *, settings: ShapeSettings) -> FractureLine | None:
    """Look for a dark sheet in and around one lesion.

    Parameters
    ----------
    scene : LineScene
        Images and masks of the box.
    near : ndarray of bool, same shape
        Where the sheet may lie: the lesion and a few mm around.
    settings : ShapeSettings
        Cuts.

    Returns
    -------
    FractureLine or None
        The longest sheet that meets every cut of D35; None is no evidence that there is no fracture.
    """
    inside = deeper_in_slices(scene.marrow, spacing_mm=scene.spacing_mm, depth_mm=settings.line_from_cortex.value)
    dark = _dark_voxels(scene, near & inside, settings)
    labels, _ = ndimage.label(dark, _FULL)
    found = []
    for k, box in enumerate(ndimage.find_objects(labels), start=1):
        if box[0].stop - box[0].start < settings.line_min_slices.value:
            continue
        line = labels[box] == k
        length, width = _extent(line, scene.spacing_mm[1:])
        long = length >= settings.line_min_length.value and width <= settings.line_max_width.value
        if long and length >= settings.line_min_aspect.value * width:
            whole = np.zeros(dark.shape, bool)
            whole[box] = line
            if _deep(scene, whole, settings) and _in_edema(scene, whole, settings):
                slices = int(line.any(axis=(1, 2)).sum())
                found.append(FractureLine(length_mm=length, width_mm=width, slices=slices, mask=whole))
    return max(found, key=lambda line: line.length_mm, default=None)


def _dark_voxels(scene: LineScene, allowed: Mask, settings: ShapeSettings) -> Mask:
    """Voxels of D35 that are dark for a line, one by one."""
    pixel = scene.spacing_mm[1:]
    if scene.joint_mm is not None:
        allowed = allowed & (scene.joint_mm > settings.line_from_cortex.value)
    allowed = allowed & (scene.t1 <= settings.line_t1_to_muscle.value * scene.muscle_t1)
    if not allowed.any():
        return allowed
    scale = settings.line_scale
    allowed = on_dark_line(scene.t1, allowed, pixel_mm=pixel, scale_mm=(scale.low, scale.high))
    if not allowed.any():
        return allowed
    at = np.argwhere(allowed)
    local = _local_median(scene.t1, scene.marrow, at, [settings.line_local.value / (2 * p) for p in pixel])
    keep = scene.t1[allowed] <= settings.line_t1_to_local.value * local
    dark = np.zeros_like(allowed)
    dark[tuple(at[keep].T)] = True
    return dark


def _local_median(image: Image, marrow: Mask, at: NDArray[np.intp], half: list[float]) -> NDArray[np.float32]:
    """Median of marrow within a window of the slice around each voxel."""
    rows, columns = (int(np.ceil(h)) for h in half)
    padded = np.pad(np.where(marrow, image, np.nan), ((0, 0), (rows, rows), (columns, columns)), constant_values=np.nan)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (2 * rows + 1, 2 * columns + 1), axis=(1, 2))
    values = np.sort(windows[tuple(at.T)].reshape(len(at), -1), axis=1)  # NaN last
    last = np.count_nonzero(~np.isnan(values), axis=1) - 1
    middle = np.take_along_axis(values, np.stack([last // 2, (last + 1) // 2], axis=1), axis=1)
    return np.asarray(middle.mean(axis=1))


def _extent(line: Mask, pixel_mm: tuple[float, float]) -> tuple[float, float]:
    """Length and mean width in the slice that holds most of it, mm."""
    plane = line[int(line.sum(axis=(1, 2)).argmax())]
    points = np.argwhere(plane) * np.asarray(pixel_mm)
    area = len(points) * pixel_mm[0] * pixel_mm[1]
    if len(points) < 2:
        return float(max(pixel_mm)), float(min(pixel_mm))
    centered = points - points.mean(axis=0)
    _, _, axes = np.linalg.svd(centered, full_matrices=False)
    length = float(np.ptp(centered @ axes[0])) + float(np.mean(pixel_mm))
    return length, area / length


def _deep(scene: LineScene, line: Mask, settings: ShapeSettings) -> bool:
    """Whether the line reaches deep enough into marrow, within slices."""
    pixel = scene.spacing_mm[1:]
    depths = [
        ndimage.distance_transform_edt(scene.marrow[k], sampling=pixel)[line[k]]
        for k in np.flatnonzero(line.any(axis=(1, 2)))
    ]
    return float(np.percentile(np.concatenate(depths), _DEEP_PERCENTILE)) >= settings.line_min_depth.value


def _in_edema(scene: LineScene, line: Mask, settings: ShapeSettings) -> bool:
    """Whether enough lesion lies around the line, and the line is dark on STIR against what lies around it."""
    around = ~line & near_to(line, spacing_mm=scene.spacing_mm, reach_mm=settings.line_around.value) & scene.marrow
    if not around.any() or scene.lesions[around].mean() < settings.line_lesion_share.value:
        return False
    if scene.stir is None:
        return True
    beside = around & ~near_to(line, spacing_mm=scene.spacing_mm, reach_mm=settings.line_max_width.value / 2)
    level = float(np.median(scene.stir[beside])) if beside.any() else float(np.median(scene.stir[around]))
    return float(np.median(scene.stir[line])) <= settings.line_stir_to_around.value * level
