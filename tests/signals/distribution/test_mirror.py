"""Mirror images laid on the other side: in millimetres, the same both ways, and only where there is something."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from marrowsignal.geometry import LabelVolume, VolumeGeometry
from marrowsignal.protocol import load_protocol
from marrowsignal.regions import Midline, Region, RegionMap, Side
from marrowsignal.signals.distribution.mirror import counterparts, mirror_matrix, rigid_between, surface
from marrowsignal.signals.distribution.sides import lay_on_each_other, paired_voxels, side_pairs
from tests.signals.scene import box_geometry

PROTOCOL = load_protocol("hips")
SHAPE = (4, 9, 11)
GEOMETRY = box_geometry(SHAPE, (4.0, 1.0, 2.0))
MIDDLE = 2.0 * (SHAPE[2] - 1) / 2
masks = hnp.arrays(bool, SHAPE)


def plane(offset_mm: float, normal: tuple[float, float, float] = (1.0, 0.0, 0.0)) -> Midline:
    return Midline(normal_lps=normal, offset_mm=offset_mm, symmetry=None, source="image_symmetry")


def near(own: NDArray, other: NDArray, tolerance_mm: float) -> NDArray:
    """Voxels of `own` whose mirror image across the middle of the grid is near `other`."""
    found = counterparts(own, other, matrix=mirror_matrix(plane(MIDDLE)), geometry=GEOMETRY, tolerance_mm=tolerance_mm)
    return found.matched(own, other)


class TestCounterparts:
    @settings(max_examples=60, deadline=None)
    @given(masks, masks, st.integers(0, 2**32 - 1), st.floats(0.1, 9.0))
    def test_each_is_the_nearest_voxel_of_the_other_side(
        self, own: NDArray, other: NDArray, seed: int, tolerance_mm: float
    ) -> None:
        """Askew, so that no two voxels are equally far; images beyond the picture find its edge."""
        rng = np.random.default_rng(seed)
        askew = np.eye(4)
        askew[:3, :3] = Rotation.random(random_state=rng).as_matrix() if seed % 2 else np.eye(3)
        askew[:3, 3] = rng.normal(0.0, 3.0, 3)
        matrix = mirror_matrix(plane(MIDDLE)) @ askew
        found = counterparts(own, other, matrix=matrix, geometry=GEOMETRY, tolerance_mm=tolerance_mm)
        there = np.flatnonzero(other)
        expected = np.full(np.count_nonzero(own), -1)
        if there.size and expected.size:
            image = GEOMETRY.to_patient(np.argwhere(own)) @ matrix[:3, :3].T + matrix[:3, 3]
            distance, nearest = cKDTree(GEOMETRY.to_patient(np.argwhere(other))).query(image)
            expected = np.where(distance < tolerance_mm, there[nearest], -1)
        np.testing.assert_array_equal(found.voxels, np.flatnonzero(own))
        np.testing.assert_array_equal(found.partner, expected)

    @given(masks, masks)
    def test_without_tolerance_they_are_the_reversed_columns(self, own: NDArray, other: NDArray) -> None:
        np.testing.assert_array_equal(near(own, other, 1e-6), own & other[:, :, ::-1])

    @settings(max_examples=50)
    @given(masks, masks, st.floats(0.01, 9), st.floats(0.01, 9))
    def test_a_larger_tolerance_finds_no_fewer(self, own: NDArray, other: NDArray, one: float, two: float) -> None:
        low, high = sorted((one, two))
        assert not (near(own, other, low) & ~near(own, other, high)).any()

    @pytest.mark.parametrize(("axis", "gap_mm"), [(0, 4.0), (1, 1.0), (2, 2.0)])
    def test_tolerance_is_in_mm_along_every_axis(self, axis: int, gap_mm: float) -> None:
        own = np.zeros(SHAPE, bool)
        own[2, 4, 5] = True
        other = np.roll(own[:, :, ::-1], 1, axis)
        assert not near(own, other, gap_mm - 0.01).any()
        assert near(own, other, gap_mm + 0.01).any()

    def test_what_is_left_out_on_one_side_is_left_out_on_the_other(self) -> None:
        own, hurt = np.ones(SHAPE, bool), np.ones(SHAPE, bool)
        hurt[:, :, :6] = False
        found = counterparts(own, own, matrix=mirror_matrix(plane(MIDDLE)), geometry=GEOMETRY, tolerance_mm=0.5)
        np.testing.assert_array_equal(found.matched(own, hurt), hurt[:, :, ::-1])

    def test_across_a_tilted_plane_the_mirror_image_is_found(self) -> None:
        geometry = VolumeGeometry.from_axes(
            origin_lps_mm=(-39.0, -59.0, -20.0),
            directions_lps=np.array([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]]),
            spacing_mm=(4.0, 2.0, 1.0),
            shape=(11, 60, 80),
        )
        yaw = np.radians(7.0)
        normal = np.array([np.cos(yaw), np.sin(yaw), 0.0])
        x, y, z = (geometry.patient_axis(axis) for axis in range(3))
        centre = np.array([15.0, -8.0, 2.0])
        there = centre - 2 * (normal @ centre - 3.0) * normal
        ball, image = ((x - c[0]) ** 2 + (y - c[1]) ** 2 + (z - c[2]) ** 2 <= 100 for c in (centre, there))
        mirror = mirror_matrix(plane(3.0, tuple(normal)))
        found = counterparts(ball, image, matrix=mirror, geometry=geometry, tolerance_mm=2.5)
        assert (found.partner >= 0).all()
        beside = counterparts(ball, np.roll(image, 10, 2), matrix=mirror, geometry=geometry, tolerance_mm=2.5)
        assert (beside.partner < 0).any()


def bone(points: NDArray) -> NDArray:
    """A head on a neck on a shaft, mm: no turn maps it onto itself."""
    x, y, z = points.T
    head = (x - 14) ** 2 + (y + 4) ** 2 + (z - 20) ** 2 <= 14**2
    neck = (np.abs(z - 10 - x) <= 12) & (np.abs(y) <= 8) & (x >= -10) & (x <= 10)
    shaft = (x + 14) ** 2 + (y - 3) ** 2 <= 12**2
    return head | neck | (shaft & (z <= 10))


def volume(turn: Rotation, shift_mm: NDArray) -> tuple[NDArray, NDArray, VolumeGeometry]:
    """A left bone and its mirror image across x = 0, turned and shifted by itself."""
    geometry = VolumeGeometry.from_axes(
        origin_lps_mm=(-110.0, -30.0, -50.0),
        directions_lps=np.array([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]]),
        spacing_mm=(3.0, 1.5, 2.0),
        shape=(31, 40, 111),
    )
    points = geometry.to_patient(np.argwhere(np.ones(geometry.shape, bool)))
    left = bone(points - [60.0, 0.0, 0.0]).reshape(geometry.shape)
    back = turn.inv().apply(points * [-1.0, 1.0, 1.0] - [60.0, 0.0, 0.0] - shift_mm)
    return left, bone(back).reshape(geometry.shape), geometry


class TestLaid:
    @pytest.mark.parametrize("degrees", [0.0, 8.0, 15.0])
    def test_a_bone_that_is_turned_by_itself_is_laid_on_the_other(self, degrees: float) -> None:
        turn, shift = Rotation.from_rotvec(np.radians(degrees) * np.array([0.6, 0.0, 0.8])), np.array([2.0, -3.0, 1.0])
        left, right, geometry = volume(turn, shift)
        matrix = rigid_between(surface(right, geometry) * [-1.0, 1.0, 1.0], surface(left, geometry))
        # where the middle of the head comes to lie: surfaces are known to a voxel of 3 x 1.5 x 2 mm
        head = np.array([14.0, -4.0, 20.0])
        moved = matrix[:3, :3] @ (turn.apply(head) + shift + [60.0, 0.0, 0.0]) + matrix[:3, 3]
        assert np.linalg.norm(moved - head - [60.0, 0.0, 0.0]) < 2.5

    def test_faces_where_the_picture_cuts_are_no_surface(self) -> None:
        mask = np.zeros(SHAPE, bool)
        mask[:, 3:6, 3:8] = True
        points = surface(mask, GEOMETRY)
        rows, columns = points[:, 1], points[:, 0]
        # slices 0 and 3 are the picture's ends: their middles belong to no border
        assert not (((rows == 4.0) & (columns > 6.0) & (columns < 14.0)).any())

    def test_both_sides_find_each_other(self) -> None:
        left, right, geometry = volume(Rotation.from_rotvec([0.0, 0.15, 0.0]), np.array([0.0, 4.0, 0.0]))
        regions = map_of(left, right, geometry)
        pairs = side_pairs(regions, PROTOCOL)
        laid = lay_on_each_other(pairs, geometry=geometry, midline=plane(0.0))
        halves = paired_voxels(laid, left | right, geometry=geometry, tolerance_mm=3.0)
        for side, matched in zip((left, right), halves.matched(left, right), strict=True):
            assert matched.sum() > 0.98 * side.sum()
            assert not (matched & ~side).any()

    def test_without_a_midline_the_plane_between_both_sides_is_the_mirror(self) -> None:
        left, right, geometry = volume(Rotation.identity(), np.zeros(3))
        pairs = side_pairs(map_of(left, right, geometry), PROTOCOL)
        laid = lay_on_each_other(pairs, geometry=geometry, midline=None)
        halves = paired_voxels(laid, left | right, geometry=geometry, tolerance_mm=3.0)
        assert all(m.sum() > 0.98 * s.sum() for m, s in zip(halves.matched(left, right), (left, right), strict=True))


def map_of(left: NDArray, right: NDArray, geometry: VolumeGeometry) -> RegionMap:
    labels = np.where(left, 1, np.where(right, 2, 0)).astype(np.uint16)
    return RegionMap(
        labels=LabelVolume(array=labels, geometry=geometry),
        regions=tuple(
            Region(label=k, key="femur", name=f"femur, {side}", side=side, code=None, voxels=1, volume_ml=1.0)
            for k, side in ((1, Side.LEFT), (2, Side.RIGHT))
        ),
        midline=None,
        joint_mask=None,
        joint_source="",
    )


class TestPairs:
    def test_regions_with_two_sides_and_their_parts(self) -> None:
        geometry = box_geometry((2, 4, 8), (1.0, 1.0, 1.0))
        labels = np.zeros((2, 4, 8), np.uint16)
        labels[:, :, 4:7], labels[:, :, 1:4] = 1, 2
        cells = np.where(np.arange(4)[None, :, None] < 2, labels, labels + 2 * (labels > 0)).astype(np.uint16)
        sides = (Side.LEFT, Side.RIGHT)
        regions = RegionMap(
            labels=LabelVolume(array=labels, geometry=geometry),
            regions=tuple(
                Region(label=k, key="femur", name="", side=side, code=None, voxels=1, volume_ml=1.0)
                for k, side in enumerate(sides, 1)
            ),
            midline=None,
            joint_mask=None,
            joint_source="",
            parts=tuple(
                Region(
                    label=k, key=key, name="", side=side, code=None, voxels=1, volume_ml=1.0, parent="femur", cells=(k,)
                )
                for k, (key, side) in enumerate(
                    (("femoral_head", s) if n < 2 else ("femoral_neck", s) for n, s in enumerate((*sides, *sides))), 1
                )
            )[:3],
            part_labels=LabelVolume(array=cells, geometry=geometry),
        )
        pairs = side_pairs(regions, PROTOCOL)
        # the neck has one side only
        assert [(p.key, p.is_part, p.name) for p in pairs] == [
            ("femur", False, "proximal femur"),
            ("femoral_head", True, "femoral head"),
        ]
        np.testing.assert_array_equal(pairs[1].left, (labels == 1) & (np.arange(4)[None, :, None] < 2))
