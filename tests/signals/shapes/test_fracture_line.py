from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from marrowsignal.signals.shapes.fracture_line import FractureLine, LineScene, find_fracture_line
from marrowsignal.signals.shapes.ridges import dark_line_strength, on_dark_line
from tests.signals.shapes.toys import SHAPE, SHAPES, SPACING, coordinates, radius

MUSCLE = 100.0
FAT, EDEMA, LINE = 220.0, 130.0, 60.0


def scene(*, length_mm: float = 20.0, width_mm: float = 1.8, turn_deg: float = 30.0, slices: int = 5) -> LineScene:
    """Edema of 15 mm radius in fatty marrow, with a dark sheet across it."""
    z, y, x = coordinates()
    angle = np.deg2rad(turn_deg)
    along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    lesion = radius() <= 15.0
    line = (np.abs(across) <= width_mm / 2) & (np.abs(along) <= length_mm / 2) & (np.abs(z) <= SPACING[0] * slices / 2)
    t1 = np.where(line, LINE, np.where(lesion, EDEMA, FAT))
    stir = np.where(line, 80.0, np.where(lesion, 260.0, 110.0))
    noise = np.random.default_rng(1).normal(0.0, 6.0, (2, *SHAPE))
    return LineScene(
        t1=np.asarray(t1 + noise[0], np.float32),
        stir=np.asarray(stir + noise[1], np.float32),
        marrow=np.hypot(y, x) <= 32.0,
        lesions=lesion & ~line,
        joint_mm=None,
        muscle_t1=MUSCLE,
        spacing_mm=SPACING,
    )


def found_in(each: LineScene) -> FractureLine | None:
    return find_fracture_line(each, radius() <= 20.0, settings=SHAPES)


@pytest.mark.parametrize("turn", [0.0, 30.0, 90.0, 135.0])
def test_a_line_in_edema_is_measured_in_any_direction(turn: float) -> None:
    line = found_in(scene(turn_deg=turn))
    assert line is not None
    assert line.length_mm == pytest.approx(20.0, abs=2.0)
    assert line.width_mm == pytest.approx(1.8, abs=0.7)
    assert line.slices >= 4


@pytest.mark.parametrize(
    "other",
    [
        scene(length_mm=6.0),
        scene(width_mm=6.0),
        scene(slices=1),
        replace(scene(), lesions=np.zeros(SHAPE, bool)),
        replace(scene(), stir=np.full(SHAPE, 260.0, np.float32)),
        replace(scene(), muscle_t1=40.0),
        replace(scene(), joint_mm=np.zeros(SHAPE, np.float32)),
        replace(scene(), t1=np.full(SHAPE, EDEMA, np.float32)),
    ],
    ids=["short", "thick", "one slice", "no edema", "bright on STIR", "not dark", "a joint", "no line"],
)
def test_what_is_no_fracture_line(other: LineScene) -> None:
    assert found_in(other) is None


def test_a_line_along_the_border_is_cortex() -> None:
    each = scene(turn_deg=0.0)
    _, y, _ = coordinates()
    assert found_in(replace(each, marrow=each.marrow & (y >= -2.5))) is None
    assert found_in(replace(each, marrow=each.marrow & (y >= -8.0))) is not None


def test_gain_does_not_count() -> None:
    each = scene()
    louder = replace(each, t1=each.t1 * 7, stir=each.stir * 0.3, muscle_t1=each.muscle_t1 * 7)
    first, second = found_in(each), found_in(louder)
    assert first is not None
    assert second is not None
    assert np.array_equal(first.mask, second.mask)


@pytest.mark.parametrize("share", [0.0, 0.0005, 0.02, 1.0])
def test_lines_looked_for_at_a_few_voxels_are_those_of_the_whole_image(share: float) -> None:
    image = scene().t1
    scales = {"pixel_mm": SPACING[1:], "scale_mm": (0.5, 1.5)}
    where = np.random.default_rng(3).random(image.shape) < share
    expected = where & (dark_line_strength(image, **scales) > 0)
    np.testing.assert_array_equal(on_dark_line(image, where, **scales), expected)
