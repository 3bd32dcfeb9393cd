"""What single lesions and groups of criteria say, from records put together by hand."""

from __future__ import annotations

import dataclasses
from dataclasses import replace
from functools import cache

import pytest

from marrowsignal.patterns.flags import dark_t1_state, focal_flag
from marrowsignal.patterns.groups import evidence_groups, group_by_id
from marrowsignal.patterns.lesion_evidence import (
    deep_state,
    edema_state,
    leading_lesion,
    subchondral_state,
)
from marrowsignal.patterns.records import Criterion, CriterionState
from marrowsignal.protocol import load_protocol
from marrowsignal.regions import Side
from marrowsignal.results.descriptors import LESION_DESCRIPTORS
from marrowsignal.signals.records import Lesion, Measurement, MeasurementStatus, Signals
from tests.patterns.facts_builder import N, P, U, X
from tests.signals.scene import build_scene

PROTOCOL = load_protocol("pelvis_sij")
CUTS, PLACE = PROTOCOL.evidence, PROTOCOL.lesions
Given = float | tuple[float, float, float] | None


def lesion(label: int = 1, *, status: str = "measured", **values: Given) -> Lesion:
    """A lesion with a value, or value and interval, of some descriptors; the others could not be measured."""
    made = []
    for d in LESION_DESCRIPTORS:
        given = values.get(d.name)
        value, low, high = given if isinstance(given, tuple) else (given, None, None)
        known = MeasurementStatus(status) if value is not None else MeasurementStatus.NOT_EVALUABLE
        made.append(
            Measurement(
                id=d.id, name=d.name, value=value, ci_low=low, ci_high=high, unit=d.unit, status=known, reason=""
            )
        )
    return Lesion(
        label=label,
        region_key="ilium",
        region_name="ilium, left",
        side=Side.LEFT,
        volume_ml=2.0,
        voxels=100,
        slices=3,
        first_slice=1,
        last_slice=3,
        centroid_lps_mm=(0.0, 0.0, 0.0),
        measurements=tuple(made),
    )


class TestEdema:
    @pytest.mark.parametrize(
        ("bright", "excess", "state"),
        [
            ((2.0, 1.8, 2.2), (1.8, 1.6, 2.0), P),
            ((1.7, 1.52, 1.9), (1.8, 1.6, 2.0), P),  # the interval may reach down to 1.5
            ((1.7, 1.45, 1.9), (1.8, 1.6, 2.0), U),
            ((1.55, 1.52, 1.58), (1.8, 1.6, 2.0), N),
            ((2.0, 1.8, 2.2), (1.5, 1.3, 1.7), U),
            ((2.0, 1.8, 2.2), (1.32, 1.28, 1.36), N),
            ((2.0, 1.8, 2.2), (1.1, 1.0, 1.2), N),
            ((2.0, 1.8, 2.2), None, X),
            (None, None, X),
        ],
    )
    def test_both_level_and_excess_have_to_pass(self, bright: Given, excess: Given, state: CriterionState) -> None:
        given = lesion(stir_marrow_to_muscle=bright, excess_water=excess)
        assert edema_state(given, CUTS) is state

    def test_a_small_lesion_is_never_positive(self) -> None:
        small = lesion(status="exploratory", stir_marrow_to_muscle=(3.0, 2.8, 3.2), excess_water=(2.0, 1.9, 2.1))
        assert edema_state(small, CUTS) is U


@cache
def nothing_found() -> Signals:
    return build_scene("normal").measure()


class TestLeading:
    def lead(self, *lesions: Lesion) -> int | None:
        found = leading_lesion(replace(nothing_found(), lesions=lesions), CUTS)
        return found.label if found else None

    def test_full_size_before_clear_before_large(self) -> None:
        clear = {"stir_marrow_to_muscle": (2.5, 2.3, 2.7), "excess_water": (2.0, 1.8, 2.2)}
        weak = {"stir_marrow_to_muscle": (1.2, 1.1, 1.3), "excess_water": (1.0, 0.9, 1.1)}
        small = lesion(1, status="exploratory", **clear)
        assert self.lead(small, lesion(2, **weak)) == 2
        assert self.lead(lesion(1, **weak), lesion(2, **clear)) == 2
        assert self.lead(lesion(1, **clear), lesion(2, **clear)) == 1
        assert self.lead(small) == 1
        assert self.lead() is None


