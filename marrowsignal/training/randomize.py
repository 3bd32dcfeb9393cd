"""Random studies from rendered people: signals, shading, noise, resolution, shape, field of view."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d
from torch import Tensor
from torch.nn import functional

from marrowsignal.marrow.automatic.appearance import (
    LOCAL_RANGE,
    LOCAL_SD_FLOOR,
    LOCAL_SIGMA_MM,
    NETWORK_PIXEL_MM,
    STIR_NEIGHBOURS,
    T1_NEIGHBOURS,
    WHOLE_RANGE,
)
from marrowsignal.marrow.automatic.classes import BoneClass
from marrowsignal.phantom.tissues import Species
from marrowsignal.training.people import CANVAS_PX, PIXEL_MM, Stack

__all__ = ["CHANNELS", "SIZE", "Batch", "draw_batch", "draw_study"]

CHANNELS = 2 * len(T1_NEIGHBOURS) + 2 * len(STIR_NEIGHBOURS) + 3
SIZE = 96
_REACH = max(T1_NEIGHBOURS)
_SLICES = 2 * _REACH + 1

# range of a full voxel's signal relative to fat, on T1 and on STIR: low, high
_T1 = {
    Species.FAT: (0.85, 1.1),
    Species.MARROW_FAT: (0.6, 1.1),
    Species.MARROW_WATER: (0.25, 0.6),
    Species.EDEMA_WATER: (0.15, 0.6),
    Species.TUMOR_WATER: (0.15, 0.7),
    Species.MUSCLE: (0.2, 0.55),
    Species.FLUID: (0.03, 0.45),
    Species.SOFT_TISSUE: (0.2, 0.8),
    Species.FIBROUS: (0.0, 0.2),
    Species.CARTILAGE: (0.15, 0.55),
    Species.NUCLEUS: (0.15, 0.5),
    Species.MINERAL: (0.0, 0.06),
}
_STIR = {
    Species.FAT: (0.02, 0.6),
    Species.MARROW_FAT: (0.02, 0.5),
    Species.MARROW_WATER: (0.25, 0.8),
    Species.EDEMA_WATER: (0.6, 1.6),
    Species.TUMOR_WATER: (0.5, 1.6),
    Species.MUSCLE: (0.2, 0.5),
    Species.FLUID: (0.8, 2.5),
    Species.SOFT_TISSUE: (0.3, 1.3),
    Species.FIBROUS: (0.0, 0.2),
    Species.CARTILAGE: (0.3, 1.0),
    Species.NUCLEUS: (0.2, 1.8),
    Species.MINERAL: (0.0, 0.08),
}
# one study in five has signals of nowhere, so that shape must tell
_ANY_CONTRAST_SHARE = 0.2
_ANY_SLICE_SHARE = 0.5
_SEEN_PX, _TRIES = 60, 40
_DARK = (Species.MINERAL, Species.FIBROUS)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Batch:
    """What one step learns from.

    Attributes
    ----------
    images : Tensor, shape (batch, CHANNELS, SIZE, SIZE)
        As `marrowsignal.marrow.automatic.appearance` gives them.
    classes : Tensor of int64, shape (batch, SIZE, SIZE)
        `BoneClass` in the middle slice.
    """

    images: Tensor
    classes: Tensor


def draw_batch(stacks: Sequence[Stack], *, size: int, rng: np.random.Generator) -> Batch:
    """Draw a batch of random studies.

    Parameters
    ----------
    stacks : sequence of Stack
        People.
    size : int
        Of the batch.
    rng : numpy.random.Generator
        Everything random follows from it.

    Returns
    -------
    Batch
        Images and truth.
    """
    drawn = [_draw(*_choose(stacks, rng), rng) for _ in range(size)]
    signals = torch.from_numpy(np.stack([d.signals for d in drawn]))
    classes = torch.from_numpy(np.stack([d.classes for d in drawn]))
    grid = _displacements(size, drawn, rng)
    signals = functional.grid_sample(
        signals.flatten(1, 2), grid, mode="bilinear", padding_mode="zeros", align_corners=False
    )
    warped = functional.grid_sample(classes, grid, mode="nearest", padding_mode="zeros", align_corners=False)
    signals = signals.reshape(size, 2, _SLICES, SIZE, SIZE)
    t1, stir = (_acquire(signals[:, i], rng) for i in range(2))
    return Batch(images=_assemble(t1, stir, drawn, rng), classes=warped[:, 0].long())


def draw_study(stack: Stack, rng: np.random.Generator) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Draw one whole study of a person, undeformed.

    Parameters
    ----------
    stack : Stack
        The person.
    rng : numpy.random.Generator
        Everything random follows from it.

    Returns
    -------
    tuple of ndarray of float32, shape (slice, row, column)
        T1 and STIR.
    """
    parts = _textured(stack.species.astype(np.float32) / 255.0, rng)
    clean = torch.from_numpy(np.asarray(np.tensordot(_tables(rng), parts, axes=(1, 0)), np.float32))
    t1, stir = (_acquire(signal[None], rng)[0].numpy() for signal in clean)
    return t1, stir


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Drawn:
    signals: NDArray[np.float32]
    classes: NDArray[np.float32]
    normal: NDArray[np.float64]


