"""Slices as the network knows them: turned to the usual display of their plane, on its pixel grid, and back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from marrowsignal.geometry.volume import VolumeGeometry

__all__ = ["Display", "display_of", "resampled"]

Kind = TypeVar("Kind", bound=np.generic)
# slice normal, row step and column step in LPS of a coronal, a sagittal and an axial stack, by the axis of the normal
_USUAL = {
    0: ((1.0, 0.0, 0.0), (0.0, 0.0, -1.0), (0.0, 1.0, 0.0)),
    1: ((0.0, 1.0, 0.0), (0.0, 0.0, -1.0), (1.0, 0.0, 0.0)),
    2: ((0.0, 0.0, 1.0), (0.0, 1.0, 0.0), (1.0, 0.0, 0.0)),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Display:
    """How a stored stack is turned to its usual display.

    Attributes
    ----------
    order : tuple of int
        Stored axes in the order (slice, row, column) of the display.
    flipped : tuple of bool
        Axes of the display that run backwards in the stored stack.
    spacing_mm : tuple of float
        Distance of slices, rows and columns on display.
    normal_lps : tuple of float
        Direction from slice to slice on display.
    plane : int
        Patient axis the normal is nearest to: 0 sagittal, 1 coronal, 2 axial.
    """

    order: tuple[int, int, int]
    flipped: tuple[bool, bool, bool]
    spacing_mm: tuple[float, float, float]
    normal_lps: tuple[float, float, float]
    plane: int

    def shown(self, stored: NDArray[Kind]) -> NDArray[Kind]:
        """Turn a stored stack to the display; the last three axes are slice, row and column."""
        lead = stored.ndim - 3
        turned = np.transpose(stored, (*range(lead), *(lead + axis for axis in self.order)))
        return np.flip(turned, self._axes(lead))

    def stored(self, shown: NDArray[Kind]) -> NDArray[Kind]:
        """Turn what is on display back to the order of the stored stack."""
        lead = shown.ndim - 3
        back = np.argsort(self.order)
        return np.transpose(np.flip(shown, self._axes(lead)), (*range(lead), *(lead + int(axis) for axis in back)))

    def grid(self, stored: VolumeGeometry, *, shape: tuple[int, int, int], pixel_mm: float) -> VolumeGeometry:
        """Grid of slices on display at another pixel size; the corner of the first pixel stays, as in `resampled`."""
        last = np.asarray([stored.shape[axis] - 1 for axis in self.order])
        first, axes = np.zeros(3), stored.directions_lps[:, self.order]
        first[list(self.order)] = np.where(self.flipped, last, 0)
        axes = axes * np.where(self.flipped, -1.0, 1.0)
        spacing = np.array([self.spacing_mm[0], pixel_mm, pixel_mm])
        corner = stored.to_patient(first) - 0.5 * axes @ np.asarray(self.spacing_mm)
        # between slices nothing changes
        origin = corner + 0.5 * axes @ spacing
        return VolumeGeometry.from_axes(origin_lps_mm=origin, directions_lps=axes, spacing_mm=spacing, shape=shape)

    def _axes(self, lead: int) -> tuple[int, ...]:
        return tuple(lead + axis for axis, flipped in enumerate(self.flipped) if flipped)


def display_of(geometry: VolumeGeometry) -> Display:
    """Find how a stack is usually displayed.

    Coronal and sagittal slices have the head on top, axial ones the front; the patient's left is on the right, in
    sagittal slices the back. Slices run to the back, to the left or to the head.

    Parameters
    ----------
    geometry : VolumeGeometry
        Stored grid, in any of the 48 orders of its axes; its first axis runs from slice to slice.

    Returns
    -------
    Display
        How to turn it.
    """
    axes, spacing = geometry.directions_lps, geometry.spacing_mm
    plane = int(np.argmax(np.abs(axes[:, 0])))
    normal, down, across = (np.asarray(v) for v in _USUAL[plane])
    straight = abs(axes[:, 1] @ down) + abs(axes[:, 2] @ across)
    swapped = abs(axes[:, 2] @ down) + abs(axes[:, 1] @ across)
    order = (0, 1, 2) if straight >= swapped else (0, 2, 1)
    flipped = tuple(
        bool(axes[:, axis] @ usual < 0.0) for axis, usual in zip(order, (normal, down, across), strict=True)
    )
    along = axes[:, 0] * (-1.0 if flipped[0] else 1.0)
    return Display(
        order=order,
        flipped=(flipped[0], flipped[1], flipped[2]),
        spacing_mm=(spacing[0], spacing[order[1]], spacing[order[2]]),
        normal_lps=(float(along[0]), float(along[1]), float(along[2])),
        plane=plane,
    )


def resampled(
    images: NDArray[np.float32],
    *,
    pixel_mm: tuple[float, float],
    new_mm: tuple[float, float],
    shape: tuple[int, int],
) -> NDArray[np.float32]:
    """Bring the last two axes to another pixel size; the corner of the first pixel stays.

    Linear between pixels; a coarser grid takes the weighted mean of what lies below its pixels.

    Parameters
    ----------
    images : ndarray of float32, shape (..., row, column)
        Images.
    pixel_mm, new_mm : tuple of float
        Distance of rows and of columns before and after.
    shape : tuple of int
        Rows and columns after; beyond the border its last pixel is repeated.

    Returns
    -------
    ndarray of float32, shape (..., *shape)
        Resampled images.
    """
    rows, columns = (
        _weights(before, after, new / old)
        for before, after, old, new in zip(images.shape[-2:], shape, pixel_mm, new_mm, strict=True)
    )
    return np.asarray(rows @ images @ columns.T, np.float32)


def _weights(before: int, after: int, step: float) -> NDArray[np.float32]:
    at = np.clip((np.arange(after) + 0.5) * step - 0.5, 0.0, before - 1.0)
    weights = np.maximum(1.0 - np.abs(at[:, None] - np.arange(before)) / max(step, 1.0), 0.0)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), np.float32)
