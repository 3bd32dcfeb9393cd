"""Masks that go wrong as masks do, each with the Dice it has left: for `mask_check_panel.py`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

__all__ = ["Degraded", "degraded_masks", "dice"]

Mask = NDArray[np.bool_]
Spacing = tuple[float, float, float]
_CLOSE_MM = 2.5
_BEND_MM = 25.0
_ROUGH_MM = 5.0
_OF_EXACT = 11
_OF_CLOSED = 9
_RULE_REACH_MM = 40.0
_DISC = np.ones((1, 3, 3), bool)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Degraded:
    """One mask.

    Attributes
    ----------
    kind : str
        What went wrong.
    amount : float
        How much, in mm where it is a length.
    mask : ndarray of bool, shape (slice, row, column)
        The mask.
    dice : float
        Against the mask it was made from.
    """

    kind: str
    amount: float
    mask: Mask
    dice: float


def dice(first: Mask, second: Mask) -> float:
    """Overlap of two masks; 1 for two empty ones."""
    total = int(first.sum()) + int(second.sum())
    return 2.0 * int((first & second).sum()) / total if total else 1.0


def degraded_masks(
    bones: NDArray[np.uint16],
    t1: NDArray[np.float32],
    body: Mask,
    *,
    spacing_mm: Spacing,
    rng: np.random.Generator,
    stranger: Mask | None = None,
) -> Iterator[Degraded]:
    """Spoil the marrow of one person in many ways, drawn anew for each person.

    Parameters
    ----------
    bones : ndarray of uint16, shape (slice, row, column)
        Truth, one value a bone.
    t1 : ndarray of float32, same shape
        Image, whose grey values leaks and intensity rules follow.
    body : ndarray of bool, same shape
        Patient.
    spacing_mm : tuple of float
        Between slices, rows, columns.
    rng : numpy.random.Generator
        Draws which ways, directions and places.
    stranger : ndarray of bool, same shape, optional
        Marrow of another person on the same view.
    """
    truth = bones > 0
    closed = _closed(truth, spacing_mm)
    yield Degraded(kind="exact", amount=0.0, mask=truth, dice=1.0)
    # Experts draw over cortex and joint.
    yield Degraded(kind="closed", amount=0.0, mask=closed, dice=1.0)
    if stranger is not None and stranger.any():
        yield Degraded(kind="stranger", amount=0.0, mask=stranger, dice=dice(stranger, truth))
    made = _Spoiler(t1=t1, body=body, spacing_mm=spacing_mm, rng=rng)
    for reference, count in ((truth, _OF_EXACT), (closed, _OF_CLOSED)):
        ways = made.ways(reference)
        for place in np.sort(rng.permutation(len(ways))[:count]):
            kind, amount, spoil = ways[place]
            mask = spoil() & body
            if mask.any():
                yield Degraded(kind=kind, amount=amount, mask=mask, dice=dice(mask, reference))
    for kind, amount, mask in made.by_grey_values(truth):
        if mask.any():
            yield Degraded(kind=kind, amount=amount, mask=mask, dice=dice(mask, truth))
    values = np.unique(bones[truth])
    kept = truth & (bones != rng.choice(values))
    if kept.any():
        yield Degraded(kind="bone missing", amount=0.0, mask=kept, dice=dice(kept, truth))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Spoiler:
    t1: NDArray[np.float32]
    body: Mask
    spacing_mm: Spacing
    rng: np.random.Generator

    def ways(self, mask: Mask) -> list[tuple[str, float, Callable[[], Mask]]]:
        """List every way that starts from the truth; none is gone before it is called."""
        outer, inner = _depths(mask, self.spacing_mm)
        signed = inner - outer
        several: tuple[tuple[tuple[tuple[str, Callable[[float], Mask]], ...], tuple[float, ...]], ...] = (
            ((("shift", partial(self._shift, mask)),), (2.0, 4.0, 7.0, 12.0, 20.0)),
            (
                (("grown", partial(self._grow, signed)), ("shrunk", partial(self._shrink, signed))),
                (1.0, 2.0, 3.5, 6.0),
            ),
            ((("bent", partial(self._bend, signed)),), (3.0, 6.0, 10.0, 16.0)),
            (
                (
                    ("rough", partial(self._roughen, signed)),
                    ("bent and rough", partial(self._bend_and_roughen, signed)),
                ),
                (2.0, 4.0, 8.0),
            ),
            ((("leak", partial(self._leak, mask)), ("hole", partial(self._hole, mask))), (20.0, 35.0)),
            ((("half", partial(self._cut, mask)),), (0.3, 0.6)),
            ((("mirrored", partial(self._mirror, mask)),), (0.0,)),
        )
        return [(kind, a, partial(spoil, a)) for kinds, amounts in several for a in amounts for kind, spoil in kinds]

    def _shift(self, mask: Mask, mm: float) -> Mask:
        return _shifted(mask, mm * self.rng.uniform(0.8, 1.2), self.spacing_mm, self.rng)

    def _grow(self, signed: NDArray[np.float64], mm: float) -> Mask:
        return np.asarray(signed > -mm)

    def _shrink(self, signed: NDArray[np.float64], mm: float) -> Mask:
        return np.asarray(signed > mm)

    def _bend(self, signed: NDArray[np.float64], mm: float) -> Mask:
        return np.asarray(_bent(signed, mm, _BEND_MM, self.spacing_mm, self.rng) > 0)

    def _roughen(self, signed: NDArray[np.float64], mm: float) -> Mask:
        return np.asarray(signed + mm * _noise(signed.shape, _ROUGH_MM, self.spacing_mm, self.rng) > 0)

    def _bend_and_roughen(self, signed: NDArray[np.float64], mm: float) -> Mask:
        return self._roughen(_bent(signed, 1.5 * mm, _BEND_MM, self.spacing_mm, self.rng), mm)

    def _leak(self, mask: Mask, mm: float) -> Mask:
        return np.asarray(mask | _leak(mask, self.body, self.t1, mm, self.spacing_mm, self.rng))

    def _hole(self, mask: Mask, mm: float) -> Mask:
        return np.asarray(mask & ~_ball(mask, mm, self.spacing_mm, self.rng))

    def _cut(self, mask: Mask, share: float) -> Mask:
        return _cut(mask, share, self.rng)

    def _mirror(self, mask: Mask, _amount: float) -> Mask:
        return mask[:, :, ::-1]

    def by_grey_values(self, truth: Mask) -> Iterator[tuple[str, float, Mask]]:
        """Find marrow by rules on grey values, as simple automatic methods do."""
        width = float(self.rng.choice([0.5, 0.8, 1.2]))
        yield "intensity rule", width, _by_intensity(self.t1, truth, self.body, self.spacing_mm, width)
        yield from _patches(self.t1, truth, self.body, self.spacing_mm, self.rng)


def _depths(mask: Mask, spacing: Spacing) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    def distance(of: Mask) -> NDArray[np.float64]:
        far = np.full(of.shape[1:], 60.0)
        return np.stack([ndimage.distance_transform_edt(p, sampling=spacing[1:]) if not p.all() else far for p in of])

    return distance(~mask), distance(mask)


def _closed(mask: Mask, spacing: Spacing) -> Mask:
    outer = np.stack(
        [ndimage.distance_transform_edt(~p, sampling=spacing[1:]) <= _CLOSE_MM if p.any() else p for p in mask]
    )
    inner = np.stack([ndimage.distance_transform_edt(p, sampling=spacing[1:]) > _CLOSE_MM / 2 for p in outer])
    return np.asarray(mask | inner)


def _shifted(mask: Mask, amount: float, spacing: Spacing, rng: np.random.Generator) -> Mask:
    way = rng.standard_normal(3) * [0.4, 1.0, 1.0]
    steps = np.round(amount * way / np.linalg.norm(way) / spacing).astype(int)
    return np.asarray(ndimage.shift(mask.astype(np.uint8), steps, order=0) > 0)


def _noise(shape: tuple[int, ...], sigma_mm: float, spacing: Spacing, rng: np.random.Generator) -> NDArray[np.float64]:
    field = ndimage.gaussian_filter(rng.standard_normal(shape), [sigma_mm / s for s in spacing], mode="nearest")
    return np.asarray(field / field.std())


def _bent(
    signed: NDArray[np.float64], amount: float, sigma_mm: float, spacing: Spacing, rng: np.random.Generator
) -> NDArray[np.float64]:
    coarse = [max(2, round(n * s / 12.0)) for n, s in zip(signed.shape, spacing, strict=True)]
    points = list(np.meshgrid(*(np.arange(n, dtype=np.float64) for n in signed.shape), indexing="ij"))
    for axis in (1, 2):
        field = ndimage.gaussian_filter(rng.standard_normal(coarse), sigma_mm / 12.0, mode="nearest")
        whole = ndimage.zoom(field / field.std(), np.divide(signed.shape, coarse), order=1)
        points[axis] += amount / np.sqrt(2) * whole / spacing[axis]
    return np.asarray(ndimage.map_coordinates(signed, points, order=1, mode="nearest"))


def _place(mask: Mask, rng: np.random.Generator) -> NDArray[np.intp]:
    border = np.argwhere(mask & ~ndimage.binary_erosion(mask, np.ones((1, 3, 3), bool)))
    return np.asarray(border[rng.integers(len(border))])


def _ball(mask: Mask, radius_mm: float, spacing: Spacing, rng: np.random.Generator) -> Mask:
    centre = _place(mask, rng)
    square = [((np.arange(n) - c) * s / radius_mm) ** 2 for n, c, s in zip(mask.shape, centre, spacing, strict=True)]
    return np.asarray(square[0][:, None, None] + square[1][None, :, None] + square[2][None, None, :] <= 1)


def _leak(
    mask: Mask, body: Mask, t1: NDArray[np.float32], radius_mm: float, spacing: Spacing, rng: np.random.Generator
) -> Mask:
    found = np.zeros_like(mask)
    for _ in range(4):
        ball = _ball(mask, radius_mm, spacing, rng) & body
        outside = ball & ~mask
        if outside.any():
            level = float(np.median(t1[outside]))
            found |= ball & (np.abs(t1 / max(level, 1e-6) - 1) < 0.35)
    return found


def _cut(mask: Mask, share: float, rng: np.random.Generator) -> Mask:
    axis = int(rng.integers(0, 3))
    filled = np.flatnonzero(mask.any(axis=tuple(a for a in range(3) if a != axis)))
    edge = filled[0] + round(share * (filled[-1] - filled[0]))
    kept = np.zeros(mask.shape[axis], bool)
    kept[edge:] = True
    return np.asarray(mask & np.expand_dims(kept, tuple(a for a in range(3) if a != axis)))


def _patches(
    t1: NDArray[np.float32], truth: Mask, body: Mask, spacing: Spacing, rng: np.random.Generator
) -> Iterator[tuple[str, float, Mask]]:
    """Take patches between dark lines, some of marrow, some not, as rules on grey values do."""
    size = (1, *(2 * max(1, round(2.7 / s)) + 1 for s in spacing[1:]))
    lined = ndimage.grey_closing(t1, size=size) - t1 > 0.1 * float(np.percentile(t1[body], 95))
    open_space = ndimage.binary_opening(body & ~lined & (t1 > 0.35 * float(np.median(t1[truth]))), _DISC)
    flat = np.zeros((3, 3, 3), bool)
    flat[1] = [[0, 1, 0], [1, 1, 1], [0, 1, 0]]
    for kind, structure in (("patches of slices", flat), ("patches", None)):
        labels, count = ndimage.label(open_space, structure)
        sizes = np.bincount(labels.ravel(), minlength=count + 1)
        hits = np.bincount(labels[truth], minlength=count + 1) / np.maximum(sizes, 1)
        level = np.asarray(ndimage.mean(t1, labels, np.arange(count + 1)))
        alike = np.abs(level / float(np.median(t1[truth])) - 1) < 0.5
        for found, wrong in ((0.9, 0.03), (0.7, 0.08), (0.6, 0.2)):
            lot = rng.random(count + 1)
            keep = np.where(hits > 0.5, lot < found, alike & (lot < wrong) & (sizes > 60))
            keep[0] = False
            yield kind, wrong, keep[labels] & body


def _by_intensity(t1: NDArray[np.float32], truth: Mask, body: Mask, spacing: Spacing, width: float) -> Mask:
    level = float(np.median(t1[truth]))
    smooth = ndimage.gaussian_filter(t1, [0.0, 1.2 / spacing[1], 1.2 / spacing[2]])
    near = body & (np.abs(smooth / level - 1) < 0.3 * width) & (_depths(truth, spacing)[0] < _RULE_REACH_MM)
    opened = _depths(_depths(near, spacing)[1] > 2.0, spacing)[0] <= 2.0
    labels, count = ndimage.label(opened)
    sizes = np.bincount(labels.ravel(), minlength=count + 1) * float(np.prod(spacing)) / 1000
    keep = sizes >= 1.0
    keep[0] = False
    return np.asarray(keep[labels])
