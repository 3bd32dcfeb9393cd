"""Muscles, fascia and vessels around the standard left knee, as distance tables."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from marrowsignal.phantom.anatomy.knee_shapes import At, Box, Corners, Table, at_sections, bake, grid
from marrowsignal.phantom.solids import Vector, ramp, tube

__all__ = ["SHALLOW_VEINS", "VESSELS", "fascia_table", "muscle_tables", "vessel_table"]

Array = NDArray[np.float64]
Levels = tuple[tuple[float, float, float, float, float, float], ...]
# outline of the deep fascia at heights z
_FASCIA: tuple[tuple[float, Corners], ...] = (
    (220.0, ((10, -60), (-20, -60), (-50, -44), (-66, -12), (-66, 22), (-54, 52), (-28, 70), (4, 74), (36, 70),
        (62, 50), (72, 16), (68, -16), (56, -42), (34, -58))),
    (120.0, ((6, -50), (-18, -49), (-44, -36), (-58, -8), (-58, 20), (-48, 44), (-26, 60), (2, 64), (30, 60),
        (52, 44), (60, 16), (58, -12), (48, -34), (28, -48))),
    (60.0, ((4, -50), (-14, -46), (-34, -34), (-46, -12), (-50, 12), (-46, 36), (-28, 52), (0, 56), (26, 54),
        (46, 40), (50, 14), (48, -10), (40, -30), (22, -45))),
    (25.0, ((2, -54.5), (-16, -50), (-30, -34), (-43, -8), (-47, 14), (-44, 34), (-28, 47), (0, 51), (26, 49),
        (44, 35), (46, 12), (44, -8), (34, -34), (20, -50))),
    (0.0, ((2, -48.5), (-14, -45), (-32, -28), (-43, -6), (-46, 16), (-42, 37), (-26, 52), (0, 56), (24, 54),
        (43, 39), (46, 18), (43, -6), (34, -26), (17, -45))),
    (-30.0, ((3, -36), (-10, -32), (-27, -18), (-36, 0), (-42, 22), (-39, 45), (-21, 60), (2, 62), (25, 60),
        (43, 43), (47, 20), (43, 0), (33, -14), (15, -31))),
    (-60.0, ((3, -25), (-8, -21), (-22, -4), (-36, 14), (-44, 34), (-38, 56), (-18, 68), (4, 68), (28, 64),
        (46, 46), (50, 22), (45, 2), (32, -12), (14, -22))),
    (-120.0, ((1, -11), (-7, -8), (-15, 8), (-31, 24), (-42, 42), (-38, 62), (-18, 76), (4, 76), (28, 72),
        (44, 54), (48, 30), (42, 10), (28, -4), (12, -10))),
    (-220.0, ((0, 3), (-7, 6), (-13, 18), (-24, 30), (-32, 46), (-28, 64), (-12, 74), (4, 74), (22, 70),
        (34, 56), (37, 36), (32, 18), (22, 8), (10, 4))),
)  # fmt: skip
# muscle bellies as ellipses: height z, middle x and y, half axes, turn in degrees
_MUSCLES: dict[str, Levels] = {
    "vastus_medialis": (
        (28, -34, -24, 3, 4, 0), (40, -34, -22, 7, 12, 20), (60, -32, -20, 12, 20, 15), (90, -30, -20, 19, 24, 10),
        (130, -26, -22, 22, 24, 0), (230, -24, -20, 20, 22, 0),
    ),
    "vastus_lateralis": (
        (48, 38, -22, 3, 4, 0), (62, 41, -16, 8, 14, -15), (90, 40, -16, 14, 24, -10), (130, 40, -18, 20, 30, 0),
        (230, 48, -18, 24, 32, 0),
    ),
    "vastus_intermedius": (
        (72, 4, -27, 12, 3, 0), (90, 6, -28, 20, 8, 0), (130, 10, -28, 26, 12, 0), (230, 18, -26, 28, 16, 0),
    ),
    "rectus_femoris": ((118, 5, -42, 6, 2, 0), (140, 6, -46, 16, 6, 0), (230, 10, -50, 20, 10, 0)),
    "biceps_femoris": (
        (4, 42, 25, 3, 5, 0), (20, 41, 30, 6, 10, -15), (60, 35, 36, 12, 16, -30), (120, 32, 34, 17, 20, -20),
        (230, 26, 40, 22, 22, 0),
    ),
    "semimembranosus": (
        (10, -29, 36, 3, 4, 0), (30, -26, 40, 10, 9, 0), (60, -22, 40, 17, 14, 15), (120, -16, 42, 22, 16, 10),
        (230, -14, 44, 18, 14, 0),
    ),
    "semitendinosus": ((100, -4, 55, 4, 3, 0), (125, 2, 55, 12, 7, 0), (230, 4, 58, 18, 12, 0)),
    "sartorius": (
        (-14, -42, 26, 2, 7, 0), (20, -45, 24, 4, 12, 0), (60, -46, 20, 7, 13, 0), (120, -50, 14, 9, 15, 0),
        (230, -50, 0, 12, 14, 0),
    ),
    "gracilis": ((80, -44, 36, 2, 3, 0), (110, -44, 38, 6, 8, 0), (230, -46, 40, 8, 14, 0)),
    "gastrocnemius_medial": (
        (-220, -10, 64, 18, 8, 0), (-120, -20, 60, 22, 15, 10), (-60, -20, 54, 23, 17, 10), (-20, -20, 48, 22, 14, 5),
        (10, -18, 44, 17, 9, 0), (30, -17, 39, 11, 6, 0), (42, -16, 33, 5, 4, 0),
    ),
    "gastrocnemius_lateral": (
        (-220, 12, 64, 16, 6, 0), (-120, 18, 62, 20, 12, -10), (-60, 22, 54, 21, 15, -10), (-20, 22, 48, 20, 13, -5),
        (10, 20, 44, 15, 9, 0), (28, 20, 39, 10, 6, 0), (40, 20, 33, 5, 4, 0),
    ),
    "popliteus": (
        (-100, -10, 30, 6, 3, 0), (-70, -8, 31, 16, 6, 0), (-40, -3, 31, 21, 7, 0), (-18, 6, 31, 18, 6, 0),
        (-6, 20, 31, 7, 4, 0),
    ),
    "soleus": (
        (-220, 2, 52, 28, 14, 0), (-120, 4, 46, 34, 13, 0), (-70, 12, 42, 26, 9, 0), (-40, 22, 38, 14, 6, 0),
        (-24, 28, 36, 6, 4, 0),
    ),
    "tibialis_anterior": (
        (-220, 18, 14, 11, 13, 0), (-120, 20, 6, 11, 16, -20), (-60, 24, -2, 9, 14, -35), (-30, 30, -6, 6, 10, -45),
        (-14, 32, -10, 3, 5, -45),
    ),
    "extensor_digitorum": ((-220, 28, 22, 7, 8, 0), (-120, 33, 12, 9, 11, 0), (-60, 36, 6, 7, 10, 0),
        (-26, 38, 6, 4, 6, 0)),
    "peroneus": ((-220, 30, 36, 8, 9, 0), (-120, 42, 28, 7, 14, 0), (-60, 44, 20, 6, 12, 0), (-34, 44, 18, 3, 6, 0)),
    "tibialis_posterior": ((-220, 14, 32, 12, 8, 0), (-120, 16, 24, 12, 9, 0), (-70, 18, 24, 9, 7, 0),
        (-52, 20, 24, 4, 4, 0)),
    "flexor_digitorum": ((-220, -6, 40, 9, 7, 0), (-120, -12, 32, 11, 7, 0), (-96, -12, 30, 5, 3, 0)),
}  # fmt: skip
# path and radii; flowing blood gives no signal
VESSELS: dict[str, tuple[tuple[Vector, ...], tuple[float, ...], str]] = {
    "popliteal_artery": (
        ((2.0, 14.0, 200.0), (0.0, 24.0, 110.0), (2.0, 30.0, 45.0), (3.0, 37.0, 5.0), (4.0, 39.0, -40.0),
            (4.0, 36.0, -220.0)),
        (3.6, 3.5, 3.3, 3.1, 2.8, 1.8),
        "flowing_blood",
    ),
    "popliteal_vein": (
        ((8.0, 18.0, 200.0), (5.0, 30.0, 110.0), (6.0, 36.0, 45.0), (5.0, 43.5, 5.0), (1.0, 43.0, -40.0),
            (9.0, 38.0, -220.0)),
        (4.4, 4.3, 4.0, 3.6, 3.0, 2.0),
        "slow_blood",
    ),
    "tibial_nerve": (
        ((14.0, 30.0, 200.0), (10.0, 42.0, 90.0), (7.0, 46.0, 45.0), (6.0, 49.0, 10.0), (7.0, 42.0, -45.0),
            (7.0, 40.0, -220.0)),
        (4.0, 3.2, 2.8, 2.6, 2.3, 2.0),
        "nerve",
    ),
    "common_peroneal_nerve": (
        ((12.0, 42.0, 90.0), (28.0, 45.0, 50.0), (40.0, 36.0, 10.0), (43.0, 28.0, -20.0), (41.0, 20.0, -38.0)),
        (2.4, 2.0, 1.8, 1.6, 1.4),
        "nerve",
    ),
    "saphenous_vein": (
        ((-60.0, 24.0, 160.0), (-55.0, 32.0, 80.0), (-51.0, 36.0, 10.0), (-45.0, 26.0, -60.0), (-34.0, 16.0, -200.0)),
        (1.9, 1.7, 1.7, 1.5, 1.4),
        "slow_blood",
    ),
    "small_saphenous_vein": (
        ((4.0, 44.0, 20.0), (4.0, 60.0, 0.0), (5.0, 71.0, -60.0), (5.0, 79.0, -140.0)),
        (1.2, 1.4, 1.4, 1.2),
        "slow_blood",
    ),
    "geniculate_vessels": (
        ((3.0, 33.0, 38.0), (-20.0, 24.0, 46.0), (-40.0, 8.0, 46.0), (-38.0, -20.0, 34.0)),
        (1.2, 1.0, 0.9, 0.8),
        "slow_blood",
    ),
    "sural_vessels": (
        ((4.0, 40.0, 4.0), (18.0, 47.0, -20.0), (22.0, 54.0, -60.0), (18.0, 60.0, -110.0)),
        (1.3, 1.2, 1.1, 1.0),
        "slow_blood",
    ),
}  # fmt: skip
# these lie in the subcutaneous fat, and never nearer to the skin than it is thick
SHALLOW_VEINS = ("saphenous_vein", "small_saphenous_vein")
_LEG: Box = ((-76.0, 84.0), (-68.0, 88.0), (-220.0, 230.0))


@cache
def fascia_table() -> Table:
    """Signed distance to the deep fascia; outside it up to where the skin can be."""
    return bake(
        lambda at: at_sections(at, _FASCIA), box=((-112.0, 120.0), (-108.0, 124.0), (-220.0, 220.0)), step_mm=4.0
    )


@cache
def vessel_table(name: str) -> Table | None:
    """Distance to one of the `VESSELS`; None for those too thin for a grid."""
    path, radii, _ = VESSELS[name]
    if max(radii) < 2.0:
        return None
    low, high = np.min(path, axis=0) - 10.0, np.max(path, axis=0) + 10.0
    x, y, z = ((float(a), float(b)) for a, b in zip(low, high, strict=True))
    return bake(lambda at: tube(at, path=path, radii=radii), box=(x, y, z), step_mm=1.5)


def _belly(at: At, levels: Levels) -> Array:
    """Distance to a muscle belly whose sections are ellipses."""
    x, y, z = at
    upward = np.array(sorted(levels), float).T
    mx, my, rx, ry, turn = (np.interp(z, upward[0], upward[i]) for i in range(1, 6))
    cosine, sine = np.cos(np.deg2rad(turn)), np.sin(np.deg2rad(turn))
    a = ((x - mx) * cosine + (y - my) * sine) / rx
    b = ((y - my) * cosine - (x - mx) * sine) / ry
    k = np.sqrt(a * a + b * b) + 1e-6
    slope = np.sqrt((a / rx) ** 2 + (b / ry) ** 2) + 1e-6
    beyond = np.maximum(np.maximum(z - upward[0, -1], upward[0, 0] - z), 0.0)
    swell = 1.0 + 3.0 * ramp(z, 60.0, 110.0) + 1.5 * ramp(-z, -30.0, 5.0) + 2.5 * ramp(-z, 10.0, 60.0)
    return np.asarray(k * (k - 1.0) / slope + beyond - swell)


@cache
def muscle_tables() -> dict[str, Table]:
    """Muscles by name, packed side by side under the fascia with fat of about 1 mm between them.

    Each point belongs to the belly it lies deepest in; what two bellies claim is split midway.
    """
    step = 3.0
    at = grid(_LEG, step)
    cover = fascia_table()((at[0] + 0 * (at[1] + at[2]), at[1] + 0 * (at[0] + at[2]), at[2] + 0 * (at[0] + at[1])))
    bellies = np.stack([_belly(at, levels) for levels in _MUSCLES.values()]).astype(np.float32)
    order = np.partition(bellies, 1, axis=0)[:2]
    tables = {}
    for name, own in zip(_MUSCLES, bellies, strict=True):
        rival = np.where(own <= order[0], order[1], order[0])
        packed = np.maximum(np.maximum(own, 0.5 * (own - rival) + 0.5), cover + 0.9)
        tables[name] = _cropped(packed, _LEG, step)
    return tables


def _cropped(values: NDArray[np.float32], box: Box, step_mm: float) -> Table:
    """Table of the part of a grid where something lies, with a margin."""
    spans = []
    for axis in range(3):
        inside = np.flatnonzero((values < 0.0).any(axis=tuple(i for i in range(3) if i != axis)))
        spans.append(slice(max(int(inside[0]) - 3, 0), int(inside[-1]) + 4))
    x, y, z = (low + s.start * step_mm for (low, _), s in zip(box, spans, strict=True))
    return Table(
        origin_mm=(x, y, z), step_mm=step_mm, values=np.ascontiguousarray(values[tuple(spans)], dtype=np.float32)
    )
