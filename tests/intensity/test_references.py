"""Reference tissues of a phantom against its truth, and their statistics against closed forms."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from marrowsignal.alignment import AlignedPair
from marrowsignal.findings import Severity
from marrowsignal.geometry import LabelVolume
from marrowsignal.intensity import References, ReferenceVerdict, find_references
from marrowsignal.intensity.tissue_masks import fat_level, find_tissues
from marrowsignal.marrow import segment_marrow
from marrowsignal.phantom import TissueMaps
from marrowsignal.phantom.tissues import Species
from marrowsignal.phantom.truth import reference_fat, reference_muscle
from marrowsignal.protocol import Protocol, load_protocol
from marrowsignal.shading.mode import mode_of
from tests.alignment.pelvis import FINE, GRID, aligned, image, maps, plain_fat

PASS, WARN, FAIL = ReferenceVerdict.PASS, ReferenceVerdict.WARN, ReferenceVerdict.FAIL


@cache
def protocol() -> Protocol:
    return load_protocol("pelvis_sij")


def pair_of(of: TissueMaps) -> AlignedPair:
    return aligned(image(of, "t1"), image(of, "stir"))


def references(of: TissueMaps, pair: AlignedPair | None = None) -> References:
    pair = pair or pair_of(of)
    core = segment_marrow(pair, protocol=protocol(), supplied=of.marrow).core_mask
    return find_references(pair, of.marrow, core, protocol=protocol())


@cache
def normal_references() -> References:
    return references(maps())


def truth(series: str, mask: np.ndarray, of: TissueMaps | None = None) -> float:
    return float(np.median(image(of or maps(), series, noise_seed=None)[mask]))


def turned(where: np.ndarray, into: Species = Species.FAT) -> TissueMaps:
    """A share of every muscle voxel's muscle turned into something else."""
    species = np.array(maps().species_fractions)
    taken = where * species[Species.MUSCLE]
    species[Species.MUSCLE] -= taken
    species[into] += taken
    return replace(maps(), species_fractions=species)


def fattened(share: float, above_percentile: float) -> TissueMaps:
    """Patches of every muscle, a centimetre or two wide, in which fat has replaced `share` of the muscle."""
    patches = ndimage.gaussian_filter(np.random.default_rng(1).standard_normal(GRID.shape), [2, 4, 4])
    return turned(np.where(patches > np.percentile(patches, above_percentile), share, 0.0))


def lean_level(series: str) -> float:
    return truth(series, reference_muscle(maps()))


def test_muscle_and_fat_have_their_true_levels() -> None:
    found = normal_references()
    # two percent more or less of fat in muscle, or of septa in fat, are 3 % of T1; half a percent of fluid, 4 % of STIR
    assert found.muscle.t1 == pytest.approx(lean_level("t1"), rel=0.03)
    assert found.muscle.stir == pytest.approx(lean_level("stir"), rel=0.05)
    assert found.fat.t1 == pytest.approx(truth("t1", reference_fat(maps())), rel=0.03)
    assert found.fat.stir == pytest.approx(truth("stir", reference_fat(maps())), rel=0.03)
    assert [t.verdict for t in found.all_tissues()] == [PASS, PASS, PASS]
    assert found.findings == ()


def test_fat_between_the_fibres_does_not_move_muscle() -> None:
    muscle = maps().species_fractions[Species.MUSCLE] > 0.3
    of = fattened(0.3, 75.0)
    naive = float(image(of, "t1", noise_seed=None)[muscle].mean())
    assert naive > 1.08 * lean_level("t1")
    assert references(of).muscle.t1 == pytest.approx(lean_level("t1"), rel=0.03)


def test_reference_voxels_are_made_of_their_tissue() -> None:
    labels, species = normal_references().labels.array, maps().species_fractions
    # the rest is grain: a tenth of fat and connective tissue in muscle, septa in fat
    assert species[Species.MUSCLE][labels == 1].mean() > 0.8
    assert species[Species.FAT][labels == 2].mean() > 0.88
    assert maps().marrow.mask[labels == 3].all()
    assert not maps().marrow.mask[(labels == 1) | (labels == 2)].any()
    for value, tissue in enumerate(normal_references().all_tissues(), start=1):
        assert tissue.voxels == (labels == value).sum()
        assert tissue.volume_ml == pytest.approx(tissue.voxels * GRID.voxel_ml)


def test_normal_marrow_has_the_level_of_the_marrow() -> None:
    mask = maps().marrow.mask
    assert normal_references().normal_marrow.t1 == pytest.approx(truth("t1", mask), rel=0.04)
    assert normal_references().normal_marrow.stir == pytest.approx(truth("stir", mask), rel=0.04)


