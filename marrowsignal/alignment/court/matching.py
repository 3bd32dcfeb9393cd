"""How well T1 tells STIR in its own neighbourhood, and which way STIR should move to be told better."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from marrowsignal.alignment.trilinear import trilinear
from marrowsignal.geometry.depth import box_of

__all__ = ["COARSE", "FINE", "Compared", "LocalFit", "Resolution", "compare", "fit_locally", "local_correlation"]

Array = NDArray[np.float32]

# Shares of a local variance below which it is rounding, and below which a residual is no longer trusted as noise.
_TINY = 1e-4
_LEAST_NOISE = 0.02
# Residuals beyond this many standard deviations lose weight (Cauchy): fluid, vessels and lesions that T1 cannot tell.
_OUTLIER_SD = 2.0
_CENTRAL = np.array([-0.5, 0.0, 0.5], np.float32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """At which scale images are compared, all in mm.

    Attributes
    ----------
    step_mm : float
        About the distance of the pixels that are looked at.
    smoothing_mm : float
        Gaussian that goes before it.
    window_mm : float
        Reach of the neighbourhood.
    """

    step_mm: float
    smoothing_mm: float
    window_mm: float


# The coarse one pulls from some 10 mm away, the fine one decides.
COARSE = Resolution(step_mm=3.2, smoothing_mm=3.0, window_mm=15.0)
FINE = Resolution(step_mm=1.6, smoothing_mm=1.2, window_mm=6.0)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Compared:
    """Two images on one coarse grid, and what of the fixed one is needed again and again.

    Attributes
    ----------
    t1, stir : ndarray of float32, shape (slice, row, column)
        Smoothed, 1 at their median in the mask.
    mask : ndarray of bool, same shape
        Where they are compared.
    spacing_mm, origin_mm : ndarray of float64, shape (3,)
        Position of index i along an axis is ``origin_mm + i * spacing_mm``, in mm along the axes of the T1 grid.
    window : tuple of int
        Size of the neighbourhood, voxels.
    share, t1_mean, t1_variance : ndarray of float32, shape (slice, row, column)
        Of the mask in each neighbourhood.
    t1_slopes : tuple of ndarray of float32
        Per mm along the three axes.
    near : ndarray of bool, shape (slice, row, column)
        The mask and the voxels next to it, all that a fit looks at.
    places : ndarray of float32, shape (3, voxel)
        Indices of `near`.
    """

    t1: Array
    stir: Array
    mask: NDArray[np.bool_]
    spacing_mm: NDArray[np.float64]
    origin_mm: NDArray[np.float64]
    window: tuple[int, int, int]
    share: Array
    t1_mean: Array
    t1_variance: Array
    t1_slopes: tuple[Array, Array, Array]
    near: NDArray[np.bool_]
    places: Array

    def mean(self, values: Array) -> Array:
        """Mean over the mask in the neighbourhood of every voxel."""
        mean = _smoothed(values * self.mask, self.window)
        mean /= self.share
        return mean

    def positions_mm(self) -> NDArray[np.float64]:
        """Positions of the voxels of the mask, shape (3, voxel)."""
        return np.stack(np.nonzero(self.mask)) * self.spacing_mm[:, None] + self.origin_mm[:, None]

    def stir_at(self, index: Array) -> Array:
        """Look at STIR where `index`, shape (3, voxel), sends the voxels of `near`, its rim for all beyond; else 0."""
        last = np.asarray(self.stir.shape, np.float32)[:, None] - 1
        looked = np.zeros_like(self.stir)
        looked[self.near] = trilinear(self.stir, np.clip(index, 0, last))[0]
        return looked


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LocalFit:
    """STIR explained by T1, at the voxels of a mask.

    Attributes
    ----------
    residual : ndarray of float32, shape (voxel,)
        STIR minus the best line in T1 of its neighbourhood.
    slopes : tuple of ndarray of float32, shape (voxel,)
        By how much the residual grows per mm that STIR is looked at further along each axis.
    weight : ndarray of float32, shape (voxel,)
        Inverse variance of the residual, less for outliers.
    """

    residual: Array
    slopes: tuple[Array, Array, Array]
    weight: Array


def compare(
    t1: NDArray[np.floating],
    stir: NDArray[np.floating],
    mask: NDArray[np.bool_],
    *,
    spacing_mm: tuple[float, float, float],
    resolution: Resolution,
) -> Compared:
    """Bring two images on one grid to the scale at which they are compared.

    Parameters
    ----------
    t1, stir : ndarray of float, shape (slice, row, column)
        Two images on one grid.
    mask : ndarray of bool, same shape
        Where they are compared; not empty.
    spacing_mm : tuple of float
        Between slices, rows, columns.
    resolution : Resolution
        The scale.

    Raises
    ------
    ValueError
        If the mask is empty.
    """
    spacing = np.asarray(spacing_mm)
    box = box_of(mask)
    if box is None:
        raise ValueError("nothing to compare: the mask is empty")
    stride = [max(1, round(resolution.step_mm / s)) for s in spacing]
    picked = tuple(slice(b.start, b.stop, k) for b, k in zip(box, stride, strict=True))
    # slices as thick as they usually are stay as they are
    through = resolution.smoothing_mm / spacing[0] if stride[0] > 1 else 0.0
    sigma = [through, *(resolution.smoothing_mm / s for s in spacing[1:])]
    inside = np.ascontiguousarray(mask[picked])
    inside = inside if inside.any() else np.ones_like(inside)
    fixed, moving = (_normal(a, sigma, box, stride, inside) for a in (t1, stir))
    coarse = spacing * stride
    # two passes of a box this wide reach about as far as a Gaussian of the window's size
    window = (1, *(2 * max(1, round(resolution.window_mm / s)) + 1 for s in coarse[1:]))
    share = _smoothed(inside.astype(np.float32), window) + np.float32(1e-3)
    near = ndimage.binary_dilation(inside)
    mean = _smoothed(fixed * inside, window) / share
    return Compared(
        t1=fixed,
        stir=moving,
        mask=inside,
        spacing_mm=coarse,
        origin_mm=np.array([b.start for b in box]) * spacing,
        window=window,
        share=share,
        t1_mean=mean,
        t1_variance=_smoothed(fixed * fixed * inside, window) / share - mean**2,
        t1_slopes=_slopes(fixed, coarse),
        near=near,
        places=np.stack(np.nonzero(near)).astype(np.float32),
    )


def fit_locally(pair: Compared, stir: Array) -> LocalFit:
    """Explain STIR by a line in T1 in every neighbourhood.

    Parameters
    ----------
    pair : Compared
        The two images.
    stir : ndarray of float32, shape (slice, row, column)
        STIR as it is looked at now, on the same grid.

    Returns
    -------
    LocalFit
        Least squares of ``S = a T + b`` in a sliding window: its squared correlation is the local correlation
        coefficient (Cachier and Pennec, MMBIA 2000, doi:10.1109/MMBIA.2000.852373), free of any smooth shading and of
        which tissue is brighter. Slopes are the mean of STIR's own and of those that T1 predicts, which doubles the
        reach of a step (Vercauteren et al., NeuroImage 2009, doi:10.1016/j.neuroimage.2008.10.040).
    """
    mean, variance, together = _moments(pair, stir)
    line = together / (pair.t1_variance + np.float32(_TINY))
    noise = np.maximum(variance - line * together, _LEAST_NOISE * variance)[pair.mask]
    residual = ((stir - mean) - line * (pair.t1 - pair.t1_mean))[pair.mask]
    slopes = []
    for of_stir, of_t1 in zip(_slopes(stir, pair.spacing_mm), pair.t1_slopes, strict=True):
        slope = line * of_t1
        slope += of_stir
        slope *= np.float32(0.5)
        slope -= pair.mean(slope)
        slopes.append(slope[pair.mask])
    weight = 1 / noise
    weight /= 1 + residual**2 * weight / np.float32(_OUTLIER_SD**2)
    return LocalFit(residual=residual, slopes=(slopes[0], slopes[1], slopes[2]), weight=weight)


def local_correlation(pair: Compared, stir: Array) -> Array:
    """Squared local correlation of T1 and STIR, 0 to 1, at the voxels of the mask; parameters as in `fit_locally`."""
    _, variance, together = _moments(pair, stir)
    alike = together**2 / (pair.t1_variance * variance + np.float32(_TINY**1.5))
    return np.asarray(np.clip(alike[pair.mask], 0.0, 1.0))


def _moments(pair: Compared, stir: Array) -> tuple[Array, Array, Array]:
    """Mean and variance of STIR and its covariance with T1 in every neighbourhood."""
    mean = pair.mean(stir)
    variance = np.maximum(pair.mean(stir * stir) - mean**2, np.float32(_TINY))
    return mean, variance, pair.mean(stir * pair.t1) - mean * pair.t1_mean


def _normal(
    image: NDArray[np.floating],
    sigma: list[float],
    box: tuple[slice, ...],
    stride: list[int],
    inside: NDArray[np.bool_],
) -> Array:
    # a margin of the smoothing's reach around the box, then one voxel of each stride
    reach = [int(np.ceil(3 * s)) for s in sigma]
    wide = tuple(slice(max(0, b.start - r), b.stop + r) for b, r in zip(box, reach, strict=True))
    small = np.asarray(image[wide], np.float32)
    # an axis is thinned out as soon as it is smooth
    for axis, (s, b, w, k) in enumerate(zip(sigma, box, wide, stride, strict=True)):
        smooth = ndimage.gaussian_filter1d(small, s, axis, mode="nearest", truncate=3.0) if s > 0 else small
        small = smooth[(slice(None),) * axis + (slice(b.start - w.start, b.stop - w.start, k),)]
    # of the absolute values, and of their mean in an image that is mostly nothing: it may not be next to nothing
    size = np.abs(small[inside])
    level = float(np.median(size)) or float(np.mean(size)) or 1.0
    return np.ascontiguousarray(small / np.float32(level))


def _smoothed(values: Array, window: tuple[int, ...]) -> Array:
    once = ndimage.uniform_filter(values.astype(np.float32, copy=False), window, mode="constant")
    return np.asarray(ndimage.uniform_filter(once, window, mode="constant"))


def _slopes(image: Array, spacing_mm: NDArray[np.float64]) -> tuple[Array, Array, Array]:
    made = [
        ndimage.correlate1d(image, _CENTRAL / np.float32(s), axis=axis) if n > 1 else np.zeros_like(image)
        for axis, (s, n) in enumerate(zip(spacing_mm, image.shape, strict=True))
    ]
    return made[0], made[1], made[2]
