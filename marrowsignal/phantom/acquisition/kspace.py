"""K-space of one slice: shift, limited resolution, noise. Frequencies are in FFT order, cycles per pixel.

Transforms are unitary (``norm="ortho"``): energy is the same on both sides.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

__all__ = ["along", "noise_lines", "resolution_window", "shift_phase", "to_image", "to_kspace"]

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]
_Number = TypeVar("_Number", np.float64, np.complex128)


def to_kspace(image: NDArray[np.generic]) -> Complex:
    """Unitary two-dimensional Fourier transform."""
    return np.asarray(np.fft.fft2(image, norm="ortho"), np.complex128)


def to_image(kspace: Complex) -> Complex:
    """Inverse of `to_kspace`."""
    return np.asarray(np.fft.ifft2(kspace, norm="ortho"), np.complex128)


def along(line: NDArray[_Number], axis: int) -> NDArray[_Number]:
    """View of a line that multiplies a slice along rows (axis 0) or columns (axis 1)."""
    return line[:, None] if axis == 0 else line[None, :]


def shift_phase(count: int, shift_px: float) -> Complex:
    """Factor on the frequencies of a line that moves it by a part of a pixel.

    Parameters
    ----------
    count : int
        Pixels of the line.
    shift_px : float
        Towards higher indices.

    Returns
    -------
    ndarray of complex128, shape (count,)
        Phase ramp; real at the highest frequency of an even line, so that real images stay real.

    Examples
    --------
    >>> line = np.array([0.0, 1.0, 0.0, 0.0])
    >>> np.abs(np.fft.ifft(np.fft.fft(line) * shift_phase(4, 1.0))).round(9).tolist()
    [0.0, 0.0, 1.0, 0.0]
    """
    ramp = np.exp(-2j * np.pi * np.fft.fftfreq(count) * shift_px)
    if count % 2 == 0:
        ramp[count // 2] = ramp[count // 2].real
    return np.asarray(ramp)


def resolution_window(count: int, *, fraction: float, taper: float) -> Array:
    """Weight of each frequency of a line of which only the middle is acquired, the rest filled with zeros.

    Parameters
    ----------
    count : int
        Pixels of the reconstructed line.
    fraction : float
        Acquired share of them.
    taper : float
        0 keeps the acquired frequencies as they are, 0.92 is a Hamming window; scanners' raw-data filters lie
        between.

    Returns
    -------
    ndarray of float64, shape (count,)
        Weights, 1 at zero frequency.

    Examples
    --------
    >>> resolution_window(8, fraction=0.5, taper=0.0).astype(int).tolist()
    [1, 1, 1, 0, 0, 0, 1, 1]
    """
    frequency = np.abs(np.fft.fftfreq(count))
    inside = frequency <= 0.5 * fraction + 1e-12
    weight = 1.0 - 0.5 * taper + 0.5 * taper * np.cos(2.0 * np.pi * frequency / fraction)
    return np.where(inside, weight, 0.0)


def noise_lines(rng: np.random.Generator, windows: tuple[Array, Array], *, sd: float) -> Complex:
    """Complex noise of the acquired frequencies, filtered like the signal.

    Parameters
    ----------
    rng : numpy.random.Generator
        Noise source.
    windows : tuple of ndarray
        `resolution_window` of rows and columns.
    sd : float
        Standard deviation of each channel in the image.

    Returns
    -------
    ndarray of complex128, shape (rows, columns)
        To be added to k-space.
    """
    rows, columns = windows
    at_rows, at_columns = np.flatnonzero(rows), np.flatnonzero(columns)
    shape = (len(at_rows), len(at_columns))
    white = rng.standard_normal(shape) + 1j * rng.standard_normal(shape)
    weight = rows[at_rows, None] * columns[None, at_columns]
    weight *= sd / np.sqrt(np.mean(rows**2) * np.mean(columns**2))
    noise = np.zeros((len(rows), len(columns)), np.complex128)
    noise[np.ix_(at_rows, at_columns)] = weight * white
    return noise
