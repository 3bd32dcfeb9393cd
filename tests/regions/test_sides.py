"""Sides, names, hints and coverage: what a label map says, and what the image says of it."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import permutations, product

import numpy as np
import pytest
from scipy import ndimage

from marrowsignal.alignment import AlignedPair
from marrowsignal.geometry import LabelVolume, VolumeGeometry
from marrowsignal.marrow import MarrowMask
from marrowsignal.marrow.records import MarrowSource
from marrowsignal.protocol import load_protocol
from marrowsignal.regions import RegionMap, Side, label_regions
from marrowsignal.regions.bones import bones_of
from marrowsignal.regions.coverage import coverage_of
from marrowsignal.regions.midline import midline_between
from marrowsignal.regions.parts import PartMap
from tests.alignment.pelvis import aligned
from tests.regions.bones_of_people import grid, marrow, person
from tests.regions.test_parts import divided, inside

NAMES = ("sacrum", "left_ilium", "right_ilium")
BOX = ((-115.0, -70.0, -75.0), (115.0, 65.0, 65.0))
COARSE = grid("coronal", (8.0, 7.0, 7.0), *BOX)
FINER = grid("coronal", (4.0, 3.0, 3.0), *BOX)
LEFT, RIGHT = 2, 3


@cache
def bones(mirrored: bool = False, geometry: VolumeGeometry = COARSE) -> np.ndarray:
    """Coarse pelvis: 1 sacrum, 2 the patient's left ilium, 3 the right one."""
    drawn = marrow(person(6, mirrored=mirrored), "pelvis", geometry, NAMES)
    array = np.zeros(geometry.shape, np.uint16)
    for value, name in drawn.names:
        side = {"left_ilium": LEFT, "right_ilium": RIGHT}.get(name, 1)
        array[drawn.array == value] = {LEFT: RIGHT, RIGHT: LEFT}.get(side, 1) if mirrored and side > 1 else side
    return array


def seen(labels: np.ndarray, geometry: VolumeGeometry) -> AlignedPair:
    """Bones as bright marrow in darker flesh, and the flesh within 1 cm of them as the body."""
    sigma = [3.0 / s for s in geometry.spacing_mm]
    t1 = 200.0 + 600.0 * ndimage.gaussian_filter((labels > 0).astype(np.float32), sigma)
    pair = aligned(t1, t1, geometry)
    near = ndimage.distance_transform_edt(labels == 0, sampling=geometry.spacing_mm) < 10.0
    return replace(pair, body_mask=near)


def told(
    labels: np.ndarray,
    names: tuple[tuple[int, str], ...] = (),
    *,
    geometry: VolumeGeometry = COARSE,
    image_of: np.ndarray | None = None,
    hint: LabelVolume | None = None,
    protocol: str = "pelvis_sij",
) -> RegionMap:
    mask = MarrowMask(
        labels=LabelVolume(array=labels, geometry=geometry, names=names),
        core_mask=labels > 0,
        source=MarrowSource.SUPPLIED,
    )
    image = labels if image_of is None else image_of
    return label_regions(seen(image, geometry), mask, protocol=load_protocol(protocol), hint=hint)


def turned(
    array: np.ndarray, geometry: VolumeGeometry, order: tuple[int, ...], flips: tuple[bool, ...]
) -> tuple[np.ndarray, VolumeGeometry]:
    """Store the same pelvis with its axes in another order and running the other way."""
    affine = geometry.affine_lps.copy()
    corner = [n - 1 if flip else 0 for n, flip in zip(geometry.shape, flips, strict=True)]
    affine[:3, 3] = geometry.to_patient(corner)
    affine[:3, :3] = affine[:3, :3] * np.where(flips, -1.0, 1.0)
    affine[:3, :3] = affine[:3, :3][:, order]
    other = np.flip(array, [k for k, flip in enumerate(flips) if flip]).transpose(order)
    return np.ascontiguousarray(other), VolumeGeometry(affine_lps=affine, shape=other.shape)


@pytest.mark.parametrize("order", list(permutations(range(3))))
@pytest.mark.parametrize("flips", list(product((False, True), repeat=3)))
def test_sides_are_the_patients_in_all_48_orientations(order, flips) -> None:
    mirrored = sum(flips) % 2 == 1
    labels, geometry = turned(bones(mirrored), COARSE, order, flips)
    found = told(labels, geometry=geometry)
    assert {(r.key, r.side) for r in found.regions} == {(k, s) for k in ("sacrum", "ilium") for s in ("left", "right")}
    for region in found.regions:
        if region.key == "ilium":
            value = LEFT if region.side is Side.LEFT else RIGHT
            np.testing.assert_array_equal(found.inside(region), labels == value)