class TestPlace:
    @pytest.mark.parametrize(
        ("near", "share", "state"),
        [(3.0, 50.0, P), (3.1, 90.0, N), (1.0, 49.0, N), (None, None, X), (0.0, 100.0, P)],
    )
    def test_subchondral_touches_and_lies_mostly_near(self, near: Given, share: Given, state: CriterionState) -> None:
        assert subchondral_state(lesion(joint_distance=near, subchondral_share=share), PLACE) is state

    @pytest.mark.parametrize(
        ("depth", "error", "state"),
        [(10.0, 0.0, P), (9.9, 0.0, N), (11.0, 1.0, U), (11.7, 1.0, P), (8.0, 1.0, N), (8.5, 1.0, U)],
    )
    def test_deep_has_to_exceed_the_error_of_depth(self, depth: float, error: float, state: CriterionState) -> None:
        given = lesion(joint_distance=1.0, subchondral_share=80.0, depth_from_joint=depth, homogeneity=0.9)
        assert deep_state(given, PLACE, error) is state

    def test_deep_asks_for_homogeneity_and_the_joint(self) -> None:
        deep = {"joint_distance": 1.0, "subchondral_share": 80.0, "depth_from_joint": 20.0, "homogeneity": 0.9}
        assert deep_state(lesion(**deep), PLACE, 1.0) is P
        assert deep_state(lesion(**{**deep, "homogeneity": 0.6}), PLACE, 1.0) is N
        assert deep_state(lesion(**{**deep, "joint_distance": 12.0}), PLACE, 1.0) is N
        assert deep_state(lesion(), PLACE, 1.0) is X


DARK: dict[str, Given] = {
    "sphere_diameter": 12.0,
    "t1_marrow_to_muscle": (0.9, 0.85, 0.95),
    "t1_dark_share": 0.95,
    "stir_marrow_to_muscle": (2.4, 2.2, 2.6),
}


class TestDarkFoci:
    """D51: large, at muscle throughout, and explained by nothing benign."""

    def state(self, **values: Given) -> CriterionState:
        signals = replace(nothing_found(), dark_foci=(lesion(**{**DARK, **values}),))
        return focal_flag(signals, PROTOCOL).state

    @pytest.mark.parametrize(
        ("values", "state"),
        [
            ({}, P),
            ({"t1_marrow_to_muscle": (0.98, 0.9, 1.09)}, P),  # the interval may reach up to 1.1
            ({"t1_marrow_to_muscle": (0.98, 0.9, 1.15)}, U),
            ({"t1_marrow_to_muscle": (1.3, 1.2, 1.4)}, N),
            ({"sphere_diameter": 4.0}, N),
            ({"t1_dark_share": 0.5}, N),  # reticulated: fat is left in it
            ({"bull_ratio": 1.3}, N),  # a fatty center is that of red marrow
            ({"bull_ratio": 1.0}, P),
            ({"line_length": 15.0, "line_width": 2.0, "line_aspect": 7.5}, N),
            ({"line_length": 9.0, "line_width": 5.0, "line_aspect": 1.8}, P),
        ],
    )
    def test_what_makes_a_focus(self, values: dict[str, Given], state: CriterionState) -> None:
        assert self.state(**values) is state

    def test_what_lies_against_a_joint_is_to_be_reviewed_and_no_flag(self) -> None:
        focus = lesion(**{**DARK, "joint_distance": 1.0, "subchondral_share": 90.0})
        flag = focal_flag(replace(nothing_found(), dark_foci=(focus,)), PROTOCOL)
        assert (flag.state, flag.away, flag.near, flag.dark_on_both) == (N, (), (focus,), ())

    @pytest.mark.parametrize(
        "values",
        [
            {"stir_marrow_to_muscle": (0.5, 0.4, 0.6)},
            {"stir_marrow_to_muscle": (1.0, 0.9, 1.1), "stir_marrow_to_normal": (0.5, 0.45, 0.55)},
            {"stir_marrow_to_muscle": (0.5, 0.4, 0.6), "joint_distance": 1.0, "subchondral_share": 90.0},
        ],
        ids=["against muscle", "against own marrow", "at a joint"],
    )
    def test_what_is_dark_on_stir_too_is_told_apart(self, values: dict[str, Given]) -> None:
        focus = lesion(**{**DARK, **values})
        flag = focal_flag(replace(nothing_found(), dark_foci=(focus,)), PROTOCOL)
        assert (flag.state, flag.away, flag.near, flag.dark_on_both) == (N, (), (), (focus,))

    def test_not_looked_for_is_not_none_found(self) -> None:
        neither = replace(nothing_found(), dark_foci=None, lesions=None)
        assert focal_flag(neither, PROTOCOL).state is X
        assert focal_flag(replace(neither, dark_foci=()), PROTOCOL).state is N