def test_edema_is_no_normal_marrow() -> None:
    of = maps("focal_edema")
    found = references(of)
    assert not (found.labels.array[of.lesion.mask] == 3).any()
    assert found.normal_marrow.stir == pytest.approx(normal_references().normal_marrow.stir, rel=0.02)


@pytest.mark.parametrize("share", [0.15, 0.28, 0.5])
def test_fat_in_half_of_the_muscle_is_told_and_not_used(share: float) -> None:
    found = references(fattened(share, 50.0))
    assert found.muscle.t1 == pytest.approx(lean_level("t1"), rel=0.03)
    assert found.muscle.stir == pytest.approx(lean_level("stir"), rel=0.05)
    assert found.muscle.verdict is WARN
    assert "reference_muscle" in {f.code for f in found.findings}


@pytest.mark.parametrize("axis", [0, 1])
def test_the_lean_side_or_the_lean_groups_are_used(axis: int) -> None:
    side = np.broadcast_to(GRID.patient_axis(axis), GRID.shape)
    muscle = maps().species_fractions[Species.MUSCLE] > 0.5
    beyond = side > np.median(side[muscle])
    found = references(turned(np.where(beyond, 0.25, 0.0)))
    assert found.muscle.t1 == pytest.approx(lean_level("t1"), rel=0.03)
    assert found.muscle.verdict is WARN
    assert (beyond & (found.labels.array == 1)).sum() < 0.1 * found.muscle.voxels


def test_fat_that_is_everywhere_in_muscle_is_told_or_refused() -> None:
    tenth, fifth, half = (references(turned(np.full(GRID.shape, share))) for share in (0.1, 0.2, 0.5))
    assert tenth.muscle.verdict is WARN
    assert "fat throughout" in tenth.muscle.reason
    for found in (fifth, half):
        assert found.muscle.verdict is FAIL
        assert (found.muscle.t1, found.muscle.stir) == (None, None)
        assert ("reference_muscle", Severity.FAIL) in {(f.code, f.severity) for f in found.findings}


def test_edema_of_half_of_the_muscle_moves_nothing() -> None:
    side = np.broadcast_to(GRID.patient_axis(0), GRID.shape) > 0
    of = turned(np.where(side, 0.2, 0.0), Species.EDEMA_WATER)
    found = references(of)
    assert found.muscle.stir == pytest.approx(normal_references().muscle.stir, rel=0.03)
    assert found.muscle.t1 == pytest.approx(lean_level("t1"), rel=0.03)


def test_fat_that_is_not_suppressed_on_one_side_does_not_raise_fat() -> None:
    pair = pair_of(maps())
    patch = (GRID.patient_axis(0) > 40) * maps().species_fractions[Species.FAT]
    found = references(maps(), aligned(pair.t1.array, pair.stir.array * (1 + 2 * patch)))
    assert found.fat.stir == pytest.approx(normal_references().fat.stir, rel=0.03)


def test_shading_that_is_left_shows_in_every_tissue() -> None:
    pair, x = pair_of(maps()), GRID.patient_axis(0)
    shading = 1 + 0.1 * x / np.abs(x).max()
    found = references(maps(), aligned(pair.t1.array * shading, pair.stir.array))
    even = normal_references()
    for tissue, before in ((found.muscle, even.muscle), (found.fat, even.fat)):
        seen = tissue.t1_sector_variation_fraction
        # an even ramp of +-10 % over sectors of 60 mm
        assert seen == pytest.approx(0.055, abs=0.02)
        assert before.t1_sector_variation_fraction < 0.02
        assert tissue.stir_sector_variation_fraction == pytest.approx(before.stir_sector_variation_fraction, abs=0.01)
    assert found.t1_residual_bias_fraction == found.muscle.t1_sector_variation_fraction


@pytest.mark.parametrize(("series", "factor"), [("stir", 1.8), ("stir", 2.5), ("t1", 1.5)])
def test_the_more_shading_is_left_on_one_side_the_more_is_told(series: str, factor: float) -> None:
    pair, side = pair_of(maps()), np.where(GRID.patient_axis(0) > 0, np.float32(factor), np.float32(1))
    images = {"t1": pair.t1.array, "stir": pair.stir.array}
    images[series] = images[series] * side
    found = references(maps(), aligned(images["t1"], images["stir"]))
    # two levels in equal shares would give (factor - 1) / (factor + 1), 0.2 to 0.4
    assert getattr(found, f"{series}_residual_bias_fraction") > 0.15
    assert (f"{series}_residual_bias", Severity.FAIL) in {(f.code, f.severity) for f in found.findings}


def test_muscle_that_was_refused_tells_no_shading_but_the_ratio_it_was_refused_for() -> None:
    found = references(turned(np.full(GRID.shape, 0.5)))
    assert found.muscle.verdict is FAIL
    assert (found.t1_residual_bias_fraction, found.stir_residual_bias_fraction) == (None, None)
    assert 1.0 < found.refused_fat_to_muscle < protocol().bias.fat_to_muscle_t1.low
    assert f"{found.refused_fat_to_muscle:.2f}" in found.muscle.reason
    assert normal_references().refused_fat_to_muscle is None


