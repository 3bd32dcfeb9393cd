"""Metal: no signal inside, spins around it shifted in frequency and so in place, with bright pile-up at the rim."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marrowsignal.phantom.sheet import Ball, Sheet

__all__ = ["Metal", "distort", "frequency_offset"]

Array = NDArray[np.float64]

_REACH = 6.0  # radii, where the field of a sphere has fallen to 1/200
_SAMPLES = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Metal:
    """A sphere of metal.

    Attributes
    ----------
    centre_lps_mm : tuple of float
        Patient point.
    radius_mm : float
        Radius.
    shift_ppm : float
        Frequency shift at its poles along the field, which is along patient z: two thirds of the difference in
        susceptibility of a sphere. 120 is titanium (182 ppm, Schenck, Med Phys 1996;23:815).
    pulse_bandwidth_hz : float
        Spins further off resonance than this are not excited and give no signal.
    """

    centre_lps_mm: tuple[float, float, float]
    radius_mm: float
    shift_ppm: float = 120.0
    pulse_bandwidth_hz: float = 1500.0

    @property
    def ball(self) -> Ball:
        """Where it disturbs the image."""
        return Ball(centre_mm=self.centre_lps_mm, radius_mm=_REACH * self.radius_mm)


def frequency_offset(sheet: Sheet, metal: Metal, *, larmor_mhz: float) -> tuple[Array, Array]:
    r"""Frequency offset around a magnetized sphere, and the share of spins that still give signal.

    .. math:: \Delta f = \delta \, f_0 \, (R/r)^3 \, (3 \cos^2\theta - 1) / 2

    (dipole field; Schenck 1996.)

    Parameters
    ----------
    sheet : Sheet
        Patient points.
    metal : Metal
        The sphere.
    larmor_mhz : float
        Proton frequency.

    Returns
    -------
    tuple of ndarray of float64
        Hz, and share 0 to 1.
    """
    x, y, z = (sheet.axis(i) - metal.centre_lps_mm[i] for i in range(3))
    square = np.maximum(x * x + y * y + z * z, 1e-6)
    distance = np.sqrt(square)
    outside = np.clip(0.5 + (distance - metal.radius_mm) / sheet.width_mm, 0.0, 1.0)
    near = np.maximum(distance, metal.radius_mm)
    pole = metal.shift_ppm * larmor_mhz
    offset = pole * (metal.radius_mm / near) ** 3 * 0.5 * (3.0 * z * z / square - 1.0)
    return offset, np.asarray(outside / (1.0 + (offset / metal.pulse_bandwidth_hz) ** 4))


def distort(image: Array, shift_px: Array, *, axis: int) -> Array:
    """Move the signal of every pixel along one axis; signal is conserved, so it piles up where shifts converge.

    Parameters
    ----------
    image : ndarray of float64, shape (rows, columns)
        Signal.
    shift_px : ndarray of float64, same shape
        Towards higher indices.
    axis : int
        0 or 1.

    Returns
    -------
    ndarray of float64, same shape
        What would leave the picture stays at its edge.

    Examples
    --------
    >>> distort(np.array([[0.0, 4.0, 0.0, 0.0]]), np.ones((1, 4)), axis=1).tolist()
    [[0.0, 0.0, 4.0, 0.0]]
    """
    if axis == 0:
        return distort(image.T, shift_px.T, axis=1).T
    rows, columns = image.shape
    slope = np.gradient(shift_px, axis=1) if columns > 1 else np.zeros_like(shift_px)
    first = columns * np.arange(rows)[:, None]
    total = np.zeros(rows * columns)
    for j in range(_SAMPLES):
        # a pixel is spread by what its two ends move apart; the splat itself is one pixel wide
        spread = ((j + 0.5) / _SAMPLES - 0.5) * slope
        at = np.clip(np.arange(columns) + shift_px + spread, 0.0, columns - 1.0)
        low = np.minimum(at.astype(np.intp), max(columns - 2, 0))
        share = at - low
        index = (first + low).ravel()
        for weight, target in ((1.0 - share, index), (share, np.minimum(index + 1, total.size - 1))):
            total += np.bincount(target, (weight * image).ravel() / _SAMPLES, minlength=total.size)
    return total.reshape(rows, columns)
