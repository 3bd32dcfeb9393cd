"""Every class and every branch of the rules, from facts put together by hand."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marrowsignal.patterns.confidence import confidence_of
from marrowsignal.patterns.gates import Gates
from marrowsignal.patterns.records import Confidence, PatternClass
from marrowsignal.patterns.rules import Facts, Verdict, name_pattern
from tests.patterns.facts_builder import BOTH, EDEMA, NORMAL, RED, N, P, States, U, X, facts

STATE = st.sampled_from((P, N, U, X))
GROUPS = st.fixed_dictionaries({f"G{k}": st.tuples(STATE, STATE, STATE) for k in range(1, 9)})
PLACES = ("G4", "G5", "G6")


@st.composite
def any_facts(draw: st.DrawFn) -> Facts:
    told = draw(st.lists(st.sampled_from(["shading", "thick slices"]), max_size=2, unique=True))
    shut = draw(st.sampled_from([(), (), ("no lean-muscle reference",)]))
    return facts(
        draw(GROUPS),
        gates=Gates(closed=shut, warnings=tuple(told)),
        diffuse_low_t1=draw(STATE),
        low_t1_focus=draw(STATE),
        within_expected=draw(STATE),
        above_expected=draw(STATE),
        age_known=draw(st.booleans()),
        adult=draw(st.booleans()),
        lesions=draw(st.integers(0, 3)),
        lesions_trusted=draw(st.booleans()),
        all_looked_at=draw(st.booleans()),
    )


def named(given_facts: Facts) -> PatternClass:
    return name_pattern(given_facts).pattern_class


def confidence(given_facts: Facts) -> tuple[Confidence, tuple[str, ...]]:
    return confidence_of(given_facts, name_pattern(given_facts))


def changed(groups: dict[str, States], group: str, states: States) -> dict[str, States]:
    return {**groups, group: states}


class TestClasses:
    def test_normal_for_age(self) -> None:
        assert named(facts(NORMAL, within_expected=P)) is PatternClass.NORMAL_FOR_AGE

    def test_focal_edema(self) -> None:
        assert named(facts(EDEMA, lesions=1)) is PatternClass.FOCAL_EDEMA_LIKE

    def test_symmetric_reconversion(self) -> None:
        assert named(facts(RED)) is PatternClass.SYMMETRIC_RECONVERSION_LIKE

    def test_mixed(self) -> None:
        verdict = name_pattern(facts(BOTH, lesions=1))
        assert verdict.pattern_class is PatternClass.MIXED
        assert "background" in verdict.reasons[0]

    @pytest.mark.parametrize("groups", [NORMAL, EDEMA, RED, BOTH])
    def test_red_flag_overrides_all_other_names(self, groups: dict[str, States]) -> None:
        verdict = name_pattern(facts(groups, diffuse_low_t1=P, within_expected=P, lesions=1))
        assert verdict.pattern_class is PatternClass.RED_FLAG_INFILTRATION_LIKE
        assert "at or below muscle" in verdict.reasons[0]

    @pytest.mark.parametrize("groups", [NORMAL, EDEMA, RED, BOTH])
    def test_t1_close_to_muscle_ends_all_naming(self, groups: dict[str, States]) -> None:
        verdict = name_pattern(facts(groups, diffuse_low_t1=U, within_expected=P))
        assert verdict.pattern_class is PatternClass.INDETERMINATE
        assert any("close to muscle" in reason for reason in verdict.reasons)

    @pytest.mark.parametrize("groups", [NORMAL, EDEMA, RED, BOTH])
    def test_a_closed_gate_overrides_even_the_red_flag(self, groups: dict[str, States]) -> None:
        shut = Gates(closed=("STIR after contrast", "no muscle"), warnings=())
        verdict = name_pattern(facts(groups, gates=shut, diffuse_low_t1=P, within_expected=P))
        assert verdict == Verdict(
            pattern_class=PatternClass.CANNOT_ASSESS, reasons=("STIR after contrast", "no muscle")
        )

    def test_nothing_said_is_indeterminate(self) -> None:
        assert named(facts({})) is PatternClass.INDETERMINATE


class TestEdema:
    @pytest.mark.parametrize("place", PLACES)
    def test_one_of_side_joint_and_margin_is_enough(self, place: str) -> None:
        groups = {**EDEMA, **{k: (P if k == "G4" else X, N, X) for k in PLACES}}
        assert named(facts(groups)) is PatternClass.INDETERMINATE
        verdict = name_pattern(facts(changed(groups, place, (P if place == "G4" else X, P, X))))
        assert verdict.pattern_class is PatternClass.FOCAL_EDEMA_LIKE
        words = {"G4": "one-sided", "G5": "joint surface", "G6": "ill-defined"}
        assert {k for k, w in words.items() if w in verdict.reasons[0]} == {place}

    @pytest.mark.parametrize("group", ["G2", "G3"])
    @pytest.mark.parametrize("state", [N, U, X])
    def test_level_and_focality_are_both_needed(self, group: str, state: object) -> None:
        assert named(facts(changed(EDEMA, group, (P, state, N)))) is PatternClass.INDETERMINATE

    @pytest.mark.parametrize("state", [N, U, X])
    def test_a_background_that_is_not_low_in_fat_allows_it(self, state: object) -> None:
        assert named(facts(changed(EDEMA, "G1", (state, P, N)))) is PatternClass.FOCAL_EDEMA_LIKE

    def test_on_low_fat_that_is_not_clearly_red_marrow_it_is_indeterminate(self) -> None:
        verdict = name_pattern(facts({**EDEMA, "G1": (P, P, N), "G4": (N, P, X)}))
        assert verdict.pattern_class is PatternClass.INDETERMINATE
        assert any("edema-like lesions on a background" in reason for reason in verdict.reasons)

    def test_a_bilateral_lesion_at_the_joint_is_still_edema(self) -> None:
        # symmetry never vetoes edema (SCIENCE 4.3)
        assert named(facts(changed(EDEMA, "G4", (P, N, X)))) is PatternClass.FOCAL_EDEMA_LIKE


class TestFocalFlag:
    """D51 names a red flag only with something beside it (SCIENCE 4.4)."""

    @pytest.mark.parametrize(
        ("focus", "support", "shift", "flagged"),
        [(P, P, X, True), (P, N, X, False), (P, X, X, False), (U, P, P, True), (U, P, N, False), (N, P, N, False)],
    )
    def test_a_focus_needs_support(self, focus: object, support: object, shift: object, flagged: bool) -> None:
        given_facts = facts(EDEMA, lesions=1, low_t1_focus=focus, focus_support=support, focus_chemical_shift=shift)
        assert (named(given_facts) is PatternClass.RED_FLAG_INFILTRATION_LIKE) is flagged

    def test_failed_alignment_does_not_hide_a_diffuse_flag(self) -> None:
        lone = Gates(closed=("registration failed",), warnings=(), only_alignment_failed=True)
        found = facts(NORMAL, gates=lone, diffuse_low_t1=P)
        assert named(found) is PatternClass.RED_FLAG_INFILTRATION_LIKE
        assert confidence(found)[0] is Confidence.LOW
        assert named(facts(EDEMA, gates=lone, lesions=1)) is PatternClass.CANNOT_ASSESS

    def test_small_foci_leave_marrow_normal_and_larger_ones_do_not(self) -> None:
        few = facts(NORMAL, within_expected=P, lesions=2, lesions_count=False)
        assert named(few) is PatternClass.NORMAL_FOR_AGE
        assert named(facts(NORMAL, within_expected=P, lesions=2)) is PatternClass.INDETERMINATE


class TestReconversion:
    @pytest.mark.parametrize("group", ["G1", "G2", "G4"])
    @pytest.mark.parametrize("state", [N, U, X])
    def test_level_stir_and_symmetry_are_all_needed(self, group: str, state: object) -> None:
        assert named(facts(changed(RED, group, (state, X, N)))) is PatternClass.INDETERMINATE

    def test_distribution_against_it_ends_it_and_no_flame_does_not(self) -> None:
        assert named(facts(changed(RED, "G5", (N, X, X)))) is PatternClass.INDETERMINATE
        assert named(facts(changed(RED, "G5", (P, X, X)))) is PatternClass.SYMMETRIC_RECONVERSION_LIKE
        assert named(facts(changed(RED, "G6", (N, X, X)))) is PatternClass.SYMMETRIC_RECONVERSION_LIKE

    def test_a_red_like_part_is_not_normal(self) -> None:
        patchy = facts(changed(NORMAL, "G3", (P, N, N)), within_expected=P)
        assert named(patchy) is PatternClass.INDETERMINATE

    def test_what_cannot_be_seen_is_said(self) -> None:
        assert "cannot be seen" in name_pattern(facts(RED)).reasons[0]
        assert "cannot be seen" not in name_pattern(facts(changed(RED, "G5", (P, X, X)))).reasons[0]

    @pytest.mark.parametrize("level", [P, U])
    def test_a_lesion_that_may_be_edema_ends_it(self, level: object) -> None:
        # symmetric, without support by side, joint or margin
        groups = {**RED, "G2": (P, level, X), "G3": (P, P, N)}
        assert named(facts(groups, lesions=2)) is PatternClass.INDETERMINATE

    def test_a_lesion_that_red_marrow_explains_does_not(self) -> None:
        groups = {**RED, "G2": (P, N, X), "G3": (P, P, N)}
        assert named(facts(groups, lesions=2)) is PatternClass.SYMMETRIC_RECONVERSION_LIKE


class TestNormal:
    @pytest.mark.parametrize(
        "change",
        [
            {"within_expected": N},
            {"within_expected": U},
            {"within_expected": X},
            {"age_known": False},
            {"diffuse_low_t1": U},
            {"diffuse_low_t1": X},
            {"low_t1_focus": P},
            {"low_t1_focus": U},
        ],
        ids=str,
    )
    def test_anything_open_ends_it(self, change: dict[str, object]) -> None:
        assert named(facts(NORMAL, **{"within_expected": P, **change})) is PatternClass.INDETERMINATE

    def test_asymmetry_without_a_lesion_ends_it(self) -> None:
        assert named(facts(changed(NORMAL, "G4", (N, P, X)), within_expected=P)) is PatternClass.INDETERMINATE

    @pytest.mark.parametrize("level", [P, U, N])
    @pytest.mark.parametrize("size", [P, U])
    def test_any_lesion_ends_it(self, level: object, size: object) -> None:
        groups = {**NORMAL, "G2": (P, level, X), "G3": (N, size, N)}
        assert named(facts(groups, within_expected=P, lesions=1)) is PatternClass.INDETERMINATE

    @pytest.mark.parametrize("change", [{"adult": False}, {"all_looked_at": False}], ids=str)
    def test_children_and_views_not_looked_at_end_it(self, change: dict[str, object]) -> None:
        assert named(facts(NORMAL, within_expected=P, **change)) is PatternClass.INDETERMINATE

    def test_foci_too_small_to_judge_do_not_block_red_marrow(self) -> None:
        groups = {**RED, "G2": (P, U, X), "G3": (P, U, N)}
        assert named(facts(groups, lesions=1)) is PatternClass.SYMMETRIC_RECONVERSION_LIKE


class TestLesionsThatRegistrationDoesNotCarry:
    """T1 and STIR agree on regions, not on voxels: lesions are shown and name nothing."""

    @pytest.mark.parametrize("groups", [EDEMA, BOTH, NORMAL])
    def test_neither_edema_nor_normal_is_named(self, groups: dict[str, States]) -> None:
        verdict = name_pattern(facts(groups, within_expected=P, lesions_trusted=False))
        assert verdict.pattern_class is PatternClass.INDETERMINATE
        assert any("close enough" in reason for reason in verdict.reasons)

    def test_red_marrow_and_red_flag_rest_on_regions(self) -> None:
        assert named(facts(RED, lesions_trusted=False)) is PatternClass.SYMMETRIC_RECONVERSION_LIKE
        dark = facts(NORMAL, lesions_trusted=False, diffuse_low_t1=P)
        assert named(dark) is PatternClass.RED_FLAG_INFILTRATION_LIKE


class TestWhyIndeterminate:
    @pytest.mark.parametrize(
        ("groups", "change", "words"),
        [
            ({"G2": (P, P, X)}, {}, "joint nor margin supports it"),
            ({"G2": (P, U, X)}, {}, "between what red marrow and what edema explains"),
            ({"G1": (U, X, N)}, {}, "not clear"),
            ({"G1": (P, X, N), "G4": (N, N, X)}, {}, "do not complete the red-marrow pattern"),
            ({}, {"above_expected": P}, "above the expected band"),
            ({}, {"low_t1_focus": P}, "review"),
            ({}, {"diffuse_low_t1": U}, "close to muscle"),
            ({}, {"age_known": False}, "without an age"),
            ({}, {}, "does not complete any pattern"),
        ],
    )
    def test_each_reason_is_said(self, groups: dict[str, States], change: dict[str, object], words: str) -> None:
        verdict = name_pattern(facts({**NORMAL, **groups}, **change))
        assert verdict.pattern_class is PatternClass.INDETERMINATE
        assert any(words in reason for reason in verdict.reasons)


class TestConfidence:
    def test_high_when_four_groups_agree_and_nothing_is_open(self) -> None:
        assert confidence(facts(EDEMA, lesions=1)) == (Confidence.HIGH, ())
        assert confidence(facts(NORMAL, within_expected=P)) == (Confidence.HIGH, ())
        assert confidence(facts(changed(RED, "G5", (P, N, X)))) == (Confidence.HIGH, ())

    def test_moderate_when_three_agree(self) -> None:
        three = {**EDEMA, "G1": (N, N, N), "G4": (P, N, X)}
        level, held = confidence(facts(three, lesions=1))
        assert level is Confidence.MODERATE
        assert any("agree: STIR level, focality, distribution; four are needed" in reason for reason in held)

    def test_two_unclear_groups_make_it_low(self) -> None:
        three = {**EDEMA, "G1": (N, N, N), "G4": (P, U, X)}
        assert confidence(facts(three))[0] is Confidence.MODERATE
        assert confidence(facts({**three, "G6": (X, U, X)}))[0] is Confidence.LOW

    @pytest.mark.parametrize("groups", [NORMAL, EDEMA, changed(RED, "G5", (P, N, X))])
    def test_a_warning_makes_it_low(self, groups: dict[str, States]) -> None:
        level, held = confidence(facts(groups, within_expected=P, gates=Gates(closed=(), warnings=("a", "b"))))
        assert level is Confidence.LOW
        assert "2 quality findings, told with the gates and findings" in held

    def test_contradiction_makes_it_low_and_is_named(self) -> None:
        level, held = confidence(facts(changed(EDEMA, "G1", (N, P, P))))
        assert (level, held) == (Confidence.LOW, ("contradicted by T1 level",))

    @pytest.mark.parametrize(("group", "words"), [("G1", "T1 level not evaluable"), ("G4", "symmetry not evaluable")])
    def test_what_is_not_evaluable_holds_it_down(self, group: str, words: str) -> None:
        level, held = confidence(facts({**EDEMA, "G6": (X, P, X), group: (X, X, X)}))
        assert level is Confidence.MODERATE
        assert words in held

    @pytest.mark.parametrize(
        ("change", "words"), [({"adult": False}, "under age 18"), ({"age_known": False}, "age not")]
    )
    def test_age_caps_it_at_moderate(self, change: dict[str, object], words: str) -> None:
        level, held = confidence(facts(EDEMA, **change))
        assert level is Confidence.MODERATE
        assert any(words in reason for reason in held)

    def test_mixed_is_never_high(self) -> None:
        level, held = confidence(facts({**BOTH, "G6": (P, P, X)}, lesions=1))
        assert level is Confidence.MODERATE
        assert any("fracture line" in reason for reason in held)

    def test_red_marrow_without_distribution_or_margin_is_moderate(self) -> None:
        level, held = confidence(facts(RED))
        assert level is Confidence.MODERATE
        assert "distribution and margin of red marrow could not be judged" in held

    @pytest.mark.parametrize("name", [PatternClass.INDETERMINATE, PatternClass.CANNOT_ASSESS])
    def test_no_class_no_confidence(self, name: PatternClass) -> None:
        assert confidence_of(facts(EDEMA), Verdict(pattern_class=name, reasons=())) == (Confidence.NONE, ())


class TestWhateverTheFacts:
    """What may never happen, searched for in all combinations of states."""

    @given(any_facts())
    def test_there_is_a_class_with_a_reason(self, given_facts: Facts) -> None:
        verdict = name_pattern(given_facts)
        assert verdict.reasons
        assert all(verdict.reasons)
        assert (verdict.pattern_class is PatternClass.CANNOT_ASSESS) == bool(given_facts.gates.closed)

    @given(any_facts())
    def test_without_an_age_nothing_is_normal_for_age(self, given_facts: Facts) -> None:
        if not given_facts.age_known:
            assert named(given_facts) is not PatternClass.NORMAL_FOR_AGE

    @given(any_facts())
    def test_what_rests_on_lesions_needs_a_registration_that_carries_them(self, given_facts: Facts) -> None:
        if not given_facts.lesions_trusted:
            assert named(given_facts) not in (
                PatternClass.FOCAL_EDEMA_LIKE,
                PatternClass.MIXED,
                PatternClass.NORMAL_FOR_AGE,
            )

    @settings(max_examples=400)
    @given(any_facts(), st.sampled_from([P, U]))
    def test_a_full_lesion_that_may_be_edema_is_never_reconversion_or_normal(
        self, given_facts: Facts, level: object
    ) -> None:
        # start from the clearest red marrow, so that the class in question is near
        groups = {g.id: (g.reconversion, g.edema, g.infiltration) for g in given_facts.groups}
        groups |= {"G1": (P, X, N), "G2": (P, level, X), "G3": (P, P, N), "G4": (P, groups["G4"][1], X)}
        found = named(facts(groups, within_expected=P, lesions=2))
        assert found not in (PatternClass.SYMMETRIC_RECONVERSION_LIKE, PatternClass.NORMAL_FOR_AGE)

    @given(any_facts())
    def test_low_t1_throughout_is_never_called_anything_else(self, given_facts: Facts) -> None:
        if given_facts.diffuse_low_t1 is P and not given_facts.gates.closed:
            assert named(given_facts) is PatternClass.RED_FLAG_INFILTRATION_LIKE

    @settings(max_examples=300)
    @given(any_facts())
    def test_confidence_is_explained_and_capped(self, given_facts: Facts) -> None:
        verdict = name_pattern(given_facts)
        level, held = confidence_of(given_facts, verdict)
        silent = verdict.pattern_class in (PatternClass.INDETERMINATE, PatternClass.CANNOT_ASSESS)
        assert (level is Confidence.NONE) == silent
        if not silent:
            assert (level is Confidence.HIGH) == (not held)
        if given_facts.gates.warnings or verdict.pattern_class is PatternClass.MIXED:
            assert level in (Confidence.LOW, Confidence.NONE)
        if not given_facts.adult or not given_facts.age_known:
            assert level is not Confidence.HIGH
