"""Great vessels and nerves of the trunk: tubes with a wall and a lumen of fast or slow blood."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from marrowsignal.phantom.anatomy.skeleton import sacral_frame
from marrowsignal.phantom.anatomy.texture import fibre_field
from marrowsignal.phantom.scene import Layer
from marrowsignal.phantom.sheet import Ball
from marrowsignal.phantom.solids import Frame, Points, Vector, ellipsoid, ramp, tube
from marrowsignal.phantom.subject import Subject
from marrowsignal.phantom.tissues import Species

__all__ = ["ball_around", "mirrored_path", "nerve_layers", "vessel_layers"]

Array = NDArray[np.float64]
Path = tuple[Vector, ...]
_NODES = 3


def ball_around(path: Path, *, margin_mm: float) -> Ball:
    """Smallest ball about the middle of a path's bounding box that holds it with a margin."""
    points = np.asarray(path)
    middle = 0.5 * (points.min(axis=0) + points.max(axis=0))
    reach = float(np.linalg.norm(points - middle, axis=1).max()) + margin_mm
    return Ball(centre_mm=(float(middle[0]), float(middle[1]), float(middle[2])), radius_mm=reach)


def mirrored_path(path: Path, *, sign: float) -> Path:
    """Path of the other side for a sign of -1."""
    return tuple((sign * x, y, z) for x, y, z in path)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Vessel:
    """A tube of blood.

    Attributes
    ----------
    path : tuple of points
        Its axis, mm.
    radii : tuple of float
        At every point.
    slow_mm : float
        Thickness of the slow layer at the wall, which gives signal.
    signal : float
        Share of the wall layer that gives signal.
    """

    path: Path
    radii: tuple[float, ...]
    slow_mm: float
    signal: float

    def cut(self, first: int, last: int) -> _Vessel:
        """Part between two points."""
        return replace(self, path=self.path[first : last + 1], radii=self.radii[first : last + 1])

    def shape(self, p: Points) -> Array:
        return tube((p.x, p.y, p.z), path=self.path, radii=self.radii, blend_mm=0.3)

    def fill(self, p: Points) -> dict[Species, Array]:
        rim = self.signal * ramp(self.shape(p), -self.slow_mm - 0.6, -0.3 * self.slow_mm)
        return {Species.SOFT_TISSUE: 0.7 * rim, Species.FLUID: 0.15 * rim}

    def layers(self, name: str) -> tuple[Layer, ...]:
        """One layer for each pair of neighbouring points, so that their balls stay small."""
        parts = []
        for i in range(len(self.path) - 1):
            piece = self.cut(i, i + 1)
            # the lumen goes on at both ends of a piece
            longer = self.cut(max(i - 1, 0), i + 2)
            reach = ball_around(piece.path, margin_mm=max(piece.radii) + 1.0)
            parts.append(Layer(name=name, shape=piece.shape, fill=longer.fill, within=reach))
        return tuple(parts)


def _jittered(subject: Subject, name: str, path: Path, *, sd_mm: float = 2.0) -> Path:
    shift = sd_mm * np.clip(subject.rng(f"{name} path").standard_normal((len(path), 3)), -2.0, 2.0)
    return tuple((x + float(s[0]), y + float(s[1]), z + float(s[2])) for (x, y, z), s in zip(path, shift, strict=True))


def _smooth(path: Path, radii: tuple[float, ...]) -> tuple[Path, tuple[float, ...]]:
    """Two points more between neighbours, on a curve through all of them (Catmull and Rom)."""
    points = np.concatenate([np.asarray(path), np.asarray(radii)[:, None]], axis=1)
    padded = np.concatenate([2.0 * points[:1] - points[1:2], points, 2.0 * points[-1:] - points[-2:-1]])
    fine = []
    for i in range(len(points) - 1):
        a, b, c, d = padded[i : i + 4]
        for t in (0.0, 1.0 / 3.0, 2.0 / 3.0):
            fine.append(
                0.5
                * (
                    2.0 * b
                    + (c - a) * t
                    + (2.0 * a - 5.0 * b + 4.0 * c - d) * t**2
                    + (3.0 * b - a - 3.0 * c + d) * t**3
                )
            )
    fine.append(points[-1])
    return tuple((float(x), float(y), float(z)) for x, y, z, _ in fine), tuple(
        float(max(r, 0.5)) for _, _, _, r in fine
    )


def _bodies(levels: Mapping[str, Frame]) -> dict[str, Vector]:
    """Points on the front of the vertebral bodies."""
    return {name: frame.point(0.0, -18.0, 0.0) for name, frame in levels.items()}


