"""Left, right, midline and joint of a phantom against its truth."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from scipy import ndimage

from marrowsignal.alignment import AlignedPair
from marrowsignal.findings import Severity
from marrowsignal.geometry import LabelVolume, VolumeGeometry
from marrowsignal.marrow import segment_marrow
from marrowsignal.phantom import TissueMaps
from marrowsignal.protocol import Protocol, load_protocol
from marrowsignal.regions import Midline, RegionMap, Side, label_regions
from marrowsignal.regions.apart import bones_by_ridge
from marrowsignal.regions.joints import joint_between, joint_from_dark_ridge
from marrowsignal.regions.midline import find_midline, mirror_correlation, signed_distance_mm
from tests.alignment.pelvis import FINE, GRID, aligned, image, maps, moved_maps, rigid, volume


@cache
def protocol(name: str = "pelvis_sij") -> Protocol:
    return load_protocol(name)


def pair_of(of: TissueMaps, geometry: VolumeGeometry = GRID) -> AlignedPair:
    return aligned(image(of, "t1"), image(of, "stir"), geometry)


def regions_of(of: TissueMaps, labels: np.ndarray, *, name: str = "pelvis_sij") -> RegionMap:
    pair = pair_of(of, of.geometry)
    supplied = LabelVolume(array=labels.astype(np.uint16), geometry=of.geometry)
    return label_regions(
        pair, segment_marrow(pair, protocol=protocol(name), supplied=supplied), protocol=protocol(name)
    )


@cache
def whole(mirrored: bool = False) -> RegionMap:
    of = maps("focal_edema", mirrored=mirrored)
    return regions_of(of, of.marrow.mask)


def by_side(regions: RegionMap) -> dict[Side, int]:
    return {region.side: region.voxels for region in regions.regions}


def midline_error(motion: np.ndarray) -> tuple[float, float]:
    """Distance (mm) in the middle of the body and angle (deg) between the plane found and where x = 0 went."""
    t1 = volume(image(moved_maps(motion), "t1"))
    body = aligned(t1.array, t1.array).body_mask
    found = find_midline(t1.array, body, GRID)
    assert found is not None
    normal = motion[:3, 0]
    middle = GRID.to_patient(np.argwhere(body)).mean(axis=0)
    true_mm = normal @ (middle - motion[:3, 3])
    angle = np.degrees(np.arccos(np.clip(normal @ found.normal_lps, -1, 1)))
    return abs(np.dot(found.normal_lps, middle) - found.offset_mm - true_mm), float(angle)


def test_the_midline_of_a_straight_patient() -> None:
    distance_mm, angle_deg = midline_error(np.eye(4))
    assert distance_mm < 1.0
    assert angle_deg < 1.0


@pytest.mark.parametrize(
    ("turn", "shift"),
    [((3.0, 4.0, -5.0), (10.0, 2.0, 0.0)), ((0.0, 0.0, 6.0), (8.0, 0.0, 0.0))],
)
def test_the_midline_of_a_turned_and_shifted_patient(turn, shift) -> None:
    # people are not quite symmetric, and the picture's edges cut a turned one unevenly: a voxel, 2 mm, at 50 mm
    distance_mm, angle_deg = midline_error(rigid(rotation_deg=turn, shift_mm=shift))
    assert distance_mm < 1.0
    assert angle_deg < np.degrees(GRID.spacing_mm[2] / 50.0)


def test_the_midline_of_an_exact_mirror_image_is_its_plane() -> None:
    t1 = image(maps(), "t1", noise_seed=None)
    even = ((t1 + t1[:, :, ::-1]) / 2).astype(np.float32)
    body = aligned(even, even).body_mask
    found = find_midline(even, body, GRID)
    assert found is not None
    # the search stops at a twentieth of a degree and millimetre
    assert abs(found.offset_mm) < 0.2
    np.testing.assert_allclose(found.normal_lps, (1, 0, 0), atol=np.radians(0.2))
    assert found.symmetry == pytest.approx(1.0, abs=0.01)


def test_mirror_correlation_is_one_in_a_mirror_and_minus_one_for_its_negative() -> None:
    x = GRID.patient_axis(0)
    points = GRID.to_patient(np.argwhere(np.abs(x) < 100)[::97])
    normal = np.array([1.0, 0.0, 0.0])
    assert mirror_correlation(np.abs(x), GRID, points, normal, 0.0) == pytest.approx(1.0)
    assert mirror_correlation(x, GRID, points, normal, 0.0) == pytest.approx(-1.0)
    assert mirror_correlation(np.abs(x), GRID, points, normal, 110.0) == -1.0
    assert mirror_correlation(np.ones(GRID.shape), GRID, points, normal, 0.0) == -1.0


def test_no_body_has_no_midline() -> None:
    assert find_midline(np.ones(GRID.shape, np.float32), np.zeros(GRID.shape, bool), GRID) is None


def test_distance_from_the_midline_grows_to_the_patients_left() -> None:
    plane = Midline(normal_lps=(0.64, 0.48, 0.6), offset_mm=12.0, symmetry=None, source="image_symmetry")
    distance = signed_distance_mm(plane, GRID)
    index = np.array([[0, 0, 0], [11, 60, 115], [5, 100, 20]])
    np.testing.assert_allclose(distance[tuple(index.T)], GRID.to_patient(index) @ (0.64, 0.48, 0.6) - 12.0)
    for at, point in zip(index, GRID.to_patient(index), strict=True):
        assert plane.side_of(tuple(point)) is (Side.LEFT if distance[tuple(at)] > 0 else Side.RIGHT)


def test_the_patients_left_is_left() -> None:
    found = whole()
    truth = maps("focal_edema").marrow.array
    assert [(r.key, r.side) for r in found.regions] == [
        ("sacroiliac_marrow", Side.LEFT),
        ("sacroiliac_marrow", Side.RIGHT),
    ]
    left, right = (found.labels.array == r.label for r in found.regions)
    assert left[truth == 2].all()
    assert right[truth == 3].all()
    # the sacrum is parted in its middle
    assert left[truth == 1].mean() == pytest.approx(0.5, abs=0.05)


def test_regions_part_the_marrow_without_rest() -> None:
    found = whole()
    np.testing.assert_array_equal(found.labels.mask, maps("focal_edema").marrow.mask)
    for region in found.regions:
        assert region.voxels == (found.labels.array == region.label).sum()
        assert region.volume_ml == pytest.approx(region.voxels * GRID.voxel_ml)
    assert dict(found.labels.names) == {r.label: r.name for r in found.regions}
    assert found.findings == ()


def test_a_mirrored_patient_swaps_left_and_right() -> None:
    straight, mirrored = whole(), whole(mirrored=True)
    one, other = by_side(straight), by_side(mirrored)
    # noise and another draw of points may carry voxels of the sacrum over the midline: a fifth of a voxel's width
    allowed = 0.02 * sum(one.values())
    assert one[Side.LEFT] == pytest.approx(other[Side.RIGHT], abs=allowed)
    assert one[Side.RIGHT] == pytest.approx(other[Side.LEFT], abs=allowed)
    swapped = np.array([0, 2, 1], np.uint16)[mirrored.labels.array[:, :, ::-1]]
    assert (swapped != straight.labels.array).sum() <= allowed
    lesion = maps("focal_edema").lesion.mask
    assert set(np.unique(straight.labels.array[lesion])) == {1}
    assert set(np.unique(mirrored.labels.array[lesion[:, :, ::-1]])) == {2}


def test_columns_that_run_to_the_right_do_not_swap_sides() -> None:
    affine = GRID.affine_lps.copy()
    affine[:3, 3] = GRID.to_patient([0, 0, GRID.shape[2] - 1])
    affine[:3, 2] *= -1
    grid = VolumeGeometry(affine_lps=affine, shape=GRID.shape)
    pair = aligned(*(image(maps("focal_edema"), series)[:, :, ::-1] for series in ("t1", "stir")), grid)
    truth = LabelVolume(array=maps("focal_edema").marrow.array[:, :, ::-1], geometry=grid)
    one = LabelVolume(array=truth.mask.astype(np.uint16), geometry=grid)
    found = label_regions(pair, segment_marrow(pair, protocol=protocol(), supplied=one), protocol=protocol())
    left = found.labels.array == 1
    assert found.regions[0].side is Side.LEFT
    assert left[truth.array == 2].all()
    assert not left[truth.array == 3].any()


def test_labelled_bones_are_regions_of_their_own() -> None:
    truth = maps().marrow.array
    found = regions_of(maps(), truth)
    labels = {(r.key, r.side): r.label for r in found.regions}
    assert set(labels) == {("sacrum", Side.LEFT), ("sacrum", Side.RIGHT), ("ilium", Side.LEFT), ("ilium", Side.RIGHT)}
    # labels 2 and 3 are both ilium: their sides come from the midline
    np.testing.assert_array_equal(found.labels.array == labels["ilium", Side.LEFT], truth == 2)
    np.testing.assert_array_equal(found.labels.array == labels["ilium", Side.RIGHT], truth == 3)
    np.testing.assert_array_equal(found.labels.mask, truth > 0)
    assert [(f.code, f.severity) for f in found.findings] == [("labels_read_as", Severity.INFO)]


def test_a_label_of_any_value_alone_is_the_whole_marrow() -> None:
    found = regions_of(maps(), np.where(maps().marrow.mask, 5, 0))
    assert {r.key for r in found.regions} == {"sacroiliac_marrow"}
    np.testing.assert_array_equal(found.labels.mask, maps().marrow.mask)


def test_a_label_no_region_claims_becomes_a_region_of_its_own() -> None:
    # hips knows ilium (2) and sacrum (4); 77 is nobody's
    truth = maps().marrow.array
    labels = np.array([0, 4, 2, 77])[truth]
    found = regions_of(maps(), labels, name="hips")
    by_key = {(r.key, r.side): r for r in found.regions}
    assert set(by_key) == {
        ("ilium", Side.LEFT),
        ("sacrum", Side.LEFT),
        ("sacrum", Side.RIGHT),
        ("label_77", Side.RIGHT),
    }
    np.testing.assert_array_equal(found.labels.array == by_key["label_77", Side.RIGHT].label, truth == 3)
    np.testing.assert_array_equal(found.labels.array == by_key["ilium", Side.LEFT].label, truth == 2)
    assert by_key["label_77", Side.RIGHT].code is None
    assert "77" in by_key["label_77", Side.RIGHT].name


@pytest.mark.parametrize("name", ["lumbar_spine", "knee", "generic"])
def test_anatomy_without_two_sides_gets_none(name: str) -> None:
    found = regions_of(maps(), maps().marrow.mask, name=name)
    assert found.midline is None
    assert {r.side for r in found.regions} == {Side.NONE}
    assert sum(r.voxels for r in found.regions) == maps().marrow.mask.sum()
    assert found.joint_mask is None
    assert found.joint_source.startswith("not known")


def test_an_image_without_symmetry_has_no_sides_and_says_so() -> None:
    rng = np.random.default_rng(9)
    lumps = ndimage.gaussian_filter(rng.standard_normal(GRID.shape), [1, 3, 3])
    pair = aligned(300 + 80 * lumps / lumps.std(), np.full(GRID.shape, 100.0))
    labels = LabelVolume(array=maps().marrow.mask.astype(np.uint16), geometry=GRID)
    found = label_regions(pair, segment_marrow(pair, protocol=protocol(), supplied=labels), protocol=protocol())
    assert found.midline is None
    assert {r.side for r in found.regions} == {Side.NONE}
    assert [(f.code, f.severity) for f in found.findings] == [("no_midline", Severity.WARN)]


@pytest.mark.parametrize("from_mm", [50.0, 70.0])
def test_a_picture_of_one_side_has_no_midline(from_mm: float) -> None:
    # columns run to the patient's left: keep those from `from_mm` on
    first = int(np.argmax(GRID.patient_axis(0)[0, 0] > from_mm))
    affine = GRID.affine_lps.copy()
    affine[:3, 3] = GRID.to_patient([0, 0, first])
    grid = VolumeGeometry(affine_lps=affine, shape=(*GRID.shape[:2], GRID.shape[2] - first))
    t1, stir = (image(maps(), series)[:, :, first:] for series in ("t1", "stir"))
    pair = aligned(t1, stir, grid)
    left = LabelVolume(array=(maps().marrow.array[:, :, first:] == 2).astype(np.uint16), geometry=grid)
    marrow = segment_marrow(pair, protocol=protocol(), supplied=left)
    assert label_regions(pair, marrow, protocol=protocol()).midline is None


def in_plane_distance_mm(mask: np.ndarray, spacing_mm: tuple[float, float, float]) -> np.ndarray:
    return np.stack(
        [
            ndimage.distance_transform_edt(~plane, sampling=spacing_mm[1:])
            if plane.any()
            else np.full(plane.shape, 99.0)
            for plane in mask
        ]
    )


@cache
def over_the_joint() -> tuple[np.ndarray, RegionMap]:
    """Truth's marrow closed over joints and cortex as expert masks are, and its regions."""
    of = maps("normal", FINE)
    reach = in_plane_distance_mm(of.marrow.mask, FINE.spacing_mm) <= 5.0
    closed = np.stack([ndimage.distance_transform_edt(p, sampling=FINE.spacing_mm[1:]) > 5.0 for p in reach])
    return closed, regions_of(of, closed)


