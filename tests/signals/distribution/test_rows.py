"""Left against right on a body of blocks whose sides are known: what is compared, and what is not."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marrowsignal.regions import Side
from marrowsignal.signals import MeasurementStatus, Symmetry
from marrowsignal.signals.bench import Bench
from marrowsignal.signals.distribution.red_like import red_like_map
from marrowsignal.signals.distribution.rows import symmetries
from tests.signals.distribution.blocks import FAT, MUSCLE, SHAPE, SIDES, Block, bench_of, protocol_of

PROTOCOL = protocol_of("hips")
NAMES = ["t1_asymmetry", "stir_asymmetry", "bias_cancelling_asymmetry"]
NAMES += ["red_like_mirror_dice", "lesion_volume_asymmetry", "fat_signal_difference"]


def body(left: float = 0.6, right: float = 0.6) -> tuple[Block, ...]:
    return (
        Block(bone="femur", part="femoral_head", left=0.8, right=0.8),
        Block(bone="femur", part="femoral_neck", left=left, right=right),
        Block(bone="ilium", part="iliac_remainder", left=0.5, right=0.5),
    )


@cache
def bench(left: float = 0.6, right: float = 0.6) -> Bench:
    return bench_of(body(left, right), PROTOCOL)


def rows_of(bench: Bench) -> dict[str, Symmetry]:
    """Rows with the red-like map of the bench's own T1."""
    fat = np.where(bench.marrow.core_mask, (bench.pair.t1.array - MUSCLE) / (FAT - MUSCLE), np.nan).astype(np.float32)
    red = red_like_map(fat, bench.regions, age_y=40.0, protocol=bench.protocol)
    return {row.key: row for row in symmetries(bench, red)}


def with_core(bench: Bench, core: np.ndarray) -> Bench:
    return replace(bench, marrow=replace(bench.marrow, core_mask=core), background=core)


class TestRows:
    def test_whole_pairs_and_parts_have_a_row_each(self) -> None:
        rows = rows_of(bench())
        assert list(rows) == ["all", "background", "femur", "ilium", "femoral_head", "femoral_neck", "iliac_remainder"]
        assert rows["femoral_neck"].name == "femoral neck"
        for row in rows.values():
            assert [m.name for m in row.measurements] == NAMES

    def test_equal_sides_are_alike_and_their_intervals_say_so(self) -> None:
        rows = rows_of(bench())
        for row in rows.values():
            for m in row.measurements[:3]:
                # medians of 1000 voxels with 1 % noise
                assert abs(m.value) < 0.5
                assert m.ci_low < 0 < m.ci_high
        for m in (m for key in ("femoral_head", "femoral_neck", "iliac_remainder") for m in rows[key].measurements[:3]):
            # shading of 2 % was left over: sides that were drawn together would differ by nothing
            assert 2 < m.ci_high - m.ci_low < 15

    def test_one_sided_change_is_told_where_it_is(self) -> None:
        rows = rows_of(bench(left=0.3))
        neck, head = rows["femoral_neck"], rows["femoral_head"]
        t1_left, t1_right = (MUSCLE + fat * (FAT - MUSCLE) for fat in (0.3, 0.6))
        want = 200 * (t1_left - t1_right) / (t1_left + t1_right)
        assert neck.measurement("t1_asymmetry").value == pytest.approx(want, abs=0.5)
        assert neck.measurement("bias_cancelling_asymmetry").value == pytest.approx(-want, abs=0.7)
        assert neck.measurement("fat_signal_difference").value == pytest.approx(-0.3, abs=0.01)
        assert abs(head.measurement("t1_asymmetry").value) < 0.5

    @settings(max_examples=4, deadline=None)
    @given(st.floats(0.1, 0.9), st.floats(0.1, 0.9))
    def test_sides_that_change_places_change_signs_and_nothing_else(self, left: float, right: float) -> None:
        blocks = body(left, right)
        here = bench_of(blocks, PROTOCOL)
        there = mirrored(here)
        for row, other in zip(rows_of(here).values(), rows_of(there).values(), strict=True):
            assert row.key == other.key
            for a, b in zip(row.measurements, other.measurements, strict=True):
                sign = 1 if a.name == "red_like_mirror_dice" else -1
                assert (a.name, a.status, a.reason) == (b.name, b.status, b.reason)
                assert (a.value is None) == (b.value is None)
                if a.value is not None:
                    assert b.value == pytest.approx(sign * a.value, abs=1e-6)
                if a.ci_low is not None:
                    # blocks are counted from the picture's first column, and references are drawn once
                    assert (b.ci_low, b.ci_high) == pytest.approx((-a.ci_high, -a.ci_low), abs=0.1)