def _great_paths(levels: Mapping[str, Frame]) -> tuple[Path, Path]:
    front = _bodies(levels)
    aorta = tuple((x + 7.0, y - 10.0, z) for x, y, z in (front[n] for n in ("T10", "T12", "L2", "L3")))
    cava = tuple((x - 17.0, y - 9.0, z) for x, y, z in (front[n] for n in ("L1", "L3", "L4")))
    x, y, z = front["L4"]
    fork = (x + 3.0, y - 10.0, z - 8.0)
    x, y, z = front["L5"]
    confluence = (x - 9.0, y - 7.0, z + 6.0)
    above = front["T10"]
    return (*aorta, fork), ((above[0] - 26.0, above[1] - 40.0, above[2]), *cava, confluence)


# of the left side; the pelvic brim is where the inner and the outer vessels part
_BRIM_ARTERY, _BRIM_VEIN = (38.0, -60.0, 12.0), (37.0, -48.0, 8.0)
_OUTER_ARTERY = (_BRIM_ARTERY, (52.0, -86.0, -20.0), (64.0, -108.0, -58.0), (78.0, -112.0, -95.0))
_OUTER_VEIN = (_BRIM_VEIN, (46.0, -72.0, -24.0), (54.0, -98.0, -60.0), (66.0, -105.0, -97.0))
_INNER_ARTERY = (_BRIM_ARTERY, (41.0, -38.0, -8.0), (45.0, -12.0, -34.0), (50.0, 6.0, -56.0))
_INNER_VEIN = (_BRIM_VEIN, (36.0, -30.0, -12.0), (41.0, -6.0, -38.0), (47.0, 10.0, -60.0))


def vessel_layers(subject: Subject, levels: Mapping[str, Frame]) -> tuple[Layer, ...]:
    """Aorta, vena cava and the iliac vessels, presacral veins.

    Parameters
    ----------
    subject : Subject
        Whose.
    levels : mapping of str to Frame
        Frames of the vertebral bodies T10 to L5.

    Returns
    -------
    tuple of Layer
        In painting order.
    """
    wide = subject.uniform("vessel_size", 0.88, 1.15)
    aorta, cava = _great_paths(levels)
    drawn: list[tuple[str, Path, tuple[float, ...], bool]] = [
        ("aorta", aorta, (9.5, 8.8, 8.2, 7.8, 7.6), False),
        ("vena_cava", cava, (11.5, 11.0, 10.5, 10.0, 9.6), True),
    ]
    for sign, side in ((1.0, "left"), (-1.0, "right")):
        pelvic: tuple[tuple[str, Vector | None, Path, tuple[float, ...], bool], ...] = (
            ("common_iliac_artery", aorta[-1], (_BRIM_ARTERY,), (5.8, 5.4), False),
            ("common_iliac_vein", cava[-1], (_BRIM_VEIN,), (7.2, 6.8), True),
            ("external_iliac_artery", None, _OUTER_ARTERY, (4.6, 4.4, 4.3, 4.1), False),
            ("external_iliac_vein", None, _OUTER_VEIN, (5.8, 5.6, 5.4, 5.2), True),
            ("internal_iliac_artery", None, _INNER_ARTERY, (3.8, 3.4, 2.8, 2.2), False),
            ("internal_iliac_vein", None, _INNER_VEIN, (4.6, 4.2, 3.6, 2.6), True),
        )
        for name, start, path, radii, vein in pelvic:
            ends = _jittered(subject, f"{side} {name}", mirrored_path(path, sign=sign))
            whole = ends if start is None else (start, *ends)
            drawn.append((f"{side}_{name}", whole, radii, vein))
    drawn += _presacral(subject)
    layers: list[Layer] = []
    for name, path, radii, vein in drawn:
        slow = subject.uniform(f"{name} slow_mm", 1.4, 3.2) if vein else 0.9
        signal = subject.uniform(f"{name} signal", 0.35, 0.95) if vein else 0.7
        fine, sizes = _smooth(path, tuple(wide * r for r in radii))
        vessel = _Vessel(path=fine, radii=sizes, slow_mm=slow, signal=signal)
        layers.extend(vessel.layers(name))
    chains = [path for name, path, _, _ in drawn if "iliac_vein" in name]
    return (*layers, *_lymph_nodes(subject, chains))


def _lymph_nodes(subject: Subject, chains: list[Path]) -> list[Layer]:
    """Small nodes on the inner side of the pelvic veins."""
    nodes = []
    for chain, path in enumerate(chains):
        for index in range(_NODES):
            rng = subject.rng(f"lymph node {chain} {index}")
            start, end = (np.asarray(path[i]) for i in (len(path) - 2, len(path) - 1))
            centre = start + rng.uniform(0.0, 1.0) * (end - start) + rng.uniform((-9.0, -7.0, -5.0), (9.0, -2.0, 5.0))
            # to the middle: on the other side is muscle
            centre[0] = np.sign(start[0]) * min(abs(centre[0]), abs(start[0]) - 4.0)
            nodes.append(_node(subject, f"lymph_node_{chain}_{index}", centre, rng.uniform(1.6, 3.2)))
    return nodes


