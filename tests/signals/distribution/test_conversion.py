"""Order of conversion and epiphyses on a body of blocks of known fat signal."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from marrowsignal.regions import Side
from marrowsignal.signals import Measurement, MeasurementStatus
from marrowsignal.signals.distribution.bone_ends import bone_signals
from marrowsignal.signals.distribution.conversion import conversion_order, kendall_tau, pairs_apart
from tests.signals.distribution.blocks import Block, bench_of, protocol_of

PROTOCOL = protocol_of("hips")
PARTS = (("ilium", "iliac_remainder"), ("femur", "femoral_neck"), ("femur", "femoral_shaft"), ("femur", "femoral_head"))
distinct = st.lists(st.integers(0, 30), min_size=4, max_size=7, unique=True)


def body(*fat: float) -> tuple[Block, ...]:
    return tuple(Block(bone=b, part=p, left=f, right=f) for (b, p), f in zip(PARTS, fat, strict=False))


def order(*fat: float) -> tuple[Measurement, Measurement]:
    found = conversion_order(bench_of(body(*fat), PROTOCOL))
    assert [m.name for m in found] == ["conversion_order", "conversion_zones"]
    return found[0], found[1]


class TestTau:
    @given(distinct)
    def test_without_ties_it_is_kendalls(self, values: list[int]) -> None:
        want = stats.kendalltau(np.arange(len(values)), values).statistic
        assert float(kendall_tau(values, least=0.5)) == pytest.approx(want)

    @given(st.lists(st.integers(0, 4), min_size=4, max_size=7))
    def test_with_ties_it_is_tau_b(self, values: list[int]) -> None:
        assume(len(set(values)) > 1)
        want = stats.kendalltau(np.arange(len(values)), values).statistic
        assert float(kendall_tau(values, least=0.5)) == pytest.approx(want)

    @given(distinct)
    def test_the_other_way_round_it_is_the_negative(self, values: list[int]) -> None:
        assert float(kendall_tau(values[::-1], least=0.5)) == pytest.approx(-float(kendall_tau(values, least=0.5)))

    def test_draws_are_cases_of_their_own(self) -> None:
        table = np.array([[0.1, 0.9], [0.4, 0.6], [0.7, 0.3]])
        np.testing.assert_allclose(kendall_tau(table, least=0.05), [1.0, -1.0])

    def test_differences_below_the_least_tell_nothing(self) -> None:
        assert float(kendall_tau([0.50, 0.52, 0.51], least=0.05)) == 0.0
        assert pairs_apart([0.50, 0.52, 0.51], least=0.05) == 0.0


class TestOrder:
    def test_marrow_that_turned_yellow_from_the_ends_keeps_the_order(self) -> None:
        tau, zones = order(0.3, 0.5, 0.7, 0.9)
        assert zones.value == 4
        assert tau.value == 1.0
        assert (tau.ci_low, tau.ci_high) == (1.0, 1.0)

    def test_red_epiphyses_and_a_yellow_pelvis_break_it(self) -> None:
        assert order(0.9, 0.7, 0.5, 0.3)[0].value == -1.0

    def test_zones_near_each_other_widen_the_interval(self) -> None:
        tau, _ = order(0.3, 0.6, 0.652, 0.9)
        assert tau.value == 1.0
        assert tau.ci_low < 1.0

    @pytest.mark.parametrize("fat", [0.05, 0.85])
    def test_marrow_that_is_alike_everywhere_has_no_order(self, fat: float) -> None:
        tau, zones = order(fat, fat, fat, fat)
        assert (tau.value, tau.status, zones.value) == (None, MeasurementStatus.NOT_EVALUABLE, 4)
        assert "alike" in tau.reason

    def test_three_zones_are_too_few(self) -> None:
        tau, zones = order(0.3, 0.5, 0.7)
        assert (tau.value, zones.value) == (None, 3)
        assert "3 zones" in tau.reason


class TestBoneEnds:
    def test_both_sides_of_an_end_are_measured(self) -> None:
        blocks = (*body(0.3), Block(bone="femur", part="femoral_neck", left=0.4, right=0.5))
        blocks += (Block(bone="femur", part="femoral_head", left=0.9, right=0.8),)
        rows = bone_signals(bench_of(blocks, PROTOCOL))
        assert [(r.key, r.name, r.side) for r in rows] == [
            ("proximal_femur", "proximal femur, left", Side.LEFT),
            ("proximal_femur", "proximal femur, right", Side.RIGHT),
        ]
        for row, (head, neck) in zip(rows, ((0.9, 0.4), (0.8, 0.5)), strict=True):
            found = {m.name: m for m in row.measurements}
            assert found["epiphysis_fat_signal"].value == pytest.approx(head, abs=0.01)
            assert found["metaphysis_fat_signal"].value == pytest.approx(neck, abs=0.01)
            difference = found["epiphysis_metaphysis_difference"]
            assert difference.value == pytest.approx(head - neck, abs=0.01)
            assert difference.ci_low < head - neck < difference.ci_high
            assert {m.id for m in found.values()} == {"D26"}

    def test_what_is_not_in_view_is_told(self) -> None:
        (row, _) = bone_signals(bench_of(body(0.3, 0.5), PROTOCOL))
        found = {m.name: m for m in row.measurements}
        assert found["metaphysis_fat_signal"].value is not None
        assert (found["epiphysis_fat_signal"].value, found["epiphysis_fat_signal"].reason) == (None, "not in view")
        assert found["epiphysis_metaphysis_difference"].reason == "epiphysis: not in view"

    @pytest.mark.parametrize(("share", "told"), [(0.4, True), (0.8, False)])
    def test_what_a_lesion_leaves_of_an_epiphysis_is_not_taken_for_it(self, share: float, told: bool) -> None:
        bench = bench_of(body(0.3, 0.5, 0.7, 0.9), PROTOCOL)
        head = bench.gathered.inside(bench.regions.parts[-1])
        lesions = bench.lesions.copy()
        lesions.reshape(-1)[head[: int(share * head.size)]] = 1
        row = bone_signals(replace(bench, lesions=lesions))[-1]
        found = row.measurement("epiphysis_fat_signal")
        assert (found.value is not None) is told
        assert told or found.reason == "lesions take 80 % of it"

    def test_a_picture_without_ends_of_bones_has_none(self) -> None:
        assert bone_signals(bench_of(body(0.3), PROTOCOL)) == ()

    def test_a_shaft_of_the_knee_is_no_end_of_the_hip(self) -> None:
        blocks = (Block(bone="tibia", part="tibial_metaphysis", left=0.7, right=0.7),)
        assert {row.key for row in bone_signals(bench_of(blocks, PROTOCOL))} == {"proximal_tibia"}


def test_every_zone_and_end_is_made_of_regions_and_parts_that_protocols_know() -> None:
    for name in ("hips", "knee", "lumbar_spine", "pelvis_sij"):
        protocol = protocol_of(name)
        groups = [zone.keys for zone in protocol.distribution.zones]
        groups += [end.epiphysis + end.metaphysis for end in protocol.distribution.bone_ends]
        for key in (key for keys in groups for key in keys):
            assert protocol.spec(key) or protocol.part(key), key
        keys = [key for zone in protocol.distribution.zones for key in zone.keys]
        assert len(keys) == len(set(keys))
