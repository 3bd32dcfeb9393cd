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
from marrowsignal.intensity.references import noise_sd, residual_bias
from marrowsignal.intensity.tissue_masks import fat_level, find_tissues, mode_of
from marrowsignal.marrow import segment_marrow
from marrowsignal.phantom import TissueMaps
from marrowsignal.phantom.tissues import Species
from marrowsignal.protocol import Protocol, load_protocol
from tests.alignment.pelvis import FINE, GRID, aligned, image, lean_muscle, maps, plain_fat

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


def fattened(share: float, above_percentile: float) -> TissueMaps:
    """Patches of every muscle, a centimetre or two wide, in which fat has replaced `share` of the muscle."""
    patches = ndimage.gaussian_filter(np.random.default_rng(1).standard_normal(GRID.shape), [2, 4, 4])
    species = np.array(maps().species_fractions)
    taken = np.where(patches > np.percentile(patches, above_percentile), share, 0.0) * species[Species.MUSCLE]
    species[Species.MUSCLE] -= taken
    species[Species.FAT] += taken
    return replace(maps(), species_fractions=species)


def test_muscle_and_fat_have_their_true_levels() -> None:
    found = normal_references()
    # two percent more or less of fat in muscle, or of septa in fat, are 3 % of T1; as much fluid, 5 % of STIR
    assert found.muscle.t1 == pytest.approx(truth("t1", lean_muscle(maps())), rel=0.03)
    assert found.muscle.stir == pytest.approx(truth("stir", lean_muscle(maps())), rel=0.05)
    assert found.fat.t1 == pytest.approx(truth("t1", plain_fat(maps())), rel=0.03)
    assert [t.verdict for t in found.all_tissues()] == [PASS, PASS, PASS]
    assert found.findings == ()


def test_fat_between_the_fibres_does_not_move_muscle() -> None:
    muscle = maps().species_fractions[Species.MUSCLE] > 0.3
    of = fattened(0.3, 75.0)
    naive = float(image(of, "t1", noise_seed=None)[muscle].mean())
    lean = truth("t1", lean_muscle(maps()))
    assert naive > 1.08 * lean
    assert normal_references().muscle.t1 < 1.03 * lean
    assert references(of).muscle.t1 < 1.03 * lean


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


def test_a_patch_of_fatty_muscle_is_told_and_not_used() -> None:
    found = references(fattened(0.28, 50.0))
    assert found.muscle.t1 == pytest.approx(truth("t1", lean_muscle(maps())), rel=0.03)
    assert found.muscle.verdict is WARN
    assert "reference_muscle" in {f.code for f in found.findings}


@pytest.mark.parametrize("share", [0.3, 0.5])
def test_muscle_half_turned_to_fat_is_not_used(share: float) -> None:
    found = references(fattened(share, 50.0))
    assert found.muscle.t1 == pytest.approx(truth("t1", lean_muscle(maps())), rel=0.03)


@pytest.mark.xfail(
    strict=True,
    reason="beyond a third of fat muscle is brighter than 0.6 of fat, no longer taken for muscle and never told",
)
def test_muscle_half_turned_to_fat_is_told() -> None:
    assert references(fattened(0.5, 50.0)).muscle.verdict is not PASS


@pytest.mark.xfail(strict=True, reason="half of muscle is lean, yet its T1 is found 12 % too high with verdict pass")
def test_lean_muscle_is_found_beside_as_much_fatty_muscle() -> None:
    found = references(fattened(0.15, 50.0))
    lean = truth("t1", lean_muscle(maps()))
    assert found.muscle.t1 == pytest.approx(lean, rel=0.05) or found.muscle.verdict is not PASS


@pytest.mark.parametrize(("t1_gain", "stir_gain"), [(0.01, 300.0), (40.0, 1.0)])
def test_gain_scales_levels_and_noise_and_nothing_else(t1_gain: float, stir_gain: float) -> None:
    pair, before = pair_of(maps()), normal_references()
    scaled = aligned(pair.t1.array * np.float32(t1_gain), pair.stir.array * np.float32(stir_gain))
    after = references(maps(), scaled)
    for old, new in zip(before.all_tissues(), after.all_tissues(), strict=True):
        assert new.t1 == pytest.approx(old.t1 * t1_gain, rel=1e-3)
        assert new.stir == pytest.approx(old.stir * stir_gain, rel=1e-3)
        assert new.verdict is old.verdict
    assert after.noise_t1 == pytest.approx(before.noise_t1 * t1_gain, rel=1e-3)
    assert after.noise_stir == pytest.approx(before.noise_stir * stir_gain, rel=1e-3)


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


def test_stir_whose_fat_is_bright_is_suspect() -> None:
    fat = maps().species_fractions[Species.FAT]
    pair = pair_of(maps())
    found = references(maps(), aligned(pair.t1.array, pair.stir.array + 800 * fat))
    assert "stir_suppression" in {f.code for f in found.findings}


@pytest.mark.parametrize("sd", [1.0, 25.0])
@pytest.mark.parametrize("shape", [(6, 64, 64), (5, 61, 75)])
def test_noise_of_a_smooth_image_is_its_sd(sd: float, shape: tuple[int, int, int]) -> None:
    rng = np.random.default_rng(6)
    ramp = np.add.outer(np.add.outer(np.arange(shape[0]) * 50.0, np.arange(shape[1])), 2.0 * np.arange(shape[2]))
    mask = np.zeros(shape, bool)
    mask[:, 5:-5, 5:-5] = True
    # tissue ends in air of no noise: only the mask may count
    signal = np.where(mask, 1000 + ramp + rng.normal(0, sd, shape), 0.0)
    assert noise_sd(signal.astype(np.float32), mask) == pytest.approx(sd, rel=0.05)


def test_no_tissue_has_no_noise() -> None:
    assert noise_sd(np.ones((2, 8, 8), np.float32), np.zeros((2, 8, 8), bool)) is None


def test_residual_bias_is_the_variation_of_the_sectors() -> None:
    # cubes of 60 mm: levels 90, 100 and 110 side by side, noise drowned by the median
    spacing, shape = (6.0, 3.0, 3.0), (10, 20, 60)
    levels = np.repeat([90.0, 100.0, 110.0], 20)
    signal = np.broadcast_to(levels, shape).astype(np.float32)
    tissue = np.ones(shape, bool)
    want = np.std([90, 100, 110]) / 100
    assert residual_bias(signal, tissue, spacing_mm=spacing, settings=protocol().bias) == pytest.approx(want)
    assert residual_bias(np.full(shape, 7.0, np.float32), tissue, spacing_mm=spacing, settings=protocol().bias) == 0.0


def test_residual_bias_needs_three_sectors_with_a_millilitre() -> None:
    spacing, shape = (6.0, 3.0, 3.0), (10, 20, 60)
    signal = np.ones(shape, np.float32)
    two = np.zeros(shape, bool)
    two[:, :, :40] = True
    assert residual_bias(signal, two, spacing_mm=spacing, settings=protocol().bias) is None
    two[0, 0, 59] = True  # 0.05 mL in the third
    assert residual_bias(signal, two, spacing_mm=spacing, settings=protocol().bias) is None
    two[:2, :, 40:] = True
    assert residual_bias(signal, two, spacing_mm=spacing, settings=protocol().bias) == 0.0
    assert residual_bias(signal, np.zeros(shape, bool), spacing_mm=spacing, settings=protocol().bias) is None


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
