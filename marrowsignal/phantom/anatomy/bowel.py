"""Loops of bowel, packed at random between the walls of the abdominal cavity, and the large bowel around them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from marrowsignal.phantom.anatomy.vessels import Path, ball_around
from marrowsignal.phantom.composition import Composition
from marrowsignal.phantom.scene import Layer
from marrowsignal.phantom.sheet import SmoothField
from marrowsignal.phantom.solids import Points, Vector, coverage, ramp, tube
from marrowsignal.phantom.subject import Subject
from marrowsignal.phantom.tissues import Species

__all__ = ["Cavity", "bowel_layers"]

Array = NDArray[np.float64]
_S = Species
# distance to everything that bounds the cavity, mm, for points given as rows
Cavity = Callable[[Array], Array]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Loop:
    """A piece of bowel.

    Attributes
    ----------
    path : tuple of points
        Its axis, mm.
    radii : tuple of float
        At every point.
    wall_mm : float
        Thickness of the wall.
    content : Composition
        What it holds.
    lumps : SmoothField
        Bulges of the outline (in mm when multiplied by `bulge_mm`), folds and unevenness of the content.
    bulge_mm : float
        Size of the bulges.
    gas_y_mm : float
        Gas lies in front of this plane; it rises in a person who lies on the back.
    specks : float
        How much fine gas is mixed in, 0 to 1.
    """

    path: Path
    radii: tuple[float, ...]
    wall_mm: float
    content: Composition
    lumps: SmoothField
    bulge_mm: float
    gas_y_mm: float
    specks: float

    def shape(self, p: Points) -> Array:
        return self._distance(p)[0]

    def _distance(self, p: Points) -> tuple[Array, Array]:
        lumps = self.lumps.on(p.sheet)
        smooth = tube((p.x, p.y, p.z), path=self.path, radii=self.radii, blend_mm=6.0)
        return smooth + self.bulge_mm * (np.sqrt(lumps * lumps + 0.15) - 0.4), lumps

    def fill(self, p: Points) -> dict[Species, Array]:
        distance, lumps = self._distance(p)
        width = p.sheet.width_mm
        # folds of the mucosa reach into the lumen
        inside = coverage(distance + self.wall_mm + 0.9 * np.maximum(lumps, 0.0), width_mm=width)
        gas = inside * coverage(p.y - self.gas_y_mm + 0.3 * lumps, width_mm=width)
        fine = self.specks * ramp(np.abs(lumps), 0.55, 0.1)
        filled = (inside - gas) * (1.0 - fine)
        shares = {
            kind: filled * amount * (1.0 - 0.15 * np.clip(lumps, 0.0, 1.5)) for kind, amount in self.content.items()
        }
        wall = 1.0 - inside
        shares[_S.SOFT_TISSUE] = shares[_S.SOFT_TISSUE] + 0.9 * wall
        shares[_S.FAT] = shares.get(_S.FAT, np.zeros_like(wall)) + 0.05 * wall
        return shares

    def piece(self, index: int) -> _Loop:
        """Part between two neighbouring points; its gas stays as far above its own axis."""
        path = self.path[index : index + 2]
        rise = np.mean([y for _, y, _ in path]) - np.mean([y for _, y, _ in self.path])
        return replace(self, path=path, radii=self.radii[index : index + 2], gas_y_mm=self.gas_y_mm + float(rise))

    def layers(self, name: str) -> tuple[Layer, ...]:
        reach = ball_around(self.path, margin_mm=max(self.radii) + 1.0)
        return (Layer(name=name, shape=self.shape, fill=self.fill, within=reach),)


def _content(rng: np.random.Generator, *, large: bool) -> Composition:
    """Draw what a loop holds: juice, food with fat, firm stool; a quarter of small loops is full of juice."""
    juice = float(0.05 * rng.random() if large else rng.choice((0.5, 0.2, 0.06, 0.03)) * rng.uniform(0.5, 1.2))
    fat = float(rng.uniform(0.0, 0.35) * (1.0 - 2.0 * min(juice, 0.4)))
    firm = float(rng.uniform(0.05, 0.35) if large else rng.uniform(0.0, 0.12))
    return {_S.FLUID: juice, _S.FAT: fat, _S.FIBROUS: firm, _S.SOFT_TISSUE: 0.95 - juice - fat - firm}


def _drawn(subject: Subject, name: str, path: Path, radii: tuple[float, ...], *, large: bool) -> _Loop:
    rng = subject.rng(name)
    radius = float(np.mean(radii))
    gas = rng.random() < (0.4 if large else 0.25)
    middle = float(np.mean([y for _, y, _ in path]))
    return _Loop(
        path=path,
        radii=radii,
        # an empty loop is mostly wall
        wall_mm=float(rng.uniform(1.2, 2.2) + (0.0 if large else rng.choice((0.0, 0.0, 0.35)) * radius)),
        content=_content(rng, large=large),
        lumps=subject.field(f"{name} lumps", wavelength_mm=(0.9 * radius, 2.6 * radius), count=10),
        bulge_mm=(0.12 if large else 0.1) * radius,
        gas_y_mm=middle + radius * float(rng.uniform(-0.7, 0.5)) if gas else -1e3,
        specks=float(rng.uniform(0.2, 0.8) if large else max(rng.uniform(-0.5, 0.4), 0.0)),
    )


def _candidates(rng: np.random.Generator, count: int, *, radii_mm: tuple[float, float]) -> tuple[Array, Array]:
    """Random short arcs: their three points, shape (count, 3, 3), and their radii."""
    middle = rng.uniform((-105.0, -175.0, -90.0), (105.0, -30.0, 240.0), size=(count, 3))
    radius = rng.uniform(*radii_mm, size=count)
    direction = rng.standard_normal((count, 2, 3)) * (1.0, 0.6, 1.0)
    direction /= np.linalg.norm(direction, axis=2, keepdims=True)
    # two arms that do not fold back on each other
    direction[:, 1] *= -np.sign(np.sum(direction[:, 0] * direction[:, 1], axis=1, keepdims=True))
    arms = direction * rng.uniform(12.0, 36.0, size=(count, 2, 1))
    return np.stack([middle + arms[:, 0], middle, middle + arms[:, 1]], axis=1), radius


def _with_middles(path: Array) -> Array:
    return np.concatenate([path, 0.5 * (path[..., :-1, :] + path[..., 1:, :])], axis=-2)


# wide loops first, narrow and collapsed ones in what is left: candidates, radii
_ROUNDS = ((4000, (10.0, 16.0)), (5000, (7.0, 11.0)), (5000, (4.5, 7.5)))


def _packed(subject: Subject, cavity: Cavity, taken: list[tuple[Array, float]]) -> list[tuple[Array, float]]:
    rng = subject.rng("small bowel")
    loops: list[tuple[Array, float]] = []
    centres = np.concatenate([path for path, _ in taken]) if taken else np.zeros((0, 3))
    sizes = np.concatenate([np.full(len(path), size) for path, size in taken]) if taken else np.zeros(0)
    for count, radii in _ROUNDS:
        points, radius = _candidates(rng, count, radii_mm=radii)
        points = _with_middles(points)
        # the middle first: most candidates fail there
        good = cavity(points[:, 1]) > radius
        points, radius = points[good], radius[good]
        good = cavity(points.reshape(-1, 3)).reshape(-1, 5).min(axis=1) > radius
        for along, size in zip(points[good], radius[good], strict=True):
            gap = np.linalg.norm(along[:, None] - centres[None], axis=2) - 0.82 * (sizes + size)
            if gap.size and gap.min() < 0.0:
                continue
            loops.append((along[:3], float(size)))
            centres = np.concatenate([centres, along])
            sizes = np.concatenate([sizes, np.full(len(along), size)])
    return loops


def _pushed_in(path: Array, sizes: Array, room: Cavity) -> tuple[Array, Array]:
    """Path whose points, of radii `sizes`, were moved away from the walls; narrower where there is no room."""
    step = np.concatenate([np.zeros((1, 3)), np.eye(3), -np.eye(3)])
    for _ in range(6):
        around = room((path[:, None] + step[None]).reshape(-1, 3)).reshape(-1, 7)
        over = 1.2 * sizes - around[:, 0]
        if over.max() <= 0.0:
            return path, sizes
        uphill = around[:, 1:4] - around[:, 4:]
        uphill /= np.linalg.norm(uphill, axis=1, keepdims=True) + 1e-6
        path = path + np.clip(over, 0.0, 12.0)[:, None] * uphill
    return path, np.clip(room(path) / 1.2, 3.0, sizes)


def _points(path: Array) -> Path:
    return tuple((float(x), float(y), float(z)) for x, y, z in path)


_ASCENDING: Path = ((-88.0, -92.0, 5.0), (-96.0, -78.0, 60.0), (-94.0, -66.0, 120.0), (-84.0, -80.0, 172.0))
_TRANSVERSE: Path = (
    (-84.0, -80.0, 172.0),
    (-45.0, -130.0, 150.0),
    (15.0, -136.0, 135.0),
    (70.0, -112.0, 165.0),
    (94.0, -70.0, 205.0),
)
_DESCENDING: Path = ((94.0, -70.0, 205.0), (100.0, -58.0, 130.0), (98.0, -64.0, 70.0), (84.0, -92.0, 18.0))
_SIGMOID: Path = (
    (84.0, -92.0, 18.0),
    (48.0, -96.0, -18.0),
    (14.0, -62.0, -12.0),
    (-14.0, -36.0, -26.0),
    (0.0, 4.0, -38.0),
)
_RECTUM: Path = ((0.0, 4.0, -38.0), (3.0, 23.0, -60.0), (0.0, 31.0, -90.0), (0.0, 22.0, -108.0), (0.0, 24.0, -128.0))
_COLON: tuple[tuple[str, Path, float], ...] = (
    ("ascending_colon", _ASCENDING, 20.0),
    ("transverse_colon", _TRANSVERSE, 16.0),
    ("descending_colon", _DESCENDING, 13.0),
    ("sigmoid_colon", _SIGMOID, 12.5),
    ("rectum", _RECTUM, 15.0),
)


def _moved(subject: Subject, name: str, path: Path) -> Path:
    """Path with its inner points moved; ends stay where the next part begins."""
    shift = np.clip(subject.rng(f"{name} path").standard_normal((len(path), 3)), -2.0, 2.0) * (5.0, 2.5, 6.0)
    shift[0] = shift[-1] = 0.0
    return _points(np.asarray(path) + shift)


def _large(subject: Subject, name: str, path: Path, radius_mm: float, room: Cavity) -> tuple[Array, Array]:
    """Course and radii of a part of the large bowel, between the walls."""
    moved = np.asarray(_moved(subject, name, path))
    sizes = radius_mm * subject.uniform(f"{name} size", 0.8, 1.15) * np.ones(len(moved))
    sizes = sizes * subject.rng(f"{name} waist").uniform(0.8, 1.15, size=len(moved))
    if name == "rectum":
        # the anal canal is narrow, and leaves the pelvis
        sizes = sizes * np.array([1.0, 1.0, 0.95, 0.6, 0.42])
        moved[:3], sizes[:3] = _pushed_in(moved[:3], sizes[:3], room)
        return moved, sizes
    # a straight piece may cut a corner that both of its ends avoid
    fine, wide = np.repeat(moved, 2, axis=0)[:-1], np.repeat(sizes, 2)[:-1]
    fine[1::2] = 0.5 * (moved[1:] + moved[:-1])
    return _pushed_in(fine, wide, room)


def bowel_layers(
    subject: Subject, *, large: Cavity, small: Cavity, keep_clear: tuple[tuple[Vector, float], ...] = ()
) -> tuple[Layer, ...]:
    """Large and small bowel.

    Parameters
    ----------
    subject : Subject
        Whose.
    large, small : callable
        Distance of points, shape (n, 3), to the nearest wall of what large and small bowel may fill, mm.
    keep_clear : tuple of (point, radius)
        Balls in which other organs lie.

    Returns
    -------
    tuple of Layer
        In painting order.
    """
    layers: list[Layer] = []
    taken: list[tuple[Array, float]] = [(np.asarray([point]), radius) for point, radius in keep_clear]
    end: Array | None = None
    for name, path, radius in _COLON:
        fine, sizes = _large(subject, name, path, radius, large)
        # ends stay together
        fine[0] = fine[0] if end is None else end
        end = fine[-1]
        whole = _drawn(subject, name, _points(fine), tuple(float(size) for size in sizes), large=True)
        layers.extend(layer for i in range(len(fine) - 1) for layer in whole.piece(i).layers(f"{name}_{i}"))
        taken.append((_with_middles(fine), radius))
    for i, (arc, size) in enumerate(_packed(subject, small, taken)):
        loop = _drawn(subject, f"small bowel {i}", _points(arc), (size, 0.9 * size, size), large=False)
        layers.extend(loop.layers(f"small_bowel_{i}"))
    return tuple(layers)