def _node(subject: Subject, name: str, centre: Array, small_mm: float) -> Layer:
    x, y, z = (float(v) for v in centre)
    long_mm = small_mm * subject.uniform(f"{name} length", 1.2, 2.2)
    frame = Frame.along((x, y, z), main=(0.2, -0.4, 1.0), hint=(1.0, 0.0, 0.0))

    def shape(p: Points) -> Array:
        return ellipsoid(frame.of(p), centre=(0.0, 0.0, 0.0), radii=(small_mm, small_mm, long_mm))

    def fill(p: Points) -> dict[Species, Array]:
        # fat in the hilum
        fat = 0.1 + 0.7 * ramp(shape(p), -0.5 * small_mm, -0.9 * small_mm)
        return {Species.FAT: fat, Species.SOFT_TISSUE: 0.93 * (1.0 - fat), Species.FLUID: 0.07 * (1.0 - fat)}

    return Layer(name=name, shape=shape, fill=fill, within=Ball(centre_mm=(x, y, z), radius_mm=long_mm + 1.0))


def _presacral(subject: Subject) -> list[tuple[str, Path, tuple[float, ...], bool]]:
    frame = sacral_frame(subject)
    veins: list[tuple[str, Path, tuple[float, ...], bool]] = []
    for index in range(10):
        rng = subject.rng(f"presacral vein {index}")
        side = 1.0 if index % 2 else -1.0
        start, end = rng.uniform(14.0, 34.0), rng.uniform(10.0, 24.0)
        v, length = rng.uniform(-26.0, 25.0), rng.uniform(9.0, 34.0)
        path = tuple(
            frame.point(side * u, at, -24.0 + 0.22 * (at + 20.0) - lift)
            for u, at, lift in (
                (start, v, rng.uniform(0.0, 5.0)),
                (0.5 * (start + end) + rng.uniform(-6.0, 6.0), v + 0.5 * length, rng.uniform(0.0, 6.0)),
                (end, v + length, rng.uniform(0.0, 4.0)),
            )
        )
        size = rng.uniform(0.6, 1.35)
        veins.append((f"presacral_vein_{index}", path, (size, rng.uniform(0.8, 1.5) * size, 0.5 * size), True))
    return veins


def _nerve(subject: Subject, name: str, path: Path, radii: tuple[float, ...]) -> Layer:
    run = np.subtract(path[-1], path[0])
    bundles = fibre_field(
        subject, f"{name} bundles", along=(float(run[0]), float(run[1]), float(run[2])), wavelength_mm=(2.2, 5.0)
    )

    def shape(p: Points) -> Array:
        return tube((p.x, p.y, p.z), path=path, radii=radii)

    def fill(p: Points) -> dict[Species, Array]:
        # fat between the bundles
        fat = 0.08 + 0.6 * ramp(bundles.on(p.sheet), 0.2, 1.5)
        solid = 1.0 - fat
        return {
            Species.FAT: fat,
            Species.SOFT_TISSUE: 0.62 * solid,
            Species.MUSCLE: 0.2 * solid,
            Species.FIBROUS: 0.18 * solid,
        }

    return Layer(name=name, shape=shape, fill=fill, within=ball_around(path, margin_mm=max(radii) + 1.0))


def nerve_layers(subject: Subject) -> tuple[Layer, ...]:
    """Lumbosacral trunk, upper sacral roots and the sciatic nerve they form, on both sides."""
    frame = sacral_frame(subject)
    plexus = frame.point(43.0, 40.0, -24.0)
    roots: tuple[tuple[str, Path, tuple[float, ...]], ...] = (
        (
            "lumbosacral_trunk",
            (frame.point(27.0, -46.0, 2.0), frame.point(36.0, -14.0, -22.0), plexus),
            (2.3, 2.6, 2.8),
        ),
        (
            "first_sacral_nerve",
            (frame.point(26.0, 6.0, -16.0), frame.point(35.0, 24.0, -25.0), plexus),
            (2.6, 2.4, 2.5),
        ),
        (
            "second_sacral_nerve",
            (frame.point(22.0, 29.0, -12.0), frame.point(33.0, 38.0, -22.0), plexus),
            (2.0, 2.0, 2.2),
        ),
        ("sciatic_nerve", (plexus, (58.0, 22.0, -72.0), (70.0, 14.0, -110.0)), (4.4, 4.8, 4.6)),
        ("femoral_nerve", ((70.0, -62.0, 40.0), (80.0, -84.0, -10.0), (88.0, -106.0, -70.0)), (2.2, 2.4, 2.4)),
    )
    layers = []
    for sign, side in ((1.0, "left"), (-1.0, "right")):
        for name, path, radii in roots:
            bent = _jittered(subject, f"{side} {name}", mirrored_path(path, sign=sign), sd_mm=1.2)

            layers.append(_nerve(subject, f"{side}_{name}", bent, radii))
    return tuple(layers)