@pytest.mark.parametrize(
    ("t1", "state"),
    [
        ((0.9, 0.85, 0.95), P),
        ((0.98, 0.9, 1.09), P),
        ((0.98, 0.9, 1.15), U),
        ((1.05, 1.03, 1.07), U),  # wholly within the grey zone: above muscle, and yet not clear of it
        ((1.12, 1.05, 1.2), U),
        ((1.3, 1.11, 1.4), N),
        (None, X),
    ],
)
def test_t1_is_clear_of_muscle_only_above_the_grey_zone(t1: Given, state: CriterionState) -> None:
    made = lesion(t1_marrow_to_muscle=t1).measurement("t1_marrow_to_muscle")
    assert dark_t1_state(made, CUTS) is state


class TestGroups:
    def criterion(self, group: str, direction: str, state: CriterionState, name: str = "D00") -> Criterion:
        return Criterion(
            id=f"{name}.{direction}", group=group, direction=direction, statement="", value=None, ci_low=None,
            ci_high=None, unit="1", cut="", state=state, source="",
        )  # fmt: skip

    def state(self, group: str, direction: str, *states: CriterionState) -> CriterionState:
        rows = tuple(self.criterion(group, direction, s) for s in states)
        return getattr(group_by_id(evidence_groups(rows, CUTS), group), direction)

    @pytest.mark.parametrize(
        ("group", "direction"),
        [("G1", "reconversion"), ("G2", "reconversion"), ("G2", "edema"), ("G4", "reconversion")],
    )
    def test_items_that_must_hold_together(self, group: str, direction: str) -> None:
        assert self.state(group, direction, P, P) is P
        assert self.state(group, direction, P, N) is N
        assert self.state(group, direction, P, U) is U
        assert self.state(group, direction, P, X) is X

    @pytest.mark.parametrize(
        ("group", "direction"), [("G4", "edema"), ("G5", "edema"), ("G1", "infiltration"), ("G3", "reconversion")]
    )
    def test_elsewhere_one_is_enough(self, group: str, direction: str) -> None:
        assert self.state(group, direction, N, P, X) is P
        assert self.state(group, direction, N, X) is N
        assert self.state(group, direction) is X

    def test_overlap_is_asked_only_where_there_is_red_marrow(self) -> None:
        rows = [self.criterion("G4", "reconversion", P, "D20"), self.criterion("G4", "reconversion", X, "D22")]
        assert group_by_id(evidence_groups(tuple(rows), CUTS), "G4").reconversion is P
        rows[1] = self.criterion("G4", "reconversion", N, "D22")
        assert group_by_id(evidence_groups(tuple(rows), CUTS), "G4").reconversion is N

    @pytest.mark.parametrize(
        ("sacrum", "ilium", "state"),
        [((P, P), (N, U), P), ((P, N), (N, P), N), ((P, U), (N, N), U), ((X, X), (N, N), N), ((P, P), (X, X), P)],
    )
    def test_fat_signal_is_low_on_both_sides_of_one_bone(
        self, sacrum: tuple[CriterionState, ...], ilium: tuple[CriterionState, ...], state: CriterionState
    ) -> None:
        rows = [
            dataclasses.replace(self.criterion("G1", "reconversion", side_state), id=f"D03.reconversion.{bone}.{side}")
            for bone, states in (("sacrum", sacrum), ("ilium", ilium))
            for side, side_state in zip(("left", "right"), states, strict=True)
        ]
        rows.append(self.criterion("G1", "reconversion", P, "D01"))
        assert group_by_id(evidence_groups(tuple(rows), CUTS), "G1").reconversion is state

    def test_an_unknown_group_is_an_error(self) -> None:
        with pytest.raises(KeyError):
            group_by_id(evidence_groups((), CUTS), "G9")
