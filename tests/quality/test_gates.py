"""Each gate fires on its artifact and not on the clean twin, and what it forbids is taken out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from scipy import ndimage

from marrowsignal.alignment import t1_alone
from marrowsignal.alignment.records import AlignmentVerdict, BiasModel
from marrowsignal.dicom.records import SeriesPair
from marrowsignal.findings import Finding, Severity
from marrowsignal.geometry import VolumeGeometry
from marrowsignal.intensity import ReferenceVerdict
from marrowsignal.marrow.records import MaskCheck, MaskCheckItem, MaskVerdict
from marrowsignal.phantom.tissues import Species
from marrowsignal.quality import Consequence, GateState, QualityGate, QualityReport, withhold
from marrowsignal.quality.table import GATES
from marrowsignal.signals import Measurement, MeasurementStatus, RegionSignals, Signals
from marrowsignal.signals.records import DroppedCandidate
from tests.quality.studies import checked, headers, told, usual, with_air, with_images
from tests.signals.scene import GRID, Scene, build_scene

W, F, OK, X = GateState.WARN, GateState.FAIL, GateState.PASS, GateState.NOT_EVALUABLE
LEFT = np.broadcast_to(GRID.patient_axis(0) > 0, GRID.shape)
EVENNESS = "fat_suppression_evenness"
Study = tuple[Scene, SeriesPair | None]
# Gates that look at what was measured, not only at images, masks and headers.
ASK_SIGNALS = {"fat_suppression", "marrow_volume", "slice_count", "low_signal_marrow", "residual_shading"}


@cache
def clean() -> QualityReport:
    return checked(told(usual()), headers(told(usual())))


@cache
def measured() -> Signals:
    return usual().measure()


def gate_of(study: Study, key: str, series: str = "") -> QualityGate:
    scene, series_pair = study
    signals = None if key in ASK_SIGNALS else measured()
    return checked(scene, series_pair, signals).gate(key, series)


def scene_with(**changes: object) -> Study:
    return replace(usual(), **changes), None


def references(**changes: object) -> Study:
    return scene_with(references=replace(usual().references, **changes))


def verdict(tissue: str, state: ReferenceVerdict) -> Study:
    return references(**{tissue: replace(getattr(usual().references, tissue), verdict=state, reason="fatty")})


def mask_that(verdict: MaskVerdict) -> Study:
    item = MaskCheckItem(key="open_border", verdict=verdict, value=0.4, unit="fraction", words="40% is open")
    check = MaskCheck(
        verdict=verdict, estimated_dice=0.64, dice_low=0.5, dice_high=0.8, dice_reason="seen", items=(item,)
    )
    return scene_with(marrow=replace(usual().marrow, check=check))


def facts(**changes: object) -> Study:
    return told(usual()).with_acquisition(**changes), None


def facts_of_stir(**changes: object) -> Study:
    scene = told(usual())
    stir = replace(scene.pair.stir, acquisition=replace(scene.pair.stir.acquisition, **changes))
    return replace(scene, pair=replace(scene.pair, stir=stir)), None


def headers_with(t1: dict[str, object], stir: dict[str, object]) -> Study:
    pair = headers(told(usual()))
    return told(usual()), replace(pair, t1=replace(pair.t1, **t1), stir=replace(pair.stir, **stir))


def header_finding(code: str) -> Study:
    found = Finding(code=code, stage="find_series", severity=Severity.WARN, message="Something was told.")
    pair = headers(told(usual()))
    return told(usual()), replace(pair, t1=replace(pair.t1, findings=(found,)), findings=(found,))


def alone() -> Study:
    scene = usual()
    return replace(scene, pair=replace(t1_alone(scene.pair.t1), body_mask=scene.pair.body_mask)), None


def fat_of_stir(times_muscle: float, *, where: np.ndarray | None = None) -> Study:
    scene = usual()
    share = scene.maps.species_fractions[Species.FAT] + scene.maps.species_fractions[Species.MARROW_FAT]
    muscle = scene.references.muscle.stir
    added = times_muscle * muscle * share * (1.0 if where is None else where)
    changed = with_images(scene, stir=scene.pair.stir.array + added)
    if where is not None:
        return changed, None
    fat = replace(scene.references.fat, stir=scene.references.fat.stir + times_muscle * muscle)
    return replace(changed, references=replace(scene.references, fat=fat)), None


def nulled_fat() -> Study:
    scene = usual()
    share = scene.maps.species_fractions[Species.FAT] + scene.maps.species_fractions[Species.MARROW_FAT]
    return with_images(scene, stir=scene.pair.stir.array * (1 - 0.9 * share)), None


def blurred(width_mm: float) -> Study:
    scene = usual()
    sigma = [0, *(width_mm / s for s in GRID.spacing_mm[1:])]
    return with_images(scene, stir=ndimage.gaussian_filter(scene.pair.stir.array, sigma)), None


def odd_slices(factor: float = 1.0, shift_mm: float = 0.0) -> Study:
    scene = usual()
    images = []
    for image in (scene.pair.t1.array, scene.pair.stir.array):
        changed = np.array(image)
        move = [0, shift_mm / GRID.spacing_mm[1], 0]
        changed[1::2] = factor * ndimage.shift(changed[1::2], move, order=1, mode="nearest")
        images.append(changed)
    return with_images(scene, *images), None


def half_moved(shift_mm: float) -> Study:
    scene = usual()
    stir = np.array(scene.pair.stir.array)
    half = len(stir) // 2
    stir[half:] = ndimage.shift(stir[half:], [0, 0, shift_mm / GRID.spacing_mm[2]], order=1, mode="nearest")
    return with_images(scene, stir=stir), None


def slices_times(factor: float, chosen: slice) -> Study:
    scene = usual()
    stir = np.array(scene.pair.stir.array)
    stir[chosen] *= factor
    return with_images(scene, stir=stir), None


def like_t1() -> Study:
    scene = usual()
    tissues = {
        key: replace(getattr(scene.references, key), stir=0.5 * getattr(scene.references, key).t1)
        for key in ("fat", "muscle")
    }
    changed = with_images(scene, stir=0.5 * scene.pair.t1.array)
    return replace(changed, references=replace(scene.references, **tissues)), None


def verdict_of_alignment(state: AlignmentVerdict) -> Study:
    pair = usual().pair
    return scene_with(pair=replace(pair, quality=replace(pair.quality, verdict=state, estimated_error_mm=2.4)))


def covered(share_of_columns: float) -> Study:
    mask = np.broadcast_to(np.arange(GRID.shape[2]) < share_of_columns * GRID.shape[2], GRID.shape)
    return scene_with(pair=replace(usual().pair, covered_mask=np.array(mask)))


def one_side() -> Study:
    regions = usual().regions
    return scene_with(regions=replace(regions, regions=regions.regions[::2]))


def core(voxels: int, slices: int) -> Study:
    scene = usual()
    mask = np.zeros(GRID.shape, bool)
    for k in range(7, 7 + slices):
        mask[k].flat[np.flatnonzero(scene.marrow.core_mask[k])[: voxels // slices]] = True
    return scene_with(marrow=replace(scene.marrow, core_mask=mask))


def beside_the_isocentre(tag: str) -> Study:
    scene, pair = headers_with({"laterality": tag}, {"laterality": tag})
    affine = np.array(GRID.affine_lps)
    affine[0, 3] += 400.0
    t1 = replace(scene.pair.t1, geometry=VolumeGeometry(affine_lps=affine, shape=GRID.shape))
    return replace(scene, pair=replace(scene.pair, t1=t1)), pair


def metal(share_of_left: float) -> Study:
    scene = usual()
    marrow = scene.marrow.labels.mask & LEFT
    mask = np.zeros(GRID.shape, bool)
    mask.flat[np.flatnonzero(marrow)[: int(share_of_left * marrow.sum())]] = True
    return scene_with(pair=replace(scene.pair, metal_mask=mask))


def void_at_edge() -> Study:
    found = Finding(code="void_at_edge", stage="mark_metal", severity=Severity.WARN, message="A void at the edge.")
    return scene_with(pair=replace(usual().pair, metal_mask=np.zeros(GRID.shape, bool), findings=(found,)))


def dark_marrow() -> Study:
    scene = usual()
    factor = np.where(scene.marrow.labels.mask, 0.35, 1.0)
    return with_images(scene, scene.pair.t1.array * factor, scene.pair.stir.array * factor), None


def no_level() -> Study:
    found = Finding(code="no_normal_level", stage="measure_signals", severity=Severity.FAIL, message="No level.")
    return scene_with(pair=replace(usual().pair, findings=(found,)))


# One study for each state that a gate knows: the artifact, the series it is on, the state, what it forbids.
CASES: dict[str, list[tuple[Callable[[], Study], str, GateState, Consequence]]] = {
    "stir_series": [(alone, "", F, Consequence.NO_ASSESSMENT)],
    "one_person": [(lambda: header_finding("persons_differ"), "", F, Consequence.NO_ASSESSMENT)],
    "contrast": [
        (lambda: facts(post_contrast=True), "T1", F, Consequence.NO_ASSESSMENT),
        (lambda: facts(post_contrast=True), "STIR", F, Consequence.NO_ASSESSMENT),
        (lambda: header_finding("maybe_after_contrast"), "T1", W, Consequence.LOWERS_CONFIDENCE),
    ],
    "t1_fat_suppression": [(lambda: facts(fat_suppressed=True), "T1", F, Consequence.NO_ASSESSMENT)],
    "field_strength": [
        (lambda: facts_of_stir(magnetic_field_strength_t=3.0), "", W, Consequence.LOWERS_CONFIDENCE),
        (lambda: facts(magnetic_field_strength_t=0.7), "", W, Consequence.LOWERS_CONFIDENCE),
        (lambda: facts(magnetic_field_strength_t=None), "", X, Consequence.NONE),
    ],
    "age": [
        (lambda: facts(patient_age_y=12.0), "", W, Consequence.NONE),
        (lambda: facts(patient_age_y=None), "", X, Consequence.NONE),
    ],
    "fat_suppression": [
        (lambda: (replace(fat_of_stir(1.0)[0], maps=usual().maps), None), "STIR", F, Consequence.NO_STIR),
        (like_t1, "STIR", F, Consequence.NO_STIR),
    ],
    "fat_suppression_evenness": [
        (lambda: fat_of_stir(2.0, where=LEFT), "STIR", W, Consequence.LOWERS_CONFIDENCE),
        (lambda: fat_of_stir(5.0, where=LEFT), "STIR", F, Consequence.NO_STIR),
    ],
    "inversion_time": [
        (lambda: facts(inversion_time_ms=210.0), "STIR", W, Consequence.LOWERS_CONFIDENCE),
        (lambda: facts(inversion_time_ms=90.0), "STIR", W, Consequence.LOWERS_CONFIDENCE),
        (lambda: facts(inversion_time_ms=None), "STIR", X, Consequence.NONE),
    ],
    "nulled_fat": [(nulled_fat, "STIR", W, Consequence.LOWERS_CONFIDENCE)],
    "ghosts": [
        (lambda: (with_air(usual(), ghost=0.07), None), "T1", W, Consequence.LOWERS_CONFIDENCE),
        (lambda: (with_air(usual(), ghost=0.2), None), "STIR", F, Consequence.NO_LESIONS),
    ],
    "edge_sharpness": [
        (lambda: blurred(4.0), "", W, Consequence.LOWERS_CONFIDENCE),
        (lambda: blurred(7.0), "", F, Consequence.NO_LESIONS),
    ],
    "slice_jumps": [
        (lambda: odd_slices(factor=1.09), "T1", W, Consequence.LOWERS_CONFIDENCE),
        (lambda: odd_slices(factor=1.2), "STIR", F, Consequence.NO_LESIONS),
        (lambda: slices_times(0.3, slice(9, 10)), "STIR", F, Consequence.NO_LESIONS),
        (lambda: slices_times(1.3, slice(8, None)), "STIR", W, Consequence.LOWERS_CONFIDENCE),
        (lambda: slices_times(0.0, slice(None)), "STIR", X, Consequence.NONE),
    ],
    "slice_shift": [
        (lambda: odd_slices(shift_mm=1.6), "STIR", W, Consequence.LOWERS_CONFIDENCE),
        (lambda: odd_slices(shift_mm=4.0), "T1", F, Consequence.NO_LESIONS),
        (lambda: half_moved(8.0), "STIR", F, Consequence.NO_LESIONS),
        (lambda: slices_times(0.0, slice(None)), "STIR", X, Consequence.NONE),
    ],
    "residual_shading": [
        (lambda: references(t1_residual_bias_fraction=0.07), "T1", W, Consequence.LOWERS_CONFIDENCE),
        (lambda: references(stir_residual_bias_fraction=0.14), "STIR", F, Consequence.LOWERS_CONFIDENCE),
        (lambda: references(stir_residual_bias_fraction=None), "STIR", X, Consequence.LOWERS_CONFIDENCE),
    ],
    "fat_to_muscle": [
        (
            lambda: references(fat=replace(usual().references.fat, t1=4.2 * usual().references.muscle.t1)),
            "T1",
            W,
            Consequence.LOWERS_CONFIDENCE,
        )
    ],
    "normalization": [
        (lambda: facts_of_stir(image_type=("ORIGINAL", "PRIMARY", "M")), "", W, Consequence.LOWERS_CONFIDENCE)
    ],
    "slice_thickness": [(lambda: facts(slice_thickness_mm=5.0), "T1", W, Consequence.LOWERS_CONFIDENCE)],
    "slice_gap": [
        (lambda: facts(slice_thickness_mm=3.0), "T1", W, Consequence.LOWERS_CONFIDENCE),
        (lambda: facts(slice_thickness_mm=2.5), "T1", F, Consequence.NO_LESIONS),
    ],
    "alignment": [
        (lambda: verdict_of_alignment(AlignmentVerdict.WARN), "", W, Consequence.LOWERS_CONFIDENCE),
        (lambda: verdict_of_alignment(AlignmentVerdict.REGION_ONLY), "", F, Consequence.NO_LESIONS),
        (lambda: verdict_of_alignment(AlignmentVerdict.FAIL), "", F, Consequence.NO_ASSESSMENT),
    ],
    "coverage": [
        (lambda: covered(0.6), "", W, Consequence.LOWERS_CONFIDENCE),
        (lambda: covered(0.4), "", F, Consequence.NO_STIR),
    ],
    "both_sides": [(one_side, "", F, Consequence.NO_SYMMETRY)],
    "laterality": [
        (lambda: headers_with({"laterality": "L"}, {"laterality": "R"}), "", F, Consequence.NO_ASSESSMENT),
        (lambda: beside_the_isocentre("R"), "", F, Consequence.NO_ASSESSMENT),
        (lambda: beside_the_isocentre("L"), "", OK, Consequence.NONE),
    ],
    "patient_position": [(lambda: facts_of_stir(patient_position="HFP"), "", F, Consequence.LOWERS_CONFIDENCE)],
    "marrow_mask": [
        (lambda: mask_that(MaskVerdict.WARN), "", W, Consequence.LOWERS_CONFIDENCE),
        (lambda: mask_that(MaskVerdict.FAIL), "", F, Consequence.NO_ASSESSMENT),
        (lambda: mask_that(MaskVerdict.PASS), "", OK, Consequence.NONE),
        (lambda: scene_with(marrow=replace(usual().marrow, check=None)), "", X, Consequence.NONE),
    ],
    "marrow_volume": [
        (lambda: core(24, 4), "", W, Consequence.LOWERS_CONFIDENCE),
        (lambda: core(8, 4), "", F, Consequence.NO_ASSESSMENT),
    ],
    "slice_count": [
        (lambda: core(200, 2), "", W, Consequence.LOWERS_CONFIDENCE),
        (lambda: core(100, 1), "", F, Consequence.NO_ASSESSMENT),
    ],
    "metal": [
        (lambda: metal(0.05), "", W, Consequence.LOWERS_CONFIDENCE),
        (lambda: metal(0.38), "", F, Consequence.NO_SYMMETRY),
        (lambda: metal(0.9), "", F, Consequence.NO_ASSESSMENT),
        (lambda: scene_with(pair=replace(usual().pair, metal_mask=None)), "", X, Consequence.NONE),
        (void_at_edge, "", W, Consequence.LOWERS_CONFIDENCE),
    ],
    "muscle_reference": [
        (lambda: verdict("muscle", ReferenceVerdict.WARN), "", W, Consequence.LOWERS_CONFIDENCE),
        (lambda: verdict("muscle", ReferenceVerdict.FAIL), "", F, Consequence.NO_ASSESSMENT),
    ],
    "fat_reference": [(lambda: verdict("fat", ReferenceVerdict.FAIL), "", F, Consequence.LOWERS_CONFIDENCE)],
    "normal_marrow_reference": [
        (lambda: verdict("normal_marrow", ReferenceVerdict.WARN), "", W, Consequence.LOWERS_CONFIDENCE)
    ],
    "normal_level": [(no_level, "STIR", F, Consequence.NO_ASSESSMENT)],
    "low_signal_marrow": [(dark_marrow, "", W, Consequence.LOWERS_CONFIDENCE)],
    "noise": [
        (lambda: references(noise_t1=usual().references.muscle.t1 / 6), "T1", W, Consequence.LOWERS_CONFIDENCE),
        (lambda: references(noise_stir=usual().references.muscle.stir / 3), "STIR", F, Consequence.NO_LESIONS),
    ],
}


def test_every_gate_of_the_table_has_its_artifact_here() -> None:
    assert set(CASES) == {row.key for row in GATES}
    fired = {key: {state for _, _, state, _ in cases} for key, cases in CASES.items()}
    for row in GATES:
        assert W in fired[row.key] or F in fired[row.key]
        assert not (F in fired[row.key] and not row.fails)


@pytest.mark.parametrize(
    ("key", "number"), [(key, number) for key, cases in CASES.items() for number in range(len(cases))]
)
def test_a_gate_fires_on_its_artifact_and_not_on_the_clean_twin(key: str, number: int) -> None:
    make, series, state, consequence = CASES[key][number]
    found = gate_of(make(), key, series)
    assert (found.state, found.consequence) == (state, consequence), found.reason
    assert found.reason
    twin = clean().gate(key, series)
    assert twin.state in (OK, X)
    assert twin.consequence is Consequence.NONE


def test_no_gate_fires_on_the_clean_study() -> None:
    assert [(g.key, g.series, g.reason) for g in clean().gates if g.state in (W, F)] == []


def test_ghosts_pass_in_air_with_noise_alone() -> None:
    for series in ("T1", "STIR"):
        for noise in (0.02, 0.05, 0.1):
            found = gate_of((with_air(usual(), noise=noise), None), "ghosts", series)
            assert found.state is OK, found.reason


class TestTable:
    def test_every_gate_is_there_once_in_the_order_of_the_table(self) -> None:
        declared = [(row.key, series) for row in GATES for series in row.series]
        assert [(g.key, g.series) for g in clean().gates] == declared
        assert len(set(declared)) == len(declared)

    @pytest.mark.parametrize("row", GATES, ids=lambda row: row.key)
    def test_every_gate_says_what_when_and_from_where(self, row) -> None:  # type: ignore[no-untyped-def]
        limit = row.limit(usual().protocol)
        assert row.name
        assert row.source
        assert "warns" in limit or "fails" in limit
        assert "{" not in limit

    def test_a_value_has_a_unit(self) -> None:
        assert all(g.unit for g in clean().gates if g.value is not None)

    def test_what_cannot_be_evaluated_says_why_and_has_no_value(self) -> None:
        report = checked(alone()[0])
        silent = [g for g in report.gates if g.state is X]
        assert {g.key for g in silent} > {"fat_suppression", "alignment", "coverage", "inversion_time", "noise"}
        assert all(g.reason and g.value is None for g in silent)

    def test_limits_follow_the_protocol(self) -> None:
        scene = usual()
        stricter = scene.protocol.quality.snr_warn.model_copy(update={"value": 1e6})
        quality = scene.protocol.quality.model_copy(update={"snr_warn": stricter})
        report = checked(replace(scene, protocol=scene.protocol.model_copy(update={"quality": quality})))
        assert report.gate("noise", "T1").state is W
        assert "1e+06" in report.gate("noise", "T1").limit


class TestShading:
    @pytest.mark.parametrize(("left", "state"), [(0.05, OK), (0.0501, W), (0.10, W), (0.1001, F)])
    def test_a_value_at_the_limit_is_still_good(self, left: float, state: GateState) -> None:
        assert gate_of(references(t1_residual_bias_fraction=left), "residual_shading", "T1").state is state

    def test_the_tissue_that_varies_most_on_t1_is_named(self) -> None:
        fat = replace(usual().references.fat, t1_sector_variation_fraction=0.12, stir_sector_variation_fraction=0.2)
        scene = references(fat=fat, t1_residual_bias_fraction=0.07, stir_residual_bias_fraction=0.03)
        assert "T1 of fat varies by 12%" in gate_of(scene, "residual_shading", "T1").reason
        # fat's STIR follows its suppression
        assert gate_of(scene, "residual_shading", "STIR").state is OK

    def test_a_refused_muscle_tells_no_shading(self) -> None:
        scene = verdict("muscle", ReferenceVerdict.FAIL)
        assert gate_of(scene, "residual_shading", "T1").state is X

    def test_the_ratio_that_muscle_was_refused_for_is_told(self) -> None:
        muscle = replace(usual().references.muscle, t1=None, stir=None, verdict=ReferenceVerdict.FAIL)
        found = gate_of(references(muscle=muscle, refused_fat_to_muscle=1.3), "fat_to_muscle", "T1")
        assert (found.state, found.value) == (W, 1.3)

    def test_without_another_side_nothing_is_assessed(self) -> None:
        scene = references(stir_residual_bias_fraction=0.14)[0]
        one_sided = replace(scene, regions=one_side()[0].regions)
        found = gate_of((one_sided, None), "residual_shading", "STIR")
        assert found.consequence is Consequence.NO_ASSESSMENT

    def test_a_symmetry_that_metal_forbids_excuses_nothing(self) -> None:
        scene = metal(0.38)[0]
        shaded = replace(scene, references=replace(scene.references, stir_residual_bias_fraction=0.14))
        found = gate_of((shaded, None), "residual_shading", "STIR")
        assert (found.state, found.consequence) == (F, Consequence.NO_ASSESSMENT)
        assert "withheld" in found.reason

    def test_uneven_fat_is_no_failure_where_only_one_series_is_normalised(self) -> None:
        scene = fat_of_stir(5.0, where=LEFT)[0]
        t1, stir = (
            replace(v, acquisition=replace(v.acquisition, image_type=("ORIGINAL", "PRIMARY", "M", *norm)))
            for v, norm in ((scene.pair.t1, ("NORM",)), (scene.pair.stir, ()))
        )
        found = gate_of((replace(scene, pair=replace(scene.pair, t1=t1, stir=stir)), None), EVENNESS, "STIR")
        assert (found.state, found.consequence) == (W, Consequence.LOWERS_CONFIDENCE)

    def test_shading_of_both_series_is_no_failing_suppression(self) -> None:
        scene = usual()
        field = np.where(LEFT, 4.0, 1.0).astype(np.float32)
        pair = replace(scene.pair, bias=BiasModel(t1_field=field, stir_field=field))
        assert gate_of((replace(scene, pair=pair), None), "fat_suppression_evenness", "STIR").state is OK

    def test_suppression_taken_for_shading_is_still_seen(self) -> None:
        scene = usual()
        field = np.where(LEFT, 4.0, 1.0).astype(np.float32)
        pair = replace(scene.pair, bias=BiasModel(t1_field=np.ones_like(field), stir_field=field))
        assert gate_of((replace(scene, pair=pair), None), "fat_suppression_evenness", "STIR").state is F


def test_a_surely_dark_region_is_told_beside_a_darker_one_that_is_unsure() -> None:
    scene, signals = usual(), measured()
    spans = ((0.45, 0.30, 0.62), (0.50, 0.48, 0.52))
    dark = tuple(_with_sum(region, *span) for region, span in zip(signals.regions, spans, strict=False))
    found = checked(scene, None, replace(signals, regions=dark)).gate("low_signal_marrow")
    assert (found.state, found.value) == (W, 0.50)


def _with_sum(region: RegionSignals, value: float, low: float, high: float) -> RegionSignals:
    return replace(
        region,
        measurements=tuple(
            replace(m, value=value, ci_low=low, ci_high=high) if m.name == "abundance_sum" else m
            for m in region.measurements
        ),
    )


def test_an_error_of_alignment_without_bound_is_no_missing_number() -> None:
    pair = usual().pair
    quality = replace(pair.quality, verdict=AlignmentVerdict.FAIL, estimated_error_mm=None)
    found = gate_of(scene_with(pair=replace(pair, quality=quality)), "alignment")
    assert (found.state, found.value) == (F, np.inf)


def test_volume_and_slices_of_marrow_are_told_apart() -> None:
    told_by = {key: clean().gate(key).reason for key in ("marrow_volume", "slice_count")}
    assert "slice" not in told_by["marrow_volume"]
    assert "mL" not in told_by["slice_count"]


class TestWithhold:
    def report(self, consequence: Consequence) -> QualityReport:
        first = clean().gates[0]
        return QualityReport(gates=(replace(first, consequence=consequence, reason="the gate's reason"),))

    def test_open_gates_take_nothing(self) -> None:
        signals = usual().measure()
        kept = withhold(signals, clean())
        assert kept.regions == signals.regions
        assert kept.lesions == signals.lesions

    def test_without_stir_only_t1_is_left(self) -> None:
        kept = withhold(usual().measure(), self.report(Consequence.NO_STIR))
        assert kept.lesions is None
        assert kept.lesion_labels is None
        assert kept.lesions_reason == "the gate's reason"
        for region in (kept.whole, *kept.regions):
            left = {m.name for m in region.measurements if m.value is not None}
            assert {"t1_marrow_to_muscle", "fat_signal_index"} <= left
            assert not any("stir" in name or "excess" in name for name in left)
            assert region.lesion_ml is None
        assert {m.name for row in kept.symmetry for m in row.measurements if m.value is not None} <= {
            "t1_asymmetry",
            "fat_signal_difference",
            "red_like_mirror_dice",
        }

    def test_without_lesions_the_medians_stay(self) -> None:
        signals = usual().measure()
        kept = withhold(signals, self.report(Consequence.NO_LESIONS))
        assert kept.lesions is None
        assert kept.whole.measurement("stir_marrow_to_muscle") == signals.whole.measurement("stir_marrow_to_muscle")
        assert kept.regions[0].measurement("lesion_extent").status is MeasurementStatus.NOT_EVALUABLE
        # They were taken without what is not told as a lesion now.
        names = {kept.whole.name, *(row.name for row in kept.symmetry if row.key == "background")}
        assert names == {"whole marrow without what stood out on STIR"}

    def test_what_was_dropped_and_counted_goes_with_the_lesions(self) -> None:
        candidate = DroppedCandidate(
            kind="vessel", reason="4 mm", volume_ml=0.2, region_name="sacrum", centroid_lps_mm=(0.0, 0.0, 0.0)
        )
        counted = Measurement(id="D42", name="charcot_bones", value=2.0)
        signals = usual().measure()
        signals = replace(signals, dropped=(candidate,), distribution=(*signals.distribution, counted))
        assert withhold(signals, clean()).dropped == (candidate,)
        for consequence in (Consequence.NO_LESIONS, Consequence.NO_STIR):
            kept = withhold(signals, self.report(consequence))
            assert kept.dropped == ()
            assert kept.distribution[-1].value is None
            assert kept.distribution[-1].reason == "the gate's reason"
            assert kept.distribution[:-1] == signals.distribution[:-1]

    def test_dark_foci_are_of_t1(self) -> None:
        signals = build_scene("focal_edema").measure()
        signals = replace(signals, dark_foci=signals.lesions, dark_labels=signals.lesion_labels)
        kept = withhold(signals, self.report(Consequence.NO_STIR))
        assert len(kept.dark_foci) == len(signals.lesions) > 0
        for focus, before in zip(kept.dark_foci, signals.lesions, strict=True):
            assert focus.volume_ml == before.volume_ml
            left = {m.name for m in focus.measurements if m.value is not None}
            assert {"t1_marrow_to_muscle", "sphere_diameter"} <= left
            of_stir = {"excess_index", "excess_water", "fat_water_ratio", "halo_ratio", "edge_width_stir"}
            assert not any("stir_marrow" in name for name in left) and not left & of_stir
        for series, remain in (("STIR", True), ("", True), ("T1", False)):
            report = self.report(Consequence.NO_LESIONS)
            kept = withhold(signals, QualityReport(gates=(replace(report.gates[0], series=series),)))
            assert (kept.dark_foci is not None) == (kept.dark_labels is not None) == remain

    def test_without_symmetry_no_side_is_compared(self) -> None:
        signals = usual().measure()
        kept = withhold(signals, self.report(Consequence.NO_SYMMETRY))
        assert all(m.value is None and m.reason for row in kept.symmetry for m in row.measurements)
        assert kept.regions == signals.regions


def test_a_finding_that_a_gate_tells_is_not_told_twice() -> None:
    def finding(code: str) -> Finding:
        return Finding(code=code, stage="s", severity=Severity.WARN, message="m.")

    both = (finding("reference_muscle"), finding("several_pairs"))
    fired = checked(verdict("muscle", ReferenceVerdict.WARN)[0])
    assert fired.untold(both) == both[1:]
    assert clean().untold(both) == both


def test_a_mirrored_patient_has_the_same_gates() -> None:
    one, other = (checked(build_scene("focal_edema", mirrored=flag)) for flag in (False, True))
    assert [(g.key, g.series, g.state) for g in one.gates] == [(g.key, g.series, g.state) for g in other.gates]
