from __future__ import annotations

import numpy as np
import pytest

from marrowsignal.geometry import VolumeGeometry
from marrowsignal.regions import Midline
from marrowsignal.signals.records import Measurement, MeasurementStatus
from marrowsignal.signals.shapes.flame import flame_score
from marrowsignal.signals.shapes.soft_tissue import soft_tissue_measurements, soft_tissue_shell
from marrowsignal.signals.shapes.stress import stress_grade
from marrowsignal.signals.shapes.subplate import subplate_band
from tests.signals.shapes.toys import SHAPE, SHAPES, SPACING, coordinates

# columns run to the patient's left, rows down, slices back
GEOMETRY = VolumeGeometry.from_axes(
    origin_lps_mm=(-SPACING[2] * (SHAPE[2] // 2), 0.0, 0.0),
    directions_lps=np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, -1.0, 0.0]]),
    spacing_mm=SPACING,
    shape=SHAPE,
)
MIDLINE = Midline(normal_lps=(1.0, 0.0, 0.0), offset_mm=0.0, symmetry=None, source="image_symmetry")
BONE = GEOMETRY.to_patient(np.argwhere(np.abs(coordinates()[2]) <= 12.0))
MUSCLE, MUSCLE_STIR, FAT = 100.0, 50.0, 250.0


def rods() -> np.ndarray:
    """Two rods of marrow along the slices, one a side."""
    _, y, x = coordinates()
    return np.hypot(y, np.abs(x) - 18.0) <= 6.0


def soft(left: float, right: float, *, t1: float = MUSCLE):
    """Share of soft tissue that is bright on STIR on each side, in stripes."""
    _, _, x = coordinates()
    stripes = (np.arange(SHAPE[1])[None, :, None] // 4 % 10) / 10.0
    share = np.where(x > 0, left, right)
    stir = np.where(stripes < share, 3 * MUSCLE_STIR, MUSCLE_STIR).astype(np.float32)
    shell = soft_tissue_shell(
        np.where(rods(), 200.0, t1).astype(np.float32),
        stir,
        rods(),
        np.ones(SHAPE, bool),
        levels=(MUSCLE, MUSCLE_STIR, FAT),
        spacing_mm=SPACING,
        settings=SHAPES,
    )
    lesion = rods() & (x > 0)
    return soft_tissue_measurements(shell, np.argwhere(lesion), geometry=GEOMETRY, midline=MIDLINE, settings=SHAPES)


def test_bright_soft_tissue_of_one_side_is_told_against_the_other() -> None:
    share, asymmetry = soft(0.5, 0.1)
    assert share.value == pytest.approx(50.0, abs=12.0)
    assert asymmetry.value is not None
    assert asymmetry.value > 30.0


def test_both_sides_alike_are_symmetric() -> None:
    _, asymmetry = soft(0.5, 0.5)
    assert asymmetry.value == pytest.approx(0.0, abs=3.0)


def test_nothing_bright_has_no_asymmetry_to_tell() -> None:
    share, asymmetry = soft(0.0, 0.0)
    assert share.value == 0.0
    assert asymmetry.status is MeasurementStatus.NOT_EVALUABLE


def test_fat_around_is_no_soft_tissue() -> None:
    share, _ = soft(0.5, 0.5, t1=FAT)
    assert share.status is MeasurementStatus.NOT_EVALUABLE


def test_a_dark_band_under_the_plate_has_its_measures() -> None:
    _, y, x = coordinates()
    marrow = y >= 0
    band = marrow & (y <= 5.0) & (np.abs(x) <= 9.0)
    lesion = marrow & (y <= 14.0) & (np.abs(x) <= 13.0) & ~band
    stir = np.where(band, 60.0, np.where(lesion, 250.0, 90.0)).astype(np.float32)
    joint_mm = np.where(marrow, y, 0.0).astype(np.float32)
    thick, long = subplate_band(stir, lesion, marrow, joint_mm, spacing_mm=SPACING, settings=SHAPES)
    assert thick.value is not None
    assert 0 < thick.value <= 5.6
    assert long.value is not None
    assert long.value <= 18.6
    unknown, _ = subplate_band(stir, lesion, marrow, None, spacing_mm=SPACING, settings=SHAPES)
    assert unknown.value is None


def flame(points: np.ndarray, patch: np.ndarray) -> Measurement:
    return flame_score(patch, points, BONE, np.array([0.0, 0.0, 1.0]), pixel_mm=SPACING[1:], settings=SHAPES)


def test_a_tapering_feathery_patch_along_the_shaft_is_a_flame() -> None:
    z, y, x = coordinates()
    up = -y
    teeth = np.abs((x + 40) % 6 - 3) / 3
    tapering = (up >= -20) & (up <= 15 * teeth + 5) & (np.abs(x) <= (12 - 0.25 * (up + 20))) & (np.abs(z) <= 5)
    points = GEOMETRY.to_patient(np.argwhere(tapering))
    found = flame(points, tapering)
    assert found.value is not None
    assert found.value >= 2
    turned = flame_score(tapering, points, BONE, np.array([0.0, 1.0, 0.0]), pixel_mm=SPACING[1:], settings=SHAPES)
    assert turned.value is not None
    assert turned.value < found.value


def test_a_ball_is_no_flame() -> None:
    z, y, x = coordinates()
    ball = np.sqrt(z**2 + y**2 + x**2) <= 12.0
    found = flame(GEOMETRY.to_patient(np.argwhere(ball)), ball)
    assert found.value is not None
    assert found.value < 2


def drop(value: float | None, high: float | None = None) -> Measurement:
    status = MeasurementStatus.NOT_EVALUABLE if value is None else MeasurementStatus.MEASURED
    return Measurement(id="D10", name="t1_to_surround", value=value, ci_high=high, status=status, reason="")


@pytest.mark.parametrize(
    ("line", "t1", "grade"),
    [
        (True, drop(None), 4.0),
        (False, drop(0.8, 0.85), 3.0),
        (False, drop(0.8, 0.95), 2.0),
        (False, drop(1.0), 2.0),
        (False, drop(None), None),
    ],
)
def test_stress_grades(line: bool, t1: Measurement, grade: float | None) -> None:
    assert stress_grade(has_line=line, t1_drop=t1, drop_cut=0.9).value == grade
