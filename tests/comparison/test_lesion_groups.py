"""Which lesions are one disease: overlap by counting, groups by reason."""

from __future__ import annotations

import numpy as np
import pytest

from marrowsignal.comparison.lesion_groups import group_lesions, overlap_of_smaller

SPACING = (3.0, 1.0, 1.0)


def _labels(*boxes: tuple[slice, slice]) -> np.ndarray:
    array = np.zeros((3, 40, 40), np.uint16)
    for value, (rows, columns) in enumerate(boxes, start=1):
        array[1, rows, columns] = value
    return array


def test_overlap_is_the_share_of_the_smaller_one() -> None:
    first = _labels((slice(0, 10), slice(0, 10)))
    second = _labels((slice(0, 4), slice(8, 12)))
    found = overlap_of_smaller(first, second, spacing_mm=SPACING, tolerance_mm=0.4)
    assert found.tolist() == [[pytest.approx(8 / 16)]]


def test_what_the_registration_may_miss_by_is_tolerated() -> None:
    first, second = _labels((slice(0, 10), slice(0, 10))), _labels((slice(0, 10), slice(12, 14)))
    apart = overlap_of_smaller(first, second, spacing_mm=SPACING, tolerance_mm=1.0)
    near = overlap_of_smaller(first, second, spacing_mm=SPACING, tolerance_mm=4.1)
    assert (apart[0, 0], near[0, 0]) == (0.0, 1.0)


def test_overlap_does_not_depend_on_which_date_is_first() -> None:
    rng = np.random.default_rng(2)
    from scipy import ndimage

    first, second = (
        ndimage.label(ndimage.gaussian_filter(rng.normal(size=(6, 40, 40)), (0.5, 2, 2)) > 0.12)[0].astype(np.uint16)
        for _ in range(2)
    )
    forth = overlap_of_smaller(first, second, spacing_mm=SPACING, tolerance_mm=1.5)
    back = overlap_of_smaller(second, first, spacing_mm=SPACING, tolerance_mm=1.5)
    equal = np.equal.outer(np.bincount(first.ravel())[1:], np.bincount(second.ravel())[1:])
    assert np.allclose(np.where(equal, 0, forth), np.where(equal, 0, back.T))


@pytest.mark.parametrize(
    ("overlap", "groups"),
    [
        ([[1.0]], (((1,), (1,)),)),
        ([[0.0]], (((1,), ()), ((), (1,)))),
        ([[0.5, 0.5]], (((1,), (1, 2)),)),
        ([[0.5], [0.3]], (((1, 2), (1,)),)),
        ([[0.5, 0.0], [0.5, 0.5]], (((1, 2), (1, 2)),)),
    ],
)
def test_groups(overlap: list[list[float]], groups: tuple) -> None:
    assert group_lesions(np.array(overlap), least=0.25) == groups


def test_no_lesion_on_either_date() -> None:
    nothing = np.zeros((2, 4, 4), np.uint16)
    overlap = overlap_of_smaller(nothing, nothing, spacing_mm=SPACING, tolerance_mm=1.0)
    assert group_lesions(overlap, least=0.25) == ()
