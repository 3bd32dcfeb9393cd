"""Votes of warped atlas subjects, each heard as far as it looks like the study around the voxel."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

__all__ = ["Votes", "Warped", "fuse", "local_correlation"]

_TINY = 1e-6
# far below the floor of a voter's weight, so that voters who all look foreign still decide
_NO_WEIGHT = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Warped:
    """One subject on the study's grid.

    Attributes
    ----------
    contrast : ndarray of float32, shape (slice, row, column)
        Its local contrast.
    share : ndarray of float32, same shape
        Share of labelled tissue, 0 to 1.
    labels : ndarray of uint16, same shape
        Its labels.
    field : ndarray of bool, same shape
        Where its own field of view reaches.
    """

    contrast: NDArray[np.float32]
    share: NDArray[np.float32]
    labels: NDArray[np.uint16]
    field: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Votes:
    """What the subjects say together.

    Attributes
    ----------
    share : ndarray of float32, shape (slice, row, column)
        Weighted mean of the subjects' shares.
    plain : ndarray of float32, same shape
        Unweighted mean.
    spread : ndarray of float32, same shape
        Unweighted standard deviation.
    likeness, best : ndarray of float32, same shape
        Mean and largest local correlation.
    expected : ndarray of float32, same shape
        Weighted mean of the subjects' local contrast.
    labels : ndarray of uint16, same shape
        The label with most weight, background left out; 0 where none was given.
    """

    share: NDArray[np.float32]
    plain: NDArray[np.float32]
    spread: NDArray[np.float32]
    likeness: NDArray[np.float32]
    best: NDArray[np.float32]
    expected: NDArray[np.float32]
    labels: NDArray[np.uint16]


def local_correlation(
    a: NDArray[np.float32], b: NDArray[np.float32], *, window: tuple[int, int, int]
) -> NDArray[np.float32]:
    """Pearson correlation in a box around every voxel; 0 where one of them is flat."""

    def mean(x: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray(ndimage.uniform_filter(x, window, mode="nearest"))

    mean_a, mean_b = mean(a), mean(b)
    above = mean(a * b) - mean_a * mean_b
    below = np.maximum(mean(a * a) - mean_a**2, 0) * np.maximum(mean(b * b) - mean_b**2, 0)
    return np.asarray(np.clip(above / np.sqrt(below + _TINY), -1.0, 1.0), dtype=np.float32)


def fuse(
    contrast: NDArray[np.float32],
    warped: Iterable[Warped],
    *,
    window: tuple[int, int, int],
    floor: float,
    power: float,
) -> Votes:
    """Weigh each subject's vote by ``max(local correlation, floor) ** power``.

    Locally weighted label fusion (Artaechevarria, IEEE Trans Med Imaging 2009). A subject has no vote beyond its own
    field of view.

    Parameters
    ----------
    contrast : ndarray of float32, shape (slice, row, column)
        The study's local contrast.
    warped : iterable of Warped
        Subjects, taken one at a time.
    window : tuple of int
        Box of the local correlation, voxels.
    floor, power : float
        Of the weight.
    """
    zeros = np.zeros(contrast.shape, np.float32)
    weight, count, share, plain, square = zeros + _NO_WEIGHT, zeros.copy(), zeros.copy(), zeros.copy(), zeros.copy()
    likeness, best, expected = zeros.copy(), zeros.copy(), zeros.copy()
    by_label: dict[int, NDArray[np.float32]] = {}
    for one in warped:
        like = local_correlation(contrast, one.contrast, window=window) * one.field
        w = np.maximum(like, np.float32(floor)) ** np.float32(power) * one.field
        weight += w
        count += one.field
        share += w * one.share
        plain += one.share
        square += one.share**2
        likeness += like
        best = np.maximum(best, like)
        expected += w * one.contrast
        for value in np.unique(one.labels[one.labels > 0]).tolist():
            by_label[value] = by_label.get(value, zeros) + w * (one.labels == value)
    n = np.maximum(count, 1.0)
    plain /= n
    return Votes(
        share=share / weight,
        plain=plain,
        spread=np.sqrt(np.maximum(square / n - plain**2, 0)),
        likeness=(likeness / n).astype(np.float32),
        best=best,
        expected=expected / weight,
        labels=_most(by_label, contrast.shape),
    )


def _most(by_label: dict[int, NDArray[np.float32]], shape: tuple[int, ...]) -> NDArray[np.uint16]:
    labels, most = np.zeros(shape, np.uint16), np.zeros(shape, np.float32)
    for value in sorted(by_label):
        more = by_label[value] > most
        labels[more] = value
        most = np.maximum(most, by_label[value])
    return labels