def test_the_dark_line_in_a_mask_over_the_joint_is_the_joint() -> None:
    closed, found = over_the_joint()
    truth = maps("normal", FINE).joint_mask
    assert found.joint_source.startswith("along the dark line")
    joint = found.joint_mask
    assert joint is not None
    assert not (joint & ~closed).any()
    # behind the joint, where ligaments part the bones, the line runs on between them: up to a fifth of it in others
    with_cartilage = joint & truth.any(axis=(1, 2), keepdims=True)
    assert np.mean(in_plane_distance_mm(truth, FINE.spacing_mm)[with_cartilage] <= 3.0) > 0.75
    # marrow of either bone is no further from it than the widest line and two cortices
    marrow = maps("normal", FINE).marrow.array
    for bone in (marrow == 1, marrow >= 2):
        assert np.mean(in_plane_distance_mm(bone, FINE.spacing_mm)[joint] <= 9.0) > 0.95
    assert np.mean(in_plane_distance_mm(joint, FINE.spacing_mm)[truth & closed] <= 3.0) > 0.85


def test_both_joints_are_found() -> None:
    _, found = over_the_joint()
    assert found.joint_mask is not None
    x = FINE.patient_axis(0)[found.joint_mask]
    assert (np.abs(x) > protocol().joints.min_midline_distance.value - 1.0).all()
    assert (x > 0).mean() == pytest.approx(0.5, abs=0.15)


