from __future__ import annotations

import numpy as np
import pytest

from marrowsignal.signals.shapes.foci import dark_components
from tests.signals.shapes.toys import GENERIC, SHAPE, SPACING, coordinates, radius

MUSCLE, FAT = 100.0, 220.0
MARROW = radius() <= 30.0


def found_in(t1: np.ndarray, marrow: np.ndarray = MARROW) -> np.ndarray:
    noise = np.random.default_rng(4).normal(0.0, 8.0, SHAPE)
    return dark_components(
        np.asarray(t1 + noise, np.float32), marrow, muscle_t1=MUSCLE, spacing_mm=SPACING, protocol=GENERIC
    )


@pytest.mark.parametrize("level", [50.0, 90.0])
def test_a_focus_as_dark_as_muscle_is_found_whole(level: float) -> None:
    true = radius() <= 8.0
    labels = found_in(np.where(true, level, FAT))
    assert labels.max() == 1
    assert 2 * (true & (labels == 1)).sum() / (true.sum() + (labels == 1).sum()) > 0.75


@pytest.mark.parametrize("other", ["plate", "line", "void", "red", "speck"])
def test_what_is_no_focus(other: str) -> None:
    _, y, x = coordinates()
    t1 = np.full(SHAPE, FAT)
    if other == "plate":
        t1[np.abs(y) <= 1.8] = 40.0
    elif other == "line":
        t1[np.hypot(y, x) <= 1.5] = 40.0
    elif other == "void":
        t1[radius() <= 8.0] = 5.0
    elif other == "red":
        t1[radius() <= 8.0] = 1.5 * MUSCLE
    else:
        t1[5, 58:63, 58:63] = 50.0
    assert not found_in(t1).any()


def test_a_thin_rim_of_the_mask_and_its_end_slices_are_no_foci() -> None:
    t1 = np.where(MARROW, FAT, 80.0)
    assert not found_in(t1, radius() <= 31.8).any()
    end = np.zeros(SHAPE, bool)
    end[4:6, 40:80, 40:80] = True
    assert not found_in(np.where(end, 90.0, FAT), end).any()


def test_diffuse_replacement_is_one_component() -> None:
    labels = found_in(np.full(SHAPE, 85.0))
    assert labels.max() == 1
    assert (labels > 0).sum() > 0.8 * MARROW.sum()


def test_numbers_follow_size() -> None:
    _, _, x = coordinates()
    t1 = np.full(SHAPE, FAT)
    z, y, _ = coordinates()
    for place, size in ((-15.0, 6.0), (12.0, 9.0)):
        t1[np.sqrt(z**2 + y**2 + (x - place) ** 2) <= size] = 80.0
    labels = found_in(t1)
    assert labels.max() == 2
    assert x[labels == 1].mean() == pytest.approx(12.0, abs=1.0)
    assert x[labels == 2].mean() == pytest.approx(-15.0, abs=1.0)


def test_no_marrow_no_focus() -> None:
    assert not found_in(np.full(SHAPE, 50.0), np.zeros(SHAPE, bool)).any()
