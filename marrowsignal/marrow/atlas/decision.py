"""From votes to a mask: trees decide what the votes leave open, then single voxels are tidied away."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage import measure, morphology

from marrowsignal.marrow.atlas.features import Seen, voxel_features
from marrowsignal.marrow.atlas.fusion import Votes
from marrowsignal.marrow.atlas.trees import Trees
from marrowsignal.protocol.schema import AtlasSettings

__all__ = ["dice", "expected_dice", "inside_of", "named_labels", "probability_of", "undecided"]

_STEPS = 4


def undecided(votes: Votes, *, spacing_mm: tuple[float, float, float], settings: AtlasSettings) -> NDArray[np.bool_]:
    """Voxels where votes differ, and those near them in plane.

    Returns
    -------
    ndarray of bool, shape (slice, row, column)
    """
    low = settings.undecided.value
    open_votes = (votes.share > low) & (votes.share < 1 - low)
    reach = settings.undecided_margin.value
    away = [
        ndimage.distance_transform_edt(~plane, sampling=spacing_mm[1:]) if plane.any() else np.full(plane.shape, np.inf)
        for plane in open_votes
    ]
    return np.asarray(np.stack(away) <= reach)


def probability_of(seen: Seen, trees: Trees, settings: AtlasSettings) -> NDArray[np.float32]:
    """Probability of marrow: the trees' where votes leave it open, the votes' elsewhere.

    Returns
    -------
    ndarray of float32, shape (slice, row, column)
        In the box of the votes, smoothed in plane.
    """
    where = undecided(seen.votes, spacing_mm=seen.spacing_mm, settings=settings)
    probability = seen.votes.share.copy()
    if where.any():
        probability[where] = trees.probability(voxel_features(seen, where))
    sigma = [0.0, *(settings.smoothing.value / d for d in seen.spacing_mm[1:])]
    return np.asarray(np.clip(ndimage.gaussian_filter(probability, sigma, mode="nearest"), 0.0, 1.0), np.float32)


def inside_of(
    probability: NDArray[np.float32], *, spacing_mm: tuple[float, float, float], settings: AtlasSettings
) -> NDArray[np.bool_]:
    """Voxels whose marrow is likely enough for the best expected Dice, without crumbs and pinholes.

    A voxel raises the expected Dice where its probability is above half of it (Lipton, ECML PKDD 2014), which a few
    steps from one half on find.

    Returns
    -------
    ndarray of bool, same shape
    """
    likely = probability > 0.5
    if not likely.any():
        # half of nothing would let in whatever got any vote
        return likely
    mask = likely
    for _ in range(_STEPS):
        mask = probability > expected_dice(probability, mask) / 2
    hole = settings.max_hole.value / (spacing_mm[1] * spacing_mm[2])
    mask = np.stack([morphology.remove_small_holes(plane, max_size=max(int(hole), 1)) for plane in mask])
    parts = measure.label(mask, connectivity=1)
    sizes = np.bincount(parts.ravel())
    sizes[0] = 0
    keep = sizes * float(np.prod(spacing_mm)) / 1000.0 >= settings.min_component.value
    return np.asarray(keep[parts])


def named_labels(inside: NDArray[np.bool_], votes: Votes) -> NDArray[np.uint16]:
    """Label of every voxel inside: the one most voted for, or that of the nearest voxel which has one.

    Returns
    -------
    ndarray of uint16, same shape
    """
    if not votes.labels.any() or not inside.any():
        return inside.astype(np.uint16)
    nearest = ndimage.distance_transform_edt(votes.labels == 0, return_distances=False, return_indices=True)
    return np.where(inside, votes.labels[tuple(nearest)], 0).astype(np.uint16)


def expected_dice(probability: NDArray[np.float32], inside: NDArray[np.bool_]) -> float:
    """Dice of a mask against a truth that has these probabilities; 0 where there is nothing.

    Examples
    --------
    >>> expected_dice(np.array([1.0, 0.8, 0.2], np.float32), np.array([True, True, False]))
    0.9
    """
    total = float(inside.sum()) + float(probability.sum(dtype=np.float64))
    return round(2.0 * float(probability[inside].sum(dtype=np.float64)) / total, 6) if total else 0.0


def dice(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    """Dice overlap of two masks; 1 where both are empty.

    Examples
    --------
    >>> dice(np.array([True, True, False]), np.array([True, False, False]))
    0.6666666666666666
    """
    total = int(np.count_nonzero(a)) + int(np.count_nonzero(b))
    return 2.0 * int(np.count_nonzero(a & b)) / total if total else 1.0