def test_shading_of_muscle_is_told_once() -> None:
    pair = pair_of(maps())
    ramp = np.linspace(0.75, 1.25, GRID.shape[2], dtype=np.float32)
    found = references(maps(), aligned(pair.t1.array, pair.stir.array * ramp))
    assert found.stir_residual_bias_fraction > protocol().bias.warn_residual.value
    assert "differs" not in found.muscle.reason
    assert "stir_residual_bias" in {f.code for f in found.findings}


def test_fat_as_dark_as_muscle_far_from_the_coil_is_no_muscle() -> None:
    pair, y = pair_of(maps()), np.broadcast_to(GRID.patient_axis(1), GRID.shape)
    depth = np.exp((y - y.max()) / 90)
    found = references(maps(), aligned(pair.t1.array * depth, pair.stir.array * depth))
    muscle = found.labels.array == 1
    assert maps().species_fractions[Species.FAT][muscle].mean() < 0.15 or not muscle.any()


def test_fatty_marrow_behind_its_cortex_is_no_subcutaneous_fat() -> None:
    shape, rng = (4, 160, 160), np.random.default_rng(0)
    rows, columns = np.mgrid[:160, :160] - 79.5
    radius = np.broadcast_to(np.hypot(rows, columns), shape)
    bands = [(70, 0.0), (58, 1000.0), (40, 400.0), (36, 0.0)]  # air, fat, muscle, cortex; within it marrow
    t1 = np.full(shape, 1100.0)
    for edge, level in reversed(bands):
        t1[radius > edge] = level
    t1 = ndimage.gaussian_filter(t1, [0, 0.7, 0.7]) + rng.normal(0, 12, shape)
    found = find_tissues(
        t1.astype(np.float32),
        None,
        body=radius < 70,
        exclude=np.zeros(shape, bool),
        spacing_mm=(4.0, 0.8, 0.8),
        settings=protocol().references,
    )
    assert found.fat.any()
    assert radius[found.fat].min() > 50
    assert np.median(t1[found.lean]) == pytest.approx(400, rel=0.02)


@pytest.mark.parametrize(("t1_gain", "stir_gain"), [(0.01, 300.0), (40.0, 1.0)])
def test_gain_scales_levels_and_noise_and_nothing_else(t1_gain: float, stir_gain: float) -> None:
    pair, before = pair_of(maps()), normal_references()
    scaled = aligned(pair.t1.array * np.float32(t1_gain), pair.stir.array * np.float32(stir_gain))
    after = references(maps(), scaled)
    for old, new in zip(before.all_tissues(), after.all_tissues(), strict=True):
        assert new.t1 == pytest.approx(old.t1 * t1_gain, rel=1e-3)
        assert new.stir == pytest.approx(old.stir * stir_gain, rel=1e-3)
        assert new.verdict is old.verdict
    # rounding moves a voxel in or out of the even tissue
    assert after.noise_t1 == pytest.approx(before.noise_t1 * t1_gain, rel=0.01)
    assert after.noise_stir == pytest.approx(before.noise_stir * stir_gain, rel=0.01)


def test_without_marrow_there_is_no_normal_marrow_and_no_number() -> None:
    nowhere = LabelVolume(array=np.zeros(GRID.shape, np.uint16), geometry=GRID)
    found = find_references(pair_of(maps()), nowhere, np.zeros(GRID.shape, bool), protocol=protocol())
    marrow = found.normal_marrow
    assert marrow.verdict is FAIL
    assert (marrow.t1, marrow.stir, marrow.t1_spread_fraction, marrow.stir_spread_fraction) == (None,) * 4
    assert ("reference_normal_marrow", Severity.FAIL) in {(f.code, f.severity) for f in found.findings}


