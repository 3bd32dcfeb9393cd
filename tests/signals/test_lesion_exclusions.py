"""What stands out on STIR and is no lesion: each rule on the case it is for, and on its nearest neighbour."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marrowsignal.signals.lesions.candidates import SeedRule
from marrowsignal.signals.lesions.exclusions.red_marrow import red_marrow
from marrowsignal.signals.lesions.find import find_lesions
from marrowsignal.signals.lesions.scene import Candidate
from marrowsignal.signals.lesions.water import seed_rule
from marrowsignal.signals.records import LesionProposal
from marrowsignal.signals.statistics.excess_water import constants_for_field, predicted_stir_to_muscle
from tests.signals.lesion_scene import MARROW, PROTOCOL, SHAPE, STIR, STIR_FACTS, T1, Bench, block, kinds

FOCUS = block((5, 8), (24, 36), (40, 52))
SETTINGS = PROTOCOL.lesions


def overlap(labels: np.ndarray, truth: np.ndarray) -> float:
    found = labels > 0
    return 2 * float((found & truth).sum()) / float(found.sum() + truth.sum())


def test_a_focus_within_marrow_is_a_lesion_with_its_extent() -> None:
    found = Bench().plant(FOCUS, stir=2.6).found()
    assert found.labels.max() == 1
    # blur of 0.8 mm and a low cut: at most a pixel more on either side of twelve
    assert overlap(found.labels, FOCUS) >= 2 / (1 + (14 / 12) ** 2) - 0.02
    assert (found.labels[FOCUS] > 0).mean() > 0.98
    assert found.dropped == ()


def test_marrow_alone_has_none() -> None:
    found = Bench().found()
    assert not found.labels.any()
    assert found.dropped == ()


class TestRim:
    SHEET = block((4, 7), (8, 10), (20, 36))

    def test_along_the_edge_it_is_partial_volume(self) -> None:
        found = Bench().plant(self.SHEET, stir=2.6).found()
        assert not found.labels.any()
        assert kinds(found) == ["rim"]
        assert "of the mask's edge" in found.dropped[0].reason

    def test_more_of_it_than_partial_volume_makes_is_a_lesion(self) -> None:
        found = Bench().plant(block((4, 7), (8, 10), (20, 60)), stir=2.6).found()
        assert found.labels.max() == 1
        assert (found.labels > 0).sum() * 0.004 > SETTINGS.rim_max_volume.value

    def test_a_subcortical_lesion_of_the_same_volume_is_thicker(self) -> None:
        lesion = block((4, 7), (8, 14), (20, 28))
        found = Bench().plant(lesion, stir=2.6).found()
        assert found.labels.max() == 1
        assert (found.labels > 0).sum() * 0.004 < SETTINGS.rim_max_volume.value

    @pytest.mark.parametrize(("rows", "told"), [(1, True), (5, False)])
    def test_pixels_as_coarse_as_a_thin_bone_hide_no_lesion(self, rows: int, told: bool) -> None:
        # six pixels of 2.6 mm across: all of it lies within two of them from the edge
        spacing = (4.0, 2.6, 2.6)
        marrow = block((2, 10), (20, 26), (8, 88))
        scene = Bench(marrow=marrow).plant(block((4, 7), (20, 20 + rows), (40, 46)), stir=3.0).scene(spacing=spacing)
        found = find_lesions(scene)
        assert (kinds(found) == ["rim"]) == told
        assert (found.labels.max() == 1) != told

    def test_the_same_sheet_inside_is_a_lesion(self) -> None:
        assert Bench().plant(np.roll(self.SHEET, 20, axis=1), stir=2.6).found().labels.max() == 1

    def test_what_reaches_from_the_edge_into_marrow_is_a_lesion(self) -> None:
        assert Bench().plant(block((4, 7), (8, 18), (20, 60)), stir=2.6).found().labels.max() == 1


class TestSliceEnd:
    def test_most_of_it_on_the_last_slice_it_is_partial_volume(self) -> None:
        bench = Bench().plant(block((9, 10), (24, 36), (40, 52)), stir=2.6)
        found = bench.plant(block((8, 9), (24, 30), (40, 52)), stir=2.6).found()
        assert kinds(found) == ["slice_end"]
        assert 1.5 * 12**2 * 0.004 <= found.dropped[0].volume_ml <= 2 * 14**2 * 0.004

    def test_half_of_it_before_the_last_slice_it_is_a_lesion(self) -> None:
        assert Bench().plant(block((8, 10), (24, 36), (40, 52)), stir=2.6).found().labels.max() == 1

    def test_two_slices_before_the_end_it_is_a_lesion(self) -> None:
        assert Bench().plant(block((6, 8), (24, 36), (40, 52)), stir=2.6).found().labels.max() == 1

    def test_the_end_of_the_stack_is_no_end_of_bone(self) -> None:
        marrow = block((2, 12), (8, 56), (8, 88))
        focus = block((10, 12), (24, 36), (40, 52))
        assert Bench(marrow=marrow).plant(focus, stir=2.6).found().labels.max() == 1

    def test_an_oblique_surface_is_no_end(self) -> None:
        # the block moves by a pixel a slice
        marrow = np.stack([np.roll(plane, k, axis=1) for k, plane in enumerate(MARROW)])
        focus = np.stack([np.roll(plane, k, axis=1) for k, plane in enumerate(block((4, 7), (24, 36), (8, 20)))])
        assert Bench(marrow=marrow).plant(focus, stir=2.6).found().labels.max() == 1


class TestVessel:
    def test_a_tube_is_a_vessel(self) -> None:
        found = Bench().plant(block((2, 10), (30, 33), (40, 43)), stir=3.0).found()
        assert kinds(found) == ["vessel"]

    def test_a_sheet_of_the_same_length_is_none(self) -> None:
        assert Bench().plant(block((2, 10), (30, 33), (30, 54)), stir=3.0).found().labels.max() == 1


class TestNerveRoot:
    def in_fat(self, *, midline_mm: float, fat: float = 2.0) -> Bench:
        """Put a column of soft tissue, 8 mm wide, in fat 5 mm thick."""
        bench = Bench(midline_mm=midline_mm)
        bench.plant(block((3, 9), (21, 39), (37, 55)), t1=fat)
        return bench.plant(block((3, 9), (26, 34), (42, 50)), stir=3.0, t1=0.5)

    def test_in_fat_near_the_midline_it_is_a_root(self) -> None:
        found = self.in_fat(midline_mm=20.0).found()
        assert kinds(found) == ["nerve_root"]
        assert "26 mm from the midline" in found.dropped[0].reason

    def test_as_far_from_it_as_a_joint_it_is_a_lesion(self) -> None:
        assert self.in_fat(midline_mm=-10.0).found().labels.max() == 1

    def test_in_marrow_it_is_a_lesion(self) -> None:
        assert self.in_fat(midline_mm=20.0, fat=1.0).found().labels.max() == 1

    def test_fatty_marrow_around_it_is_no_fat(self) -> None:
        # all marrow at 0.85 of fat
        bench = Bench(midline_mm=20.0).plant(MARROW, t1=1.7).plant(FOCUS, stir=2.6, t1=0.7)
        assert bench.found().labels.max() == 1


class TestRedMarrow:
    def candidate(self) -> Candidate:
        box = (slice(4, 9), slice(20, 40), slice(36, 56))
        return Candidate(label=1, box=box, mask=FOCUS[box])

    @pytest.mark.parametrize(
        ("which", "cut"),
        [("stir_to_muscle", SETTINGS.red_stir_to_muscle.value), ("excess_water", SETTINGS.red_excess_water.value)],
    )
    def test_up_to_the_cut_red_marrow_explains_it(self, which: str, cut: float) -> None:
        for level, told in ((cut - 0.01, True), (cut + 0.01, False)):
            rule = SeedRule(**{which: np.full(SHAPE, level, np.float32)})
            assert bool(red_marrow(self.candidate(), rule, SETTINGS)) == told

    def test_nothing_known_nothing_told(self) -> None:
        assert red_marrow(self.candidate(), SeedRule(), SETTINGS) == ""

    def test_an_island_with_a_bright_core_is_still_red_marrow(self) -> None:
        # bright enough to be grown, dark enough to be red marrow; seeds in its middle
        island = block((4, 9), (20, 44), (36, 60))
        bench = Bench().plant(island, stir=1.42, t1=0.8)
        bench.plant(block((5, 8), (28, 34), (44, 50)), stir=1.6)
        found = bench.found()
        assert not found.labels.any()
        assert kinds(found) == ["red_marrow"]


class TestExcessWater:
    """D07 of mixtures whose STIR is predicted: what is made of red and yellow marrow has none."""

    def ratios(self, fat_signal: float, excess: float) -> float:
        table = constants_for_field(1.5, PROTOCOL.signals.tissue_constants)
        own = (T1["marrow"] - T1["muscle"]) / (T1["fat"] - T1["muscle"])
        levels = predicted_stir_to_muscle([fat_signal, own], acquisition=STIR_FACTS, constants=table)
        t1 = T1["muscle"] + fat_signal * (T1["fat"] - T1["muscle"])
        bench = Bench(facts=STIR_FACTS)
        bench.t1, bench.stir = (np.full(SHAPE, s["marrow"], np.float32) for s in (T1, STIR))
        # a level needs a spread, so the other half of the marrow has one
        half = block((2, 10), (8, 56), (8, 48))
        bench.stir[half] *= (1 + 0.05 * np.random.default_rng(1).standard_normal(int(half.sum()))).astype(np.float32)
        bench.plant(FOCUS, stir=excess * levels[0] / levels[1], t1=t1 / T1["marrow"])
        rule = seed_rule(bench.scene())
        assert rule.excess_water is not None
        return float(np.median(rule.excess_water[FOCUS]))

    @pytest.mark.parametrize("fat_signal", [0.15, 0.4, 0.8])
    @pytest.mark.parametrize("excess", [1.0, 1.5])
    def test_mixtures_have_the_excess_they_were_given(self, fat_signal: float, excess: float) -> None:
        # the mode of own marrow is known to a histogram bin
        assert self.ratios(fat_signal, excess) == pytest.approx(excess, rel=0.04)

    def test_darker_than_red_marrow_can_be_it_is_held_against_own_marrow(self) -> None:
        table = constants_for_field(1.5, PROTOCOL.signals.tissue_constants)
        own = (T1["marrow"] - T1["muscle"]) / (T1["fat"] - T1["muscle"])
        none, mine = predicted_stir_to_muscle([0.0, own], acquisition=STIR_FACTS, constants=table)
        assert self.ratios(0.0, 1.0) == pytest.approx(none / mine, rel=0.04)

    def test_without_a_header_it_is_not_known(self) -> None:
        assert seed_rule(Bench().scene()).excess_water is None


class TestFluid:
    def test_fluid_is_cut_off_and_the_rest_stays(self) -> None:
        fluid = block((5, 8), (24, 30), (40, 52))
        bench = Bench().plant(FOCUS, stir=2.6)
        # six times muscle on STIR, 0.8 of it on T1
        bench.plant(fluid, stir=6.0 / 2.6, t1=0.8 * T1["muscle"] / T1["marrow"])
        found = bench.found()
        assert found.labels.max() == 1
        assert not (found.labels[fluid] > 0).any()
        assert (found.labels[FOCUS & ~fluid] > 0).mean() > 0.9


class TestProposal:
    def proposal(self, mask: np.ndarray) -> LesionProposal:
        return LesionProposal(probability=np.where(mask, 0.7, 0.2).astype(np.float32), cut=0.5, made_by="a test")

    def test_its_voxels_are_the_lesion(self) -> None:
        found = Bench().found(self.proposal(FOCUS))
        np.testing.assert_array_equal(found.labels > 0, FOCUS)

    def test_a_rim_is_its_own_affair_and_a_slice_end_is_not(self) -> None:
        rim, end = TestRim.SHEET, block((8, 10), (24, 36), (60, 72)) & ~block((8, 9), (30, 36), (60, 72))
        found = Bench().found(self.proposal(rim | end))
        np.testing.assert_array_equal(found.labels > 0, rim)
        assert kinds(found) == ["slice_end"]

    def test_nothing_outside_marrow(self) -> None:
        everywhere = np.ones(SHAPE, bool)
        assert not (Bench().found(self.proposal(everywhere)).labels[~MARROW] > 0).any()


@settings(max_examples=12)
@given(t1=st.floats(0.01, 100), stir=st.floats(0.01, 100))
def test_gains_change_nothing(t1: float, stir: float) -> None:
    bench = Bench(facts=STIR_FACTS).plant(FOCUS, stir=2.6).plant(block((8, 10), (24, 36), (60, 72)), stir=2.6)
    plain, scaled = (find_lesions(bench.scene(gains)) for gains in ((1.0, 1.0), (t1, stir)))
    # rounding may move a voxel that lies on a cut
    assert (plain.labels != scaled.labels).sum() <= 3
    assert kinds(plain) == kinds(scaled)
