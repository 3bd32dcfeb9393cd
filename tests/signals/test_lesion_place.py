"""Distances from the joint in millimetres, on a planted geometry with non-square voxels."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from marrowsignal.protocol import load_protocol
from marrowsignal.signals.lesions.place import joint_distance, place_measurements, shell_mask
from marrowsignal.signals.records import Measurement, MeasurementStatus

SETTINGS = load_protocol("pelvis_sij").lesions
SHAPE = (10, 30, 40)
SPACING = (4.0, 1.0, 2.0)


def box(slices: slice, rows: slice, columns: slice) -> NDArray[np.bool_]:
    mask = np.zeros(SHAPE, bool)
    mask[slices, rows, columns] = True
    return mask


EVERYWHERE = np.ones(SHAPE, bool)
# a wall across the columns: distance is (column - 5) * 2 mm to its far side
WALL = box(slice(None), slice(None), slice(5, 6))


def place(lesion: NDArray, joint: NDArray | None, marrow: NDArray = EVERYWHERE) -> dict[str, Measurement]:
    made = place_measurements(
        lesion,
        marrow,
        joint_distance(joint, spacing_mm=SPACING),
        spacing_mm=SPACING,
        settings=SETTINGS,
        unknown_reason="joint surface not known: the mask does not tell bones apart",
    )
    return {m.name: m for m in made}


def test_distance_is_in_mm_along_every_axis() -> None:
    joint = np.zeros(SHAPE, bool)
    joint[5, 15, 20] = True
    distance = joint_distance(joint, spacing_mm=SPACING)
    assert distance[5, 15, 20] == 0
    assert distance[7, 15, 20] == pytest.approx(8.0)
    assert distance[5, 18, 20] == pytest.approx(3.0)
    assert distance[5, 15, 23] == pytest.approx(6.0)
    assert distance[6, 18, 26] == pytest.approx(13.0)  # 4, 3, 12


@pytest.mark.parametrize("joint", [None, np.zeros(SHAPE, bool)])
def test_no_joint_no_distance(joint: NDArray | None) -> None:
    assert joint_distance(joint, spacing_mm=SPACING) is None


def test_a_lesion_at_the_joint() -> None:
    # columns 6 to 13: 2, 4, ... 16 mm from the wall, 20 voxels each
    made = place(box(slice(4, 6), slice(10, 20), slice(6, 14)), WALL)
    assert made["joint_distance"].value == pytest.approx(2.0)
    assert made["joint_distance"].unit == made["depth_from_joint"].unit == "mm"
    assert made["subchondral_share"].value == pytest.approx(100 * 5 / 8)  # 2, 4, 6, 8, 10 of eight
    assert made["depth_from_joint"].value == pytest.approx(16.0)
    assert made["homogeneity"].value == pytest.approx(1.0)


def test_depth_is_the_95th_percentile() -> None:
    # one voxel of a hundred reaches 40 mm further
    lesion = box(slice(4, 6), slice(10, 20), slice(6, 11))
    lesion[4, 10, 30] = True
    assert place(lesion, WALL)["depth_from_joint"].value == pytest.approx(10.0)


def test_a_lesion_away_from_the_joint() -> None:
    made = place(box(slice(4, 6), slice(10, 20), slice(20, 24)), WALL)
    assert made["joint_distance"].value == pytest.approx(30.0)
    assert made["subchondral_share"].value == 0.0


def test_rows_count_1_mm_and_columns_2() -> None:
    floor = box(slice(None), slice(0, 1), slice(None))
    made = place(box(slice(4, 6), slice(3, 9), slice(6, 14)), floor)
    assert made["joint_distance"].value == pytest.approx(3.0)
    assert made["depth_from_joint"].value == pytest.approx(8.0)


def test_a_cavity_lowers_homogeneity_by_its_share() -> None:
    # 4 mm across in plane, closed by 5 mm; without marrow in it there is nothing to close
    lesion = box(slice(2, 8), slice(8, 20), slice(8, 16))
    cavity = box(slice(4, 5), slice(12, 16), slice(11, 13))
    share = 1 - cavity.sum() / lesion.sum()
    assert place(lesion & ~cavity, WALL)["homogeneity"].value == pytest.approx(share)
    assert place(lesion & ~cavity, WALL, marrow=~cavity)["homogeneity"].value == pytest.approx(1.0)


def test_scattered_voxels_are_not_homogeneous() -> None:
    lesion = box(slice(3, 7), slice(8, 20), slice(8, 16))
    lesion[:, ::2] = False
    lesion[:, :, ::2] = False
    assert place(lesion, WALL)["homogeneity"].value < 0.5


def test_an_unknown_joint_is_not_evaluable_and_says_why() -> None:
    made = place(box(slice(4, 6), slice(10, 20), slice(6, 14)), None)
    assert list(made) == list(place(box(slice(4, 6), slice(10, 20), slice(6, 14)), WALL))
    for measurement in made.values():
        assert measurement.value is None
        assert measurement.status is MeasurementStatus.NOT_EVALUABLE
        assert "does not tell bones apart" in measurement.reason


def test_a_shell_holds_normal_marrow_between_two_distances() -> None:
    lesion = np.zeros(SHAPE, bool)
    lesion[5, 15, 20] = True
    normal = EVERYWHERE & ~box(slice(None), slice(0, 15), slice(None))
    shell = shell_mask(lesion, normal, spacing_mm=SPACING, inner_mm=2.0, outer_mm=8.0)
    # along each axis: 1 mm rows, 2 mm columns, 4 mm slices, ends included
    assert np.flatnonzero(shell[5, :, 20]).tolist() == list(range(17, 24))
    assert np.flatnonzero(shell[5, 15, :]).tolist() == [16, 17, 18, 19, 21, 22, 23, 24]
    assert np.flatnonzero(shell[:, 15, 20]).tolist() == [3, 4, 6, 7]
    assert not (shell & ~normal).any()
