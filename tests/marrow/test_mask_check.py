"""What the checks of a mask see: truth passes, what is wrong is told, worse masks get no better estimate."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from marrowsignal.alignment import AlignedPair, t1_alone
from marrowsignal.geometry import LabelVolume, VolumeGeometry
from marrowsignal.marrow.check import check_mask
from marrowsignal.marrow.check.border import look_at_border
from marrowsignal.marrow.check.estimate import FEATURES, combined, shipped_rule
from marrowsignal.marrow.check.levels import find_levels
from marrowsignal.marrow.check.shape import look_at_shape
from marrowsignal.marrow.records import MarrowSource, MaskCheck, MaskCheckItem, MaskKind, MaskVerdict, Segmentation
from marrowsignal.phantom import coronal_oblique_grid
from marrowsignal.phantom.tissues import Species
from marrowsignal.protocol import Protocol, load_protocol
from tests.alignment.pelvis import aligned, dice, image, lean_muscle, maps

GRID = coronal_oblique_grid(shape=(8, 200, 210), spacing_mm=(7.0, 1.1, 1.1))
ORDER = (MaskVerdict.PASS, MaskVerdict.WARN, MaskVerdict.FAIL)


@cache
def protocol() -> Protocol:
    return load_protocol("pelvis_sij")


@cache
def pair() -> AlignedPair:
    of = maps("normal", GRID)
    return aligned(image(of, "t1"), image(of, "stir"), GRID)


def truth() -> np.ndarray:
    return maps("normal", GRID).marrow.mask


def labelled(mask: np.ndarray, names: tuple[tuple[int, str], ...] = ()) -> LabelVolume:
    return LabelVolume(array=np.asarray(mask, np.uint16), geometry=GRID, names=names)


def checked(
    mask: np.ndarray,
    *,
    source: MarrowSource = MarrowSource.EXTERNAL,
    of: AlignedPair | None = None,
    names: tuple[tuple[int, str], ...] = (),
    **changes: object,
) -> MaskCheck:
    labels = labelled(mask, names)
    given_by = Segmentation(labels=labels, kind=MaskKind.MARROW, source=source)
    return check_mask(replace(given_by, **changes), labels, of or pair(), protocol=protocol())


def item(check: MaskCheck, key: str) -> MaskCheckItem:
    return next(found for found in check.items if found.key == key)


def shifted(mask: np.ndarray, mm: float) -> np.ndarray:
    return np.asarray(ndimage.shift(mask.astype(np.uint8), (0, round(mm / 1.1), 0), order=0) > 0)


def test_the_truth_passes_every_check() -> None:
    found = checked(truth())
    assert found.verdict is MaskVerdict.PASS
    assert found.estimated_dice is not None and found.estimated_dice > 0.85
    assert found.dice_low <= found.estimated_dice <= found.dice_high
    assert {entry.key for entry in found.items} >= {"volume", "fragments", "open_border", "muscle_leak", "left_right"}


def test_a_worse_mask_is_never_estimated_better() -> None:
    estimates = [checked(shifted(truth(), mm)).estimated_dice for mm in (0, 5, 10, 20)]
    assert all(worse < better for better, worse in pairwise(estimates))
    far = checked(shifted(truth(), 20))
    assert far.verdict is not MaskVerdict.PASS
    assert dice(shifted(truth(), 20), truth()) < 0.6


@settings(max_examples=40)
@given(st.lists(st.floats(0, 1), min_size=len(FEATURES), max_size=len(FEATURES)), st.data())
def test_the_rule_is_monotone_and_its_interval_holds_it(seen: list[float], data: st.DataObject) -> None:
    rule = shipped_rule()
    value, low, high = rule.estimate(tuple(seen))
    assert 0 <= low <= value <= high <= 1
    place = data.draw(st.integers(0, len(FEATURES) - 1))
    more = [*seen]
    more[place] += data.draw(st.floats(0, 1))
    assert rule.estimate(tuple(more))[0] <= value


@pytest.mark.parametrize("source", [MarrowSource.SUPPLIED, MarrowSource.EDITED])
def test_a_mask_by_people_is_graded_only_where_something_speaks_against_it(source: MarrowSource) -> None:
    good, bad = checked(truth(), source=source), checked(shifted(truth(), 20), source=source)
    assert (good.verdict, good.estimated_dice) == (MaskVerdict.PASS, None)
    assert "not graded" in good.dice_reason
    assert bad.verdict is not MaskVerdict.PASS
    assert bad.estimated_dice is not None


def test_a_mask_of_our_own_has_to_be_shown_to_hold() -> None:
    unsure = (0.85, 0.5, 0.95)
    sure = (0.85, 0.75, 0.95)
    for source in (MarrowSource.AUTOMATIC, MarrowSource.ATLAS):
        assert item(checked(truth(), source=source, estimate=unsure), "estimated_dice").verdict is MaskVerdict.WARN
        assert item(checked(truth(), source=source, estimate=sure), "estimated_dice").verdict is MaskVerdict.PASS
    assert item(checked(truth(), estimate=unsure), "estimated_dice").verdict is MaskVerdict.PASS


def test_another_persons_mask_is_told() -> None:
    other = maps("normal", GRID, mirrored=False, centre_lps_mm=(12.0, 8.0, 18.0)).marrow.mask
    assert dice(other, truth()) < 0.6
    assert checked(other, source=MarrowSource.SUPPLIED).verdict is not MaskVerdict.PASS


def test_a_leak_into_muscle_is_told_with_its_share() -> None:
    muscle = lean_muscle(maps("normal", GRID))
    leak = muscle & ~truth()
    places = np.argwhere(leak)
    near = places[np.argsort(np.abs(places[:, 2] - 105) + np.abs(places[:, 1] - 100), kind="stable")]
    mask = truth().copy()
    mask[tuple(near[: int(0.6 * truth().sum())].T)] = True
    before, after = item(checked(truth()), "muscle_leak"), item(checked(mask), "muscle_leak")
    assert before.verdict is MaskVerdict.PASS
    assert after.value > before.value + 0.05
    assert after.verdict is not MaskVerdict.PASS
    assert "muscle" in after.words


def test_crumbs_are_told() -> None:
    rng = np.random.default_rng(0)
    seeds = (rng.random(GRID.shape) > 0.9995) & pair().body_mask
    crumbs = ndimage.binary_dilation(seeds, np.ones((1, 5, 5), bool))
    found = item(checked(truth() | crumbs), "fragments")
    assert found.verdict is not MaskVerdict.PASS
    assert item(checked(truth()), "fragments").verdict is MaskVerdict.PASS


def test_one_side_alone_is_told() -> None:
    left = truth() & np.broadcast_to(GRID.patient_axis(0) > 0, GRID.shape)
    assert item(checked(left), "left_right").verdict is MaskVerdict.WARN


def test_an_empty_mask_fails_and_is_estimated_by_nothing() -> None:
    found = checked(np.zeros(GRID.shape, bool))
    assert (found.verdict, found.estimated_dice, found.dice_reason) == (MaskVerdict.FAIL, None, "the mask is empty")


def test_an_image_without_tissue_leaves_items_unseen_not_zero() -> None:
    blank = replace(pair().t1, array=np.ones(GRID.shape, np.float32))
    found = checked(truth(), of=replace(pair(), t1=blank))
    for key in ("open_border", "muscle_leak", "fat_leak", "estimated_dice"):
        seen = item(found, key)
        assert (seen.verdict, seen.value) == (None, None)
        assert seen.words
    assert found.estimated_dice is None


def test_t1_alone_is_checked_too() -> None:
    found = checked(truth(), of=t1_alone(pair().t1))
    assert found.verdict is MaskVerdict.PASS
    assert found.estimated_dice == pytest.approx(checked(truth()).estimated_dice, abs=0.1)


def test_the_gain_of_the_coils_changes_nothing() -> None:
    louder = replace(
        pair(),
        t1=replace(pair().t1, array=pair().t1.array * np.float32(4)),
        stir=replace(pair().stir, array=pair().stir.array * np.float32(0.25)),
    )
    for mask in (truth(), shifted(truth(), 10)):
        assert checked(mask, of=louder).estimated_dice == pytest.approx(checked(mask).estimated_dice, abs=1e-3)


def test_the_makers_own_estimate_holds_until_the_image_contradicts_it() -> None:
    told = (0.91, 0.86, 0.95)
    fine = checked(truth(), estimate=told, source=MarrowSource.ATLAS)
    assert (fine.estimated_dice, fine.dice_low, fine.dice_high) == told
    wrong = checked(shifted(truth(), 20), estimate=told, source=MarrowSource.ATLAS)
    assert wrong.estimated_dice < told[1]
    assert wrong.dice_low < told[1] and wrong.dice_high >= told[0]
    assert wrong.verdict is not MaskVerdict.PASS
    assert "contradicts" in wrong.dice_reason


def test_agreement_and_contradiction_of_two_estimates() -> None:
    assert combined((0.9, 0.8, 0.95), (0.5, 0.4, 0.6)) == ((0.5, 0.4, 0.6), False)
    value, contradict = combined((0.5, 0.3, 0.7), (0.9, 0.85, 0.95))
    assert contradict
    assert value == (0.5, 0.3, 0.9)


def test_unsure_makers_are_told() -> None:
    unsure = np.where(truth(), 0.5, 0.0).astype(np.float32)
    sure = truth().astype(np.float32)
    assert item(checked(truth(), probability=unsure), "agreement").verdict is MaskVerdict.WARN
    assert item(checked(truth(), probability=sure), "agreement").verdict is MaskVerdict.PASS
    assert item(checked(truth()), "agreement").verdict is None


def test_a_named_bone_far_too_large_or_uneven_is_told() -> None:
    left = np.broadcast_to(GRID.patient_axis(0) > 0, GRID.shape)
    sides = np.where(left, 1, 2) * truth()
    names = ((1, "ilium:left"), (2, "ilium:right"))
    assert item(checked(sides, names=names), "bone_volumes").verdict is MaskVerdict.PASS
    uneven = np.where(sides == 1, 2, sides)
    uneven[:, 95:105] = np.where(sides[:, 95:105] == 1, 1, uneven[:, 95:105])
    assert "left and right ilium" in item(checked(uneven, names=names), "bone_volumes").words
    tiny = item(checked(truth(), names=((1, "patella"),)), "bone_volumes")
    assert tiny.verdict is MaskVerdict.WARN
    assert "patella" in tiny.words


def test_a_border_in_the_middle_of_one_tissue_is_open_and_one_on_a_dark_line_is_not() -> None:
    t1 = np.ones((3, 80, 80), np.float32)
    mask = np.zeros(t1.shape, bool)
    mask[:, 20:60, 20:60] = True
    seen = look_at_border(t1, mask, spacing_mm=(4.0, 0.8, 0.8), settings=protocol().mask_check)
    assert seen.open_share == 1.0
    edge = mask & ~ndimage.binary_erosion(mask, np.ones((1, 3, 3), bool))
    lined = np.where(edge, np.float32(0.2), t1)
    seen = look_at_border(lined, mask, spacing_mm=(4.0, 0.8, 0.8), settings=protocol().mask_check)
    assert (seen.open_share, seen.dark_share) == (0.0, 1.0)


def test_the_edge_of_the_picture_is_no_border() -> None:
    t1 = np.ones((3, 60, 60), np.float32)
    everything = np.ones(t1.shape, bool)
    assert look_at_border(t1, everything, spacing_mm=(4.0, 1.0, 1.0), settings=protocol().mask_check) is None
    shape = look_at_shape(everything, everything, geometry=VolumeGeometry(affine_lps=np.eye(4), shape=t1.shape))
    assert shape.cut_share == 1.0


def test_left_is_the_patients_left_under_every_orientation() -> None:
    left = truth() & np.broadcast_to(GRID.patient_axis(0) > 0, GRID.shape)
    expected = look_at_shape(left, pair().body_mask, geometry=GRID)
    for order in ((0, 1, 2), (1, 2, 0), (2, 0, 1), (0, 2, 1), (1, 0, 2), (2, 1, 0)):
        for flips in np.ndindex(2, 2, 2):
            arrays = [
                np.flip(np.transpose(a, order), [i for i in range(3) if flips[i]]) for a in (left, pair().body_mask)
            ]
            affine = GRID.affine_lps.copy()
            affine[:3, :3] = GRID.affine_lps[:3, :3][:, order]
            for axis in range(3):
                if flips[axis]:
                    affine[:3, 3] += affine[:3, axis] * (arrays[0].shape[axis] - 1)
                    affine[:3, axis] *= -1
            found = look_at_shape(*arrays, geometry=VolumeGeometry(affine_lps=affine, shape=arrays[0].shape))
            assert found.left_to_right == pytest.approx(expected.left_to_right, abs=1e-6)
            assert found.volume_ml == pytest.approx(expected.volume_ml)


def test_levels_are_those_of_the_truth() -> None:
    of = maps("normal", GRID)
    levels = find_levels(pair(), truth())
    t1, stir = pair().t1.array, pair().stir.array
    muscle = of.species_fractions[Species.MUSCLE] >= 0.9
    fat = of.species_fractions[Species.FAT] >= 0.9
    assert levels.muscle_t1 == pytest.approx(np.median(t1[muscle]), rel=0.25)
    assert levels.fat_t1 == pytest.approx(np.median(t1[fat]), rel=0.12)
    assert levels.muscle_stir == pytest.approx(np.median(stir[muscle]), rel=0.3)


def test_scattered_voxels_have_a_shape() -> None:
    mask = np.zeros(GRID.shape, bool)
    mask[0, 3, 6] = mask[1, 4, 5] = True
    fine = VolumeGeometry.from_axes(
        origin_lps_mm=(0.0, 0.0, 0.0), directions_lps=np.eye(3), spacing_mm=(0.5, 0.5, 0.5), shape=GRID.shape
    )
    assert look_at_shape(mask, np.zeros_like(mask), geometry=fine).mirror_dice == 1.0