def mirrored(bench: Bench) -> Bench:
    """The same voxels in the mirror: left and right images, labels and regions change places."""

    def flip(array: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(array[:, :, ::-1])

    pair = replace(
        bench.pair,
        t1=replace(bench.pair.t1, array=flip(bench.pair.t1.array)),
        stir=replace(bench.pair.stir, array=flip(bench.pair.stir.array)),
    )
    regions = bench.regions
    other = {Side.LEFT: Side.RIGHT, Side.RIGHT: Side.LEFT}
    regions = replace(
        regions,
        labels=replace(regions.labels, array=flip(regions.labels.array)),
        part_labels=replace(regions.part_labels, array=flip(regions.part_labels.array)),
        regions=tuple(replace(r, side=other[r.side]) for r in regions.regions),
        parts=tuple(replace(r, side=other[r.side]) for r in regions.parts),
    )
    marrow = replace(
        bench.marrow,
        labels=replace(bench.marrow.labels, array=flip(bench.marrow.labels.array)),
        core_mask=flip(bench.marrow.core_mask),
    )
    images = replace(bench.images, t1=pair.t1.array, stir=pair.stir.array)
    return replace(
        bench, pair=pair, regions=regions, marrow=marrow, images=images, lesions=flip(bench.lesions),
        background=flip(bench.background),
    )  # fmt: skip


class TestCounterparts:
    def slope(self) -> Bench:
        """Fat that falls from row to row on both sides alike, as it does from one end of a bone to the other."""
        made = bench()
        slope = np.linspace(1.3, 0.7, SHAPE[1])[None, :, None]
        t1 = np.where(made.marrow.core_mask, made.pair.t1.array * slope, made.pair.t1.array).astype(np.float32)
        pair = replace(made.pair, t1=replace(made.pair.t1, array=t1))
        return replace(made, pair=pair, images=replace(made.images, t1=t1))

    def test_what_the_picture_cuts_off_one_side_is_not_compared_on_the_other(self) -> None:
        whole = self.slope()
        core = whole.marrow.core_mask.copy()
        core[:, :8, SIDES[Side.RIGHT]] = False
        cut = rows_of(with_core(whole, core))["femur"].measurement("t1_asymmetry")
        # the medians of all that is left of both sides differ by more
        sides = [np.median(whole.pair.t1.array[core & (whole.regions.labels.array == label)]) for label in (1, 2)]
        assert abs(200 * (sides[0] - sides[1]) / sum(sides)) > 8
        assert abs(cut.value) < 3

    def test_a_lesion_is_left_out_on_both_sides(self) -> None:
        whole = self.slope()
        background = whole.background.copy()
        background[:, :8, SIDES[Side.LEFT]] = False
        row = rows_of(replace(whole, background=background))["background"]
        assert abs(row.measurement("t1_asymmetry").value) < 3

    def test_with_too_little_in_common_nothing_is_compared(self) -> None:
        whole = bench()
        core = whole.marrow.core_mask.copy()
        core[:, 5:, SIDES[Side.LEFT]] = False
        core[:, :7, SIDES[Side.RIGHT]] = False
        row = rows_of(with_core(whole, core))["femoral_head"]
        for name in NAMES[:3]:
            m = row.measurement(name)
            assert (m.value, m.status) == (None, MeasurementStatus.NOT_EVALUABLE)
            assert m.reason == "only 0 % of the smaller side has a counterpart on the other one"

    def test_a_side_without_marrow_is_told(self) -> None:
        whole = bench()
        core = whole.marrow.core_mask.copy()
        core[:, :, SIDES[Side.LEFT]] = False
        for row in rows_of(with_core(whole, core)).values():
            assert {m.value for m in row.measurements} == {None}


class TestMirrorOverlap:
    def patches(self, share_left: float, share_right: float) -> float | None:
        """Overlap of random red patches of 6 mm in yellow marrow, drawn apart on both sides."""
        made = bench()
        rng = np.random.default_rng(3)
        t1 = made.pair.t1.array.copy()
        for side, share in ((Side.LEFT, share_left), (Side.RIGHT, share_right)):
            coarse = rng.random((SHAPE[0], SHAPE[1] // 3, SHAPE[2] // 3 + 1)) < share
            red = np.repeat(np.repeat(coarse, 3, axis=1), 3, axis=2)[:, : SHAPE[1], : SHAPE[2]]
            where = np.zeros(SHAPE, bool)
            where[:, :, SIDES[side]] = True
            t1[red & where & made.marrow.core_mask] = MUSCLE + 0.1 * (FAT - MUSCLE)
        pair = replace(made.pair, t1=replace(made.pair.t1, array=t1))
        moved = replace(made, pair=pair, images=replace(made.images, t1=t1))
        return rows_of(moved)["femur"].measurement("red_like_mirror_dice").value

    def test_red_marrow_of_both_sides_overlaps(self) -> None:
        assert self.patches(1.0, 1.0) > 0.99

    def test_patches_of_one_side_do_not(self) -> None:
        # a patch within 3 mm counts, but only as many voxels as the other side has: 2 x 0.15 / 0.85 at most
        assert self.patches(0.7, 0.15) < 0.36

    def test_hardly_any_red_marrow_is_not_compared(self) -> None:
        assert self.patches(0.0, 0.0) is None