def test_the_dark_line_parts_sacrum_from_ilia() -> None:
    closed, found = over_the_joint()
    truth = maps("normal", FINE).marrow.array
    by_key = {(r.key, r.side): found.inside(r) for r in found.parts}
    for key, side, value in (("sacrum", "none", 1), ("ilium", "left", 2), ("ilium", "right", 3)):
        mine = by_key[key, side] & (truth > 0)
        # the line is seen in two slices 11 mm apart, and ligaments behind the joint belong to neither
        assert 2 * (mine & (truth == value)).sum() / (mine.sum() + (truth == value).sum()) > 0.93
    assert {r.key for r in found.regions} == {"sacroiliac_marrow"}
    assert not (found.part_labels.mask & ~closed).any()


def test_a_line_too_short_to_part_the_bones_is_told_and_parts_nothing() -> None:
    closed, found = over_the_joint()
    assert found.joint_mask is not None
    assert found.midline is not None
    x, z = FINE.patient_axis(0), FINE.patient_axis(2)
    low = np.percentile(z[found.joint_mask & (x > 0)], 10)
    ridge = found.joint_mask & ((x < 0) | (z < low))
    bones, told = bones_by_ridge(closed, ridge, found.midline, geometry=FINE, protocol=protocol())
    assert {(b.spec.key, b.side) for b in bones} == {("sacrum", Side.NONE), ("ilium", Side.RIGHT)}
    # nothing of the left side is called by a bone's name
    assert not any(b.mask[signed_distance_mm(found.midline, FINE) > 0].any() for b in bones)
    assert [(f.code, f.severity) for f in told] == [("joint_line_short", Severity.WARN)]
    assert "left" in told[0].message


