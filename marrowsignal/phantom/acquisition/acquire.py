"""A series as the scanner makes it: species shares in, magnitude image out, slice by slice."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marrowsignal.geometry import VolumeGeometry
from marrowsignal.phantom.acquisition.coil import Shading, air_attenuation, depth_sensitivity, slice_sheet
from marrowsignal.phantom.acquisition.kspace import (
    along,
    noise_lines,
    resolution_window,
    shift_phase,
    to_image,
    to_kspace,
)
from marrowsignal.phantom.acquisition.metal import Metal, distort, frequency_offset
from marrowsignal.phantom.acquisition.motion import Breathing, line_states, modulation, moving_share
from marrowsignal.phantom.acquisition.series import SeriesPhysics
from marrowsignal.phantom.equations import larmor_mhz
from marrowsignal.phantom.relaxation import FAT_LIKE
from marrowsignal.phantom.sheet import Sheet
from marrowsignal.phantom.tissues import Species, signals

__all__ = ["AcquiredImage", "acquire"]

Array = NDArray[np.float64]

_BIAS_STRIDE = 4
# a scanner oversamples, so nothing wraps round; here tissue goes on mirrored beyond the edge of the picture
_MARGIN_PX = 16


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AcquiredImage:
    """A magnitude series.

    Attributes
    ----------
    signal : ndarray of float32, shape (slice, row, column)
        Magnitude times gain.
    bias : ndarray of float32, same shape
        Factor that shades it: without noise, motion and limits of resolution the signal is the voxel's magnitude
        times bias times gain.
    noise_sd : float
        Of one channel, in units of `signal`, where the coil's sensitivity is 1; 0 for none.
    """

    signal: NDArray[np.float32]
    bias: NDArray[np.float32]
    noise_sd: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Scanner:
    """What all slices of a series share."""

    series: SeriesPhysics
    water_and_fat: Array
    noise_sd: float
    shading: Shading
    middle_y_mm: float
    windows: tuple[Array, Array]

    def slice(self, species: NDArray[np.floating], sheet: Sheet, rng: np.random.Generator) -> tuple[Array, Array]:
        """Magnitude, gain included, and shading of one slice."""
        series, coil = self.series, self.series.coil
        sensitivity: Array | float = 1.0
        if coil.depth_mm is not None:
            sensitivity = depth_sensitivity(sheet, middle_y_mm=self.middle_y_mm, depth_mm=coil.depth_mm)
        shading = self.shading.on(sheet)
        seen = shading * sensitivity
        images = list(np.tensordot(self.water_and_fat, species, axes=1) * seen)
        for metal in series.metal:
            images = self._around(metal, sheet, images)
        image: NDArray[np.generic] = images[0] + images[1]
        if self._needs_kspace:
            image = _cropped(to_image(self._kspace(images, sheet, rng)))
        magnitude = np.abs(image) * series.gain
        if coil.air_fraction < 1.0:
            tissue = species.sum(axis=0, dtype=float)
            magnitude *= air_attenuation(tissue, pixel_mm=sheet.width_mm, air_fraction=coil.air_fraction)
        if coil.normalized:
            return magnitude / sensitivity, shading
        return magnitude, seen

    @property
    def _needs_kspace(self) -> bool:
        s = self.series
        limited = s.resolution != (1.0, 1.0) or s.taper > 0.0
        return limited or s.fat_shift_px != 0.0 or self.noise_sd > 0.0 or s.breathing is not None

    def _kspace(self, images: list[Array], sheet: Sheet, rng: np.random.Generator) -> NDArray[np.complex128]:
        total = self._lines(images)
        if self.series.breathing is not None:
            moving = moving_share(sheet, self.series.breathing)
            if moving.any():
                change = self._motion(sheet, total.shape, rng) - 1.0
                total += self._lines([image * moving for image in images]) * change
        rows, columns = self.windows
        total *= rows[:, None] * columns[None, :]
        if self.noise_sd > 0.0:
            total += noise_lines(rng, self.windows, sd=self.noise_sd)
        return total

    def _lines(self, images: list[Array]) -> NDArray[np.complex128]:
        """K-space of water, and of fat moved by its chemical shift."""
        shift_px = self.series.fat_shift_px
        if shift_px == 0.0:
            return to_kspace(_padded(images[0] + images[1]))
        water, fat = (to_kspace(_padded(image)) for image in images)
        axis = 1 - self.series.phase_axis
        return np.asarray(water + fat * along(shift_phase(fat.shape[axis], shift_px), axis))

    def _motion(self, sheet: Sheet, shape: tuple[int, ...], rng: np.random.Generator) -> NDArray[np.complex128]:
        series = self.series
        breathing = series.breathing or Breathing()
        states = line_states(rng, window=self.windows[series.phase_axis], sequence=series.sequence, breathing=breathing)
        # step . y_axis / |step|^2: index units of a displacement along the patient's y
        steps = (sheet.row_step_mm, sheet.column_step_mm)
        rows, columns = (float(breathing.motion_mm * step[1] / (step @ step)) for step in steps)
        return modulation(
            states,
            shape=(shape[0], shape[1]),
            phase_axis=series.phase_axis,
            motion_px=(rows, columns),
            ghost_fraction=breathing.ghost_fraction,
        )

    def _around(self, metal: Metal, sheet: Sheet, images: list[Array]) -> list[Array]:
        window = sheet.window(metal.ball)
        if window is None:
            return images
        series = self.series
        larmor = larmor_mhz(series.sequence.magnetic_field_strength_t)
        offset, left = frequency_offset(sheet.crop(window), metal, larmor_mhz=larmor)
        for image in images:
            image[window] = distort(image[window] * left, offset * series.shift_px_per_hz, axis=1 - series.phase_axis)
        return images


def acquire(
    species: NDArray[np.floating],
    geometry: VolumeGeometry,
    *,
    series: SeriesPhysics,
    rng: np.random.Generator,
    workers: int = 1,
) -> AcquiredImage:
    """Acquire a body that has been sampled on a grid.

    Water-like and fat-like signal, with sign, times shading goes to k-space; there fat is displaced, moving
    tissue is modulated from line to line, the outer lines are dropped and noise is added; the magnitude is taken
    of what comes back.

    Parameters
    ----------
    species : ndarray of float, shape (len(Species), slice, row, column)
        Volume shares, for example of `scene.render`; the pose of the patient is in them.
    geometry : VolumeGeometry
        Their grid.
    series : SeriesPhysics
        How the series is acquired.
    rng : numpy.random.Generator
        Shading, breathing and noise follow from it; each slice has a spawned source of its own.
    workers : int
        Threads; the result does not depend on it.

    Returns
    -------
    AcquiredImage
        Magnitude image with its shading.
    """
    scanner = _prepare(geometry, series, rng)
    sources = rng.spawn(geometry.shape[0])
    signal, bias = np.empty(geometry.shape, np.float32), np.empty(geometry.shape, np.float32)

    def one(index: int) -> None:
        sheet = slice_sheet(geometry, index)
        signal[index], bias[index] = scanner.slice(species[:, index], sheet, sources[index])

    with ThreadPoolExecutor(max_workers=workers) as pool:
        list(pool.map(one, range(geometry.shape[0])))
    return AcquiredImage(signal=signal, bias=bias, noise_sd=scanner.noise_sd * series.gain)


def _prepare(geometry: VolumeGeometry, series: SeriesPhysics, rng: np.random.Generator) -> _Scanner:
    per_species = signals(series.sequence)
    is_fat = np.isin(np.arange(len(Species)), FAT_LIKE)
    noise = 0.0 if series.muscle_snr is None else abs(float(per_species[Species.MUSCLE])) / series.muscle_snr
    shares = series.resolution if series.phase_axis == 1 else series.resolution[::-1]
    rows, columns = (
        resolution_window(count + 2 * _MARGIN_PX, fraction=share, taper=series.taper)
        for count, share in zip(geometry.shape[1:], shares, strict=True)
    )
    middle = geometry.to_patient((np.asarray(geometry.shape) - 1) / 2.0)
    return _Scanner(
        series=series,
        water_and_fat=np.stack([np.where(is_fat, 0.0, per_species), np.where(is_fat, per_species, 0.0)]),
        noise_sd=noise,
        shading=Shading.draw(geometry, rng, coil=series.coil, stride=_BIAS_STRIDE),
        middle_y_mm=float(middle[1]),
        windows=(rows, columns),
    )


def _padded(image: Array) -> Array:
    return np.pad(image, _MARGIN_PX, mode="symmetric")


def _cropped(image: NDArray[np.complex128]) -> NDArray[np.complex128]:
    return image[_MARGIN_PX:-_MARGIN_PX, _MARGIN_PX:-_MARGIN_PX]
