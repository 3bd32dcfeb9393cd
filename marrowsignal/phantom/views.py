"""Stacks of slices: plane, size and place, as data."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, PositiveFloat, PositiveInt
from pydantic.dataclasses import dataclass

from marrowsignal.geometry import VolumeGeometry
from marrowsignal.phantom.scene import SliceProfile

__all__ = ["View", "all_views", "coronal_oblique_grid"]

_STRICT = ConfigDict(extra="forbid", allow_inf_nan=False)
# slice normal, row direction, column direction in LPS
_PLANES: dict[str, tuple[tuple[float, ...], ...]] = {
    "coronal": ((0.0, 1.0, 0.0), (0.0, 0.0, -1.0), (1.0, 0.0, 0.0)),
    "sagittal": ((1.0, 0.0, 0.0), (0.0, 0.0, -1.0), (0.0, 1.0, 0.0)),
    "axial": ((0.0, 0.0, 1.0), (0.0, 1.0, 0.0), (1.0, 0.0, 0.0)),
}


@dataclass(frozen=True, slots=True, kw_only=True, config=_STRICT)
class View:
    """A stack of slices.

    Attributes
    ----------
    title : str
        What it shows.
    body_part_examined : str
        BodyPartExamined.
    plane : str
        ``coronal``, ``sagittal`` or ``axial``.
    tilt_deg : float
        Turn about the left-right axis; for a coronal stack the columns then run down and back.
    slices : int
        Number of slices.
    matrix : tuple of int
        Rows, columns.
    pixel_mm : tuple of float
        Distance of rows, of columns.
    slice_distance_mm, slice_thickness_mm : float
        Their difference is the gap.
    centre_mm : tuple of float
        Centre of the stack, LPS about the body's origin.
    """

    title: str
    body_part_examined: str
    plane: Literal["coronal", "sagittal", "axial"]
    slices: PositiveInt
    matrix: tuple[PositiveInt, PositiveInt]
    pixel_mm: tuple[PositiveFloat, PositiveFloat]
    slice_distance_mm: PositiveFloat
    slice_thickness_mm: PositiveFloat
    centre_mm: tuple[float, float, float]
    tilt_deg: float = 0.0

    def __post_init__(self) -> None:
        if self.slice_thickness_mm > self.slice_distance_mm:
            raise ValueError("slices are thicker than they are apart")

    @property
    def geometry(self) -> VolumeGeometry:
        """Voxel grid of the stack."""
        return _grid(
            _axes(self.plane, self.tilt_deg),
            centre_mm=np.asarray(self.centre_mm),
            shape=(self.slices, *self.matrix),
            spacing_mm=(self.slice_distance_mm, *self.pixel_mm),
        )

    def profile(self, *, samples: int) -> SliceProfile:
        """Slice profile: Gaussian, as selective pulses come out in multi-slice TSE."""
        return SliceProfile(thickness_mm=self.slice_thickness_mm, samples=samples, smooth=True)


def _axes(plane: str, tilt_deg: float) -> NDArray[np.float64]:
    sine, cosine = np.sin(np.deg2rad(tilt_deg)), np.cos(np.deg2rad(tilt_deg))
    turn = np.array([[1.0, 0.0, 0.0], [0.0, cosine, -sine], [0.0, sine, cosine]])
    return np.asarray(turn @ np.array(_PLANES[plane]).T)


def _grid(
    axes: NDArray[np.float64],
    *,
    centre_mm: NDArray[np.float64],
    shape: tuple[int, int, int],
    spacing_mm: tuple[float, float, float],
) -> VolumeGeometry:
    half = np.asarray(spacing_mm) * (np.asarray(shape) - 1) / 2.0
    return VolumeGeometry.from_axes(
        origin_lps_mm=centre_mm - axes @ half, directions_lps=axes, spacing_mm=spacing_mm, shape=shape
    )


def coronal_oblique_grid(
    *,
    shape: tuple[int, int, int] = (20, 256, 256),
    spacing_mm: tuple[float, float, float] = (4.0, 1.05, 1.05),
    tilt_deg: float = 50.0,
) -> VolumeGeometry:
    """Grid of a sacroiliac-joint series: rows run to the patient's left, columns down and back.

    Parameters
    ----------
    shape : tuple of int
        Slices, rows, columns.
    spacing_mm : tuple of float
        Between slices, rows, columns.
    tilt_deg : float
        Angle between the columns and the body axis.

    Returns
    -------
    VolumeGeometry
        Centred on the middle of S2; slices run backwards.

    Examples
    --------
    >>> coronal_oblique_grid().directions_lps[:, 2].tolist()
    [1.0, 0.0, 0.0]
    """
    return _grid(_axes("coronal", tilt_deg), centre_mm=np.zeros(3), shape=shape, spacing_mm=spacing_mm)


@cache
def all_views() -> MappingProxyType[str, View]:
    """Return all views by name."""
    text = (files("marrowsignal.phantom") / "data" / "views.toml").read_text(encoding="utf-8")
    return MappingProxyType({name: View(**table) for name, table in tomllib.loads(text).items()})