def test_no_joint_is_seen_where_none_is_in_the_mask() -> None:
    ilium = maps().marrow.array == 2
    inner = in_plane_distance_mm(~ilium, GRID.spacing_mm) > 4.0
    found = regions_of(maps(), inner)
    assert found.joint_mask is None
    assert found.joint_source.startswith("not known")


def ridges(*columns: int, depth: float = 0.3) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Marrow of 0.6 of fat with dark lines 2 mm wide along the rows, and each voxel's distance from column 60."""
    t1 = np.full((4, 60, 121), 0.6, np.float32)
    for column in columns:
        t1[:, 10:50, column : column + 2] -= depth
    marrow = np.ones(t1.shape, bool)
    marrow[:, :2] = marrow[:, -2:] = marrow[:, :, :2] = marrow[:, :, -2:] = False
    return t1, marrow, np.broadcast_to(np.arange(121.0) - 60.0, t1.shape)


def joint_of(t1: np.ndarray, marrow: np.ndarray, left_mm: np.ndarray) -> np.ndarray:
    return joint_from_dark_ridge(
        t1, marrow, left_of_midline_mm=left_mm, spacing_mm=(4.0, 1.0, 1.0), settings=protocol().joints
    )


def test_the_joint_line_of_each_side_is_found_where_it_is() -> None:
    joint = joint_of(*ridges(20, 100))
    # a line smoothed by 0.6 mm is at most a voxel wider, and its ends are blunt
    assert set(np.flatnonzero(joint.any(axis=(0, 1)))) <= {19, 20, 21, 22, 99, 100, 101, 102}
    assert joint[:, 12:48, [20, 21, 100, 101]].all()


