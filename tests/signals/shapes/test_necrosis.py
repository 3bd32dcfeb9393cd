from __future__ import annotations

import numpy as np
import pytest

from marrowsignal.signals.shapes.heads import fit_head_sphere
from marrowsignal.signals.shapes.necrosis import enclosed_piece, involved_arc
from tests.signals.shapes.toys import SHAPES

# a head of 24 mm radius on coronal slices; rows run down the patient, so y of the grid is -z of the patient
SPACING = (3.0, 0.8, 0.8)
SHAPE = (21, 81, 81)
RADIUS = 24.0
FAT, RIM = 220.0, 60.0


def axes():
    slices, rows, columns = ((np.arange(n) - n // 2) * step for n, step in zip(SHAPE, SPACING, strict=True))
    return np.broadcast_arrays(slices[:, None, None], rows[None, :, None], columns[None, None, :])


def head() -> np.ndarray:
    return np.sqrt(sum(a**2 for a in axes())) <= RADIUS


def affine() -> np.ndarray:
    matrix = np.zeros((4, 4))
    # slice along y, rows along -z, columns along x
    matrix[1, 0], matrix[2, 1], matrix[0, 2], matrix[3, 3] = SPACING[0], -SPACING[1], SPACING[2], 1.0
    middle = np.array([n // 2 for n in SHAPE])
    matrix[:3, 3] = -matrix[:3, :3] @ middle
    return matrix


def image(*, depth_mm: float = 12.0, rim_mm: float = 2.0, level: float = RIM, gap_mm: float = 0.0) -> np.ndarray:
    """A flat rim across the head, so that what lies above it is a cap of known height."""
    _, down, across = axes()
    above = -down - (RADIUS - depth_mm)
    rim = (np.abs(above) <= rim_mm / 2) & (np.abs(across) > gap_mm / 2)
    clean = np.where(head(), np.where(rim, level, FAT), 40.0)
    return np.asarray(clean + np.random.default_rng(2).normal(0.0, 5.0, SHAPE), np.float32)


def piece_of(t1: np.ndarray):
    _, down, _ = axes()
    return enclosed_piece(t1, head(), np.asarray(down, float), spacing_mm=SPACING, settings=SHAPES)


def cap_fraction(height: float) -> float:
    return height**2 * (3 * RADIUS - height) / (4 * RADIUS**3)


@pytest.mark.parametrize("depth", [10.0, 16.0])
def test_the_piece_behind_a_rim_has_the_volume_of_its_cap(depth: float) -> None:
    found = piece_of(image(depth_mm=depth))
    assert found is not None
    assert found.rim_fraction > 0.9
    assert found.low_fraction < found.volume_fraction < found.high_fraction
    assert found.low_fraction - 0.01 <= cap_fraction(depth) <= found.high_fraction + 0.01


def test_its_arcs_are_those_of_the_cap() -> None:
    found = piece_of(image(depth_mm=12.0))
    assert found is not None
    center, radius = fit_head_sphere(head(), affine())
    assert np.linalg.norm(center) < 0.5
    assert radius == pytest.approx(RADIUS, abs=0.8)
    true = 2 * np.degrees(np.arccos((RADIUS - 12.0) / RADIUS))
    coronal = involved_arc(found.core, affine(), center, radius, axes=(0, 2))
    sagittal = involved_arc(found.core, affine(), center, radius, axes=(1, 2))
    assert coronal == pytest.approx(true, abs=15.0)
    assert sagittal == pytest.approx(true, abs=15.0)


def test_a_narrow_gap_of_the_rim_is_closed_and_a_wide_one_is_not() -> None:
    assert piece_of(image(gap_mm=1.0)) is not None
    assert piece_of(image(gap_mm=12.0)) is None


def test_a_faint_growth_plate_cuts_nothing_off() -> None:
    assert piece_of(image(level=0.85 * FAT)) is None


def test_a_plain_head_has_no_rim() -> None:
    assert piece_of(image(level=FAT)) is None


def test_a_closed_ring_deep_in_the_head_is_no_subchondral_piece() -> None:
    middle = np.sqrt(sum(a**2 for a in axes()))
    t1 = np.where(np.abs(middle - 8.0) <= 1.2, RIM, np.where(head(), FAT, 40.0)).astype(np.float32)
    assert piece_of(t1) is None