@pytest.mark.parametrize("order", list(permutations(range(3))))
@pytest.mark.parametrize("flips", list(product((False, True), repeat=3)))
def test_parts_are_the_patients_in_all_48_orientations(order, flips) -> None:
    labels, geometry = turned(bones(geometry=FINER), FINER, order, flips)
    drawn = LabelVolume(
        array=labels, geometry=geometry, names=((1, "_sacrum"), (LEFT, "left_ilium"), (RIGHT, "right_ilium"))
    )
    found = divided(drawn, "pelvis_sij")
    straight = divided_straight()
    # the same voxels in another order; ties between equally near joint points may fall otherwise
    for region, same in zip(found.parts, straight.parts, strict=True):
        assert (region.key, region.side) == (same.key, same.side)
        back = np.flip(inside(found, region).transpose(np.argsort(order)), [k for k, flip in enumerate(flips) if flip])
        assert (back != inside(straight, same)).sum() <= 0.01 * same.voxels + 2
    x = geometry.patient_axis(0)
    for region in found.parts:
        if region.side is not Side.NONE:
            assert (x[inside(found, region)].mean() > 0) == (region.side is Side.LEFT), region.name


@cache
def divided_straight() -> PartMap:
    """Parts of the pelvis as it is drawn."""
    names = ((1, "_sacrum"), (LEFT, "left_ilium"), (RIGHT, "right_ilium"))
    return divided(LabelVolume(array=bones(geometry=FINER), geometry=FINER, names=names), "pelvis_sij")


def test_upper_parts_lie_above_lower_ones() -> None:
    found, z = divided_straight(), FINER.patient_axis(2)
    for key, side in product(("sacral", "iliac"), ("left", "right")):
        upper, lower = (
            next(r for r in found.parts if (r.key, r.side) == (f"{key}_quadrant_{word}", side))
            for word in ("upper", "lower")
        )
        assert z[inside(found, upper)].mean() > z[inside(found, lower)].mean() + 10.0


def test_names_say_which_bone_a_value_is_whatever_its_number() -> None:
    labels = np.array([0, 9, 4, 5], np.uint16)[bones()]
    found = told(labels, ((9, "sacrum"), (4, "ilium:left"), (5, "ilium:right"), (6, "femur:left")))
    by_key = {(r.key, r.side): found.inside(r) for r in found.regions}
    assert set(by_key) == {("sacrum", "left"), ("sacrum", "right"), ("ilium", "left"), ("ilium", "right")}
    np.testing.assert_array_equal(by_key["ilium", "left"], bones() == LEFT)
    np.testing.assert_array_equal(by_key["ilium", "right"], bones() == RIGHT)
    assert {r.code for r in found.regions if r.key == "ilium"} == {"22356005"}
    assert "side_contradicts_midline" not in {f.code for f in found.findings}


def test_declared_sides_win_over_the_midline_and_the_contradiction_is_told() -> None:
    found = told(bones(), ((1, "sacrum"), (LEFT, "ilium:right"), (RIGHT, "ilium:left")))
    by_key = {(r.key, r.side): found.inside(r) for r in found.regions}
    np.testing.assert_array_equal(by_key["ilium", "right"], bones() == LEFT)
    told_of = [f.message for f in found.findings if f.code == "side_contradicts_midline"]
    assert len(told_of) == 1
    assert "ilium, left" in told_of[0]


def test_bones_no_protocol_lists_keep_their_name_and_unknown_levels_say_so() -> None:
    labels = LabelVolume(
        array=np.array([0, 1, 2, 3], np.uint16)[bones()],
        geometry=COARSE,
        names=((1, "vertebra_2"), (2, "os_acetabuli:left"), (3, "l4")),
    )
    mask = MarrowMask(labels=labels, core_mask=labels.mask, source=MarrowSource.EXTERNAL)
    found = {b.spec.key: b.spec for b in bones_of(mask, load_protocol("pelvis_sij"))}
    assert found["vertebra_2"].name == "vertebra 2 (level not known)"
    assert found["vertebra_2"].code == "51282000"
    assert found["vertebra_2"].division == "vertebra"
    assert found["os_acetabuli"].code is None
    assert (found["l4"].name, found["l4"].code) == ("L4", "11994002")


def test_a_value_without_a_name_among_named_ones_is_a_region_of_its_own() -> None:
    found = told(bones(), ((1, "sacrum"), (LEFT, "ilium:left")))
    assert {r.key for r in found.regions} == {"sacrum", "ilium", f"label_{RIGHT}"}


def test_a_hint_tells_the_bones_of_a_mask_of_one_value() -> None:
    # the mask closes the joints, as experts' masks do; the hint is an eroded pelvis
    drawn = bones(geometry=FINER)
    closed = ndimage.binary_closing(drawn > 0, np.ones((3, 3, 3), bool), iterations=2) | (drawn > 0)
    inner = ndimage.binary_erosion(drawn > 0, np.ones((1, 3, 3), bool))
    names = ((1, "sacrum"), (LEFT, "ilium:left"), (RIGHT, "ilium:right"))
    hint = LabelVolume(array=np.where(inner, drawn, 0), geometry=FINER, names=names)
    found = told(closed.astype(np.uint16), hint=hint, image_of=drawn, geometry=FINER)
    assert {(r.key, r.side) for r in found.regions} == {("sacroiliac_marrow", "left"), ("sacroiliac_marrow", "right")}
    for key, side, value in (("sacrum", "none", 1), ("ilium", "left", LEFT), ("ilium", "right", RIGHT)):
        part = next(r for r in found.parts if (r.key, r.side) == (key, side))
        assert part.parent == key
        mine, true = found.inside(part), drawn == value
        assert 2 * (mine & true).sum() / ((mine & (drawn > 0)).sum() + true.sum()) > 0.97
    assert {r.key for r in found.parts} >= {"sacral_ala", "iliac_quadrant_upper", "iliac_quadrant_lower"}