def test_too_little_marrow_gives_no_number() -> None:
    core = segment_marrow(pair_of(maps()), protocol=protocol(), supplied=maps().marrow).core_mask
    few = np.zeros(core.size, bool)
    few[np.flatnonzero(core)[:: core.sum() // 30]] = True  # 0.5 mL, of which 1 mL are asked
    found = find_references(pair_of(maps()), maps().marrow, few.reshape(core.shape), protocol=protocol())
    marrow = found.normal_marrow
    assert marrow.voxels > 0
    assert marrow.verdict is FAIL
    assert (marrow.t1, marrow.stir, marrow.t1_spread_fraction, marrow.stir_spread_fraction) == (None,) * 4


def test_one_tissue_alone_gives_no_muscle_level() -> None:
    rng = np.random.default_rng(4)
    x, rows = GRID.patient_axis(0), (np.arange(GRID.shape[1])[None, :, None] - GRID.shape[1] / 2) * GRID.spacing_mm[1]
    blob = np.where((x / 100) ** 2 + (rows / 95) ** 2 < 1, 300.0, 0.0)
    pair = aligned(np.abs(blob + rng.normal(0, 15, GRID.shape)), np.abs(blob + rng.normal(0, 15, GRID.shape)))
    nowhere = LabelVolume(array=np.zeros(GRID.shape, np.uint16), geometry=GRID)
    found = find_references(pair, nowhere, np.zeros(GRID.shape, bool), protocol=protocol())
    assert found.muscle.verdict is FAIL
    assert (found.muscle.t1, found.muscle.stir) == (None, None)
    assert ("reference_muscle", Severity.FAIL) in {(f.code, f.severity) for f in found.findings}


def test_a_tissue_without_any_stir_signal_is_told_so_not_called_small() -> None:
    pair = aligned(image(maps(), "t1"), np.zeros(GRID.shape))
    core = segment_marrow(pair, protocol=protocol(), supplied=maps().marrow).core_mask
    found = find_references(pair, maps().marrow, core, protocol=protocol()).normal_marrow
    assert found.verdict is FAIL
    assert found.reason == "its STIR level is 0"


def test_stir_that_covers_nothing_gives_failed_references() -> None:
    pair = aligned(image(maps(), "t1"), np.zeros(GRID.shape), covered=np.zeros(GRID.shape, bool))
    found = find_references(pair, maps().marrow, np.zeros(GRID.shape, bool), protocol=protocol())
    assert {t.verdict for t in found.all_tissues()} == {FAIL}


def test_voxels_that_stir_does_not_cover_are_no_reference() -> None:
    covered = GRID.patient_axis(0) > 0
    pair = aligned(image(maps(), "t1"), np.where(covered, image(maps(), "stir"), 0.0), covered=covered)
    # the core of the whole marrow: what STIR does not cover must be left out here too
    core = segment_marrow(pair_of(maps()), protocol=protocol(), supplied=maps().marrow).core_mask
    labels = find_references(pair, maps().marrow, core, protocol=protocol()).labels.array
    assert all((labels == value).any() for value in (1, 2, 3))
    assert not labels[~covered].any()


def test_tissue_next_to_metal_is_no_reference() -> None:
    metal = np.broadcast_to(GRID.patient_axis(0) > 30, GRID.shape)
    labels = references(maps(), replace(pair_of(maps()), metal_mask=metal)).labels.array
    assert all((labels == value).any() for value in (1, 2, 3))
    assert not labels[metal].any()


def test_stir_whose_fat_is_bright_is_suspect() -> None:
    fat = maps().species_fractions[Species.FAT]
    pair = pair_of(maps())
    found = references(maps(), aligned(pair.t1.array, pair.stir.array + 800 * fat))
    assert "stir_suppression" in {f.code for f in found.findings}


@settings(max_examples=25)
@given(st.integers(0, 999), st.floats(0.02, 0.3), st.floats(1.0, 1e4))
def test_the_mode_is_the_peak_not_the_mean(seed: int, minority: float, level: float) -> None:
    rng = np.random.default_rng(seed)
    n = 8000
    bright = round(n * minority)
    values = np.r_[rng.normal(level, 0.06 * level, n - bright), rng.uniform(1.3 * level, 3 * level, bright)]
    # the peak of 5,600 samples of one Gaussian is known to a part of its SD
    assert mode_of(values) == pytest.approx(level, abs=0.5 * 0.06 * level)


def test_the_mode_of_one_value_is_that_value_and_of_none_an_error() -> None:
    assert mode_of(np.full(50, 3.5)) == 3.5
    with pytest.raises(ValueError, match="no value"):
        mode_of(np.zeros(0))


def test_fat_level_is_the_level_of_fat() -> None:
    pair = pair_of(maps())
    assert fat_level(pair.t1.array, pair.body_mask) == pytest.approx(truth("t1", plain_fat(maps())), rel=0.03)


def test_lean_muscle_is_part_of_muscle_and_apart_from_fat_and_marrow() -> None:
    of = maps("normal", FINE)
    pair = aligned(image(of, "t1"), image(of, "stir"), FINE)
    found = find_tissues(
        pair.t1.array,
        pair.stir.array,
        body=pair.body_mask,
        exclude=of.marrow.mask,
        spacing_mm=FINE.spacing_mm,
        settings=protocol().references,
    )
    assert found.lean.any()
    assert not (found.lean & ~found.muscle).any()
    assert not (found.muscle & found.fat).any()
    near = ndimage.distance_transform_edt(~of.marrow.mask, sampling=FINE.spacing_mm)
    assert near[found.muscle | found.fat].min() > 2.0
    assert not ((found.muscle | found.fat) & ~pair.body_mask).any()
