"""Receive bias and noise on their own, for images that need no k-space."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from marrowsignal.geometry import VolumeGeometry
from marrowsignal.phantom.acquisition.coil import Coil, Shading, slice_sheet

__all__ = ["add_rician_noise", "bias_field"]


def bias_field(
    geometry: VolumeGeometry, *, rng: np.random.Generator, p5: float = 0.75, p95: float = 1.3
) -> NDArray[np.float64]:
    """Smooth receive sensitivity, 1 in the middle of its spread.

    Parameters
    ----------
    geometry : VolumeGeometry
        The grid; the field is a function of the patient point.
    rng : numpy.random.Generator
        Another draw for each series, as in real studies (SCIENCE 1.7).
    p5, p95 : float
        5th and 95th percentile over the grid.

    Returns
    -------
    ndarray of float64, shape `geometry.shape`
        Factor on the signal, > 0.

    Examples
    --------
    >>> grid = VolumeGeometry(affine_lps=np.diag([4.0, 9.0, 9.0, 1.0]), shape=(6, 20, 20))
    >>> field = bias_field(grid, rng=np.random.default_rng(0))
    >>> np.round(np.percentile(field, [5, 95]), 2).tolist()
    [0.75, 1.3]
    """
    shading = Shading.draw(geometry, rng, coil=Coil(bias_p5=p5, bias_p95=p95))
    return np.stack([shading.on(slice_sheet(geometry, i)) for i in range(geometry.shape[0])])


def add_rician_noise(signal: NDArray[np.float64], *, sigma: float, rng: np.random.Generator) -> NDArray[np.float64]:
    r"""Magnitude of the signal with complex Gaussian noise, :math:`\sqrt{(S + n_1)^2 + n_2^2}`.

    Gudbjartsson & Patz, Magn Reson Med 1995.

    Parameters
    ----------
    signal : ndarray of float64
        Noise-free magnitude.
    sigma : float
        Standard deviation of each noise channel, in units of `signal`.
    rng : numpy.random.Generator
        Noise source.

    Returns
    -------
    ndarray of float64
        Noisy magnitude, >= 0.

    Examples
    --------
    >>> add_rician_noise(np.array([3.0]), sigma=0.0, rng=np.random.default_rng(0)).tolist()
    [3.0]
    """
    real = signal + sigma * rng.standard_normal(signal.shape)
    return np.asarray(np.hypot(real, sigma * rng.standard_normal(signal.shape)))
