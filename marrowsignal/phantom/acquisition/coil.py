"""Receive sensitivity: what shades an image, and what makes the noise of a corrected one grow with depth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from marrowsignal.geometry import VolumeGeometry
from marrowsignal.phantom.sheet import Sheet, SmoothField

__all__ = ["Coil", "Shading", "air_attenuation", "depth_sensitivity", "slice_sheet"]

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Coil:
    """How the receive coils see the body.

    Attributes
    ----------
    bias_p5, bias_p95 : float
        5th and 95th percentile of the shading left in the image, over the grid; both 1 for none.
    back_share : float
        Part of that shading that brightens the back, where the coils lie; the rest is another draw for each series.
    depth_mm : float or None
        Coils under the back: sensitivity falls by a factor e over this depth. None for a coil that sees all
        depths alike.
    normalized : bool
        Whether the scanner divides that fall out again (Siemens NORM, GE PURE, Philips CLEAR): tissue is even
        then, but noise grows with depth.
    air_fraction : float
        Signal and noise left far from the body, where adaptive coil combination and normalization find nothing to
        go by; 1 leaves air as it is.
    """

    bias_p5: float = 1.0
    bias_p95: float = 1.0
    back_share: float = 0.0
    depth_mm: float | None = None
    normalized: bool = True
    air_fraction: float = 1.0

    def __post_init__(self) -> None:
        if not 0.0 < self.bias_p5 <= self.bias_p95:
            raise ValueError("percentiles of the bias have to be positive and in order")
        if not 0.0 <= self.back_share < 1.0:
            raise ValueError("the back's share of the shading is at least 0 and below 1")


def slice_sheet(geometry: VolumeGeometry, index: int, *, stride: int = 1) -> Sheet:
    """Voxel centres of one slice, every `stride`-th row and column.

    Examples
    --------
    >>> grid = VolumeGeometry(affine_lps=np.eye(4), shape=(2, 3, 4))
    >>> slice_sheet(grid, 1).axis(2)[0].tolist()
    [0.0, 1.0, 2.0, 3.0]
    """
    steps = geometry.affine_lps[:3, :3] * stride
    return Sheet(
        origin_mm=geometry.to_patient([index, 0, 0]),
        row_step_mm=steps[:, 1],
        column_step_mm=steps[:, 2],
        shape=(-(-geometry.shape[1] // stride), -(-geometry.shape[2] // stride)),
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Shading:
    """Smooth positive factor on the signal with given percentiles over a grid.

    Attributes
    ----------
    field : SmoothField
        Its random part.
    slope_per_mm : float
        Of its part that grows towards the patient's back.
    offset, scale : float
        Logarithm of the factor is ``offset + scale * (field + slope_per_mm * y)``.
    """

    field: SmoothField
    slope_per_mm: float
    offset: float
    scale: float

    @classmethod
    def draw(cls, geometry: VolumeGeometry, rng: np.random.Generator, *, coil: Coil, stride: int = 1) -> Shading:
        """Draw the shading of a coil; its percentiles are taken over every `stride`-th row and column."""
        # body-size wavelengths: what N4 finds in real studies (SCIENCE 1.7)
        field = SmoothField.draw(rng, wavelength_mm=(260.0, 420.0), count=6)
        sheets = [slice_sheet(geometry, i, stride=stride) for i in range(geometry.shape[0])]
        depth = float(np.std([sheet.axis(1) for sheet in sheets])) if coil.back_share > 0.0 else 0.0
        # both parts have a standard deviation of about 1 before they are weighed
        slope = coil.back_share / ((1.0 - coil.back_share) * depth) if depth > 0.0 else 0.0
        spread = np.log(coil.bias_p95 / coil.bias_p5)
        if spread == 0.0:
            return cls(field=field, slope_per_mm=slope, offset=float(np.log(coil.bias_p5)), scale=0.0)
        low, high = np.percentile([field.on(sheet) + slope * sheet.axis(1) for sheet in sheets], [5.0, 95.0])
        scale = float(spread / (high - low))
        return cls(field=field, slope_per_mm=slope, offset=float(np.log(coil.bias_p5)) - scale * low, scale=scale)

    def on(self, sheet: Sheet) -> Array:
        """Factor at the points of a sheet."""
        if self.scale == 0.0:
            return np.full(sheet.shape, np.exp(self.offset))
        level = self.field.on(sheet) + self.slope_per_mm * sheet.axis(1)
        return np.asarray(np.exp(self.offset + self.scale * level))


def depth_sensitivity(sheet: Sheet, *, middle_y_mm: float, depth_mm: float) -> Array:
    """Sensitivity of coils under the back, 1 at `middle_y_mm`.

    Exponential in depth around the middle; it levels off at e squared close to the coil, and at 1/e at the
    front, where the coil on the belly takes over.
    """
    t = (sheet.axis(1) - middle_y_mm) / depth_mm
    return np.asarray(np.exp(np.where(t > 0.0, 2.0 * np.tanh(t / 2.0), np.tanh(t))))


def air_attenuation(tissue: Array, *, pixel_mm: float, air_fraction: float) -> Array:
    """Factor that fades the image out beyond the body: 1 up to the skin, `air_fraction` from 25 mm outside.

    Parameters
    ----------
    tissue : ndarray of float64, shape (rows, columns)
        Share of a pixel that is no air; gas inside the body is bridged.
    pixel_mm : float
        Distance of pixels.
    air_fraction : float
        See `Coil`.

    Returns
    -------
    ndarray of float64, shape (rows, columns)
        Factor.
    """
    size = max(round(25.0 / pixel_mm), 1)
    near = ndimage.uniform_filter(ndimage.uniform_filter(tissue, size, mode="nearest"), size, mode="nearest")
    # half of the surroundings of a point on the skin are body
    return np.asarray(air_fraction + (1.0 - air_fraction) * np.clip(near / 0.4, 0.0, 1.0) ** 2)
