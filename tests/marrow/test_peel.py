"""Peeling takes the cortex and leaves the marrow: bones of known shape, blurred into voxels, with noise."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marrowsignal.marrow.peel import _marrow_level, peel_to_marrow
from marrowsignal.protocol import load_protocol

SETTINGS = load_protocol("generic").marrow.peel
MARROW, CORTEX, MUSCLE, FAT = 300.0, 10.0, 130.0, 400.0
FINE = 6  # samples a pixel and axis


def dice(a: np.ndarray, b: np.ndarray) -> float:
    return 2 * np.count_nonzero(a & b) / (np.count_nonzero(a) + np.count_nonzero(b))


def depth_of(shape_mm: tuple[float, float], pixel_mm: float, size: int) -> np.ndarray:
    """How deep each sample lies in an ellipse with these half axes, mm; negative outside."""
    at = (np.arange(size * FINE) + 0.5) / FINE * pixel_mm - size * pixel_mm / 2
    rows, columns = np.meshgrid(at, at, indexing="ij")
    a, b = shape_mm
    radius = np.hypot(rows / a, columns / b)
    slope = np.hypot(rows / a**2, columns / b**2) / np.maximum(radius, 1e-9)
    return (1 - radius) / np.maximum(slope, 1e-9)


def pooled(samples: np.ndarray) -> np.ndarray:
    n = len(samples) // FINE
    return samples.reshape(n, FINE, n, FINE).mean(axis=(1, 3))


def bone(
    cortex_mm: float,
    *,
    half_mm: tuple[float, float] = (15.0, 15.0),
    pixel_mm: float = 0.6,
    outside: float = MUSCLE,
    grown_mm: float = 0.0,
    seed: int = 0,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """T1, the whole bone's mask (its outline `grown_mm` too wide) and its true marrow, three equal slices."""
    size = int(2 * (max(half_mm) + 6) / pixel_mm)
    depth = depth_of(half_mm, pixel_mm, size)
    signal = np.where(depth > cortex_mm, MARROW, np.where(depth > 0, CORTEX, outside))
    noise = np.random.default_rng(seed).normal(0, 8, (3, size, size))
    t1 = np.abs(pooled(signal)[None] + noise).astype(np.float32)
    whole = np.repeat(pooled(depth > -grown_mm)[None] >= 0.5, 3, axis=0)
    marrow = np.repeat(pooled(depth > cortex_mm)[None] >= 0.5, 3, axis=0)
    return t1, whole, marrow


def peeled(t1: np.ndarray, whole: np.ndarray, *, pixel_mm: float = 0.6, name: str = "") -> np.ndarray:
    names = ((3, name),) if name else ()
    labels = (whole * 3).astype(np.uint16)
    found = peel_to_marrow(labels, t1, spacing_mm=(4.0, pixel_mm, pixel_mm), settings=SETTINGS, names=names)
    assert set(np.unique(found)) <= {0, 3}
    assert not (found[~whole]).any()
    return found > 0


@pytest.mark.parametrize("pixel_mm", [0.4, 0.6, 1.0])
@pytest.mark.parametrize("cortex_mm", [0.8, 1.5, 2.3])
@pytest.mark.parametrize("outside", [MUSCLE, FAT])
def test_a_flat_bones_cortex_goes_and_its_marrow_stays(cortex_mm: float, pixel_mm: float, outside: float) -> None:
    t1, whole, marrow = bone(cortex_mm, pixel_mm=pixel_mm, outside=outside)
    found = peeled(t1, whole, pixel_mm=pixel_mm)
    assert dice(found, marrow) > 0.95
    assert dice(found, marrow) > dice(whole, marrow)


