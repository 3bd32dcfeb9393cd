"""Muscles, vessels and nerves of the upper thigh and below the hip joint."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marrowsignal.phantom.anatomy.skeleton import hip_centre_mm
from marrowsignal.phantom.anatomy.texture import Fascicles, fascicles
from marrowsignal.phantom.composition import COMPOSITIONS
from marrowsignal.phantom.scene import Layer
from marrowsignal.phantom.sheet import Ball, SmoothField
from marrowsignal.phantom.solids import Points, Vector, coverage, ramp, smooth_max, tube
from marrowsignal.phantom.subject import Subject
from marrowsignal.phantom.tissues import Species

__all__ = ["thigh_axis", "thigh_parts"]

Array = NDArray[np.float64]
At = tuple[Array, Array, Array]
Row = tuple[float, float, float, float, float]

_FAR = 40.0
_HIP = (87.0, -52.0, -80.0)
_AXIS = ((84.0, -41.0, -85.0), (80.0, -36.0, -300.0))
_RADIUS_MM = 69.0
_BALL = Ball(centre_mm=(84.0, -45.0, -175.0), radius_mm=190.0)
_ARTERY = ((78.0, -112.0, -95.0), (73.0, -104.0, -140.0), (68.0, -88.0, -200.0), (56.0, -56.0, -330.0))
_VEIN = ((66.0, -105.0, -97.0), (66.0, -98.0, -140.0), (62.0, -83.0, -200.0), (55.0, -50.0, -330.0))
_DEEP_ARTERY = ((75.0, -106.0, -112.0), (91.0, -80.0, -150.0), (97.0, -60.0, -200.0), (97.0, -48.0, -270.0))
_SCIATIC = ((70.0, 14.0, -110.0), (87.0, -6.0, -140.0), (81.0, -15.0, -200.0), (74.0, -18.0, -330.0))
_FEMORAL_NERVE = ((88.0, -106.0, -70.0), (90.0, -108.0, -105.0), (86.0, -101.0, -140.0), (78.0, -90.0, -180.0))
_TENDONS: tuple[tuple[str, tuple[Vector, ...], tuple[float, ...]], ...] = (
    ("gluteus_medius_tendon", ((139.0, -33.0, -90.0), (133.0, -38.0, -62.0)), (3.0, 1.2)),
    ("gluteus_minimus_tendon", ((141.0, -53.0, -104.0), (127.0, -60.0, -66.0)), (2.6, 1.0)),
)
_STEP_MM = 0.5
# no muscle is looked for further away than this
_REACH_MM = 14.0


@dataclass(frozen=True, slots=True, eq=False)
class _Table:
    first: float
    values: Array


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Section:
    """A muscle as a stack of ellipses.

    Attributes
    ----------
    name : str
        Anatomical name.
    axis : int
        Coordinate that numbers the ellipses: 0 for x, 2 for z.
    table : _Table
        Centre and radii along the two other coordinates, every half millimetre.
    turn : tuple of float
        Cosine and sine of the ellipses' turn, from the first to the second coordinate.
    grain : int
        Which fibre direction.
    gap_mm : float
        Half of the fat plane to its neighbours.
    grow : float
        How much it fills the space that others leave.
    """

    name: str
    axis: int
    table: _Table
    turn: tuple[float, float]
    grain: int
    gap_mm: float
    grow: float

    def near(self, at: At) -> NDArray[np.bool_]:
        """Points in the box that the muscle may touch."""
        values, first = self.table.values, self.table.first
        t, (u, v) = at[self.axis], self._across(at)
        reach = np.maximum(values[:, 2], values[:, 3]) + _REACH_MM
        low, high = (values[:, :2] - reach[:, None]).min(axis=0), (values[:, :2] + reach[:, None]).max(axis=0)
        last = first + _STEP_MM * len(values)
        return np.asarray(
            (u > low[0])
            & (u < high[0])
            & (v > low[1])
            & (v < high[1])
            & (t > first - _REACH_MM)
            & (t < last + _REACH_MM)
        )

    def distance(self, at: At) -> Array:
        """Signed distance, mm."""
        t, (u, v) = at[self.axis], self._across(at)
        values, first = self.table.values, self.table.first
        step = np.clip((t - first) / _STEP_MM, 0.0, len(values) - 1.0)
        cu, cv, a, b = (np.take(values[:, i], step.astype(np.intp)) for i in range(4))
        du, dv = u - cu, v - cv
        c, s = self.turn
        p, q = (c * du + s * dv) / a, (c * dv - s * du) / b
        k = np.sqrt(p * p + q * q) + 1e-6
        ring = k * (k - 1.0) / (np.sqrt((p / a) ** 2 + (q / b) ** 2) + 1e-6 / b)
        end = np.maximum(first - t, t - first - _STEP_MM * len(values))
        return smooth_max(0.93 * ring, end, radius_mm=8.0)

    def _across(self, at: At) -> tuple[Array, Array]:
        return (at[1], at[2]) if self.axis == 0 else (at[0], at[1])


def _muscle(name: str, options: dict[str, float], *rows: Row) -> _Section:
    knots = np.array(sorted(rows))
    t = np.arange(knots[0, 0], knots[-1, 0], _STEP_MM)
    values = np.stack([np.interp(t, knots[:, 0], knots[:, i]) for i in range(1, 5)], axis=1)
    # no kinks at the knots
    kernel = np.hanning(43)[1:-1]
    padded = np.pad(values, ((20, 20), (0, 0)), mode="reflect", reflect_type="odd")
    values = np.stack([np.convolve(padded[:, i], kernel / kernel.sum(), mode="valid") for i in range(4)], axis=1)
    values[:, 2:] = np.maximum(values[:, 2:], 0.8)
    angle = np.deg2rad(options.get("turn_deg", 0.0))
    return _Section(
        name=name,
        axis=int(options.get("axis", 2)),
        table=_Table(float(t[0]), values),
        turn=(float(np.cos(angle)), float(np.sin(angle))),
        grain=int(options.get("grain", 0)),
        gap_mm=options.get("gap_mm", 0.8),
        grow=options.get("grow", 1.0),
    )


# fmt: off
# rows: place along the axis, centre in the two other coordinates, radii
_BUNDLES = (
    _muscle("femoral_bundle", {"grow": 0.0}, (-92, 72, -110, 13, 7), (-140, 70, -102, 11, 8), (-200, 65, -86, 8, 8),
        (-260, 60, -70, 8, 8), (-340, 55, -53, 8, 8)),
    _muscle("sciatic_bundle", {"grow": 0.0}, (-112, 76, 6, 9, 6), (-145, 87, -8, 9, 6), (-200, 81, -15, 8, 6),
        (-340, 73, -18, 8, 6)),
)
_MUSCLES = (
    _muscle("rectus_femoris", {"turn_deg": 12}, (-50, 95, -86, 4, 4), (-80, 99, -95, 9, 8), (-110, 105, -98, 14, 10),
        (-150, 107, -99, 17, 11), (-200, 106, -97, 20, 12), (-260, 104, -94, 20, 13), (-340, 99, -90, 15, 11)),
    _muscle("tensor_fasciae_latae", {"turn_deg": -18}, (-8, 124, -95, 3, 5), (-40, 130, -93, 7, 12),
        (-70, 136, -88, 9, 15), (-100, 140, -84, 9, 17), (-130, 144, -78, 8, 17), (-165, 147, -70, 5, 13),
        (-190, 149, -64, 2, 6)),
    _muscle("sartorius", {"turn_deg": -25, "grain": 2, "gap_mm": 1.0}, (-12, 118, -104, 4, 4), (-45, 114, -111, 8, 5),
        (-100, 97, -113, 12, 6), (-150, 80, -105, 13, 7), (-200, 62, -98, 13, 7), (-250, 46, -85, 13, 9),
        (-340, 26, -58, 11, 11)),
    _muscle("vastus_lateralis", {}, (-96, 140, -44, 3, 8), (-120, 142, -45, 9, 20), (-150, 141, -48, 12, 30),
        (-200, 139, -51, 14, 36), (-260, 135, -51, 16, 38), (-340, 128, -53, 16, 34)),
    _muscle("vastus_intermedius", {"gap_mm": 0.4}, (-125, 122, -66, 9, 5), (-160, 119, -73, 18, 11),
        (-200, 116, -74, 20, 12), (-340, 106, -74, 22, 14)),
    _muscle("vastus_medialis", {"gap_mm": 0.6}, (-138, 106, -62, 4, 6), (-170, 98, -68, 9, 11), (-210, 90, -70, 13, 14),
        (-260, 83, -72, 18, 19), (-340, 74, -66, 22, 24)),
    _muscle("pectineus", {"turn_deg": -25, "grain": 1, "grow": 1.5, "gap_mm": 0.5}, (-84, 50, -99, 9, 3),
        (-100, 60, -97, 15, 6),
        (-118, 76, -87, 16, 8), (-140, 94, -69, 12, 8), (-165, 109, -54, 5, 5)),
    _muscle("adductor_longus", {"turn_deg": -20, "grain": 1, "grow": 1.3}, (-104, 22, -108, 6, 4),
        (-125, 31, -104, 14, 8), (-160, 45, -94, 17, 10), (-200, 60, -82, 18, 12), (-240, 82, -66, 15, 10),
        (-280, 102, -53, 5, 5)),
    _muscle("adductor_brevis", {"turn_deg": -15, "grain": 1, "grow": 1.7, "gap_mm": 0.5}, (-112, 26, -92, 8, 6),
        (-130, 42, -85, 15, 9), (-160, 71, -69, 16, 10), (-190, 97, -54, 9, 8), (-208, 108, -48, 2, 3)),
    _muscle("gracilis", {"turn_deg": -6}, (-122, 14, -86, 4, 12), (-150, 17, -78, 5, 18), (-200, 20, -63, 7, 20),
        (-260, 24, -48, 10, 18), (-340, 30, -32, 11, 14)),
    _muscle("adductor_magnus", {"grain": 1, "grow": 1.3}, (-126, 44, -60, 10, 11), (-150, 47, -50, 22, 24),
        (-200, 58, -43, 32, 21), (-250, 68, -43, 33, 20), (-340, 72, -36, 28, 16)),
    _muscle("semimembranosus", {}, (-140, 70, -29, 5, 4), (-160, 66, -26, 8, 6), (-200, 50, -12, 17, 11),
        (-250, 42, -7, 23, 14), (-340, 43, -3, 23, 16)),
    _muscle("semitendinosus", {}, (-138, 62, -22, 6, 5), (-170, 60, -3, 14, 12), (-210, 58, 9, 17, 13),
        (-260, 58, 15, 17, 12), (-340, 56, 17, 10, 9)),
    _muscle("biceps_femoris", {"gap_mm": 1.0}, (-138, 69, -20, 5, 5), (-170, 79, -1, 14, 12), (-210, 91, 9, 20, 15),
        (-260, 101, 9, 22, 17), (-340, 107, 5, 22, 17)),
    _muscle("biceps_short_head", {"grain": 2}, (-185, 119, -28, 4, 5), (-225, 115, -20, 11, 10),
        (-340, 109, -18, 14, 13)),
    _muscle("gluteus_maximus_end", {"grain": 4, "turn_deg": -15}, (-92, 126, 13, 8, 14), (-120, 126, 10, 15, 21),
        (-150, 124, -2, 14, 18), (-178, 122, -22, 8, 11), (-192, 121, -31, 3, 5)),
    _muscle("gluteus_medius_end", {"grain": 5}, (-10, 132, -33, 8, 17), (-40, 135, -36, 13, 28),
        (-68, 138, -34, 12, 25), (-94, 143, -33, 3, 9)),
    _muscle("gluteus_minimus_end", {"grain": 5}, (-25, 113, -61, 9, 14), (-55, 120, -65, 12, 16),
        (-82, 130, -61, 9, 12), (-106, 141, -53, 3, 4)),
    _muscle("adductor_minimus", {"axis": 0, "grain": 3}, (58, -47, -142, 8, 10), (84, -42, -150, 10, 17),
        (114, -36, -166, 5, 20)),
    _muscle("iliopsoas_end", {"grain": 1, "gap_mm": 0.5}, (-106, 95, -76, 10, 10), (-120, 99, -64, 10, 10),
        (-132, 109, -46, 7, 8), (-142, 115, -35, 4, 5)),
    _muscle("obturator_externus", {"axis": 0, "grain": 3, "grow": 0.4}, (32, -76, -112, 8, 11), (50, -66, -114, 12, 17),
        (70, -52, -118, 12, 14), (88, -36, -114, 9, 10), (108, -27, -101, 6, 6), (124, -30, -90, 2.5, 3)),
    _muscle("obturator_internus_end", {"axis": 0, "grain": 3, "grow": 0.2}, (56, 0, -92, 6, 12), (70, 2, -95, 7, 11),
        (95, -12, -91, 6, 8), (124, -28, -84, 2.5, 3)),
    _muscle("quadratus_femoris", {"axis": 0, "grain": 3, "grow": 0.2}, (72, -25, -130, 4, 11), (86, -19, -127, 6, 17),
        (110, -18, -122, 6, 19), (126, -24, -118, 3, 14)),
)
# fmt: on


def thigh_axis(subject: Subject) -> tuple[Vector, Vector]:
    """Middle line of the left thigh, from hip height to the height of the mid-shaft.

    Parameters
    ----------
    subject : Subject
        Whose.

    Returns
    -------
    tuple of tuple of float
        Upper and lower point in the standard body; the muscles lie within 70 mm of the line.
    """
    (x, y, z), (dx, dy, dz) = hip_centre_mm(subject), (np.subtract(_AXIS, _HIP))[0]
    first = (x + float(dx), y + float(dy), z + float(dz))
    run = np.subtract(_AXIS[1], _AXIS[0])
    return first, (first[0] + float(run[0]), first[1] + float(run[1]), first[2] + float(run[2]))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Thigh:
    """One thigh: how its muscles share the space.

    Coordinates are those of an average left thigh: the person's hip centre is taken out.
    """

    side: str
    shift: Vector
    bulk_mm: tuple[float, ...]
    waves: tuple[SmoothField, SmoothField]
    textures: tuple[Fascicles, ...]

    @property
    def sections(self) -> tuple[_Section, ...]:
        return _BUNDLES + _MUSCLES

    def ball(self, ball: Ball) -> Ball:
        x, y, z = np.add(ball.centre_mm, self.shift)
        return Ball(centre_mm=(float(-x if self.side == "right" else x), float(y), float(z)), radius_mm=ball.radius_mm)

    def local(self, p: Points) -> At:
        x = -p.x if self.side == "right" else p.x
        return x - self.shift[0], p.y - self.shift[1], p.z - self.shift[2]

    def wavy(self, p: Points) -> At:
        """Local coordinates, a little uneven, so that no muscle is an ellipse."""
        x, y, z = self.local(p)
        return x + 1.3 * self.waves[0].on(p.sheet), y + 1.3 * self.waves[1].on(p.sheet), z

    def nearest(self, at: At) -> tuple[Array, Array, NDArray[np.int8]]:
        """Signed distances to the nearest and the second nearest muscle, and which is nearest."""
        first, second = np.full(at[0].shape, _FAR), np.full(at[0].shape, _FAR)
        index = np.zeros(at[0].shape, np.int8)
        for i, section in enumerate(self.sections):
            some = section.near(at)
            chosen = (at[0][some], at[1][some], at[2][some])
            if not chosen[0].size:
                continue
            distance = section.distance(chosen) - self.bulk_mm[i]
            best = first[some]
            second[some] = np.minimum(second[some], np.maximum(distance, best))
            index[some] = np.where(distance < best, i, index[some])
            first[some] = np.minimum(distance, best)
        return first, second, index

    def fascia(self, at: At) -> Array:
        """Signed distance to the fascia of the thigh; above, where the hip is broad, it gives way."""
        x, y, z = at
        down = np.clip((_AXIS[0][2] - z) / 215.0, 0.0, 1.2)
        away = np.hypot(x - _AXIS[0][0] + 4.0 * down, y - _AXIS[0][1] - 5.0 * down)
        return away - _RADIUS_MM - 30.0 * ramp(z, -160.0, -105.0)

    def shape(self, p: Points) -> Array:
        """Signed distance to all muscles together, with the fat between them."""
        at = self.wavy(p)
        fascia = self.fascia(at)
        inside = fascia < 3.0
        total = np.full(p.x.shape, _FAR)
        if inside.any():
            first, _, _ = self.nearest((at[0][inside], at[1][inside], at[2][inside]))
            total[inside] = np.maximum(first, fascia[inside])
        return total

    def fill(self, p: Points) -> dict[Species, Array]:
        """Muscle with streaks of fat, and fat planes between the muscles."""
        at = self.wavy(p)
        inside = self.fascia(at) < 3.0
        lean, kind = np.zeros(p.x.shape), np.zeros(p.x.shape, np.int8)
        if inside.any():
            first, second, index = self.nearest((at[0][inside], at[1][inside], at[2][inside]))
            gaps = np.array([section.gap_mm for section in self.sections])[index]
            share = coverage(0.5 * (first - second) + gaps, width_mm=p.sheet.width_mm)
            lean[inside] = share * (index >= len(_BUNDLES))
            kind[inside] = np.array([section.grain for section in self.sections])[index]
        fat = np.zeros(p.x.shape)
        for i, texture in enumerate(self.textures):
            if (chosen := (kind == i) & inside).any():
                fat[chosen] = texture(p)[chosen]
        muscle = lean * (1.0 - fat)
        return {Species.MUSCLE: muscle, Species.FAT: 1.0 - muscle}


def _draw(subject: Subject, side: str) -> _Thigh:
    shift = np.subtract(hip_centre_mm(subject), _HIP)
    sign = -1.0 if side == "right" else 1.0
    whole = subject.normal("thigh bulk_mm", 3.4 if subject.sex == "M" else 2.8, 0.6)
    bulk = tuple(
        whole * s.grow
        + subject.normal(f"{s.name} bulk_mm", 0.0, 0.7)
        + subject.normal(f"{side} {s.name} bulk_mm", 0.0, 0.4)
        for s in _BUNDLES + _MUSCLES
    )
    directions = (
        (-0.08, 0.06, -1.0),
        (0.55, 0.25, -0.8),
        (-0.45, 0.2, -0.85),
        (1.0, 0.3, 0.1),
        (0.6, -0.45, -0.65),
        (0.3, -0.1, -0.95),
    )
    return _Thigh(
        side=side,
        shift=(float(shift[0]), float(shift[1]), float(shift[2])),
        bulk_mm=bulk,
        waves=(
            subject.field(f"{side} thigh x", wavelength_mm=(28.0, 70.0), count=10, stretch=(1.0, 1.0, 3.0)),
            subject.field(f"{side} thigh y", wavelength_mm=(28.0, 70.0), count=10, stretch=(1.0, 1.0, 3.0)),
        ),
        textures=tuple(
            fascicles(
                subject,
                f"{side} thigh {i}",
                along=(sign * x, y, z),
                spacing_mm=9.0,
                amount=0.6,
                half_width_mm=0.4,
            )
            for i, (x, y, z) in enumerate(directions)
        ),
    )


def _pipe(thigh: _Thigh, name: str, path: tuple[Vector, ...], radii: tuple[float, ...], fill: str) -> Layer:
    low, high = np.min(path, axis=0), np.max(path, axis=0)
    middle = 0.5 * (low + high)
    return Layer(
        name=f"{thigh.side}_{name}",
        shape=lambda p: tube(thigh.local(p), path=path, radii=radii),
        fill=COMPOSITIONS[fill],
        # fat between the bundles of a nerve
        opacity=0.75 if fill == "nerve" else 1.0,
        within=thigh.ball(
            Ball(
                centre_mm=(float(middle[0]), float(middle[1]), float(middle[2])),
                radius_mm=float(0.5 * np.linalg.norm(high - low)) + max(radii) + 1.0,
            )
        ),
    )


def _iliotibial_tract(thigh: _Thigh) -> Layer:
    # a dark band in the fascia on the outer side

    def shape(p: Points) -> Array:
        at = thigh.wavy(p)
        band = np.abs(thigh.fascia(at) - 0.6) - 0.8
        return np.maximum(band, np.maximum(138.0 - at[0], at[2] + 165.0))

    return Layer(
        name=f"{thigh.side}_iliotibial_tract", shape=shape, fill=COMPOSITIONS["fascia"], within=thigh.ball(_BALL)
    )


def _parts(thigh: _Thigh) -> tuple[Layer, ...]:
    return (
        _pipe(thigh, "femoral_artery", _ARTERY, (4.1, 3.9, 3.6, 3.0), "flowing_blood"),
        _pipe(thigh, "femoral_vein", _VEIN, (5.2, 5.0, 4.4, 3.8), "flowing_blood"),
        _pipe(thigh, "deep_femoral_artery", _DEEP_ARTERY, (3.0, 2.5, 2.1, 1.6), "flowing_blood"),
        _pipe(thigh, "sciatic_nerve", _SCIATIC, (5.0, 4.8, 4.4, 4.0), "nerve"),
        _pipe(thigh, "femoral_nerve", _FEMORAL_NERVE, (2.4, 2.2, 1.8, 1.2), "nerve"),
        *(_pipe(thigh, name, path, radii, "tendon") for name, path, radii in _TENDONS),
        _iliotibial_tract(thigh),
        Layer(name=f"{thigh.side}_thigh_muscles", shape=thigh.shape, fill=thigh.fill, within=thigh.ball(_BALL)),
    )


def thigh_parts(subject: Subject) -> tuple[Layer, ...]:
    """Muscles, vessels and nerves of both thighs below the hip joint, from front to back.

    To be painted after all bones and joints.

    Parameters
    ----------
    subject : Subject
        Whose.

    Returns
    -------
    tuple of Layer
        Vessels, nerves, tendons, then all muscles of a side as one layer with the fat between them.
    """
    return tuple(part for side in ("left", "right") for part in _parts(_draw(subject, side)))
