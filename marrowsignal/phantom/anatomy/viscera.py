"""Organs of the abdomen and the pelvis: liver, spleen, stomach, kidneys, bladder, uterus or prostate."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from marrowsignal.phantom.anatomy.body_surface import BodySurface
from marrowsignal.phantom.anatomy.texture import Threads, threads
from marrowsignal.phantom.scene import Layer
from marrowsignal.phantom.sheet import Ball, SmoothField
from marrowsignal.phantom.solids import Frame, Points, Vector, coverage, ellipsoid, ramp, smooth_max
from marrowsignal.phantom.subject import Subject
from marrowsignal.phantom.tissues import Species

__all__ = ["Organ", "draw_organs", "organ_balls", "organ_layers"]

Array = NDArray[np.float64]
Inside = Callable[[Points], Array]
Room = Callable[[Array], Array]
_S = Species
# directions spread evenly over a sphere
_TURN = np.pi * (1.0 + np.sqrt(5.0)) * np.arange(120)
_LEVEL = 1.0 - (2.0 * np.arange(120) + 1.0) / 120.0
_SPHERE = np.stack([np.cos(_TURN) * np.sqrt(1 - _LEVEL**2), np.sin(_TURN) * np.sqrt(1 - _LEVEL**2), _LEVEL], axis=1)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Organ:
    """An egg-shaped organ with an axis of its own.

    Attributes
    ----------
    name : str
        Anatomical name.
    frame : Frame
        Its middle and axes; the third one is its long axis.
    radii : tuple of float
        Along the axes of the frame, mm.
    lumps : SmoothField
        Unevenness of the outline, of 4 % of the smallest radius.
    """

    name: str
    frame: Frame
    radii: Vector
    lumps: SmoothField

    @property
    def within(self) -> Ball:
        """Where it can lie."""
        return Ball(centre_mm=self.frame.origin_mm, radius_mm=1.1 * max(self.radii) + 2.0)

    def egg(self, p: Points, *, less: float = 0.0) -> Array:
        """Signed distance to the outline, or to one that is smaller on all sides."""
        a, b, c = (max(r - less, 1.0) for r in self.radii)
        uneven = 0.045 * min(self.radii) * self.lumps.on(p.sheet)
        return ellipsoid(self.frame.of(p), centre=(0.0, 0.0, 0.0), radii=(a, b, c)) + uneven

    def layer(self, shape: Callable[[Points], Array], fill: Callable[[Points], dict[Species, Array]]) -> Layer:
        """Return what is painted, from its outline and its inside."""
        return Layer(name=self.name, shape=shape, fill=fill, within=self.within)


def _shares(tissue: Array, fluid: Array, fat: Array) -> dict[Species, Array]:
    return {_S.SOFT_TISSUE: tissue, _S.FLUID: fluid, _S.FAT: fat}


def _organ(
    subject: Subject, name: str, *, at: Vector, radii: Vector, main: Vector = (0.0, 0.0, 1.0), sd_mm: float = 3.0
) -> Organ:
    """Organ about a mean place and of a mean size."""
    rng = subject.rng(f"{name} place")
    moved = np.asarray(at) + sd_mm * np.clip(rng.standard_normal(3), -2.0, 2.0)
    size = np.asarray(radii) * np.clip(1.0 + 0.07 * rng.standard_normal(3), 0.85, 1.15)
    a, b, c = (float(v) for v in size)
    origin = (float(moved[0]), float(moved[1]), float(moved[2]))
    small = float(size.min())
    return Organ(
        name=name,
        frame=Frame.along(origin, main=main, hint=(1.0, 0.0, 0.1)),
        radii=(a, b, c),
        lumps=subject.field(f"{name} lumps", wavelength_mm=(1.2 * small, 3.0 * small), count=10),
    )


def _solid(organ: Organ, cavity: Inside, vessels: Threads, *, fluid: float) -> Layer:
    """Liver or spleen: even, with vessels without signal."""

    def shape(p: Points) -> Array:
        return smooth_max(organ.egg(p), cavity(p), radius_mm=14.0)

    def fill(p: Points) -> dict[Species, Array]:
        rest = 1.0 - vessels(p)
        return _shares(rest * (0.97 - fluid), rest * fluid, 0.03 * rest)

    return organ.layer(shape, fill)


def _stomach(organ: Organ, cavity: Inside, level_mm: float) -> Layer:
    def shape(p: Points) -> Array:
        return smooth_max(organ.egg(p), cavity(p), radius_mm=10.0)

    def fill(p: Points) -> dict[Species, Array]:
        width = p.sheet.width_mm
        inside = coverage(shape(p) + 3.5, width_mm=width)
        gas = inside * coverage(p.y - level_mm, width_mm=width)
        content = inside - gas
        return _shares(0.9 * (1.0 - inside) + 0.55 * content, 0.35 * content, 0.05 * (1.0 - inside) + 0.08 * content)

    return organ.layer(shape, fill)


def _kidney(organ: Organ, side: float) -> Layer:
    def dents(p: Points) -> tuple[Array, Array, Array]:
        a, b, c = organ.frame.of(p)
        # the hilum opens to the middle and a little to the front
        return a * side + 0.5 * organ.radii[0], b, c

    def sinus(p: Points) -> Array:
        a, b, c = dents(p)
        return ellipsoid((a, b, c), centre=(-4.0, 0.0, 0.0), radii=(12.0, 7.0, 22.0))

    def shape(p: Points) -> Array:
        return organ.egg(p)

    def fill(p: Points) -> dict[Species, Array]:
        width = p.sheet.width_mm
        hole = coverage(sinus(p) + 1.2 * organ.lumps.on(p.sheet), width_mm=width)
        pelvis = hole * coverage(sinus(p) + 5.5 + 1.5 * organ.lumps.on(p.sheet), width_mm=width)
        # pyramids stand around the sinus
        a, _, c = dents(p)
        turn = np.arctan2(c, a + 12.0)
        pyramid = ramp(organ.egg(p), -4.5, -7.5) * ramp(np.cos(7.0 * turn), -0.1, 0.6)
        tissue = 1.0 - hole
        return _shares(
            tissue * (0.9 - 0.12 * pyramid) + 0.2 * pelvis,
            tissue * (0.08 + 0.14 * pyramid) + 0.8 * pelvis,
            hole - pelvis,
        )

    return organ.layer(shape, fill)


def _bladder(organ: Organ) -> Layer:
    def fill(p: Points) -> dict[Species, Array]:
        urine = coverage(organ.egg(p) + 3.2, width_mm=p.sheet.width_mm)
        wall = 1.0 - urine
        return {_S.FLUID: urine, _S.MUSCLE: 0.9 * wall, _S.FAT: 0.1 * wall}

    return organ.layer(organ.egg, fill)


def _uterus(organ: Organ) -> Layer:
    def fill(p: Points) -> dict[Species, Array]:
        depth = -organ.egg(p)
        inner = organ.radii[0] - 4.0
        lining = ramp(depth, inner - 5.0, inner - 3.0)
        junction = ramp(depth, inner - 11.0, inner - 9.0) * (1.0 - lining)
        return {
            _S.SOFT_TISSUE: 0.82 - 0.16 * lining - 0.46 * junction,
            _S.FLUID: 0.12 + 0.16 * lining - 0.1 * junction,
            _S.MUSCLE: 0.06 * (1.0 - lining) + 0.5 * junction,
            _S.FIBROUS: 0.06 * (lining + junction),
        }

    return organ.layer(organ.egg, fill)


def _prostate(organ: Organ) -> Layer:
    def fill(p: Points) -> dict[Species, Array]:
        # the outer zone at the back is brighter on STIR
        outer = ramp(organ.frame.of(p)[1], 2.0, 6.0)
        rim = coverage(organ.egg(p) + 1.0, width_mm=p.sheet.width_mm)
        return {
            _S.SOFT_TISSUE: rim * (0.93 - 0.07 * outer),
            _S.FLUID: rim * (0.07 + 0.07 * outer),
            _S.FIBROUS: 1.0 - rim,
        }

    return organ.layer(organ.egg, fill)


def _ovary(organ: Organ, follicles: Threads) -> Layer:
    def fill(p: Points) -> dict[Species, Array]:
        wet = 0.8 * follicles(p)
        return {_S.SOFT_TISSUE: 0.9 - 0.9 * wet, _S.FLUID: 0.1 + 0.9 * wet}

    return organ.layer(organ.egg, fill)


def _upper(subject: Subject) -> dict[str, Organ]:
    organs = {
        "liver": _organ(subject, "liver", at=(-75.0, -70.0, 275.0), radii=(82.0, 84.0, 95.0), main=(0.2, -0.1, 1.0)),
        "spleen": _organ(subject, "spleen", at=(96.0, -12.0, 268.0), radii=(30.0, 38.0, 50.0), main=(0.2, -0.3, 1.0)),
        "stomach": _organ(subject, "stomach", at=(48.0, -98.0, 262.0), radii=(46.0, 38.0, 62.0), main=(0.5, 0.2, 1.0)),
    }
    for side, name, drop in ((1.0, "left_kidney", 0.0), (-1.0, "right_kidney", 12.0)):
        organs[name] = _organ(
            subject,
            name,
            at=(side * 71.0, -48.0, 188.0 - drop),
            radii=(26.0, 21.0, 52.0),
            main=(-0.22 * side, 0.15, 1.0),
        )
    return organs


def _lower(subject: Subject) -> dict[str, Organ]:
    full = subject.uniform("bladder_filling", 0.7, 1.15)
    organs = {
        "bladder": _organ(
            subject, "bladder", at=(0.0, -68.0, -86.0 + 20.0 * full), radii=(38.0 * full, 28.0 * full, 28.0 * full)
        )
    }
    if subject.sex == "M":
        organs["prostate"] = _organ(subject, "prostate", at=(0.0, -52.0, -122.0), radii=(22.0, 15.0, 17.0), sd_mm=1.5)
        return organs
    tilt = subject.uniform("uterus_tilt", -0.9, 0.5)
    organs["uterus"] = _organ(
        subject, "uterus", at=(0.0, -28.0, -56.0), radii=(24.0, 17.0, 34.0), main=(0.15, tilt - 0.6, 0.8)
    )
    organs["cervix"] = _organ(subject, "cervix", at=(0.0, -8.0, -96.0), radii=(14.0, 10.0, 18.0), sd_mm=1.5)
    for side, name in ((1.0, "left_ovary"), (-1.0, "right_ovary")):
        organs[name] = _organ(subject, name, at=(side * 42.0, -32.0, -48.0), radii=(9.0, 11.0, 15.0), sd_mm=4.0)
    return organs


def _fitted(organ: Organ, room: Room) -> Organ:
    """Organ moved away from the walls and made smaller until it lies between them."""
    for _ in range(12):
        spots = np.array([organ.frame.point(*spot) for spot in _SPHERE * organ.radii])
        over = 0.05 * min(organ.radii) - room(spots)
        worst = int(np.argmax(over))
        if over[worst] <= 0.0:
            break
        inwards = np.asarray(organ.frame.origin_mm) - spots[worst]
        x, y, z = organ.frame.origin_mm + 0.8 * over[worst] * inwards / np.linalg.norm(inwards)
        a, b, c = (0.975 * r for r in organ.radii)
        organ = replace(organ, frame=replace(organ.frame, origin_mm=(float(x), float(y), float(z))), radii=(a, b, c))
    return organ


def draw_organs(subject: Subject, room: Room) -> dict[str, Organ]:
    """Draw the organs of a person.

    Parameters
    ----------
    subject : Subject
        Whose.
    room : callable
        Distance of points, shape (n, 3), to the nearest wall of abdomen and pelvis, mm; organs of the lesser
        pelvis and kidneys stay between the walls.

    Returns
    -------
    dict of str to Organ
        By name.
    """
    upper, lower = _upper(subject), _lower(subject)
    for name in ("left_kidney", "right_kidney"):
        lower[name] = upper.pop(name)
    return {**upper, **{name: _fitted(organ, room) for name, organ in lower.items()}}


def organ_balls(organs: Mapping[str, Organ]) -> tuple[tuple[Vector, float], ...]:
    """Points and radii that bowel keeps clear of."""
    balls = []
    for organ in organs.values():
        size = min(organ.radii)
        for step in (-1.0, 0.0, 1.0):
            balls.append((organ.frame.point(0.0, 0.0, step * (organ.radii[2] - size)), size))
    return tuple(balls)


def organ_layers(subject: Subject, organs: Mapping[str, Organ], surface: BodySurface) -> tuple[Layer, ...]:
    """Paint the organs of a person.

    Parameters
    ----------
    subject : Subject
        Whose.
    organs : mapping of str to Organ
        See `draw_organs`.
    surface : BodySurface
        Large organs end at the abdominal wall.

    Returns
    -------
    tuple of Layer
        In painting order.
    """
    follicles = threads(subject, "ovary follicle", wavelength_mm=(7.0, 11.0), radius_mm=2.6)

    def cavity(p: Points) -> Array:
        # the diaphragm and the psoas keep organs off the spine
        beside = 52.0 + 0.3 * np.maximum(210.0 - p.z, 0.0) - np.sqrt(p.x**2 + (p.y + 22.0) ** 2)
        return smooth_max(surface.fascia(p) + 25.0, beside, radius_mm=12.0)

    def vessels(name: str, radius_mm: float) -> Threads:
        return threads(subject, f"{name} vessel", wavelength_mm=(22.0, 40.0), radius_mm=radius_mm)

    level = organs["stomach"].frame.origin_mm[1] - subject.uniform("stomach_gas_mm", -8.0, 16.0)
    layers = [
        _kidney(organs["left_kidney"], 1.0),
        _kidney(organs["right_kidney"], -1.0),
        _solid(organs["liver"], cavity, vessels("liver", 1.6), fluid=0.03),
        _solid(organs["spleen"], cavity, vessels("spleen", 0.8), fluid=0.14),
        _stomach(organs["stomach"], cavity, level),
        _bladder(organs["bladder"]),
    ]
    if "prostate" in organs:
        return (*layers, _prostate(organs["prostate"]))
    ovaries = (_ovary(organs[name], follicles) for name in ("left_ovary", "right_ovary"))
    return (*layers, _uterus(organs["uterus"]), _uterus(organs["cervix"]), *ovaries)
