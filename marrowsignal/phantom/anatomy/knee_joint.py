"""What holds and fills the standard left knee joint: cartilage, menisci, ligaments, tendons, fluid."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from marrowsignal.phantom.anatomy.knee_bones import (
    PLATEAU,
    femoral_articular,
    knee_bones,
    patellar_articular,
    tibial_articular,
)
from marrowsignal.phantom.anatomy.knee_shapes import At, Box, Table, bake, flattened, outline
from marrowsignal.phantom.solids import Vector, ellipsoid, ramp, smooth_max, smooth_min

__all__ = ["BANDS", "CORDS", "capsule", "joint_tables"]

Array = NDArray[np.float64]
_JOINT: Box = ((-48.0, 52.0), (-44.0, 44.0), (-16.0, 52.0))


def _femoral_cartilage(at: At) -> Array:
    thick = 2.4 + 0.7 * ramp(-at[1], 5.0, 25.0)
    return smooth_max(knee_bones().femur(at) - thick, femoral_articular(at), radius_mm=2.5)


def _tibial_cartilage(at: At) -> Array:
    return smooth_max(knee_bones().tibia(at) - 2.8, tibial_articular(at), radius_mm=2.5)


def _patellar_cartilage(at: At) -> Array:
    return smooth_max(knee_bones().patella(at) - 3.0, patellar_articular(at), radius_mm=2.5)


def _meniscus(at: At) -> Array:
    """Fill the wedge between the cartilages along the rim of the plateau."""
    bones = knee_bones()
    x, y, z = at
    edge = outline(x, y, PLATEAU)
    deep = np.where(x < 0.0, 9.0 + 4.0 * ramp(y, 0.0, 18.0), 10.5)
    ring = np.maximum(edge - 0.9, -edge - deep)
    wedge = np.maximum(2.5 - bones.femur(at), 2.6 - bones.tibia(at))
    limits = np.maximum(8.5 - np.abs(x), np.abs(z - 0.5) - 4.8)
    return smooth_max(np.maximum(wedge, ring), limits, radius_mm=1.0)


def _hull(at: At) -> Array:
    """Wrap femur, tibia and the notch between the condyles in one smooth bag."""
    bones = knee_bones()
    notch = ellipsoid(at, centre=(0.0, 8.0, 12.0), radii=(22.0, 23.0, 22.0))
    return smooth_min(smooth_min(bones.femur(at), notch, radius_mm=8.0), bones.tibia(at), radius_mm=24.0)


def capsule(at: At) -> Array:
    """Thin sheet around the joint, open in front, where the fat pad lies."""
    sheet = np.abs(joint_tables()["hull"](at) - 4.4) - 0.55
    return np.maximum(sheet, np.maximum(np.abs(at[2] - 14.0) - 27.0, -12.0 - at[1]))


def _film(at: At) -> Array:
    """Wet the cartilages."""
    femoral = np.maximum(_femoral_cartilage(at) - 0.45, np.abs(at[0]) - 34.5)
    return np.minimum(femoral, _tibial_cartilage(at) - 0.7)


def _extensor(at: At) -> Array:
    quadriceps = flattened(
        at,
        path=((2.5, -46.5, 39.0), (3.0, -44.0, 53.0), (4.0, -41.0, 80.0), (6.0, -39.0, 130.0)),
        half=(3.1, 17.0),
        across=0,
    )
    apron = flattened(at, path=((2.0, -45.5, 3.0), (2.0, -51.0, 20.0), (2.5, -48.0, 41.0)), half=(1.5, 17.0), across=0)
    patellar = flattened(
        at, path=((2.0, -44.5, 9.0), (2.5, -43.5, -1.0), (3.0, -23.0, -46.0)), half=(2.5, 13.0), across=0
    )
    return smooth_min(np.minimum(quadriceps, apron), patellar, radius_mm=3.0)


# path, half thickness and half width, axis of the width
BANDS: dict[str, tuple[tuple[Vector, ...], tuple[float, float], int]] = {
    "medial_collateral_ligament": (
        ((-41.0, -1.0, 28.0), (-41.5, 0.0, 12.0), (-40.0, 1.0, -6.0), (-31.0, 2.0, -30.0), (-20.5, 2.0, -60.0)),
        (1.2, 6.5),
        1,
    ),
    "iliotibial_band": (
        ((54.0, 0.0, 120.0), (46.0, -2.0, 60.0), (42.5, -7.0, 22.0), (40.0, -11.0, 4.0), (31.0, -15.0, -14.0)),
        (1.0, 11.0),
        1,
    ),
    "medial_retinaculum": (((-17.0, -42.0, 22.0), (-33.0, -27.0, 22.0), (-41.0, -8.0, 22.0)), (0.8, 19.0), 2),
    "lateral_retinaculum": (((21.0, -42.0, 22.0), (36.0, -28.0, 22.0), (41.5, -8.0, 22.0)), (0.8, 19.0), 2),
    "suprapatellar_recess": (((3.0, -35.0, 46.0), (4.0, -31.5, 60.0), (5.0, -29.0, 80.0)), (1.1, 16.0), 0),
    "anterior_cruciate_ligament": (((-1.5, -7.0, -3.0), (2.5, 3.0, 9.0), (6.5, 14.0, 21.0)), (2.7, 5.0), 0),
}
# path and radii
CORDS: dict[str, tuple[tuple[Vector, ...], tuple[float, ...]]] = {
    "posterior_cruciate_ligament": (
        ((-8.0, -1.0, 11.0), (-6.0, 8.0, 13.5), (-3.0, 16.5, 10.0), (-1.0, 21.5, 0.0), (0.0, 23.0, -12.0)),
        (5.0, 4.6, 4.2, 3.9, 4.2),
    ),
    "lateral_collateral_ligament": (((40.0, 3.0, 25.0), (41.5, 10.0, 6.0), (39.0, 19.0, -15.0)), (2.0, 1.8, 2.2)),
    "popliteus_tendon": (((38.5, 3.0, 13.0), (37.0, 16.0, 5.0), (28.0, 28.0, -4.0), (14.0, 31.0, -16.0)), (2.0,) * 4),
    "posterior_recess": (((-12.0, 35.0, 8.0), (-11.0, 36.0, 14.0), (-10.0, 35.0, 24.0)), (0.8, 1.5, 0.8)),
    "transverse_ligament": (((-14.0, -17.0, 0.0), (0.0, -20.0, 2.0), (14.0, -16.0, 0.0)), (1.3, 1.2, 1.3)),
    "biceps_tendon": (((40.0, 30.0, 40.0), (43.0, 26.0, 10.0), (39.0, 22.0, -15.0)), (2.5, 3.0, 2.6)),
    "semimembranosus_tendon": (((-24.0, 42.0, 40.0), (-28.0, 34.0, 8.0), (-30.0, 22.0, -13.0)), (3.0, 3.4, 2.6)),
    "semitendinosus_tendon": (
        ((-6.0, 54.0, 110.0), (-20.0, 50.0, 50.0), (-38.0, 36.0, 5.0), (-36.0, 14.0, -30.0), (-18.0, -7.0, -55.0)),
        (3.0, 2.4, 2.2, 1.8, 1.2),
    ),
    "gracilis_tendon": (
        ((-42.0, 34.0, 90.0), (-43.0, 33.0, 30.0), (-40.0, 26.0, -10.0), (-31.0, 6.0, -36.0), (-18.0, -9.0, -52.0)),
        (2.4, 1.8, 1.6, 1.5, 1.0),
    ),
}


@cache
def joint_tables() -> dict[str, Table]:
    """Distance tables of everything in and around the joint that is no bone, by name, worked out once."""
    plateau: Box = ((-44.0, 44.0), (-28.0, 34.0), (-13.0, 12.0))
    patella: Box = ((-24.0, 28.0), (-46.0, -20.0), (4.0, 52.0))
    tables = {
        "femoral_cartilage": bake(_femoral_cartilage, box=_JOINT, step_mm=1.5),
        "tibial_cartilage": bake(_tibial_cartilage, box=plateau, step_mm=1.5),
        "patellar_cartilage": bake(_patellar_cartilage, box=patella, step_mm=1.5),
        "menisci": bake(_meniscus, box=((-42.0, 42.0), (-26.0, 32.0), (-7.0, 8.0)), step_mm=1.0),
    }
    tables["extensor_tendon"] = bake(_extensor, box=((-22.0, 28.0), (-60.0, -14.0), (-54.0, 136.0)), step_mm=1.5)
    tables["joint_fluid"] = bake(_film, box=_JOINT, step_mm=1.5)
    tables["hull"] = bake(_hull, box=((-50.0, 52.0), (-20.0, 46.0), (-18.0, 46.0)))
    return tables
