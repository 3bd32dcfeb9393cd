"""Head, neck, intertrochanteric region and shaft of a proximal femur, by the sphere of its head and its own axes."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from marrowsignal.geometry.volume import VolumeGeometry
from marrowsignal.protocol.schema import DivisionSettings
from marrowsignal.regions.division import Division, Piece, undivided
from marrowsignal.regions.shapes import BoneVoxels, fit_line, fit_sphere, unit

__all__ = ["FemurAxes", "divide_proximal_femur", "femur_axes"]

Array = NDArray[np.float64]
# In head radii from the head's centre: where only the neck is, and where only the shaft is.
_NECK_SHELL = (1.25, 2.0)
_SHAFT_SHELL = (3.3, 6.0)
_USUAL_NECK = 2.2
# Below the crossing of the axes, in head radii: where the shaft is a rod.
_SHAFT_PART = (1.5, 6.0)
_MIN_SHAFT = 0.8
_MIN_SINE2 = 0.1
_NECK_LENGTHS = (1.4, 3.6)
_NEAR_SURFACE = (0.7, 1.3)
_MIN_POINTS = 30
_MAX_MISFIT = 0.12
_SECTION_MM = 5.0
_ROUNDS = 4
_BALL_STEPS = 24


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FemurAxes:
    """Measures of a proximal femur, patient mm.

    Attributes
    ----------
    centre_lps_mm : ndarray of float64, shape (3,)
        Of the head.
    radius_mm : float
        Of the head's marrow.
    neck : ndarray of float64, shape (3,)
        Unit vector from the head along the neck.
    neck_mm : float or None
        From the head's centre to where the axes of neck and shaft are nearest; None without a shaft in view.
    crossing_lps_mm : ndarray of float64, shape (3,), or None
        That point on the shaft's axis.
    shaft : ndarray of float64, shape (3,), or None
        Unit vector down the shaft.
    """

    centre_lps_mm: Array
    radius_mm: float
    neck: Array
    neck_mm: float | None
    crossing_lps_mm: Array | None
    shaft: Array | None


def femur_axes(bone: BoneVoxels, settings: DivisionSettings) -> FemurAxes | None:
    """Find the head and the axes of a proximal femur.

    Parameters
    ----------
    bone : BoneVoxels
        Marrow of one femur, or the whole bone.
    settings : DivisionSettings
        Radii a head may have.

    Returns
    -------
    FemurAxes or None
        The largest ball inside is where the head's sphere starts; the sphere then goes through its surface away from
        the neck, and the neck's axis from its centre through the middle of what leaves it. None when no sphere of a
        head's size fits.
    """
    points = bone.points_lps_mm
    start = int(np.argmax(bone.depth_mm))
    centre, radius = points[start], float(bone.depth_mm[start])
    surface = points[bone.surface]
    neck: Array | None = None
    misfit = np.inf
    for _ in range(_ROUNDS):
        away = np.linalg.norm(points - centre, axis=1)
        shell = (away > _NECK_SHELL[0] * radius) & (away < _NECK_SHELL[1] * radius)
        if not shell.any():
            return None
        neck = unit(points[shell].mean(axis=0) - centre)
        offset = surface - centre
        far = np.linalg.norm(offset, axis=1)
        free = (offset @ neck < 0.2 * radius) & (far > _NEAR_SURFACE[0] * radius) & (far < _NEAR_SURFACE[1] * radius)
        if free.sum() < _MIN_POINTS:
            return None
        centre, radius, misfit = fit_sphere(surface[free], centre_mm=centre, radius_mm=radius)
        if not settings.head_radius.holds(radius):
            return None
    if neck is None or misfit > _MAX_MISFIT * radius:
        return None
    return _with_shaft(points, centre, radius, neck)


def _with_shaft(points: Array, centre: Array, radius: float, neck: Array) -> FemurAxes:
    alone = FemurAxes(centre_lps_mm=centre, radius_mm=radius, neck=neck, neck_mm=None, crossing_lps_mm=None, shaft=None)
    away = np.linalg.norm(points - centre, axis=1)
    rod = points[(away > _SHAFT_SHELL[0] * radius) & (away < _SHAFT_SHELL[1] * radius)]
    shaft = rod.mean(axis=0) - (centre + _USUAL_NECK * radius * neck) if len(rod) else neck
    found = None
    for _ in range(_ROUNDS):
        if not len(rod) or np.ptp(rod @ unit(shaft)) < _MIN_SHAFT * radius:
            return alone
        on_shaft, shaft = fit_line(rod, shaft, step_mm=_SECTION_MM)
        found = _crossing(centre, neck, on_shaft, shaft)
        if found is None or not _NECK_LENGTHS[0] * radius < found[0] < _NECK_LENGTHS[1] * radius:
            return alone
        # Sections above the lesser trochanter lean to the greater one.
        below = (points - found[1]) @ shaft / radius
        rod = points[(below > _SHAFT_PART[0]) & (below < _SHAFT_PART[1])]
    return replace(alone, neck_mm=found[0], crossing_lps_mm=found[1], shaft=shaft) if found else alone


def _crossing(centre: Array, neck: Array, on_shaft: Array, shaft: Array) -> tuple[float, Array] | None:
    """Distance along the neck to where two lines are nearest, and that point on the second; None if they run alike."""
    between, cosine = on_shaft - centre, float(neck @ shaft)
    sine2 = 1.0 - cosine * cosine
    if sine2 < _MIN_SINE2:
        return None
    along_neck = float(between @ neck - cosine * (between @ shaft)) / sine2
    along_shaft = float(cosine * (between @ neck) - between @ shaft) / sine2
    return along_neck, on_shaft + along_shaft * shaft


def divide_proximal_femur(bone: BoneVoxels, settings: DivisionSettings) -> Division:
    """Cut a proximal femur at planes square to the axes of neck and shaft.

    Parameters
    ----------
    bone : BoneVoxels
        Marrow of one femur.
    settings : DivisionSettings
        Where the planes lie.

    Returns
    -------
    Division
        Cells 1 head, 2 neck, 3 intertrochanteric region, 4 shaft. Without a shaft in view the neck takes an average
        length and what follows is all intertrochanteric.
    """
    axes = femur_axes(bone, settings)
    if axes is None:
        return undivided(len(bone.index), "no femoral head of a usual size was found")
    radius = axes.radius_mm
    along = (bone.points_lps_mm - axes.centre_lps_mm) @ axes.neck
    length = axes.neck_mm if axes.neck_mm is not None else settings.neck_length.value * radius
    cells = np.full(len(along), 3, np.uint8)
    cells[along < (1.0 - settings.neck_border.value) * length] = 2
    if axes.shaft is not None and axes.crossing_lps_mm is not None:
        below = (bone.points_lps_mm - axes.crossing_lps_mm) @ axes.shaft
        cells[below > settings.shaft_border.value * radius] = 4
    border = settings.head_border.value * radius
    cells[(along < border) & (np.linalg.norm(bone.points_lps_mm - axes.centre_lps_mm, axis=1) < 2.0 * radius)] = 1
    keys = ("femoral_head", "femoral_neck", "intertrochanteric", "femoral_shaft")
    head = _share_in_view(axes, border, bone.geometry)
    pieces = tuple(
        Piece(key=key, cells=(cell,), coverage_fraction=head if cell == 1 else None)
        for cell, key in enumerate(keys, start=1)
    )
    return Division(cells=cells, pieces=pieces)


def _share_in_view(axes: FemurAxes, border_mm: float, geometry: VolumeGeometry) -> float:
    """Share of the head's ball, as far as its border, that lies in the picture."""
    steps = np.linspace(-1.0, 1.0, _BALL_STEPS)
    ball = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(-1, 3)
    ball = axes.radius_mm * ball[np.linalg.norm(ball, axis=1) <= 1.0]
    ball = ball[ball @ axes.neck < border_mm]
    index = geometry.to_index(axes.centre_lps_mm + ball)
    inside = np.all((index >= -0.5) & (index <= np.asarray(geometry.shape) - 0.5), axis=1)
    return float(inside.mean())
