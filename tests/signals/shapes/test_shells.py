from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from marrowsignal.signals.records import MeasurementStatus
from marrowsignal.signals.shapes.shells import bull_ratio, halo_ratio, without_holes
from tests.signals.shapes.toys import SHAPE, SHAPES, SPACING, radius

YELLOW, RED, STIR_RED = 200.0, 120.0, 140.0
FOCUS = radius() <= 12.0
MARROW = radius() <= 30.0


def bull(center: float):
    t1 = np.where(radius() <= 5.0, center, np.where(FOCUS, RED, YELLOW)).astype(np.float32)
    hollow = FOCUS & ~(t1 > 0.85 * YELLOW)
    return bull_ratio(t1, hollow, MARROW & ~FOCUS, spacing_mm=SPACING, settings=SHAPES)


def test_a_fatty_center_is_a_bull_s_eye() -> None:
    assert bull(190.0).value == pytest.approx(190.0 / RED, rel=0.05)


def test_a_plain_focus_is_none() -> None:
    found = bull(RED)
    assert found.value is not None
    assert found.value < SHAPES.bull_ratio.value


def test_a_center_brighter_than_its_shell_but_not_fatty_is_none() -> None:
    found = bull(150.0)
    assert found.value == 1.0
    assert "not fatty" in found.reason


def test_a_speck_has_no_shells() -> None:
    t1 = np.full(SHAPE, YELLOW, np.float32)
    found = bull_ratio(t1, radius() <= 2.5, MARROW, spacing_mm=SPACING, settings=SHAPES)
    assert found.status is MeasurementStatus.NOT_EVALUABLE


def halo(rim: float, core: float = STIR_RED, background: float = 100.0):
    stir = np.where(FOCUS, core, np.where(radius() <= 15.0, rim, background)).astype(np.float32)
    return halo_ratio(stir, FOCUS, MARROW, spacing_mm=SPACING, settings=SHAPES)


def test_a_bright_rim_is_a_halo() -> None:
    assert halo(280.0).value == pytest.approx(2.0, rel=0.05)


def test_edema_that_fades_outward_is_none() -> None:
    found = halo(160.0, core=300.0)
    assert found.value is not None
    assert found.value < 1.0


def test_without_stir_there_is_no_halo_to_see() -> None:
    found = halo_ratio(None, FOCUS, MARROW, spacing_mm=SPACING, settings=SHAPES)
    assert found.value is None
    assert found.reason == "no STIR series"


@pytest.mark.parametrize("share", [0.0, 0.3, 0.55, 0.7, 1.0])
def test_holes_are_those_of_each_slice_that_reach_no_end_of_the_picture(share: float) -> None:
    mask = np.random.default_rng(5).random((6, 17, 23)) < share
    expected = np.stack([ndimage.binary_fill_holes(each) for each in mask])
    np.testing.assert_array_equal(without_holes(mask), expected)
