"""From a known pelvis to a class: the whole way of the evidence, its gates and its rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray

from marrowsignal.alignment.records import AlignmentVerdict
from marrowsignal.findings import Finding, Severity
from marrowsignal.patterns import Confidence, Criterion, CriterionState, PatternCall, PatternClass, classify
from marrowsignal.quality import check_quality, withhold
from tests.signals.scene import GRID, Scene, build_scene

LEFT = np.broadcast_to(GRID.patient_axis(0) > 0, GRID.shape)
GROUPS = tuple(f"G{k}" for k in range(1, 9))
# muscle is 1, fat 2.4: below 0.20 of the way to fat, which the expected band begins with, and above the grey zone's 1.1
RED_T1 = 1.18
P, N, X = CriterionState.POSITIVE, CriterionState.NEGATIVE, CriterionState.NOT_EVALUABLE


def call(scene: Scene, *findings: Finding) -> PatternCall:
    signals = scene.measure()
    steps = (scene.pair, scene.marrow, scene.regions, scene.references)
    quality = check_quality(None, *steps, signals, protocol=scene.protocol)
    return classify(scene.pair, withhold(signals, quality), quality=quality, protocol=scene.protocol, findings=findings)


def edema() -> NDArray[np.float32]:
    return build_scene("focal_edema").maps.edema_fraction


def both_sides() -> NDArray[np.float32]:
    return build_scene("bilateral_edema").maps.edema_fraction


def focus() -> NDArray[np.bool_]:
    return build_scene("focal_edema").maps.lesion.mask


def painted(where: NDArray[np.bool_], *, t1: float, stir: float, base: str = "normal") -> Scene:
    """Marrow of a level given in multiples of muscle, with 3 % of texture."""
    scene = build_scene(base)
    rng = np.random.default_rng(0)
    images = []
    for level, image, muscle in (
        (t1, scene.pair.t1.array, scene.references.muscle.t1),
        (stir, scene.pair.stir.array, scene.references.muscle.stir),
    ):
        new = image.copy()
        new[where] = level * muscle * rng.normal(1, 0.03, int(where.sum()))
        images.append(new)
    return scene.with_signal(*images)


def marrow() -> NDArray[np.bool_]:
    return build_scene("normal").marrow.labels.mask


@cache
def red() -> Scene:
    """Symmetric red marrow well below the expected band.

    The phantom's own, a quarter of it fat, has a fat signal of 0.17 to 0.19 whose interval touches the band's end at
    0.20: what is asked of it is below.
    """
    return build_scene("symmetric_reconversion").with_less_fat(0.15)


SCENES: dict[str, Callable[[], Scene]] = {
    "normal": lambda: build_scene("normal"),
    "edema": lambda: build_scene("focal_edema"),
    "edema on the right": lambda: build_scene("focal_edema", mirrored=True),
    "edema on both sides": lambda: build_scene("bilateral_edema"),
    "red": red,
    "edema in red": lambda: red().with_edema(edema()),
    "edema on both sides in red": lambda: red().with_edema(both_sides()),
    "dark": lambda: painted(marrow(), t1=0.9, stir=1.3),
    "fatty": lambda: painted(marrow(), t1=3.0, stir=0.9),
    "red on the left": lambda: painted(marrow() & LEFT, t1=RED_T1, stir=1.35),
    "dark focus": lambda: painted(focus(), t1=0.8, stir=2.2),
    "no muscle": lambda: build_scene("focal_edema").without_reference("muscle"),
    "no fat": lambda: build_scene("focal_edema").without_reference("fat"),
    "no age": lambda: replace_age("normal", None),
}


def replace_age(name: str, age: float | None) -> Scene:
    return build_scene(name).with_acquisition(patient_age_y=age)


@cache
def called(name: str) -> PatternCall:
    return call(SCENES[name]())


def row(found: PatternCall, criterion_id: str) -> Criterion:
    return next(c for c in found.criteria if c.id == criterion_id)


@pytest.mark.parametrize(
    ("name", "pattern", "confidence"),
    [
        ("normal", "NORMAL_FOR_AGE", "high"),
        ("edema", "FOCAL_EDEMA_LIKE", "high"),
        ("edema on the right", "FOCAL_EDEMA_LIKE", "high"),
        ("edema on both sides", "FOCAL_EDEMA_LIKE", "high"),
        ("red", "SYMMETRIC_RECONVERSION_LIKE", "moderate"),
        ("edema in red", "MIXED", "moderate"),
        ("dark", "RED_FLAG_INFILTRATION_LIKE", "low"),
        ("fatty", "INDETERMINATE", "none"),
        ("red on the left", "INDETERMINATE", "none"),
        ("dark focus", "FOCAL_EDEMA_LIKE", "moderate"),
        ("no muscle", "CANNOT_ASSESS", "none"),
        ("no age", "INDETERMINATE", "none"),
    ],
)
def test_each_pelvis_gets_its_class(name: str, pattern: str, confidence: str) -> None:
    found = called(name)
    assert (found.pattern_class, found.confidence) == (pattern, confidence)
    assert found.reasons


def test_red_marrow_at_the_end_of_the_expected_band_is_never_called_normal_or_edema() -> None:
    found = call(build_scene("symmetric_reconversion"))
    assert found.pattern_class in (PatternClass.SYMMETRIC_RECONVERSION_LIKE, PatternClass.INDETERMINATE)
    assert row(found, "D24.edema.count").value == 0.0
    fat_signal = [c for c in found.criteria if c.id.startswith("D03")]
    assert len(fat_signal) == 4
    assert all(0.1 < c.value < 0.22 for c in fat_signal)


class TestBilateralEdema:
    """Symmetric and bright: the trap of "symmetric means reconversion"."""

    def test_both_sides_are_alike_and_it_is_edema(self) -> None:
        found = called("edema on both sides")
        assert abs(row(found, "D23.edema").value) < 10
        assert {c.state for c in found.criteria if c.id.startswith(("D20.rec", "D21.rec"))} == {P}
        assert found.pattern_class is PatternClass.FOCAL_EDEMA_LIKE
        assert "against a joint surface" in found.reasons[0]

    def test_without_a_known_joint_it_is_not_reconversion(self) -> None:
        scene = SCENES["edema on both sides"]()
        unknown = replace(scene.regions, joint_mask=None, joint_source="not known")
        found = call(replace(scene, regions=unknown)).pattern_class
        assert found in (PatternClass.FOCAL_EDEMA_LIKE, PatternClass.INDETERMINATE)

    def test_in_red_marrow_it_is_not_reconversion_alone(self) -> None:
        found = called("edema on both sides in red")
        assert found.pattern_class in (PatternClass.MIXED, PatternClass.INDETERMINATE)
        assert found.confidence is not Confidence.HIGH


class TestAsymmetry:
    @pytest.mark.parametrize(("half", "sign"), [(LEFT, -1), (~LEFT, 1)], ids=["left", "right"])
    def test_red_marrow_on_either_side_alone_is_no_symmetry(self, half: NDArray[np.bool_], sign: int) -> None:
        scene = build_scene("normal")
        normal = float(np.median(scene.pair.stir.array[scene.marrow.core_mask])) / scene.references.muscle.stir
        found = call(painted(marrow() & half, t1=RED_T1, stir=1.25 * normal))
        t1 = row(found, "D20.reconversion.t1_asymmetry")
        assert np.sign(t1.value) == sign
        assert t1.state is N
        assert row(found, "D21.reconversion.bias_cancelling_asymmetry").state is N
        # brighter on STIR by a quarter, which is 22 percent of the mean of both sides and beyond 15 on either side
        assert row(found, "D20.edema").state is P

    @pytest.mark.parametrize(("name", "value"), [("edema", 100.0), ("edema on the right", -100.0)])
    def test_lesions_of_either_side_alone_are_one_sided(self, name: str, value: float) -> None:
        rated = row(called(name), "D23.edema")
        assert (rated.value, rated.state) == (pytest.approx(value), P)


class TestGates:
    def shut(self, scene: Scene, words: str) -> None:
        found = call(scene)
        assert (found.pattern_class, found.confidence) == (PatternClass.CANNOT_ASSESS, Confidence.NONE)
        assert any(words in reason for reason in found.reasons)
        assert found.add_ons == ()
        # what was measured is still told
        assert len(found.criteria) > 10

    @pytest.mark.parametrize(
        ("series", "words"), [("t1", "the T1 series was acquired"), ("stir", "the STIR series was")]
    )
    def test_contrast(self, series: str, words: str) -> None:
        scene = build_scene("focal_edema")
        volume = getattr(scene.pair, series)
        after = replace(volume, acquisition=replace(volume.acquisition, post_contrast=True))
        self.shut(replace(scene, pair=replace(scene.pair, **{series: after})), words)

    def test_failed_registration(self) -> None:
        scene = build_scene("focal_edema")
        quality = replace(scene.pair.quality, verdict=AlignmentVerdict.FAIL, reason="error of 7 mm")
        self.shut(replace(scene, pair=replace(scene.pair, quality=quality)), "registration failed: error of 7 mm")

    @pytest.mark.parametrize(
        ("verdict", "name", "pattern"),
        [
            (AlignmentVerdict.WARN, "edema", "FOCAL_EDEMA_LIKE"),
            (AlignmentVerdict.WARN, "normal", "NORMAL_FOR_AGE"),
            (AlignmentVerdict.REGION_ONLY, "edema", "INDETERMINATE"),
            (AlignmentVerdict.REGION_ONLY, "normal", "INDETERMINATE"),
            (AlignmentVerdict.REGION_ONLY, "red", "SYMMETRIC_RECONVERSION_LIKE"),
        ],
    )
    def test_a_registration_good_for_regions_only_carries_no_lesions(
        self, verdict: AlignmentVerdict, name: str, pattern: str
    ) -> None:
        scene = SCENES[name]()
        quality = replace(scene.pair.quality, verdict=verdict)
        assert call(replace(scene, pair=replace(scene.pair, quality=quality))).pattern_class == pattern

    @pytest.mark.parametrize("series", ["T1", "STIR"])
    def test_shading_that_no_other_side_cancels(self, series: str) -> None:
        scene = build_scene("normal")
        cut = scene.protocol.bias.warn_residual.value

        def at(residual: float, given_scene: Scene) -> Scene:
            changed = {f"{series.lower()}_residual_bias_fraction": residual}
            return replace(given_scene, references=replace(scene.references, **changed))

        one_sided = replace(scene, regions=replace(scene.regions, regions=scene.regions.regions[::2]))
        self.shut(at(cut + 0.05, one_sided), f"{series} of muscle varies by {cut + 0.05:.0%}")
        assert call(at(cut - 0.01, one_sided)).pattern_class is not PatternClass.CANNOT_ASSESS
        assert call(at(cut + 0.05, scene)).pattern_class is not PatternClass.CANNOT_ASSESS

    def test_no_muscle(self) -> None:
        self.shut(SCENES["no muscle"](), "no lean-muscle reference (only 0.0 mL found)")

    def test_too_little_marrow(self) -> None:
        scene = build_scene("normal")
        tiny = np.zeros(GRID.shape, bool)
        tiny[7].flat[np.flatnonzero(scene.marrow.core_mask[7])[:20]] = True
        self.shut(replace(scene, marrow=replace(scene.marrow, core_mask=tiny)), "marrow could be measured on 1 slice")

    def test_marrow_that_stir_does_not_cover_is_not_called_normal(self) -> None:
        scene = build_scene("normal")
        found = call(replace(scene, pair=replace(scene.pair, covered_mask=~LEFT)))
        assert found.pattern_class is PatternClass.INDETERMINATE
        assert "part of the marrow could not be looked at for lesions" in found.reasons

    def test_several_reasons_are_all_told(self) -> None:
        scene = SCENES["no muscle"]().with_acquisition(post_contrast=True)
        assert len(call(scene).reasons) == 3


class TestFindings:
    def finding(self, severity: Severity) -> Finding:
        return Finding(code="x", stage="s", severity=severity, message="Slices are thick.")

    @pytest.mark.parametrize("severity", [Severity.WARN, Severity.FAIL])
    def test_a_warning_holds_confidence_down_and_the_class_stays(self, severity: Severity) -> None:
        found = call(SCENES["normal"](), self.finding(severity), self.finding(severity))
        assert (found.pattern_class, found.confidence) == (PatternClass.NORMAL_FOR_AGE, Confidence.LOW)
        assert "confidence held down: 1 quality finding, told with the gates and findings" in found.reasons

    def test_information_does_not(self) -> None:
        assert call(SCENES["normal"](), self.finding(Severity.INFO)).confidence is Confidence.HIGH


class TestAge:
    def test_without_age_normality_is_not_judged(self) -> None:
        found = called("no age")
        assert found.pattern_class is not PatternClass.NORMAL_FOR_AGE
        assert "normality cannot be judged without an age" in found.reasons

    def test_children_have_no_band_and_are_never_normal(self) -> None:
        found = call(replace_age("normal", 12.0))
        assert found.pattern_class is PatternClass.INDETERMINATE
        assert any("under age 18" in reason for reason in found.reasons)
        assert all(c.state is CriterionState.NOT_EVALUABLE for c in found.criteria if c.id.startswith("D03"))

    @pytest.mark.parametrize(("age", "band"), [(50.0, "0.2-0.6"), (51.0, "0.3-0.75"), (None, "0.2-0.6")])
    def test_the_expected_band_follows_the_age(self, age: float | None, band: str) -> None:
        found = call(replace_age("normal", age))
        rows = [c for c in found.criteria if c.id.startswith("D03")]
        assert len(rows) == 4
        assert all(f"expected {band}" in c.cut for c in rows)


class TestRows:
    @pytest.mark.parametrize("name", [name for name in SCENES if name != "no muscle"])
    def test_every_criterion_has_value_or_reason_cut_and_source(self, name: str) -> None:
        self.check(called(name))

    def test_and_without_muscle_too(self) -> None:
        self.check(called("no muscle"))

    def check(self, found: PatternCall) -> None:
        assert len({c.id for c in found.criteria}) == len(found.criteria)
        order = [(*GROUPS, "add-on", "gate").index(c.group) for c in found.criteria]
        assert order == sorted(order)
        for c in found.criteria:
            assert c.direction in ("reconversion", "edema", "infiltration", "gate")
            assert c.statement
            assert c.cut
            assert c.unit
            assert (c.value is None) == (c.state is X) or c.id.startswith("gate.")
            if c.value is not None:
                assert c.source
                assert np.isfinite(c.value)
            if c.ci_low is not None:
                assert c.ci_low <= c.value <= c.ci_high

    @pytest.mark.parametrize("name", SCENES)
    def test_groups_sum_up_their_rows(self, name: str) -> None:
        found = called(name)
        assert tuple(g.id for g in found.groups) == GROUPS
        for g in found.groups:
            for direction in ("reconversion", "edema", "infiltration"):
                rows = {c.state for c in found.criteria if (c.group, c.direction) == (g.id, direction)}
                state, score = getattr(g, direction), getattr(g, f"score_{direction}")
                assert state is X or state in rows
                assert (score > 0) == (state is P)
                assert (score < 0) == (state is N)
                assert abs(score) <= 1.0

    def test_only_the_published_ratio_scores_the_cap(self) -> None:
        found = called("dark")
        scores = {(g.id, d): getattr(g, f"score_{d}") for g in found.groups for d in ("reconversion", "infiltration")}
        assert scores[("G1", "infiltration")] == 1.0
        assert {abs(s) for key, s in scores.items() if key != ("G1", "infiltration")} <= {0.0, 0.3}

    def test_the_leading_lesion_is_told_with_its_numbers(self) -> None:
        scene = SCENES["edema"]()
        lesion = scene.measure().lesions[0]
        assert row(called("edema"), "D04.edema").value == lesion.measurement("stir_marrow_to_muscle").value
        assert f"lesion {lesion.label} ({lesion.region_name}" in row(called("edema"), "D04.edema").statement

    @pytest.mark.parametrize("name", SCENES)
    def test_sentences_rest_on_rows_and_probability_on_the_protocol(self, name: str) -> None:
        found = called(name)
        ids = {c.id for c in found.criteria}
        assert found.sentences
        assert all(s.criteria and set(s.criteria) <= ids for s in found.sentences)
        assert (found.confidence_probability is None) == (found.confidence is Confidence.NONE)
        assert len(found.regions) == 4

    def test_no_lesion_is_a_count_of_none(self) -> None:
        assert (row(called("normal"), "D24.edema.count").value, row(called("normal"), "D24.edema.count").state) == (
            0.0,
            N,
        )
        assert row(called("normal"), "D04.edema").state is X


class TestWords:
    def test_the_side_is_the_patients(self) -> None:
        left, right = called("edema").summary, called("edema on the right").summary
        assert "on the left" in left
        assert "on the right" in right
        assert left.replace("left", "right") == right

    @pytest.mark.parametrize("name", SCENES)
    def test_every_class_is_like_and_nothing_is_diagnosed(self, name: str) -> None:
        text = " ".join((called(name).summary, *called(name).reasons)).lower()
        for word in ("diagnos", "osteomyelitis", "leukaemia", "metasta", "100 %", "no fracture"):
            assert word not in text

    def test_prevalence_goes_with_what_healthy_people_show_too(self) -> None:
        assert "healthy" in called("edema").background_prevalence
        assert called("fatty").background_prevalence
        assert called("normal").background_prevalence == ""
        assert called("no muscle").background_prevalence == ""


class TestAddOns:
    def test_edema_deep_from_the_joint(self) -> None:
        assert called("edema").add_ons == ("DEEP_SIJ_EDEMA",)
        assert called("normal").add_ons == ()

    def test_depth_has_to_exceed_its_error(self) -> None:
        scene = SCENES["edema"]()
        quality = replace(scene.pair.quality, estimated_error_mm=6.0)
        assert call(replace(scene, pair=replace(scene.pair, quality=quality))).add_ons == ()

    def test_only_where_the_protocol_has_the_rule(self) -> None:
        scene = SCENES["edema"]()
        without = scene.protocol.model_copy(update={"deep_lesion_rule": False})
        assert call(replace(scene, protocol=without)).add_ons == ()

    def test_high_fat_and_dark_foci_are_flagged(self) -> None:
        assert called("fatty").add_ons == ("HIGH_FAT",)
        assert "LOW_T1_FOCUS_REVIEW" in called("dark focus").add_ons


class TestDiffuseLowT1:
    def test_the_share_of_dark_regions_is_told(self) -> None:
        assert row(called("dark"), "D50.infiltration").value == pytest.approx(100.0)
        assert row(called("normal"), "D50.infiltration").value == 0.0

    @pytest.mark.parametrize("level", [1.02, 1.05, 1.08])
    def test_edema_in_marrow_nearly_as_dark_as_muscle_is_not_named_with_confidence(self, level: float) -> None:
        dark = painted(marrow(), t1=level, stir=1.3)
        bright = dark.pair.stir.array.copy()
        bright[focus()] *= 1.9
        found = call(dark.with_signal(dark.pair.t1.array, bright))
        assert row(found, "D50.infiltration").state is CriterionState.INDETERMINATE
        assert found.pattern_class is PatternClass.INDETERMINATE

    # regions by size of their core: the two largest of four hold more than half of it, the two smallest less
    @pytest.mark.parametrize(
        ("dark_ranks", "grey_ranks", "state"),
        [
            ((0, 1), (), P),
            ((0, 1, 2, 3), (), P),
            ((2, 3), (), N),
            ((0,), (1,), CriterionState.INDETERMINATE),
            ((), (0, 1), CriterionState.INDETERMINATE),
        ],
        ids=str,
    )
    def test_two_regions_and_half_of_the_marrow_make_it_diffuse(
        self, dark_ranks: tuple[int, ...], grey_ranks: tuple[int, ...], state: CriterionState
    ) -> None:
        scene = build_scene("normal")
        regions = scene.regions.labels.array
        by_size = 1 + np.argsort(-np.bincount(regions[scene.marrow.core_mask], minlength=5)[1:])
        dark, grey = by_size[list(dark_ranks)], by_size[list(grey_ranks)]
        t1 = painted(np.isin(regions, dark), t1=0.9, stir=1.3).pair.t1.array.copy()
        where = np.isin(regions, grey)
        t1[where] = painted(where, t1=1.05, stir=1.3).pair.t1.array[where]
        changed = scene.with_signal(t1, scene.pair.stir.array)
        rated = row(call(changed), "D50.infiltration")
        core = regions[changed.marrow.core_mask]
        assert rated.value == pytest.approx(100 * np.isin(core, dark).mean(), abs=0.1)
        assert rated.state is state

    def test_one_dark_region_is_not_diffuse(self) -> None:
        scene = build_scene("normal")
        one = painted(scene.regions.labels.array == 3, t1=0.9, stir=1.3)
        found = call(one)
        assert row(found, "D50.infiltration").state is not P
        assert found.pattern_class not in (PatternClass.RED_FLAG_INFILTRATION_LIKE, PatternClass.NORMAL_FOR_AGE)
