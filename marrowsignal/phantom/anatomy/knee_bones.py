"""The bones of the standard left knee: distance tables, made once, which every person stretches and bends."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from marrowsignal.phantom.anatomy.knee_shapes import (
    At,
    Corners,
    Table,
    at_sections,
    bake,
    outline,
    redistanced,
    surface_distance,
)
from marrowsignal.phantom.solids import capsule, curve, ellipsoid, ramp, smooth_max, smooth_min, softplus

__all__ = [
    "PATELLA_MM",
    "PLATEAU",
    "KneeBones",
    "femoral_articular",
    "femoral_physis_mm",
    "knee_bones",
    "patellar_articular",
    "plateau_mm",
    "shaft_axis_mm",
    "tibial_articular",
    "tibial_physis_mm",
]

Array = NDArray[np.float64]
# sagittal outlines of the condyles, y and z
_MEDIAL: Corners = (
    (31, 21), (28, 11), (20, 5), (9, 2.9), (-3, 3.4), (-15, 7.5), (-24, 15), (-29, 25), (-28.5, 35), (-24, 44),
    (-14, 52), (0, 53), (10, 49), (19, 42), (27, 33),
)  # fmt: skip
_LATERAL: Corners = (
    (30, 20), (27, 11), (20, 5.5), (10, 3.2), (-2, 2.8), (-15, 6), (-26, 14), (-33, 25), (-33, 35), (-26, 46),
    (-14, 53), (0, 53), (10, 48), (18, 41), (26, 32),
)  # fmt: skip
PLATEAU: Corners = (
    (0, -17), (-12, -21), (-25, -19), (-35, -8), (-38, 6), (-34, 19), (-24, 27), (-11, 26), (-1, 20), (9, 22),
    (20, 25), (31, 19), (37, 7), (36, -7), (28, -17), (13, -20),
)  # fmt: skip
_TIBIA: tuple[tuple[float, Corners], ...] = (
    (-16.0, PLATEAU),
    (-34.0, ((1, -21), (-14, -17), (-26, -4), (-28, 9), (-21, 20), (-6, 22), (8, 21), (20, 17), (25, 6),
        (22, -7), (12, -17))),
    (-50.0, ((3, -22.5), (-8, -18), (-18, -3), (-21, 10), (-15, 21), (-3, 23.5), (9, 22), (17, 13), (17, 1),
        (11, -14))),
    (-80.0, ((2, -16), (-6, -13), (-13, 0), (-16, 12), (-12, 22), (-2, 25), (8, 23), (13, 14), (12, 2), (7, -11))),
    (-130.0, ((1, -8), (-5, -6), (-11, 5), (-13, 16), (-9, 25), (0, 27), (8, 25), (12, 17), (10, 6), (5, -5))),
    (-250.0, ((0, 8), (-6, 11), (-10, 19), (-11, 28), (-7, 36), (0, 38), (7, 36), (11, 29), (9, 20), (5, 11))),
)  # fmt: skip
_PATELLA: Corners = (
    (0, -23), (8, -18), (16, -8), (21, 3), (20.5, 12), (14, 19), (3, 22), (-9, 21), (-18, 15), (-21, 6), (-18, -4),
    (-9, -17),
)  # fmt: skip
PATELLA_MM = (2.0, -40.8, 24.0)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class KneeBones:
    """Tables of the bones of the standard knee.

    Attributes
    ----------
    femur, tibia, patella, fibula : Table
        Signed distance to the surface.
    femur_joint, tibia_joint, patella_joint, fibula_joint : Table
        Distance to the articular surface.
    """

    femur: Table
    tibia: Table
    patella: Table
    fibula: Table
    femur_joint: Table
    tibia_joint: Table
    patella_joint: Table
    fibula_joint: Table


def shaft_axis_mm(z: Array, *, femur: bool) -> tuple[Array, Array]:
    """Middle of the femoral or tibial shaft, x and y, at a height."""
    if femur:
        return np.asarray(0.105 * (z - 35.0)), curve(z, (30.0, 90.0, 250.0), (-3.0, -6.0, -2.0))
    return np.zeros_like(z), curve(z, (-250.0, -130.0, -50.0), (24.0, 10.0, 3.0))


def femoral_physis_mm(at: At) -> Array:
    """Height of the femoral growth plate: a plane with four shallow bumps."""
    x, y, _ = at
    return 35.0 + 2.2 * np.cos(x / 9.0) * np.cos((y + 4.0) / 8.5) - 0.0022 * x * x - 0.12 * y


def tibial_physis_mm(at: At) -> Array:
    """Height of the tibial growth plate, with the tongue of the tuberosity in front."""
    x, y, _ = at
    tongue = softplus(-(y + 9.0), width=5.0)
    return -15.5 + 1.2 * np.cos(x / 8.0) - 1.35 * tongue * np.exp(-((x - 2.0) ** 2) / 180.0) - 0.06 * y


def plateau_mm(at: At) -> Array:
    """Height of the bony tibial plateau: hollow medially, bulging laterally, with the eminence between."""
    x, y, _ = at
    hollow = -3.4 + ((x + 22.0) ** 2 + 0.9 * (y - 3.0) ** 2) / 220.0
    bulge = -3.0 + (x - 22.0) ** 2 / 300.0 - (y - 2.0) ** 2 / 170.0
    side = ramp(x, -7.0, 7.0)
    spine = 7.5 * np.exp(-(((x + 4.5) / 3.4) ** 2 + ((y - 4.0) / 8.0) ** 2))
    spine = spine + 6.5 * np.exp(-(((x - 5.0) / 3.4) ** 2 + ((y - 6.0) / 7.0) ** 2))
    middle = 2.0 * np.exp(-((x / 7.0) ** 2)) * ramp(y, -16.0, 10.0) - 3.5 * np.exp(-((x / 9.0) ** 2)) * ramp(
        y, 10.0, 22.0
    )
    return np.asarray((1.0 - side) * hollow + side * bulge + spine + middle - 0.03 * (y - 3.0))


def _femur(at: At) -> Array:
    x, y, z = at
    side = ramp(x, -8.0, 10.0)
    sagittal = (1.0 - side) * outline(y, z, _MEDIAL) + side * outline(y, z, _LATERAL)
    middle = np.where(x < 0.0, -23.0, 22.0)
    coronal = np.minimum(0.0085 * (x - middle) ** 2, 4.0)
    groove = 4.8 * np.exp(-(((x - 1.0) / 9.0) ** 2)) * ramp(-y, -4.0, 18.0) * ramp(-z, -58.0, -30.0)
    flank = np.abs(x + 0.5) - curve(z, (0.0, 12.0, 25.0, 42.0, 55.0), (33.0, 37.0, 39.0, 37.0, 31.0))
    flank = flank + 0.014 * softplus(-(y + 2.0), width=6.0) ** 2
    ends = smooth_max(sagittal + coronal + groove, flank, radius_mm=15.0)
    roof = 0.75 * (z - 8.0 - 0.85 * (y + 6.0))
    notch = smooth_max(np.abs(x - 0.5) - 9.5 - 0.08 * (y - 5.0), roof, radius_mm=9.0)
    ends = smooth_max(ends, -notch, radius_mm=5.0)
    cx, cy = shaft_axis_mm(z, femur=True)
    knots = (30.0, 45.0, 60.0, 80.0, 110.0, 160.0, 250.0)
    wide = curve(z, knots, (36.0, 33.0, 27.0, 21.0, 17.0, 15.0, 14.0))
    deep = curve(z, knots, (18.0, 19.0, 17.5, 15.5, 14.5, 14.0, 14.0))
    power = curve(z, knots, (2.8, 2.8, 2.7, 2.4, 2.1, 2.0, 2.0))
    shaft = ((np.abs((x - cx) / wide) ** power + np.abs((y - cy) / deep) ** power) ** (1.0 / power) - 1.0) * deep
    shaft = smooth_max(shaft, 30.0 - z, radius_mm=6.0)
    return smooth_min(ends, smooth_max(shaft, -notch, radius_mm=5.0), radius_mm=10.0)


def _tibia(at: At) -> Array:
    _, _, z = at
    column = at_sections(at, _TIBIA)
    head = column + 0.010 * softplus(z + 9.0, width=5.0) ** 2
    return smooth_max(head, 0.95 * (z - plateau_mm(at)), radius_mm=4.0)


def _patella(at: At) -> Array:
    x, y, z = (c - m for c, m in zip(at, PATELLA_MM, strict=True))
    rim = outline(x, z, _PATELLA) - 1.7
    front = -(y + 10.0) + x * x / 62.0 + (z - 2.0) ** 2 / 100.0
    ridge = np.abs(x + 1.0) * np.where(x > -1.0, 0.52, 0.36)
    back = y - 11.0 + np.sqrt(ridge**2 + 1.0) + 0.55 * softplus(-(z + 8.0), width=4.0) + 0.004 * (z - 4.0) ** 2
    return smooth_max(smooth_max(front, back, radius_mm=4.0), rim, radius_mm=7.0)


def _fibula(at: At) -> Array:
    head = ellipsoid(at, centre=(35.0, 21.0, -24.0), radii=(9.5, 10.5, 11.0))
    neck = capsule(at, start=(35.0, 22.0, -26.0), end=(34.0, 24.0, -70.0), radius_mm=5.8)
    shaft = capsule(at, start=(34.0, 24.0, -66.0), end=(30.0, 36.0, -270.0), radius_mm=6.3)
    return smooth_min(smooth_min(head, neck, radius_mm=8.0), shaft, radius_mm=6.0)


def femoral_articular(at: At) -> Array:
    """Negative where the femur carries cartilage."""
    x, y, z = at
    upper = z - 41.0 + 0.10 * (y + 30.0)
    trochlea = np.abs(x - 3.0) - 20.0 - 1.3 * softplus(y + 18.0, width=4.0)
    rim = np.abs(x + 0.5) - 36.0 + 4.0 * ramp(z, 4.0, 14.0)
    notch = np.minimum(12.0 + 0.08 * (y - 5.0) - np.abs(x - 0.5), 0.9 * (y + 7.0))
    return np.asarray(np.maximum(np.maximum(upper, trochlea), np.maximum(rim, notch)))


def tibial_articular(at: At) -> Array:
    """Negative where the tibia carries cartilage."""
    x, y, z = at
    ovals = np.minimum(
        ((x + 21.5) / 13.5) ** 2 + ((y - 3.0) / 21.5) ** 2, ((x - 21.5) / 13.0) ** 2 + ((y - 3.0) / 19.0) ** 2
    )
    return np.asarray(np.maximum(12.0 * (np.sqrt(ovals) - 1.0), -7.0 - z))


def patellar_articular(at: At) -> Array:
    """Negative where the patella carries cartilage."""
    x, y, z = (c - m for c, m in zip(at, PATELLA_MM, strict=True))
    return np.asarray(np.maximum(np.maximum(-9.0 - z, z - 19.0), np.maximum(np.abs(x) - 19.5, -y - 1.0)))


def _fibular_articular(at: At) -> Array:
    return np.asarray(np.maximum(at[0] - 33.0, np.abs(at[2] + 20.0) - 7.0))


@cache
def knee_bones() -> KneeBones:
    """Bones of the standard knee, worked out once.

    The tibia keeps 5 mm from the femur, the patella 6 mm, the fibula 2 mm from the tibia, whatever their outlines.

    Returns
    -------
    KneeBones
        Tables in the standard knee.
    """
    femur = redistanced(bake(_femur, box=((-48.0, 56.0), (-42.0, 40.0), (-16.0, 250.0))))
    tibia = redistanced(
        bake(
            lambda at: smooth_max(_tibia(at), 5.0 - femur(at), radius_mm=1.0),
            box=((-46.0, 46.0), (-34.0, 50.0), (-240.0, 18.0)),
        )
    )
    patella = redistanced(
        bake(
            lambda at: smooth_max(_patella(at), 6.0 - femur(at), radius_mm=1.0),
            box=((-28.0, 32.0), (-58.0, -20.0), (-9.0, 57.0)),
            step_mm=1.5,
        )
    )
    fibula = bake(
        lambda at: smooth_max(_fibula(at), 2.0 - tibia(at), radius_mm=1.0),
        box=((18.0, 52.0), (4.0, 50.0), (-240.0, -6.0)),
    )
    return KneeBones(
        femur=femur,
        tibia=tibia,
        patella=patella,
        fibula=fibula,
        femur_joint=surface_distance(femur, femoral_articular),
        tibia_joint=surface_distance(tibia, tibial_articular),
        patella_joint=surface_distance(patella, patellar_articular),
        fibula_joint=surface_distance(fibula, _fibular_articular),
    )
