"""What became of lesions: volume and signal must both say so, and a place that was not seen says nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from marrowsignal.comparison.common_tissue import CommonDate
from marrowsignal.comparison.lesion_change import LesionDate, lesion_changes, numbered_labels
from marrowsignal.comparison.records import LesionChange, LesionChangeState
from marrowsignal.geometry.volume import LabelVolume, VolumeGeometry
from marrowsignal.marrow.records import MarrowMask, MarrowSource
from marrowsignal.protocol import load_protocol
from marrowsignal.regions.records import Side
from marrowsignal.signals.records import Lesion

PROTOCOL = load_protocol("generic")
SHAPE = (6, 60, 60)
GRID = VolumeGeometry.from_axes(
    origin_lps_mm=(0, 0, 0), directions_lps=np.eye(3)[::-1], spacing_mm=(4.0, 1.0, 1.0), shape=SHAPE
)
Box = tuple[int, int, int]


def _date(*boxes: Box, signal: float = 2.0, hidden: bool = False) -> LesionDate:
    """Square lesions: first row, first column, edge; on slices 1 to 4; normal marrow has a signal of 1."""
    array, image = np.zeros(SHAPE, np.uint16), np.ones(SHAPE, np.float32)
    for value, (row, column, edge) in enumerate(boxes, start=1):
        array[1:5, row : row + edge, column : column + edge] = value
    image[array > 0] = signal
    lesions = tuple(_lesion(array, value) for value in range(1, len(boxes) + 1))
    everywhere = LabelVolume(array=np.ones(SHAPE, np.uint16), geometry=GRID)
    common = CommonDate(
        result=None,
        marrow=MarrowMask(labels=everywhere, core_mask=everywhere.mask, source=MarrowSource.SUPPLIED),
        regions=None,
        seen=np.full(SHAPE, not hidden),
        carry=lambda labels: labels.array,
    )
    return LesionDate(
        common=common, lesions=lesions, labels=LabelVolume(array=array, geometry=GRID), signal=image, normal=1.0
    )


def _lesion(array: np.ndarray, value: int) -> Lesion:
    voxels = int((array == value).sum())
    return Lesion(
        label=value, region_key="ilium", region_name=f"ilium {value}", side=Side.LEFT, volume_ml=voxels * GRID.voxel_ml,
        voxels=voxels, slices=4, first_slice=1, last_slice=4, centroid_lps_mm=(0.0, 0.0, 0.0), measurements=(),
    )  # fmt: skip


def _compared(first: LesionDate, second: LesionDate) -> tuple[LesionChange, ...]:
    return lesion_changes(first, second, tolerance_mm=1.0, protocol=PROTOCOL)


@pytest.mark.parametrize(
    ("first", "second", "state", "counts"),
    [
        ([(10, 10, 10)], [(10, 10, 10)], "stable", False),
        ([(10, 10, 10)], [(10, 10, 12)], "stable", False),
        ([(10, 10, 10)], [(10, 10, 13)], "larger", True),
        ([(10, 10, 13)], [(10, 10, 8)], "smaller", True),
        ([(10, 10, 3)], [(10, 10, 5)], "stable", False),
        ([], [(10, 10, 10)], "new", True),
        ([(10, 10, 10)], [], "gone", True),
        ([], [(10, 10, 4)], "new", False),
        ([(10, 10, 8), (10, 20, 8)], [(8, 10, 20)], "merged", True),
        ([(8, 10, 20)], [(10, 10, 8), (10, 20, 8)], "split", True),
    ],
)
def test_one_lesion(first: list[Box], second: list[Box], state: str, *, counts: bool) -> None:
    (found,) = _compared(_date(*first), _date(*second))
    assert (found.state, found.counts) == (state, counts)
    before, after = (sum(edge**2 for _, _, edge in boxes) * 4 * GRID.voxel_ml for boxes in (first, second))
    assert (found.baseline_ml, found.followup_ml) == (pytest.approx(before), pytest.approx(after))


def test_a_threshold_that_falls_otherwise_is_no_change() -> None:
    # The same faint place, drawn on one date alone, or larger on one date.
    first, second = _date(signal=1.0), _date((10, 10, 12), signal=1.3)
    faint = replace(first, signal=np.where(second.labels.array > 0, 1.25, 1.0).astype(np.float32))
    (found,) = _compared(faint, second)
    assert (found.state, found.counts) == (LesionChangeState.STABLE, False)
    assert "no change beyond repeatability" in found.reason
    (small,) = _compared(replace(_date((12, 12, 5), signal=1.3), signal=faint.signal), second)
    assert (small.state, small.counts) == (LesionChangeState.STABLE, False)


def test_what_the_next_slice_showed_is_not_new() -> None:
    # A vessel that the slices, planned anew, cut one slice further on.
    first, second = _date(), _date((10, 10, 10))
    array = np.zeros(SHAPE, np.uint16)
    array[3, 10:20, 10:20] = 1
    second = replace(
        second,
        labels=replace(second.labels, array=array),
        lesions=(replace(second.lesions[0], volume_ml=0.4),),
        signal=np.where(array > 0, 2.0, 1.0).astype(np.float32),
    )
    before = np.where(np.roll(array, -1, axis=0) > 0, 1.9, 1.0).astype(np.float32)
    (found,) = _compared(replace(first, signal=before), second)
    assert (found.state, found.counts) == (LesionChangeState.STABLE, False)
    (truly,) = _compared(first, second)
    assert (truly.state, truly.counts) == (LesionChangeState.NEW, True)


def test_a_place_that_the_other_date_did_not_measure_is_not_comparable() -> None:
    (found,) = _compared(_date(), _date((10, 10, 12), hidden=True))
    assert found.state is LesionChangeState.NOT_COMPARABLE
    assert found.baseline_ml is None
    assert found.followup_ml == pytest.approx(144 * 4 * GRID.voxel_ml)
    assert found.change_percent is None


def test_what_counts_comes_first_and_the_maps_bear_its_number() -> None:
    first, second = _date((5, 5, 20), (40, 40, 6)), _date((5, 5, 20), (40, 10, 9))
    found = _compared(first, second)
    assert [one.state.value for one in found] == ["new", "gone", "stable"]
    assert [one.number for one in found] == [1, 2, 3]
    before, after = numbered_labels(found, first, second)
    assert before.array[2, 41, 41] == 2
    assert after.array[2, 41, 11] == 1
    assert before.array[2, 6, 6] == after.array[2, 6, 6] == 3
    assert dict(before.names)[1] == "new, ilium 2"


def test_nothing_on_either_date_is_no_change() -> None:
    assert _compared(_date(), _date()) == ()


def test_without_a_level_of_normal_marrow_volume_alone_decides_and_it_is_told() -> None:
    first, second = (replace(date, normal=None) for date in (_date((10, 10, 8)), _date((10, 10, 12))))
    (found,) = _compared(first, second)
    assert (found.state, found.counts) == (LesionChangeState.LARGER, True)
    assert found.baseline_contrast is None
    assert "could not be compared" in found.reason


def test_a_dark_focus_whose_place_became_darker_has_not_gone() -> None:
    first, second = (
        replace(date, dark=True, signal=np.full(SHAPE, level, np.float32))
        for date, level in ((_date((10, 10, 12)), 0.19), (_date(), 0.12))
    )
    (darker,) = _compared(first, second)
    assert (darker.state, darker.counts) == (LesionChangeState.STABLE, False)
    (gone,) = _compared(first, replace(second, signal=np.ones(SHAPE, np.float32)))
    assert (gone.state, gone.counts) == (LesionChangeState.GONE, True)
