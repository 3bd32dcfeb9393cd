"""The parts of the atlas engine, each against what it must give."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from marrowsignal.errors import MaskError
from marrowsignal.geometry import VolumeGeometry
from marrowsignal.marrow.atlas.contrast import local_contrast
from marrowsignal.marrow.atlas.decision import expected_dice, inside_of, named_labels
from marrowsignal.marrow.atlas.estimate import estimate_dice
from marrowsignal.marrow.atlas.frame import centred_image, turn_to
from marrowsignal.marrow.atlas.fusion import Votes, Warped, fuse, local_correlation
from marrowsignal.marrow.atlas.placing import Region, Tilt, best_shift, moved, place
from marrowsignal.marrow.atlas.records import LeftOut
from marrowsignal.marrow.atlas.trees import Trees, train_trees
from marrowsignal.marrow.atlas.warping import deform
from tests.marrow.atlas.people import settings as shipped

DIRECTIONS = np.array([[-0.02, 0.02, 1.0], [-0.8, -0.6, 0.0], [-0.6, 0.8, 0.0]])
SPACING = (4.0, 3.0, 3.0)


def blobs(seed: int, shape: tuple[int, int, int] = (12, 40, 44)) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(size=shape)
    smooth = ndimage.gaussian_filter(noise, (1.0, 2.5, 2.5))
    return (smooth / smooth.std()).astype(np.float32)


@given(st.permutations([1, 2]), st.lists(st.sampled_from([-1, 1]), min_size=3, max_size=3))
def test_turning_forth_brings_any_order_of_axes_to_one_and_back(order: list[int], signs: list[int]) -> None:
    affine = np.eye(4)
    affine[:3, :3] = DIRECTIONS * SPACING
    array = np.arange(3 * 4 * 5).reshape(3, 4, 5)
    axes = [0, *order]
    stored = np.transpose(array, axes)
    stored = np.flip(stored, [axis for axis in range(3) if signs[axis] < 0])
    turned = affine.copy()
    turned[:3, :3] = affine[:3, axes] * signs
    geometry = VolumeGeometry(affine_lps=turned, shape=stored.shape)
    turn = turn_to(DIRECTIONS, geometry)
    assert np.array_equal(turn.forth(stored), array)
    assert np.array_equal(turn.back(turn.forth(stored)), stored)
    assert turn.spacing_of(geometry) == pytest.approx(np.linalg.norm(affine[:3, :3], axis=0))


@pytest.mark.parametrize("order", [o for o in itertools.permutations(range(3)) if o[0] != 0])
def test_other_planes_are_refused(order: tuple[int, int, int]) -> None:
    affine = np.eye(4)
    affine[:3, :3] = (DIRECTIONS * SPACING)[:, list(order)]
    with pytest.raises(MaskError, match="another plane"):
        turn_to(DIRECTIONS, VolumeGeometry(affine_lps=affine, shape=(3, 4, 5)))


@given(st.floats(1e-3, 1e4))
def test_gain_does_not_change_local_contrast(gain: float) -> None:
    signal = np.abs(blobs(1)) * 100
    before = local_contrast(signal, spacing_mm=SPACING, reach_mm=9.0)
    after = local_contrast((signal * np.float32(gain)), spacing_mm=SPACING, reach_mm=9.0)
    assert np.allclose(before, after, atol=2e-3)


def test_local_contrast_of_air_is_flat() -> None:
    signal = np.zeros((4, 20, 20), np.float32)
    assert not local_contrast(signal, spacing_mm=SPACING, reach_mm=9.0).any()


@settings(max_examples=15)
@given(st.integers(-2, 2), st.integers(-6, 6), st.integers(-6, 6))
def test_the_best_shift_is_the_one_that_was_made(slices: int, rows: int, columns: int) -> None:
    wide = blobs(2, (20, 60, 64))
    fixed = wide[4:16, 10:50, 10:54]
    other = wide[4 + slices : 16 + slices, 10 + rows : 50 + rows, 10 + columns : 54 + columns]
    regions = [Region.whole(centred_image(np.ascontiguousarray(a), SPACING)) for a in (fixed, other)]
    score, shift = best_shift(regions[0], regions[1], (20.0, 30.0, 30.0))
    assert score > 0.99
    assert shift == pytest.approx([-3.0 * columns, -3.0 * rows, -4.0 * slices])


def test_a_tilt_and_a_shift_are_found_back() -> None:
    image = centred_image(blobs(3, (16, 56, 56)), SPACING)
    truth = sitk.AffineTransform(3)
    truth.Rotate(1, 2, np.deg2rad(14.0))
    truth.SetTranslation((6.0, -21.0, 5.0))
    other = sitk.Resample(image, truth, sitk.sitkLinear, 0.0)
    tilt = Tilt(axis=2, degrees=(-20.0, -10.0, 0.0, 10.0, 20.0))
    found, reached = place(Region.whole(other), Region.whole(image), reach_mm=(20.0, 40.0, 40.0), tilt=tilt)
    corners = np.array(list(itertools.product((-40.0, 40.0), (-40.0, 40.0), (-15.0, 15.0))))
    away = [np.subtract(found.TransformPoint(p), truth.TransformPoint(p)) for p in corners]
    assert np.linalg.norm(away, axis=1).max() < 1.5
    assert reached > 0.95


def test_a_bulge_is_followed() -> None:
    rows, columns = np.mgrid[:96, :96] - 48.0
    still, moving = (
        np.repeat((np.hypot(rows / a, columns / b) < 1.0)[None], 6, axis=0) for a, b in ((30.0, 24.0), (25.0, 27.0))
    )
    images = [
        centred_image(ndimage.gaussian_filter(a.astype(np.float32), 1.0), (3.0, 1.2, 1.2)) for a in (still, moving)
    ]
    warped = moved(images[1], images[0], deform(*images, sitk.AffineTransform(3))) > 0.5
    overlap = 2 * (warped & still).sum() / (warped.sum() + still.sum())
    assert overlap > 0.97


def one_vote(contrast: np.ndarray, share: np.ndarray, field: np.ndarray | None = None, label: int = 1) -> Warped:
    whole = np.ones(share.shape, bool) if field is None else field
    return Warped(
        contrast=contrast, share=share.astype(np.float32), labels=np.where(share > 0.5, label, 0).astype(np.uint16),
        field=whole,
    )  # fmt: skip


def voted(contrast: np.ndarray, *warped: Warped) -> Votes:
    return fuse(contrast, warped, window=(3, 5, 5), floor=0.02, power=4.0)


def test_who_looks_like_the_study_is_heard() -> None:
    study = blobs(4)
    truth = np.zeros(study.shape)
    truth[:, 10:20, 10:20] = 1
    alike = one_vote(study, truth, label=3)
    others = [one_vote(blobs(seed), 1 - truth, label=7) for seed in (5, 6, 7)]
    votes = voted(study, alike, *others)
    assert np.mean((votes.share > 0.5) == (truth > 0.5)) > 0.95
    assert np.mean(votes.labels[truth > 0.5] == 3) > 0.95
    assert np.mean((votes.plain > 0.5) == (truth > 0.5)) < 0.5


def test_nobody_votes_beyond_his_field_of_view() -> None:
    study = blobs(8)
    inside, half = np.ones(study.shape), np.zeros(study.shape, bool)
    half[:6] = True
    votes = voted(study, one_vote(study, inside), one_vote(study, 0 * inside, half))
    assert np.allclose(votes.share[8:], 1.0, atol=1e-3)
    assert np.allclose(votes.share[:4], 0.5, atol=1e-3)
    assert not voted(study, one_vote(study, inside, ~half & half)).share.any()


@given(st.integers(0, 99), st.floats(0.5, 3.0), st.floats(-2.0, 2.0))
@settings(max_examples=20)
def test_local_correlation_is_one_with_any_gain_and_offset(seed: int, gain: float, offset: float) -> None:
    a = blobs(seed, (4, 16, 16))
    b = (a * np.float32(gain) + np.float32(offset)).astype(np.float32)
    assert np.median(local_correlation(a, b, window=(3, 5, 5))) > 0.98
    assert np.median(local_correlation(a, -b, window=(3, 5, 5))) < -0.98


def learnt(seed: int = 0) -> tuple[Trees, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(6000, 5)).astype(np.float32)
    inside = features[:, 1] * features[:, 2] + 0.3 * rng.normal(size=len(features)) > 0
    return train_trees(features, inside, rounds=40), features, inside


def test_trees_learn_and_are_stored_to_the_bit() -> None:
    trees, features, inside = learnt()
    probability = trees.probability(features)
    assert np.mean((probability > 0.5) == inside) > 0.8
    again = Trees.from_plain(trees.to_plain())
    assert np.array_equal(again.probability(features), probability)
    assert np.array_equal(learnt()[0].probability(features), probability)


@pytest.mark.parametrize(
    ("key", "value"), [("left", 10**6), ("right", -1), ("roots", 10**6), ("feature", 99), ("feature", -1)]
)
def test_trees_that_point_nowhere_are_refused(key: str, value: int) -> None:
    plain = learnt()[0].to_plain()
    plain[key][0] = value  # type: ignore[index]
    with pytest.raises(ValueError, match="node"):
        Trees.from_plain(plain)


def test_trees_refuse_rows_they_were_not_trained_on() -> None:
    trees, features, _ = learnt()
    with pytest.raises(MaskError, match="other features"):
        trees.probability(np.hstack([features, features]))


def test_expected_dice_is_the_mean_over_truths_drawn_from_the_probabilities() -> None:
    rng = np.random.default_rng(1)
    probability = rng.beta(0.3, 0.3, 20000).astype(np.float32)
    inside = probability > 0.5
    truths = rng.random((40, len(probability))) < probability
    drawn = [2 * (inside & t).sum() / (inside.sum() + t.sum()) for t in truths]
    assert expected_dice(probability, inside) == pytest.approx(np.mean(drawn), abs=0.003)


def test_crumbs_and_pinholes_go_and_foramina_stay() -> None:
    probability = np.zeros((5, 80, 80), np.float32)
    probability[:, 20:60, 20:60] = 0.9
    probability[:, 30, 30] = 0.1
    probability[:, 40:52, 40:52] = 0.1
    probability[2, 5:8, 5:8] = 0.9
    inside = inside_of(probability, spacing_mm=(3.0, 1.0, 1.0), settings=shipped())
    assert inside[:, 30, 30].all()
    assert not inside[:, 40:52, 40:52].any()
    assert not inside[2, 5:8, 5:8].any()


def test_nothing_likelier_than_not_is_nothing() -> None:
    probability = np.full((2, 40, 40), 0.3, np.float32)
    assert not inside_of(probability, spacing_mm=(3.0, 1.0, 1.0), settings=shipped()).any()


def test_a_voxel_without_a_label_takes_the_nearest() -> None:
    zeros = np.zeros((1, 4, 9), np.float32)
    labels = np.zeros((1, 4, 9), np.uint16)
    labels[0, :, 0], labels[0, :, 8] = 4, 9
    votes = Votes(
        share=zeros, plain=zeros, spread=zeros, likeness=zeros, best=zeros, expected=zeros, labels=labels
    )  # fmt: skip
    named = named_labels(np.ones((1, 4, 9), bool), votes)
    assert named[0, 0].tolist() == [4, 4, 4, 4, named[0, 0, 4], 9, 9, 9, 9]


def left_out(dice: float, expected: float, placed: float = 0.5) -> LeftOut:
    return LeftOut(
        name="atlas_1", votes_dice=dice, dice=dice, expected_dice=expected, placed=placed, label_dice=()
    )  # fmt: skip


def test_the_estimate_is_shifted_by_what_it_was_off() -> None:
    rows = [left_out(0.90, 0.95), left_out(0.88, 0.94), left_out(0.92, 0.96)]
    middle, low, high = estimate_dice(0.95, rows, foreign=False)
    assert middle == pytest.approx(0.90)
    assert low < 0.87
    assert high > 0.93
    assert estimate_dice(0.95, rows, foreign=True)[1] == 0.0
    wider = [left_out(0.90, 0.95), left_out(0.80, 0.94), left_out(0.97, 0.96)]
    assert estimate_dice(0.95, wider, foreign=False)[1] < low
