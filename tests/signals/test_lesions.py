"""Planted foci of known place and size: what is found, and what is left alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from marrowsignal.protocol import load_protocol
from marrowsignal.signals.lesions.candidates import SeedRule, connected_candidates, seeds_and_growth
from marrowsignal.signals.lesions.excess import ExcessMap, excess_map, lower_side_spread

SETTINGS = load_protocol("pelvis_sij").lesions
SPACING = (3.0, 1.0, 1.5)  # non-square on purpose
SHAPE = (16, 60, 40)
VOXEL_ML = float(np.prod(SPACING)) / 1000


def ball(centre_mm: tuple[float, float, float], radius_mm: float) -> NDArray[np.bool_]:
    axes = np.indices(SHAPE) * np.reshape(SPACING, (3, 1, 1, 1))
    return np.asarray(sum((a - c) ** 2 for a, c in zip(axes, centre_mm, strict=True)) <= radius_mm**2)


def planted(*foci: tuple[NDArray[np.bool_], float], spread: float = 0.1) -> ExcessMap:
    """Marrow of excess 1 in which each mask has another excess, without noise or smoothing."""
    d = np.ones(SHAPE, np.float32)
    for mask, level in foci:
        d[mask] = level
    return ExcessMap(d=d, spread=spread, stir_to_normal=d.copy())


def found(
    excess: ExcessMap, allowed: NDArray[np.bool_] | None = None, rule: SeedRule | None = None
) -> NDArray[np.int32]:
    """Candidates, before anything is excluded."""
    where = np.ones(SHAPE, bool) if allowed is None else allowed
    seeds, growth = seeds_and_growth(excess, where, rule or SeedRule(), settings=SETTINGS)
    return connected_candidates(seeds, growth, spacing_mm=SPACING, settings=SETTINGS)


def box(slices: slice, rows: slice, columns: slice) -> NDArray[np.bool_]:
    mask = np.zeros(SHAPE, bool)
    mask[slices, rows, columns] = True
    return mask


FOCUS = box(slice(5, 8), slice(20, 30), slice(10, 17))


class TestSpread:
    @settings(max_examples=30)
    @given(
        level=st.floats(1.0, 1e4),
        relative=st.floats(0.02, 0.2),
        diseased=st.floats(0.0, 0.25),
        seed=st.integers(0, 10_000),
    )
    def test_bright_disease_moves_neither_mode_nor_spread(
        self, level: float, relative: float, diseased: float, seed: int
    ) -> None:
        rng = np.random.default_rng(seed)
        sd = relative * level
        healthy = rng.normal(level, sd, 20_000)
        bright = rng.uniform(level + 4 * sd, level + 20 * sd, int(diseased * healthy.size))
        mode, spread = lower_side_spread(np.concatenate([healthy, bright]))
        # bins are at most 24 SD / 400 wide, smoothed over 8: 0.5 SD; the mode's own error enters the spread
        assert mode == pytest.approx(level, abs=0.35 * sd)
        assert spread == pytest.approx(sd, rel=0.25)

    def test_plain_sd_would_be_far_off(self) -> None:
        rng = np.random.default_rng(0)
        mixed = np.r_[rng.normal(100, 5, 20_000), rng.uniform(130, 250, 12_000)]
        assert lower_side_spread(mixed)[1] < 6.5
        assert mixed.std() > 30
        # the median deviation on both sides of the mode would be near twice too wide
        assert 1.4826 * np.median(np.abs(mixed - 100)) > 9

    def test_scale_goes_through(self) -> None:
        values = np.random.default_rng(1).gamma(20, 1.0, 10_000)
        mode, spread = lower_side_spread(values)
        assert lower_side_spread(4 * values) == pytest.approx((4 * mode, 4 * spread))

    def test_one_value_has_no_spread(self) -> None:
        assert lower_side_spread(np.full(10, 3.0)) == (3.0, 0.0)

    def test_nothing_is_an_error(self) -> None:
        with pytest.raises(ValueError, match="no marrow"):
            lower_side_spread(np.zeros(0))


class TestExcessMap:
    def images(self, gain: float = 1.0) -> tuple[NDArray, NDArray]:
        rng = np.random.default_rng(3)
        t1 = (200 + rng.normal(0, 6, SHAPE)).astype(np.float32)
        stir = gain * (100 + rng.normal(0, 12, SHAPE)).astype(np.float32)
        return t1, stir.astype(np.float32)

    def excess(self, t1: NDArray, stir: NDArray, smoothing_mm: float = 0.8) -> ExcessMap:
        return excess_map(
            t1,
            stir,
            np.ones(SHAPE, bool),
            spacing_mm=SPACING,
            t1_floor=100.0,
            exponent=0.5,
            smoothing_mm=smoothing_mm,
        )

    def test_normal_marrow_is_1_with_the_spread_of_its_noise(self) -> None:
        made = self.excess(*self.images(), smoothing_mm=1e-3)
        assert np.median(made.d) == pytest.approx(1.0, abs=0.03)
        assert np.median(made.stir_to_normal) == pytest.approx(1.0, abs=0.03)
        # 12 % of STIR and half of 3 % of T1
        assert made.spread == pytest.approx(np.hypot(0.12, 0.015), rel=0.1)

    def test_smoothing_is_in_plane_in_mm(self) -> None:
        t1, stir = np.full(SHAPE, 200, np.float32), np.full(SHAPE, 100, np.float32)
        stir[8, 30, 20] += 1000
        made = self.excess(t1, stir, smoothing_mm=3.0)
        bump = made.stir_to_normal / np.median(made.stir_to_normal) - 1
        assert np.abs(bump[7]).max() == pytest.approx(0.0, abs=1e-5)
        down, across = bump[8, 36, 20], bump[8, 30, 24]  # both 6 mm away
        assert down == pytest.approx(across, rel=0.02)

    def test_d_cancels_a_gain_both_series_share(self) -> None:
        t1, stir = self.images()
        made = self.excess(t1, stir)
        shade = np.linspace(0.8, 1.25, SHAPE[2], dtype=np.float32)
        both = self.excess(t1 * shade, stir * shade)
        plain = np.ptp(np.log(both.stir_to_normal).mean(axis=(0, 1)))
        left = np.ptp(np.log(both.d).mean(axis=(0, 1))) - np.ptp(np.log(made.d).mean(axis=(0, 1)))
        # with the exponent 0.5 half of it is left
        assert left == pytest.approx(0.5 * plain, rel=0.2)

    def test_a_ball_in_noise_is_found_with_its_volume_and_place(self) -> None:
        centre, radius = (24.0, 30.0, 30.0), 16.0
        truth = ball(centre, radius)
        t1, stir = self.images()
        stir = np.where(truth, 2.3 * stir, stir).astype(np.float32)
        labels = found(self.excess(t1, stir))
        assert labels.max() == 1
        # the edge is blurred by 0.8 mm in plane and cut low: at most 1 mm on a radius of 16
        assert (labels == 1).sum() == pytest.approx(truth.sum(), rel=0.15)
        got, want = np.argwhere(labels == 1).mean(axis=0), np.argwhere(truth).mean(axis=0)
        assert np.abs(got - want).max() < 0.5
        assert (labels[truth] == 1).mean() > 0.98

    def test_noise_alone_is_no_lesion(self) -> None:
        assert not found(self.excess(*self.images())).any()

    def test_a_gain_of_stir_changes_nothing(self) -> None:
        t1, stir = self.images()
        stir[FOCUS] *= 2.3
        one, other = found(self.excess(t1, stir)), found(self.excess(t1, 16 * stir))
        np.testing.assert_array_equal(one, other)


class TestComponents:
    def test_volume_and_centroid_of_a_planted_focus_are_exact(self) -> None:
        np.testing.assert_array_equal(found(planted((FOCUS, 2.0))) == 1, FOCUS)

    def test_nothing_stands_out(self) -> None:
        assert not found(planted()).any()

    def test_a_speck_is_dropped(self) -> None:
        # one voxel of 4.5 uL a slice for six slices: long enough, bright enough, too small
        assert not found(planted((box(slice(4, 10), slice(20, 21), slice(10, 11)), 3.0))).any()

    def test_a_tenth_of_a_millilitre_is_needed(self) -> None:
        # 4.5 uL a voxel on two slices: all of it seed, and more seed than noise makes
        enough = int(np.ceil(SETTINGS.min_volume.value / VOXEL_ML / 2))
        assert (enough - 1) * 2 * VOXEL_ML > SETTINGS.min_seed_volume.value
        assert not found(planted((box(slice(5, 7), slice(20, 19 + enough), slice(10, 11)), 3.0))).any()
        assert found(planted((box(slice(5, 7), slice(20, 20 + enough), slice(10, 11)), 3.0))).any()

    def test_one_slice_is_not_enough_and_two_are(self) -> None:
        flat = box(slice(5, 6), slice(20, 40), slice(10, 20))
        assert flat.sum() * VOXEL_ML > 5 * SETTINGS.min_volume.value
        assert not found(planted((flat, 2.5))).any()
        assert found(planted((flat | np.roll(flat, 1, axis=0), 2.5))).any()

    def test_below_the_seed_nothing_is_found(self) -> None:
        cut = max(SETTINGS.seed_ratio.value, 1 + SETTINGS.seed_spread.value * 0.1)
        assert not found(planted((FOCUS, cut - 0.02))).any()
        assert found(planted((FOCUS, cut + 0.02))).any()

    @pytest.mark.parametrize("which", ["d", "stir_to_normal"])
    def test_a_seed_has_to_pass_both_measures(self, which: str) -> None:
        bright, plain = planted((FOCUS, 3.0)), planted()
        both = {"d": bright.d, "stir_to_normal": bright.stir_to_normal, which: getattr(plain, which)}
        assert not found(ExcessMap(spread=0.1, **both)).any()

    @pytest.mark.parametrize(
        ("which", "cut"),
        [
            ("stir_to_muscle", SETTINGS.seed_stir_to_muscle.value),
            ("excess_water", SETTINGS.seed_excess_water.value),
        ],
    )
    def test_a_seed_is_more_than_red_marrow_can_be(self, which: str, cut: float) -> None:
        bright = planted((FOCUS, 3.0))
        for level, seen in ((cut - 0.01, False), (cut + 0.01, True)):
            rule = SeedRule(**{which: np.full(SHAPE, level, np.float32)})
            assert found(bright, rule=rule).any() == seen

    def test_a_wider_spread_raises_the_bar(self) -> None:
        assert found(planted((FOCUS, 2.0), spread=0.15)).any()
        assert not found(planted((FOCUS, 2.0), spread=0.25)).any()

    def test_a_seed_grows_into_what_hangs_together_and_no_further(self) -> None:
        halo = box(slice(4, 9), slice(15, 35), slice(5, 25))
        apart = box(slice(4, 9), slice(45, 55), slice(5, 25))
        # 1.4 is above the growing cut of 3 spreads and below the seed's 1.7
        labels = found(planted((halo, 1.4), (apart, 1.4), (FOCUS, 2.5)))
        np.testing.assert_array_equal(labels > 0, halo)

    def test_seeds_as_small_as_noise_do_not_count(self) -> None:
        halo = box(slice(4, 9), slice(15, 35), slice(5, 25))
        voxels = int(SETTINGS.min_seed_volume.value / VOXEL_ML)
        few, more = np.zeros(SHAPE, bool), np.zeros(SHAPE, bool)
        few[6, 20 : 20 + voxels, 10] = True
        more[6, 20 : 21 + voxels, 10] = True
        assert not found(planted((halo, 1.4), (few, 2.5))).any()
        assert found(planted((halo, 1.4), (more, 2.5))).any()

    def test_corners_connect(self) -> None:
        corner = box(slice(8, 11), slice(30, 40), slice(17, 24))
        assert found(planted((FOCUS | corner, 2.0))).max() == 1

    def test_fluid_and_other_tissue_are_left_out(self) -> None:
        fluid = box(slice(0, 16), slice(20, 25), slice(0, 40))
        labels = found(planted((FOCUS, 2.0)), allowed=~fluid)
        np.testing.assert_array_equal(labels > 0, FOCUS & ~fluid)

    @settings(max_examples=30)
    @given(st.permutations([4, 6, 8, 10]))
    def test_labels_go_by_size_whatever_the_place(self, widths: list[int]) -> None:
        foci = [
            (box(slice(3, 6), slice(2 + 14 * k, 2 + 14 * k + width), slice(10, 18)), 2.0)
            for k, width in enumerate(widths)
        ]
        labels = found(planted(*foci))
        sizes = np.bincount(labels.ravel())[1:]
        assert sizes.tolist() == [w * 24 for w in (10, 8, 6, 4)]

    @settings(max_examples=15)
    @given(axis=st.integers(0, 2), seed=st.integers(0, 100))
    def test_flipping_the_grid_flips_the_lesions(self, axis: int, seed: int) -> None:
        rng = np.random.default_rng(seed)
        d = np.ones(SHAPE, np.float32)
        for _ in range(4):
            s, r, c = (int(rng.integers(0, n - 8)) for n in SHAPE)
            d[s : s + 4, r : r + 8, c : c + 6] = rng.uniform(1.3, 3.0)
        there = found(ExcessMap(d=d, spread=0.1, stir_to_normal=d)) > 0
        turned = np.flip(d, axis)
        back = found(ExcessMap(d=turned, spread=0.1, stir_to_normal=turned)) > 0
        np.testing.assert_array_equal(np.flip(back, axis), there)