def test_a_shaft_has_thicker_cortex_than_a_flat_bone_can_have() -> None:
    t1, whole, marrow = bone(6.0)
    assert dice(peeled(t1, whole, name="femur:left"), marrow) > 0.95
    # unnamed it is peeled no deeper than a flat bone's
    depth = pooled(depth_of((15.0, 15.0), 0.6, t1.shape[1]))
    assert peeled(t1, whole)[1][depth > SETTINGS.thickest.value + 0.6].all()


def test_a_thin_bone_does_not_vanish() -> None:
    # an iliac wing of 5 mm: 3 mm of marrow between two plates
    t1, whole, marrow = bone(1.0, half_mm=(2.5, 20.0))
    found = peeled(t1, whole)
    assert dice(found, marrow) > 0.85
    assert found.any(axis=1)[1].sum() * 0.6 > 30.0


@pytest.mark.parametrize("outside", [MUSCLE, FAT])
def test_what_an_outline_too_wide_takes_in_goes_with_the_cortex(outside: float) -> None:
    t1, whole, marrow = bone(1.2, outside=outside, grown_mm=0.9)
    assert dice(peeled(t1, whole), marrow) > 0.95


def test_an_outline_inside_the_cortex_loses_no_more_than_its_rim() -> None:
    t1, _, marrow = bone(1.2)
    assert dice(peeled(t1, marrow), marrow) > 0.95


def test_edema_at_the_rim_and_a_dark_lesion_inside_stay() -> None:
    t1, whole, marrow = bone(1.0)
    rows, columns = np.indices(t1.shape)[1:] * 0.6
    centre = t1.shape[1] * 0.3
    edema = marrow & (np.hypot(rows - centre, columns - centre - 13.0) < 6.0)
    dark = np.hypot(rows - centre + 4.0, columns - centre) < 3.0
    changed = np.where(edema, t1 * 0.7, t1)
    changed[dark] = MUSCLE * 0.3
    found = peeled(changed.astype(np.float32), whole)
    assert found[dark].all()
    assert found[edema].mean() > 0.9


def test_a_bone_that_the_picture_cuts_has_no_cortex_there() -> None:
    t1, whole, marrow = bone(1.2)
    half = t1.shape[1] // 2
    found = peeled(t1[:, half:], whole[:, half:])
    np.testing.assert_array_equal(found[:, 0], marrow[:, half])


def test_each_bone_keeps_its_label_and_touching_bones_stay_apart() -> None:
    t1, whole, marrow = bone(1.2)
    both = np.concatenate([t1, t1], axis=2)
    labels = np.concatenate([whole * 5, whole * 2], axis=2).astype(np.uint16)
    found = peel_to_marrow(labels, both, spacing_mm=(4.0, 0.6, 0.6), settings=SETTINGS)
    assert dice(found == 5, np.concatenate([marrow, marrow * 0 > 0], axis=2)) > 0.95
    assert dice(found == 2, np.concatenate([marrow * 0 > 0, marrow], axis=2)) > 0.95


@settings(max_examples=10)
@given(st.floats(1e-3, 1e4))
def test_gain_does_not_matter(gain: float) -> None:
    t1, whole, _ = bone(1.2)
    scaled = (t1.astype(np.float64) * gain).astype(np.float32)
    assert dice(peeled(scaled, whole), peeled(t1, whole)) > 0.999


def test_without_signal_or_without_bone_nothing_is_there() -> None:
    t1, whole, _ = bone(1.2)
    assert not peeled(t1, whole & False).any()
    assert peeled(np.zeros_like(t1), whole).sum() <= whole.sum()


def test_the_level_of_a_thin_bone_leaves_its_mask() -> None:
    mask = np.zeros((3, 12, 20), bool)
    mask[1, 5:7, 3:17] = True
    t1 = np.where(mask, np.float32(MARROW), np.float32(MUSCLE))
    t1[1, 5:7, 9] = 0.0
    kept = mask.copy()
    _marrow_level(mask, t1, np.where(mask, 0.6, 0.0), (4.0, 1.2, 1.2), SETTINGS)
    assert np.array_equal(mask, kept)