def test_a_mask_that_tells_no_bones_apart_has_no_parts_and_says_why() -> None:
    found = told((bones() > 0).astype(np.uint16) * 70, protocol="lumbar_spine")
    assert found.parts == ()
    assert found.part_labels is None
    assert "does not tell bones apart" in found.parts_reason


def test_sides_declared_by_labels_give_a_midline_where_the_image_has_none() -> None:
    rng = np.random.default_rng(3)
    noise = ndimage.gaussian_filter(rng.standard_normal(COARSE.shape), 1.5)
    names = ((1, "sacrum"), (LEFT, "ilium:left"), (RIGHT, "ilium:right"))
    mask = MarrowMask(
        labels=LabelVolume(array=bones(), geometry=COARSE, names=names),
        core_mask=bones() > 0,
        source=MarrowSource.SUPPLIED,
    )
    pair = aligned(300 + 80 * noise / noise.std(), np.full(COARSE.shape, 100.0), COARSE)
    found = label_regions(pair, mask, protocol=load_protocol("pelvis_sij"))
    assert found.midline is not None
    assert found.midline.source == "declared_sides"
    assert abs(found.midline.offset_mm) < 3.0
    assert midline_between(bones() == 1, bones() == 77, geometry=COARSE) is None


def test_two_bones_of_a_pair_give_sides_where_the_image_has_no_midline() -> None:
    rng = np.random.default_rng(3)
    noise = ndimage.gaussian_filter(rng.standard_normal(COARSE.shape), 1.5)
    pair = aligned(300 + 80 * noise / noise.std(), np.full(COARSE.shape, 100.0), COARSE)

    def found(labels: np.ndarray) -> RegionMap:
        volume = LabelVolume(array=labels.astype(np.uint16), geometry=COARSE, names=((1, "sacrum"), (2, "ilium")))
        mask = MarrowMask(labels=volume, core_mask=volume.mask, source=MarrowSource.SUPPLIED)
        return label_regions(pair, mask, protocol=load_protocol("pelvis_sij"))

    both = found(np.where(bones() == RIGHT, LEFT, bones()))
    assert both.midline is not None
    assert both.midline.source == "paired_bones"
    assert [(f.code) for f in both.findings if f.code != "labels_read_as"] == ["sides_by_bones"]
    for side, value in ((Side.LEFT, LEFT), (Side.RIGHT, RIGHT)):
        (ilium,) = (r for r in both.regions if (r.key, r.side) == ("ilium", side))
        np.testing.assert_array_equal(both.inside(ilium), bones() == value)
    # one bone in two pieces has no sides
    x = COARSE.patient_axis(0)
    gap = (bones() == LEFT) & (np.abs(x - x[bones() == LEFT].mean()) > 7.0)
    one = found(np.where(gap, LEFT, np.where(bones() == 1, 1, 0)))
    assert one.midline is None
    assert {r.side for r in one.regions} == {Side.NONE}


def test_what_the_picture_cuts_is_marked_and_never_zero() -> None:
    geometry = grid("coronal", (4.0, 2.0, 2.0), (-60.0, 0.0, 0.0), (60.0, 40.0, 40.0))
    x = geometry.patient_axis(0)
    z = geometry.patient_axis(2)
    y = geometry.patient_axis(1)
    ball = (np.abs(x) - 40) ** 2 + (y - 20) ** 2 + (z - 20) ** 2 < 15**2
    left, right = ball & (x > 0), ball & (x < 0)
    midline = midline_between(left, right, geometry=geometry)
    whole = coverage_of(left, partner=right, geometry=geometry, midline=midline)
    assert (whole.cut, whole.fraction) == (False, 1.0)
    # cut the picture through the middle of the right ball
    keep = slice(int(np.flatnonzero(x[0, 0] > -40)[0]), None)
    affine = geometry.affine_lps.copy()
    affine[:3, 3] = geometry.to_patient([0, 0, keep.start])
    smaller = VolumeGeometry(affine_lps=affine, shape=left[:, :, keep].shape)
    half = coverage_of(right[:, :, keep], partner=left[:, :, keep], geometry=smaller, midline=midline)
    assert half.cut
    assert half.fraction == pytest.approx(0.5, abs=0.06)
    alone = coverage_of(right[:, :, keep], partner=None, geometry=smaller, midline=midline)
    assert (alone.cut, alone.fraction) == (True, None)
    assert "not known" in alone.reason
