"""Vertebral bodies one by one, counted from the sacrum."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from marrowsignal.geometry.volume import VolumeGeometry
from marrowsignal.protocol.schema import AutomaticSettings

__all__ = ["CountedBodies", "count_bodies"]

Mask = NDArray[np.bool_]
Array = NDArray[np.float64]
# with fewer bodies none is known to be as tall as two
_ENOUGH_TO_COMPARE = 3
_UPWARDS = ("l5", "l4", "l3", "l2", "l1", "t12", "t11", "t10", "t9")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CountedBodies:
    """Vertebral bodies from below upwards.

    Attributes
    ----------
    bodies : tuple of (str, ndarray of bool)
        Region key and voxels of each.
    levels_known : bool
        Whether the sacrum is in view, so that they could be counted; else they are ``vertebra_1`` upwards.
    """

    bodies: tuple[tuple[str, Mask], ...]
    levels_known: bool


def count_bodies(
    bodies: Mask, first_sacral: Mask, geometry: VolumeGeometry, *, settings: AutomaticSettings
) -> CountedBodies:
    """Part the bodies from each other and count them.

    Parameters
    ----------
    bodies : ndarray of bool, shape (slice, row, column)
        Bodies of all vertebrae above the sacrum.
    first_sacral : ndarray of bool, same shape
        Body of S1, empty where it is out of view.
    geometry : VolumeGeometry
        Their grid.
    settings : AutomaticSettings
        Depth at which neighbours are parted, smallest piece, widest gap.

    Returns
    -------
    CountedBodies
        In the order of their height. Where a body is missing its level is left out, where two lie as far from each
        other as no neighbours do.
    """
    parted = _cut_apart(_parted(bodies, geometry, settings), geometry, settings)
    count = int(parted.max())
    if count == 0:
        return CountedBodies(bodies=(), levels_known=False)
    centres = _centres(parted, range(1, count + 1), geometry)
    order = np.argsort(centres[:, 2])
    start = _centres(first_sacral.astype(np.int32), range(1, 2), geometry)[0] if first_sacral.any() else None
    levels = _levels(centres[order], start, settings)
    if levels is None:
        names = [f"vertebra_{i + 1}" for i in range(count)]
        return CountedBodies(
            bodies=tuple((name, parted == order[i] + 1) for i, name in enumerate(names)), levels_known=False
        )
    known = [(i, level) for i, level in enumerate(levels) if 0 <= level < len(_UPWARDS)]
    return CountedBodies(
        bodies=tuple((_UPWARDS[level], parted == order[i] + 1) for i, level in known), levels_known=True
    )


def _parted(bodies: Mask, geometry: VolumeGeometry, settings: AutomaticSettings) -> NDArray[np.int32]:
    """Give each body a value: what is left of it deep inside takes back what is nearest."""
    spacing = geometry.spacing_mm
    depth = np.stack([ndimage.distance_transform_edt(plane, sampling=spacing[1:]) for plane in bodies])
    seeds, count = ndimage.label(depth > settings.body_seed_depth.value)
    sizes = np.bincount(seeds.ravel(), minlength=count + 1)
    keep = np.flatnonzero(sizes >= settings.min_body_seed.value / geometry.voxel_ml)
    groups = _one_each(seeds, keep[keep > 0], geometry, settings)
    number = np.zeros(count + 1, np.int32)
    for value, group in enumerate(groups, 1):
        number[group] = value
    seeds = number[seeds]
    if not seeds.any():
        return np.zeros(bodies.shape, np.int32)
    nearest = ndimage.distance_transform_edt(seeds == 0, sampling=spacing, return_distances=False, return_indices=True)
    return np.where(bodies, seeds[tuple(nearest)], 0).astype(np.int32)


def _cut_apart(parted: NDArray[np.int32], geometry: VolumeGeometry, settings: AutomaticSettings) -> NDArray[np.int32]:
    """Cut what is as tall as two bodies, where thin discs were bridged, at its narrowest place, until nothing is."""
    cut = parted.copy()
    for _ in range(len(_UPWARDS)):
        tall = _tall(cut, geometry, settings)
        if not tall:
            break
        for upper in tall:
            cut[tuple(upper.T)] = cut.max() + 1
    return cut


def _tall(parted: NDArray[np.int32], geometry: VolumeGeometry, settings: AutomaticSettings) -> list[NDArray[np.int64]]:
    """Voxels above the narrowest place of each body that is too tall to be one."""
    values = list(range(1, int(parted.max()) + 1))
    if len(values) < _ENOUGH_TO_COMPARE:
        return []
    centres = _centres(parted, values, geometry)
    order = np.argsort(centres[:, 2])
    up = np.gradient(centres[order], axis=0)
    up /= np.linalg.norm(up, axis=1, keepdims=True)
    voxels = [np.argwhere(parted == values[i]) for i in order]
    along = [geometry.to_patient(index) @ axis for index, axis in zip(voxels, up, strict=True)]
    height = np.array([np.subtract(*np.percentile(t, (97.0, 3.0))) for t in along])
    too_tall = np.flatnonzero(height > settings.double_body.value * np.median(height))
    return [voxels[i][along[i] > _narrowest(along[i])] for i in too_tall]


def _narrowest(along_mm: Array) -> float:
    """Height in the middle half where the fewest voxels are."""
    low, high = np.percentile(along_mm, (3.0, 97.0))
    counts, edges = np.histogram(along_mm, bins=max(int(high - low), 3), range=(low, high))
    counts = ndimage.uniform_filter1d(counts.astype(float), 3)
    rim = len(counts) // 4
    return float(edges[rim + int(np.argmin(counts[rim : len(counts) - rim]))] + 0.5)


def _one_each(
    seeds: NDArray[np.int32], values: NDArray[np.int64], geometry: VolumeGeometry, settings: AutomaticSettings
) -> list[list[int]]:
    """Put seeds at one height together: they are one body, parted by a vein or by a poor slice."""
    if not len(values):
        return []
    centres = _centres(seeds, values.tolist(), geometry)
    groups: list[list[int]] = []
    last = -np.inf
    for i in np.argsort(centres[:, 2]):
        if centres[i, 2] - last < settings.min_body_distance.value:
            groups[-1].append(int(values[i]))
            continue
        groups.append([int(values[i])])
        last = centres[i, 2]
    return groups


def _centres(labels: NDArray[np.int32], values: range | list[int], geometry: VolumeGeometry) -> Array:
    found = ndimage.center_of_mass(labels > 0, labels, list(values))
    return geometry.to_patient(np.asarray(found))


def _levels(centres: Array, start: Array | None, settings: AutomaticSettings) -> list[int] | None:
    """Level of each body, 0 for L5; None where nothing tells where to begin."""
    if start is None:
        return None
    above = centres[:, 2] > start[2]
    steps = np.linalg.norm(np.diff(np.vstack([start, centres[above]]), axis=0), axis=1)
    if not len(steps) or steps[0] > settings.max_body_distance.value:
        return None
    usual = float(np.median(steps[1:])) if len(steps) > 1 else float(steps[0])
    jumps = np.maximum(np.rint(steps / max(usual, settings.min_body_distance.value)), 1).astype(int)
    jumps[0] = 1
    levels = np.full(len(centres), -1)
    levels[above] = np.cumsum(jumps) - 1
    return [int(level) for level in levels]
