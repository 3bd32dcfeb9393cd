"""Everything measured at once, on a pelvis whose tissue is known voxel by voxel."""

from __future__ import annotations

import itertools
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from marrowsignal.intensity import ReferenceVerdict
from marrowsignal.marrow import MarrowMask
from marrowsignal.phantom.tissues import STIR_1_5T, T1_TSE_1_5T, Sequence, Species, signals
from marrowsignal.regions import Side
from marrowsignal.results.descriptors import LESION_DESCRIPTORS, REGION_DESCRIPTORS, SYMMETRY_DESCRIPTORS
from marrowsignal.signals import Measurement, MeasurementStatus, RegionSignals, Signals
from tests.alignment.pelvis import lean_muscle
from tests.signals.scene import GRID, Scene, build_scene, dice, mirror_columns

NAMES = ("focal_edema", "normal", "symmetric_reconversion")
OTHER = {Side.LEFT: Side.RIGHT, Side.RIGHT: Side.LEFT, Side.NONE: Side.NONE}


@cache
def measured(name: str, mirrored: bool = False) -> Signals:
    return build_scene(name, mirrored=mirrored).measure()


def region(found: Signals, key: str, side: Side) -> RegionSignals:
    return next(r for r in found.regions if (r.key, r.side) == (key, side))


def every_measurement(found: Signals) -> dict[tuple[str, object, str], Measurement]:
    rows = [*((r.key, r.side, r) for r in (found.whole, *found.regions))]
    rows += [("lesion", x.label, x) for x in found.lesions] + [("symmetry", y.key, y) for y in found.symmetry]
    return {(kind, which, m.name): m for kind, which, row in rows for m in row.measurements}


def true_ratio(sequence: Sequence, scene: Scene, where: np.ndarray) -> float:
    """Marrow over muscle from composition alone: no image, no median of an image."""
    species = signals(sequence)
    maps = scene.maps
    fat, bone = (float(share[where].mean(dtype=float)) for share in (maps.fat_fraction, maps.bone_fraction))
    marrow = (1 - bone) * abs(fat * species[Species.MARROW_FAT] + (1 - fat) * species[Species.MARROW_WATER])
    # what streaks of fat reach into a muscle voxel is skewed: its median, not its mean
    lean = np.median(np.abs(species @ maps.species_fractions[:, lean_muscle(maps)].astype(float)))
    return float(marrow / lean)


class TestRegions:
    @pytest.mark.parametrize("name", NAMES)
    @pytest.mark.parametrize(("key", "side"), list(itertools.product(("sacrum", "ilium"), (Side.LEFT, Side.RIGHT))))
    def test_ratios_to_muscle_are_those_of_the_tissue(self, name: str, key: str, side: Side) -> None:
        scene, found = build_scene(name), region(measured(name), key, side)
        labels = scene.regions.labels.array
        where = scene.marrow.core_mask & (labels == found.region_label) & (scene.maps.edema_fraction < 0.01)
        # composition varies by 0.03 in fat and 0.02 in bone over a region: its median is within 1 % of its mean
        t1, stir = found.measurement("t1_marrow_to_muscle"), found.measurement("stir_marrow_to_muscle")
        assert t1.value == pytest.approx(true_ratio(T1_TSE_1_5T, scene, where), rel=0.01)
        assert stir.value == pytest.approx(true_ratio(STIR_1_5T, scene, where), rel=0.01)
        assert (t1.status, t1.reason) == (MeasurementStatus.MEASURED, "")

    @pytest.mark.parametrize("name", NAMES)
    def test_sizes_add_up(self, name: str) -> None:
        scene, found = build_scene(name), measured(name)
        assert sum(r.core_voxels for r in found.regions) == found.whole.core_voxels
        assert sum(r.lesion_ml for r in found.regions) == pytest.approx(found.whole.lesion_ml)
        assert sum(x.volume_ml for x in found.lesions) == pytest.approx(found.whole.lesion_ml)
        for r in found.regions:
            assert r.core_volume_ml == pytest.approx(r.core_voxels * GRID.voxel_ml)
            extent = 100 * r.lesion_ml / scene.regions.regions[r.region_label - 1].volume_ml
            assert r.measurement("lesion_extent").value == pytest.approx(extent)

    def test_red_marrow_is_red_like_and_normal_marrow_is_not(self) -> None:
        # red marrow has islands of fat, and normal marrow of 0.37 fat signal is below the cut of 0.25 in spots
        assert measured("symmetric_reconversion").whole.measurement("red_like_extent").value > 80
        assert measured("normal").whole.measurement("red_like_extent").value < 20

    def test_lesions_are_taken_out_of_region_ratios(self) -> None:
        # the left ilium with edema reads like the same ilium without it
        hurt, well = (region(measured(n), "ilium", Side.LEFT) for n in ("focal_edema", "normal"))
        for name in ("t1_marrow_to_muscle", "stir_marrow_to_muscle"):
            assert hurt.measurement(name).value == pytest.approx(well.measurement(name).value, rel=0.01)
        assert hurt.core_voxels < well.core_voxels

    def test_maps_hold_marrow_only(self) -> None:
        scene, found = build_scene("normal"), measured("normal")
        inside = scene.marrow.labels.mask
        for image in (found.fat_signal_index, found.excess_index):
            np.testing.assert_array_equal(np.isfinite(image), inside)
        index = found.whole.measurement("fat_signal_index").value
        assert np.median(found.fat_signal_index[scene.marrow.core_mask]) == pytest.approx(index, abs=1e-5)