def _choose(stacks: Sequence[Stack], rng: np.random.Generator) -> tuple[Stack, int]:
    """Choose a person and a slice: any, or half of the time one that shows a class drawn before."""
    stack = stacks[int(rng.integers(len(stacks)))]
    if rng.random() < _ANY_SLICE_SHARE:
        return stack, int(rng.integers(len(stack.classes)))
    wanted = int(rng.integers(1, len(BoneClass)))
    for _ in range(_TRIES):
        seen = np.flatnonzero((stack.classes == wanted).sum(axis=(1, 2)) >= _SEEN_PX)
        if len(seen):
            return stack, int(rng.choice(seen))
        stack = stacks[int(rng.integers(len(stacks)))]
    return stack, int(rng.integers(len(stack.classes)))


def _draw(stack: Stack, middle: int, rng: np.random.Generator) -> _Drawn:
    count, rows, columns = stack.classes.shape
    step = 2 if rng.random() < 0.12 else 1
    chosen = np.clip(middle + step * np.arange(-_REACH, _REACH + 1), 0, count - 1)
    parts = stack.species[:, chosen].astype(np.float32) / 255.0
    tables = _tables(rng)
    signals = np.tensordot(tables, _textured(parts, rng), axes=(1, 0))
    margin = [((CANVAS_PX - n) // 2, CANVAS_PX - n - (CANVAS_PX - n) // 2) for n in (rows, columns)]
    return _Drawn(
        signals=np.pad(signals, [(0, 0), (0, 0), *margin]).astype(np.float32),
        classes=np.pad(stack.classes[middle], margin)[None].astype(np.float32),
        normal=stack.normal_lps,
    )


def _tables(rng: np.random.Generator) -> NDArray[np.float32]:
    rows = []
    for ranges in (_T1, _STIR):
        low, high = (np.array([ranges[kind][i] for kind in Species]) for i in range(2))
        row = rng.uniform(low, high)
        if rng.random() < _ANY_CONTRAST_SHARE:
            row = rng.uniform(0.05, 1.1, len(Species))
            row[list(_DARK)] = rng.uniform(0.0, 0.12, len(_DARK))
        rows.append(row)
    if rng.random() < 0.5:
        # as in patients, marrow fat is the same fat
        rows[0][Species.MARROW_FAT] = rows[0][Species.FAT] * rng.uniform(0.8, 1.0)
    return np.asarray(rows, np.float32)


def _textured(parts: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Let tissues vary from place to place: two smooth fields, each for a random half of the tissues."""
    shape = parts.shape[1:]
    for _ in range(2):
        cells = int(rng.integers(6, 40))
        coarse = rng.standard_normal((1, shape[0], cells, cells)).astype(np.float32)
        field = functional.interpolate(torch.from_numpy(coarse), size=shape[1:], mode="bilinear")[0].numpy()
        kinds = np.flatnonzero(rng.random(len(parts)) < 0.5)
        parts[kinds] *= np.exp(float(rng.uniform(0.0, 0.3)) * field)
    return parts


def _smooth_noise(size: int, channels: int, cells: int, rng: np.random.Generator, *, width: int = SIZE) -> Tensor:
    coarse = torch.from_numpy(rng.standard_normal((size, channels, cells, cells)).astype(np.float32))
    return functional.interpolate(coarse, size=(width, width), mode="bicubic", align_corners=True)


def _displacements(size: int, drawn: Sequence[_Drawn], rng: np.random.Generator) -> Tensor:
    """Where each pixel of the crop is taken from: turned, scaled, sheared, bent, mirrored."""
    half = SIZE * NETWORK_PIXEL_MM / (CANVAS_PX * PIXEL_MM)
    axis = torch.linspace(-half, half, SIZE)
    rows, columns = torch.meshgrid(axis, axis, indexing="ij")
    place = torch.stack([columns, rows], -1)
    grids = []
    millimetre = 2.0 / (CANVAS_PX * PIXEL_MM)
    bend = _smooth_noise(size, 2, int(rng.integers(4, 7)), rng) * float(rng.uniform(0.0, 5.0))
    bend = bend + _smooth_noise(size, 2, int(rng.integers(9, 16)), rng) * float(rng.uniform(0.0, 1.6))
    for i in range(size):
        angle = np.deg2rad(rng.normal(0.0, 9.0))
        scale = np.exp(rng.normal(0.0, 0.12)) * np.exp(rng.normal(0.0, 0.06, 2))
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        shear = np.array([[1.0, rng.normal(0.0, 0.06)], [0.0, 1.0]])
        matrix = turn @ shear @ np.diag(scale)
        sagittal = abs(drawn[i].normal[0]) > 0.7
        if not sagittal and rng.random() < 0.5:
            matrix = matrix @ np.diag([-1.0, 1.0])
        shift = rng.uniform(-0.32, 0.32, 2)
        moved = place @ torch.from_numpy(matrix.T.astype(np.float32)) + torch.from_numpy(shift.astype(np.float32))
        grids.append(moved + millimetre * bend[i].permute(1, 2, 0))
    return torch.stack(grids)


def _acquire(images: Tensor, rng: np.random.Generator) -> Tensor:
    size, width = len(images), images.shape[-1]
    images = images.clamp(min=0.0)
    shading = _smooth_noise(size, 1, 3, rng, width=width) * float(rng.uniform(0.05, 0.5))
    shading = shading + _smooth_noise(size, 1, 5, rng, width=width) * float(rng.uniform(0.0, 0.2))
    shading = shading + _surface_coil(size, rng, width=width)
    images = images * torch.exp(shading)
    images = torch.stack([_blurred(image, rng) for image in images])
    if rng.random() < 0.25:
        # breathing: a fainter copy, displaced along the rows or the columns
        faint = float(rng.uniform(0.02, 0.12))
        images = images + faint * images.roll(int(rng.integers(6, 45)), int(rng.integers(2, 4)))
    noise = torch.from_numpy(np.abs(rng.normal(0.0, 0.035, (size, 1, 1, 1))).astype(np.float32))
    shape = (2, *images.shape)
    real, imaginary = torch.from_numpy(rng.standard_normal(shape, np.float32)) * noise
    images = torch.sqrt((images + real) ** 2 + imaginary**2)
    gamma = torch.from_numpy(np.exp(rng.normal(0.0, 0.18, (size, 1, 1, 1))).astype(np.float32))
    return images.clamp(min=1e-6) ** gamma


def _surface_coil(size: int, rng: np.random.Generator, *, width: int) -> Tensor:
    """Draw the logarithm of a sensitivity that falls off towards one side, in some studies."""
    axis = torch.linspace(-1.0, 1.0, width)
    rows, columns = torch.meshgrid(axis, axis, indexing="ij")
    angle = rng.uniform(0.0, 2.0 * np.pi, (size, 1, 1, 1))
    steep = np.where(rng.random((size, 1, 1, 1)) < 0.35, rng.uniform(0.2, 1.1, (size, 1, 1, 1)), 0.0)
    down, across = (torch.from_numpy((steep * turn).astype(np.float32)) for turn in (np.sin(angle), np.cos(angle)))
    return down * rows + across * columns


def _blurred(image: Tensor, rng: np.random.Generator) -> Tensor:
    sigma = rng.uniform(0.0, 0.9) if rng.random() < 0.75 else 0.0
    if sigma < 0.25:
        return image
    return _gaussian(image[:, None], float(sigma), radius=3)[:, 0]


def _gaussian(images: Tensor, sigma: float, *, radius: int) -> Tensor:
    # a product with a matrix, its border mirrored, is far faster on a CPU than a long convolution
    matrix = torch.from_numpy(
        gaussian_filter1d(np.eye(images.shape[-1], dtype=np.float32), sigma, axis=0, mode="mirror", radius=radius)
    )
    return matrix @ images @ matrix.T


def _appearance(images: Tensor, rng: np.random.Generator) -> Tensor:
    """Do what `appearance` does, for a batch; the level is as uncertain as the rest of the stack."""
    size = len(images)
    level = torch.quantile(images.flatten(1)[:, ::7], 0.97, dim=1)[:, None, None, None] + 1e-4
    level = level * torch.from_numpy(np.exp(rng.normal(0.0, 0.2, (size, 1, 1, 1))).astype(np.float32))
    x = images / level
    sigma = LOCAL_SIGMA_MM / NETWORK_PIXEL_MM
    flat = x.flatten(0, 1)[:, None]
    mean = _gaussian(flat, sigma, radius=int(3.0 * sigma + 0.5))
    square = _gaussian(flat * flat, sigma, radius=int(3.0 * sigma + 0.5))
    spread = torch.sqrt((square - mean * mean).clamp(min=0.0)) + LOCAL_SD_FLOOR
    local = ((flat - mean) / spread).clamp(-LOCAL_RANGE, LOCAL_RANGE) / LOCAL_RANGE
    whole = x.clamp(0.0, WHOLE_RANGE) * (2.0 / WHOLE_RANGE) - 1.0
    return torch.stack([local.reshape(x.shape), whole], dim=2)


def _assemble(t1: Tensor, stir: Tensor, drawn: Sequence[_Drawn], rng: np.random.Generator) -> Tensor:
    size = len(t1)
    t1, stir = _cut_view(t1, stir, rng)
    t1_seen = _appearance(t1[:, [i + _REACH for i in T1_NEIGHBOURS]], rng).flatten(1, 2)
    stir_seen = _appearance(stir[:, [i + _REACH for i in STIR_NEIGHBOURS]], rng).flatten(1, 2)
    stir_seen[torch.from_numpy(rng.random(size) < 0.5)] = 0.0
    normal = torch.from_numpy(np.abs(np.stack([d.normal for d in drawn])).astype(np.float32))
    plane = normal[:, :, None, None].expand(size, 3, SIZE, SIZE)
    return torch.cat([t1_seen, stir_seen, plane], dim=1)


def _cut_view(t1: Tensor, stir: Tensor, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Cut the field of view on some sides: nothing beyond, as in a padded image."""
    for i in range(len(t1)):
        if rng.random() < 0.35:
            top, left = (int(v) for v in rng.integers(0, 22, 2))
            bottom, right = (SIZE - int(v) for v in rng.integers(0, 22, 2))
            keep = torch.zeros(SIZE, SIZE)
            keep[top:bottom, left:right] = 1.0
            t1[i] *= keep
            stir[i] *= keep
    return t1, stir