def test_a_line_near_the_midline_is_a_foramen_not_a_joint() -> None:
    t1, marrow, left_mm = ridges(20, 70)
    t1[:, 5:55, 70:72] = 0.2  # the larger one, 10 mm from the midline
    assert not joint_of(t1, marrow, left_mm)[:, :, 61:].any()
    assert joint_of(t1, marrow, left_mm)[:, :, :60].any()


def test_shallow_and_small_lines_are_no_joint() -> None:
    shallow = protocol().joints.dark_ridge.value * 0.8
    assert not joint_of(*ridges(20, depth=shallow)).any()
    t1, marrow, left_mm = ridges()
    t1[1, 30:40, 20:22] = 0.2  # 0.08 mL
    assert not joint_of(t1, marrow, left_mm).any()


def test_labelled_bones_meet_at_the_joint() -> None:
    # the truth leaves cortex out; a mask of whole bones has it, which is 2 mm more
    labels = maps("normal", FINE).marrow.array
    near = np.stack(
        [
            ndimage.distance_transform_edt(plane == 0, sampling=FINE.spacing_mm[1:], return_indices=True)[1]
            for plane in labels
        ]
    )
    whole_bones = np.stack([plane[tuple(where)] for plane, where in zip(labels, near, strict=True)])
    whole_bones[in_plane_distance_mm(labels > 0, FINE.spacing_mm) > 2.2] = 0
    found = regions_of(maps("normal", FINE), np.array([0, 4, 2, 2])[whole_bones], name="hips")
    assert found.joint_source == "between the labelled bones"
    joint = found.joint_mask
    assert joint is not None
    assert not (joint & (whole_bones == 0)).any()
    assert {1, 2, 3} == set(np.unique(whole_bones[joint]).tolist())
    cartilage = in_plane_distance_mm(maps("normal", FINE).joint_mask, FINE.spacing_mm)
    assert np.mean(cartilage[joint] <= protocol("hips").joints.contact_distance.value) > 0.9


def test_the_joint_between_two_blocks_is_their_facing_rims() -> None:
    first, second = np.zeros((3, 9, 20), bool), np.zeros((3, 9, 20), bool)
    first[:2, :, 2:8] = True
    second[1:, :, 10:18] = True
    joint = joint_between(first, second, spacing_mm=(4.0, 0.5, 1.0), contact_mm=4.0)
    want = np.zeros_like(joint)
    # columns 7 and 10 are 3 mm apart; 6 and 10, and 7 and 11, 4 mm; only the middle slice holds both
    want[1, :, [6, 7, 10, 11]] = True
    np.testing.assert_array_equal(joint, want)
    np.testing.assert_array_equal(joint, joint_between(second, first, spacing_mm=(4.0, 0.5, 1.0), contact_mm=4.0))


@pytest.mark.parametrize("axis", [1, 2])
def test_slices_are_those_of_the_coarsest_axis(axis: int) -> None:
    rng = np.random.default_rng(5)
    first = ndimage.binary_dilation(rng.random((5, 20, 20)) > 0.995, np.ones((1, 3, 3), bool))
    second = ndimage.binary_dilation(rng.random((5, 20, 20)) > 0.995, np.ones((1, 3, 3), bool)) & ~first
    spacing = (4.0, 0.5, 1.0)
    joint = joint_between(first, second, spacing_mm=spacing, contact_mm=4.0)
    assert joint.any()
    order = tuple(int(n) for n in np.roll(range(3), axis))
    turned = joint_between(
        first.transpose(order), second.transpose(order), spacing_mm=tuple(spacing[k] for k in order), contact_mm=4.0
    )
    np.testing.assert_array_equal(turned, joint.transpose(order))
    t1, marrow, left_mm = ridges(20, 100)
    ridge = joint_from_dark_ridge(
        t1.transpose(order),
        marrow.transpose(order),
        left_of_midline_mm=left_mm.transpose(order),
        spacing_mm=tuple((4.0, 1.0, 1.0)[k] for k in order),
        settings=protocol().joints,
    )
    np.testing.assert_array_equal(ridge, joint_of(t1, marrow, left_mm).transpose(order))


def test_bones_further_apart_than_contact_have_no_joint() -> None:
    first, second = np.zeros((1, 5, 20), bool), np.zeros((1, 5, 20), bool)
    first[..., 2], second[..., 9] = True, True
    assert not joint_between(first, second, spacing_mm=(4.0, 1.0, 1.0), contact_mm=4.0).any()