class TestLesions:
    def test_edema_is_found_where_it_is(self) -> None:
        scene, found = build_scene("focal_edema"), measured("focal_edema")
        # edema fades over 6 mm, two voxels: what counts as its edge is worth 0.1 to 0.2 of Dice
        assert dice(found.lesion_labels.mask, scene.maps.lesion.mask) > 0.75
        assert {x.side for x in found.lesions} == {Side.LEFT}
        assert {x.region_key for x in found.lesions} == {"sacrum", "ilium"}
        for x in found.lesions:
            truth = scene.maps.lesion.mask & (
                scene.regions.labels.array == region(found, x.region_key, x.side).region_label
            )
            centre = GRID.to_patient(np.argwhere(truth)).mean(axis=0)
            assert np.linalg.norm(np.subtract(x.centroid_lps_mm, centre)) < max(GRID.spacing_mm)

    def test_lesion_records_agree_with_the_label_map(self) -> None:
        found = measured("focal_edema")
        labels = found.lesion_labels.array
        assert [x.label for x in found.lesions] == [1, 2]
        assert found.lesions[0].volume_ml >= found.lesions[1].volume_ml
        for x in found.lesions:
            index = np.argwhere(labels == x.label)
            assert (x.voxels, x.volume_ml) == (len(index), pytest.approx(len(index) * GRID.voxel_ml))
            assert (x.first_slice, x.last_slice) == (index[:, 0].min(), index[:, 0].max())
            assert x.slices == len(np.unique(index[:, 0]))
            assert x.centroid_lps_mm == pytest.approx(tuple(GRID.to_patient(index).mean(axis=0)))
            diameter = x.measurement("sphere_diameter").value
            assert np.pi / 6 * diameter**3 / 1000 == pytest.approx(x.volume_ml)

    @pytest.mark.parametrize(
        ("kept", "key", "name"),
        [(0.6, "ilium", "ilium, left"), (0.2, "ilium", "ilium, left"), (0.0, "", "outside the named regions")],
    )
    def test_a_lesion_belongs_to_the_named_region_that_holds_most_of_it(self, kept: float, key: str, name: str) -> None:
        # regions that leave out a part of the lesion of the ilium, as masks of single bones may
        scene, whole = build_scene("focal_edema"), measured("focal_edema")
        lesion = next(x for x in whole.lesions if x.region_key == "ilium")
        labels = scene.regions.labels.array.copy()
        where = np.flatnonzero(whole.lesion_labels.array == lesion.label)
        labels.flat[where[round(kept * len(where)) :]] = 0
        regions = replace(scene.regions, labels=replace(scene.regions.labels, array=labels))
        again = replace(scene, regions=regions).measure().lesions[lesion.label - 1]
        assert (again.region_key, again.region_name, again.side) == (key, name, Side.LEFT)

    def test_edema_is_brighter_on_stir_and_darker_on_t1(self) -> None:
        scene, found = build_scene("focal_edema"), measured("focal_edema")
        muscle = scene.references.muscle
        for x in found.lesions:
            where = found.lesion_labels.array == x.label
            assert x.measurement("stir_marrow_to_muscle").value == pytest.approx(
                np.median(scene.pair.stir.array[where]) / muscle.stir
            )
            assert x.measurement("stir_marrow_to_muscle").value > 1.6
            assert x.measurement("excess_water").value > 1.4
            assert x.measurement("t1_to_surround").value < 0.9

    def test_no_lesion_in_normal_and_in_red_marrow(self) -> None:
        for name in ("normal", "symmetric_reconversion"):
            assert measured(name).lesions == ()
            assert not measured(name).lesion_labels.mask.any()

    def test_fluid_is_no_lesion(self) -> None:
        scene = build_scene("normal")
        cyst = np.zeros(GRID.shape, bool)
        core = np.argwhere(scene.marrow.core_mask & (scene.regions.labels.array == 3))
        s, r, c = core[len(core) // 2]
        cyst[s - 1 : s + 2, r - 3 : r + 4, c - 3 : c + 4] = True
        muscle = scene.references.muscle
        t1, stir = scene.pair.t1.array.copy(), scene.pair.stir.array.copy()
        t1[cyst], stir[cyst] = 0.9 * muscle.t1, 8.0 * muscle.stir
        fluid = scene.with_signal(t1, stir).measure()
        assert (fluid.lesion_labels.mask & cyst).sum() == 0
        stir[cyst] = 3.0 * muscle.stir
        edema = scene.with_signal(t1, stir).measure()
        assert (edema.lesion_labels.mask & cyst).sum() > 0.9 * (cyst & scene.marrow.labels.mask).sum()

    def test_distances_are_not_evaluable_without_a_joint(self) -> None:
        scene = build_scene("focal_edema")
        unknown = replace(scene.regions, joint_mask=None, joint_source="not known: the mask does not tell bones apart")
        for x in replace(scene, regions=unknown).measure().lesions:
            for name in ("joint_distance", "subchondral_share", "depth_from_joint", "homogeneity"):
                m = x.measurement(name)
                assert (m.value, m.status) == (None, MeasurementStatus.NOT_EVALUABLE)
                assert "the mask does not tell bones apart" in m.reason
        for x in measured("focal_edema").lesions:
            assert x.measurement("joint_distance").value <= 3 * max(GRID.spacing_mm[1:])

    def test_what_the_stir_series_does_not_cover_is_no_lesion(self) -> None:
        scene = build_scene("focal_edema")
        left = np.broadcast_to(GRID.patient_axis(0) > 0, GRID.shape)
        cut = replace(scene, pair=replace(scene.pair, covered_mask=~left)).measure()
        assert cut.lesions == ()


class TestSymmetry:
    def test_normal_marrow_is_alike_on_both_sides(self) -> None:
        for row in measured("normal").symmetry:
            for name in ("t1_asymmetry", "stir_asymmetry", "bias_cancelling_asymmetry"):
                assert abs(row.measurement(name).value) < 2
            assert row.measurement("lesion_volume_asymmetry").value is None

    def test_red_marrow_covers_its_mirror_image(self) -> None:
        rows = {row.key: row for row in measured("symmetric_reconversion").symmetry}
        assert list(rows) == ["all", "background", "sacrum", "ilium"]
        # people are not their own mirror image: outlines differ by a voxel or two, islands of fat altogether
        assert all(row.measurement("red_like_mirror_dice").value > 0.75 for row in rows.values())

    def test_red_marrow_on_one_side_does_not(self) -> None:
        scene, red = build_scene("normal"), build_scene("symmetric_reconversion")
        left = np.broadcast_to(GRID.patient_axis(0) > 0, GRID.shape)
        half = scene.with_signal(
            np.where(left, red.pair.t1.array, scene.pair.t1.array),
            np.where(left, red.pair.stir.array, scene.pair.stir.array),
        ).measure()
        row = half.symmetry[1]
        # the spots of red marrow on the normal side, an eighth of it, find themselves on the other one
        assert row.measurement("red_like_mirror_dice").value < 0.4
        assert row.measurement("t1_asymmetry").ci_high < -15

    def test_left_edema_is_left(self) -> None:
        asymmetry = measured("focal_edema").symmetry[0].measurement("lesion_volume_asymmetry")
        assert asymmetry.value == pytest.approx(100)


class TestMirror:
    """The same patient in a mirror: sides change, nothing else."""

    # the two anatomies are sampled in float32 and differ in the last digits
    CLOSE = 1e-4

    def test_every_region_becomes_the_one_on_the_other_side(self) -> None:
        here, there = measured("focal_edema"), measured("focal_edema", mirrored=True)
        for r in here.regions:
            other = region(there, r.key, OTHER[r.side])
            assert (r.core_voxels, r.slices) == (other.core_voxels, other.slices)
            assert r.lesion_ml == pytest.approx(other.lesion_ml)
            for m in r.measurements:
                twin = other.measurement(m.name)
                assert (twin.status, twin.reason) == (m.status, m.reason)
                for a, b in ((m.value, twin.value), (m.ci_low, twin.ci_low), (m.ci_high, twin.ci_high)):
                    # single voxels lie on the cuts of shares to seven digits; intervals are percentiles of draws
                    close = {"rel": 2e-3, "abs": 0.1 if m.unit == "percent" else 1e-6}
                    assert a == b or a == pytest.approx(b, **close)
        assert region(here, "ilium", Side.LEFT).lesion_ml > 5
        assert region(there, "ilium", Side.LEFT).lesion_ml == 0

    def test_lesions_are_the_mirror_image(self) -> None:
        here, there = measured("focal_edema"), measured("focal_edema", mirrored=True)
        np.testing.assert_array_equal(mirror_columns(here.lesion_labels.array), there.lesion_labels.array)
        for a, b in zip(here.lesions, there.lesions, strict=True):
            assert (a.side, b.side) == (Side.LEFT, Side.RIGHT)
            assert a.centroid_lps_mm == pytest.approx((-b.centroid_lps_mm[0], *b.centroid_lps_mm[1:]))
            for m in a.measurements:
                value = b.measurement(m.name).value
                assert value == m.value or value == pytest.approx(m.value, rel=self.CLOSE)

    def test_asymmetries_change_sign(self) -> None:
        here, there = measured("focal_edema"), measured("focal_edema", mirrored=True)
        for a, b in zip(here.symmetry, there.symmetry, strict=True):
            for m in a.measurements:
                twin = b.measurement(m.name)
                value = twin.value
                if m.name == "red_like_mirror_dice" and (m.value is None) != (value is None):
                    # a share of red-like voxels may lie on its least, and counterparts differ by where a search began
                    assert (m.reason + twin.reason).endswith("of either side is red-like")
                elif m.value is None:
                    assert value is None
                elif m.name == "red_like_mirror_dice":
                    assert value == pytest.approx(m.value, abs=0.03)
                else:
                    # which of several voxels within reach is a counterpart depends on where the search began
                    assert value == pytest.approx(-m.value, abs=0.2)


class TestGain:
    @pytest.mark.parametrize(("t1_gain", "stir_gain"), [(4.0, 0.25), (0.37, 1.0), (1.0, 11.3)])
    def test_gain_of_either_series_leaves_every_measurement(self, t1_gain: float, stir_gain: float) -> None:
        scene, plain = build_scene("focal_edema"), measured("focal_edema")
        t1, stir = (np.float32(g) * v.array for g, v in ((t1_gain, scene.pair.t1), (stir_gain, scene.pair.stir)))
        scaled = scene.with_signal(t1, stir).measure()
        np.testing.assert_array_equal(scaled.lesion_labels.array, plain.lesion_labels.array)
        one, two = every_measurement(plain), every_measurement(scaled)
        assert one.keys() == two.keys()
        for key, m in one.items():
            other = two[key]
            assert (m.status, m.reason, m.unit) == (other.status, other.reason, other.unit)
            # float32 holds seven digits; asymmetries are differences of them, in percent
            for a, b in ((m.value, other.value), (m.ci_low, other.ci_low), (m.ci_high, other.ci_high)):
                assert a == b or a == pytest.approx(b, rel=1e-4, abs=2e-3 if m.unit == "percent" else 1e-5)


@cache
def patients() -> tuple[Signals, ...]:
    """With everything, and each with something missing."""
    scene = build_scene("focal_edema")
    tiny = np.zeros(GRID.shape, bool)
    tiny[7, 40:43, 40:43] = True
    return (
        *(measured(name) for name in NAMES),
        scene.without_reference("muscle").measure(),
        scene.without_reference("fat").measure(),
        scene.without_reference("normal_marrow").measure(),
        scene.with_acquisition(magnetic_field_strength_t=None).measure(),
        replace(scene, marrow=replace(scene.marrow, core_mask=tiny)).measure(),
    )


class TestNames:
    """The same descriptors in the same order for everything of a kind, whatever could be measured."""

    def test_names_and_order(self) -> None:
        regions, lesions, rows = set(), set(), set()
        for found in patients():
            regions |= {tuple((m.id, m.name) for m in r.measurements) for r in (found.whole, *found.regions)}
            lesions |= {tuple((m.id, m.name) for m in x.measurements) for x in found.lesions}
            rows |= {tuple((m.id, m.name) for m in y.measurements) for y in found.symmetry}
        for kinds, catalogue in (
            (regions, REGION_DESCRIPTORS),
            (lesions, LESION_DESCRIPTORS),
            (rows, SYMMETRY_DESCRIPTORS),
        ):
            assert len(kinds) == 1
            assert set(kinds.pop()) == {(d.id, d.name) for d in catalogue}

    def test_units_are_those_of_the_catalogue(self) -> None:
        units = {d.name: d.unit for d in (*REGION_DESCRIPTORS, *LESION_DESCRIPTORS, *SYMMETRY_DESCRIPTORS)}
        for found in patients():
            for m in every_measurement(found).values():
                assert m.unit == units[m.name]

    def test_every_value_has_its_warrant(self) -> None:
        for found in patients():
            for m in every_measurement(found).values():
                if m.status is MeasurementStatus.NOT_EVALUABLE:
                    assert (m.value, m.ci_low, m.ci_high) == (None, None, None)
                    assert m.reason
                else:
                    assert np.isfinite(m.value)
                    if m.ci_low is not None:
                        assert m.ci_low <= m.value <= m.ci_high


class TestLittle:
    def cored(self, core: np.ndarray) -> Signals:
        scene = build_scene("focal_edema")
        return replace(scene, marrow=replace(scene.marrow, core_mask=core)).measure()

    def test_an_empty_core_is_a_finding_and_no_number(self) -> None:
        found = self.cored(np.zeros(GRID.shape, bool))
        assert [f.code for f in found.findings] == ["no_core"]
        assert (found.whole.t1_median, found.whole.stir_median, found.whole.slices) == (None, None, 0)
        tissue = found.whole.measurement("t1_marrow_to_muscle")
        assert (tissue.value, tissue.status) == (None, MeasurementStatus.NOT_EVALUABLE)
        assert "no voxels left" in tissue.reason
        assert measured("focal_edema").findings == ()

    def small(self) -> RegionSignals:
        """Six core voxels on two slices, 0.26 mL, in the right ilium."""
        scene = build_scene("focal_edema")
        core = np.zeros(GRID.shape, bool)
        inside = scene.marrow.core_mask & (scene.regions.labels.array == 4)
        for k in (6, 7):
            core[k].flat[np.flatnonzero(inside[k])[:3]] = True
        return region(self.cored(core), "ilium", Side.RIGHT)

    def test_a_region_below_the_minimum_has_no_ratios(self) -> None:
        small = self.small()
        assert small.core_volume_ml < 0.3
        for name in ("t1_marrow_to_muscle", "stir_marrow_to_muscle", "fat_signal_index", "excess_water"):
            m = small.measurement(name)
            assert (m.value, m.status) == (None, MeasurementStatus.NOT_EVALUABLE)
            assert "too small" in m.reason

    @pytest.mark.parametrize("name", ["excess_index", "red_like_extent"])
    def test_a_region_below_the_minimum_has_no_index_either(self, name: str) -> None:
        assert self.small().measurement(name).value is None

    @pytest.mark.filterwarnings("ignore::RuntimeWarning")
    def test_stir_without_signal_is_told_and_not_a_crash(self) -> None:
        scene = build_scene("normal")
        dark = scene.with_signal(scene.pair.t1.array, np.zeros(GRID.shape, np.float32)).measure()
        assert dark.whole.measurement("excess_index").value is None
        assert dark.whole.measurement("excess_index").reason
        assert dark.whole.lesion_ml is None
        assert not dark.lesions
        assert "no_normal_level" in {finding.code for finding in dark.findings}

    def test_without_any_marrow_nothing_is_measured(self) -> None:
        scene = build_scene("normal")
        empty = replace(scene.marrow.labels, array=np.zeros(GRID.shape, np.uint16))
        nowhere = replace(
            scene.regions, labels=replace(scene.regions.labels, array=np.zeros(GRID.shape, np.uint16)), regions=()
        )
        marrow = MarrowMask(labels=empty, core_mask=np.zeros(GRID.shape, bool), source="automatic")
        found = replace(scene, marrow=marrow, regions=nowhere).measure()
        assert (found.regions, found.lesions) == ((), ())
        assert all(m.value is None for m in found.whole.measurements)
        assert all(m.value is None for m in found.symmetry[0].measurements)

    def test_without_muscle_what_needs_it_is_missing(self) -> None:
        scene = build_scene("focal_edema").without_reference("muscle")
        assert scene.references.muscle.verdict is ReferenceVerdict.FAIL
        found = scene.measure()
        assert found.fat_signal_index is None
        for row in (found.whole, *found.regions, *found.lesions):
            assert row.measurement("stir_marrow_to_muscle").value is None
            assert "muscle" in row.measurement("stir_marrow_to_muscle").reason
            assert row.measurement("t1_marrow_to_fat").value is not None
            assert row.measurement("stir_marrow_to_normal").value is not None
        # lesions rest on the patient's own marrow alone
        np.testing.assert_array_equal(found.lesion_labels.mask, measured("focal_edema").lesion_labels.mask)
