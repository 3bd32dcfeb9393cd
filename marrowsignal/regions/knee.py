"""Condyles, metaphysis and diaphysis of the bones of a knee, by joint line, width and shaft."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marrowsignal.geometry.volume import VolumeGeometry
from marrowsignal.protocol.schema import DivisionSettings
from marrowsignal.regions.division import Division, Piece, undivided
from marrowsignal.regions.shapes import BoneVoxels, fit_line, square_to, unit

__all__ = ["KneeEnd", "divide_knee_bone", "knee_end"]

Array = NDArray[np.float64]
_UP = np.array([0.0, 0.0, 1.0])
_LEFT = np.array([1.0, 0.0, 0.0])
# In widths of the end from the joint line: where only the shaft is, and where both condyles are.
_SHAFT_FROM = 0.75
_MIN_SHAFT = 0.3
_CONDYLES_TO = 0.35
# Notch and eminence lie in the middle fifths, the rims outside.
_FLANK = (0.15, 0.42)
_ROUNDS = 4
_SECTION_MM = 4.0
_EXTREME = 1.0
_USUAL_WIDTH_MM = 75.0
_WIDTHS_MM = (40.0, 120.0)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class KneeEnd:
    """The end of femur or tibia at the knee, patient mm.

    Attributes
    ----------
    joint_lps_mm : ndarray of float64, shape (3,)
        Middle of the joint line.
    away : ndarray of float64, shape (3,)
        Unit vector from the joint into the bone, square to the line that touches both condyles.
    left : ndarray of float64, shape (3,)
        Unit vector along that line, towards the patient's left.
    width_mm : float
        Of both condyles.
    """

    joint_lps_mm: Array
    away: Array
    left: Array
    width_mm: float


def knee_end(bone: BoneVoxels, *, femur: bool) -> KneeEnd | None:
    """Find joint line, axis and width of a bone of the knee.

    Parameters
    ----------
    bone : BoneVoxels
        Marrow of one femur or tibia.
    femur : bool
        Whether the bone lies above the joint.

    Returns
    -------
    KneeEnd or None
        The line that touches both condyles behind gives the left-right axis, the line that touches them at the joint
        gives the level, the shaft's axis the tilt in the sagittal plane. None when the width is no knee's.
    """
    points = bone.points_lps_mm
    away = _UP if femur else -_UP
    left, width = _LEFT, _USUAL_WIDTH_MM
    middle = 0.0
    for _ in range(_ROUNDS):
        height = points @ away
        height = height - np.percentile(height, 0.1)
        end = points[height < _CONDYLES_TO * width]
        low, high = np.percentile(end @ left, [0.5, 99.5])
        width, middle = float(high - low), 0.5 * float(low + high)
        if not _WIDTHS_MM[0] < width < _WIDTHS_MM[1]:
            return None
        shaft = _shaft(points[height > _SHAFT_FROM * width], away, width, bone.geometry)
        back = square_to(np.cross(away, left) * (1.0 if femur else -1.0), away)
        flanks = _flanks(end, left, middle, width)
        if flanks is None:
            return None
        behind = [_extreme(flank, back) for flank in flanks]
        left = square_to(behind[0] - behind[1], shaft)
        at_joint = [_extreme(flank, -shaft) for flank in flanks]
        line = unit(at_joint[0] - at_joint[1])
        # Level from both condyles, tilt to front or back from the shaft.
        forward = square_to(np.cross(shaft, left), shaft)
        left = square_to(line, forward)
        away = square_to(shaft, left)
    return KneeEnd(
        joint_lps_mm=0.5 * (at_joint[0] + at_joint[1]),
        away=away,
        left=left,
        width_mm=width,
    )


def _shaft(points: Array, away: Array, width: float, geometry: VolumeGeometry) -> Array:
    # The picture's edge cuts the shaft: sections run along it.
    axes = geometry.directions_lps.T
    edge = axes[int(np.argmax(np.abs(axes @ away)))]
    if not len(points) or np.ptp(points @ edge) < _MIN_SHAFT * width:
        return away
    _, axis = fit_line(points, edge * np.sign(edge @ away), step_mm=_SECTION_MM)
    return axis


def _flanks(end: Array, left: Array, middle: float, width: float) -> tuple[Array, Array] | None:
    """Give the condyles without the notch or eminence between them, the patient's left one first."""
    off = (end @ left - middle) / width
    flanks = tuple(end[(sign * off > _FLANK[0]) & (sign * off < _FLANK[1])] for sign in (1.0, -1.0))
    return (flanks[0], flanks[1]) if all(len(flank) for flank in flanks) else None


def _extreme(points: Array, direction: Array) -> Array:
    """Mean of the farthest points along a direction."""
    along = points @ direction
    return np.asarray(points[along >= np.percentile(along, 100.0 - _EXTREME)].mean(axis=0))


def divide_knee_bone(
    bone: BoneVoxels, *, femur: bool, medial_lps: Array | None, settings: DivisionSettings
) -> Division:
    """Cut distal femur or proximal tibia into two condyles, metaphysis and diaphysis.

    Parameters
    ----------
    bone : BoneVoxels
        Marrow of one bone.
    femur : bool
        Femur or tibia.
    medial_lps : ndarray of float64, shape (3,), or None
        Towards the other leg; None when the knee's side is not known, and condyles are called by the patient's
        directions.
    settings : DivisionSettings
        Levels, as shares of the width.

    Returns
    -------
    Division
        Cells 1 and 2 condyles (the patient's left one first), 3 metaphysis, 4 diaphysis.
    """
    end = knee_end(bone, femur=femur)
    if end is None:
        return undivided(len(bone.index), "no condyles of a usual width were found")
    offset = bone.points_lps_mm - end.joint_lps_mm
    height = offset @ end.away / end.width_mm
    physis = (settings.femoral_physis if femur else settings.tibial_physis).value
    side = bone.points_lps_mm @ end.left
    condyles = height < physis
    low, high = np.percentile(side[condyles], [0.5, 99.5])
    cells = np.where(side > 0.5 * (low + high), 1, 2).astype(np.uint8)
    cells[~condyles] = 3
    cells[height > settings.end_segment.value] = 4
    word = "femoral" if femur else "tibial"
    names = ("left", "right")
    if medial_lps is not None:
        names = ("medial", "lateral") if float(medial_lps @ end.left) > 0 else ("lateral", "medial")
    keys = (*(f"{word}_condyle_{name}" for name in names), f"{word}_metaphysis", f"{word}_diaphysis")
    return Division(cells=cells, pieces=tuple(Piece(key=key, cells=(k,)) for k, key in enumerate(keys, start=1)))
