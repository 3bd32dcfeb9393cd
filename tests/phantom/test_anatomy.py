"""The pelvis: what is where, how patterns differ, and that left is left."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marrowsignal.errors import UsageError
from marrowsignal.phantom import TissueMaps, coronal_oblique_grid, draw_subject, names, tissue_maps
from marrowsignal.phantom.equations import voxel_magnitude
from marrowsignal.phantom.tissues import STIR_1_5T, T1_TSE_1_5T, Species, signals
from marrowsignal.phantom.truth import measure_regions, reference_fat, reference_muscle

SMALL = coronal_oblique_grid(shape=(10, 112, 112), spacing_mm=(8.0, 2.4, 2.4))


@cache
def maps(name: str, seed: int = 12, mirrored: bool = False) -> TissueMaps:
    return tissue_maps(name, SMALL, subject=draw_subject(seed, mirrored=mirrored), sub_slices=1)


def images(of: TissueMaps) -> tuple[np.ndarray, np.ndarray]:
    t1 = voxel_magnitude(of.species_fractions, signals(T1_TSE_1_5T))
    return t1, voxel_magnitude(of.species_fractions, signals(STIR_1_5T))


def centroid_x(mask: np.ndarray) -> float:
    return float(SMALL.to_patient(np.argwhere(mask))[:, 0].mean())


@pytest.mark.parametrize("name", names())
def test_shares_are_shares(name: str) -> None:
    of = maps(name)
    assert of.species_fractions.min() >= 0.0
    assert of.species_fractions.sum(axis=0).max() <= 1.0 + 1e-5
    assert np.all(of.fat_fraction + of.edema_fraction <= 1.0 + 1e-6)
    assert not of.species_fractions.flags.writeable


def test_left_ilium_has_the_larger_x() -> None:
    labels = maps("normal").marrow.array
    assert centroid_x(labels == 2) > 40.0
    assert centroid_x(labels == 3) < -40.0
    assert abs(centroid_x(labels == 1)) < 5.0


def test_every_region_is_there_in_adult_size() -> None:
    labels = maps("normal").marrow.array
    volumes = [(labels == k).sum() * SMALL.voxel_ml for k in (1, 2, 3)]
    assert all(90.0 < v < 300.0 for v in volumes)
    assert volumes[1] == pytest.approx(volumes[2], rel=0.15)


def test_sides_are_alike_but_not_equal() -> None:
    t1, _ = images(maps("normal"))
    flipped = t1[:, :, ::-1]
    assert np.corrcoef(t1.ravel(), flipped.ravel())[0, 1] > 0.6
    assert np.abs(t1 - flipped).max() > 0.1


def test_marrow_and_lumbar_marrow_do_not_overlap() -> None:
    of = maps("normal")
    assert of.other_marrow_mask.any()
    assert not (of.other_marrow_mask & of.marrow.mask).any()


def test_normal_marrow_has_the_ratios_of_real_studies() -> None:
    # SCIENCE 1.4: T1 sacrum/muscle 1.2-1.9 measured (sim up to 2.4), fat/muscle 2.4-3.5, STIR 0.8-1.5
    of = maps("normal")
    t1, stir = images(of)
    regions, lesions = measure_regions(t1, stir, maps=of)
    assert not lesions
    for r in regions:
        assert 1.5 <= r.t1_marrow_per_muscle <= 2.2
        assert 0.9 <= r.stir_marrow_per_muscle <= 1.3
        assert 0.5 <= r.fat_fraction <= 0.6
    muscle, fat = np.median(t1[reference_muscle(of)]), np.median(t1[reference_fat(of)])
    assert 2.4 <= fat / muscle <= 3.5


def test_reconversion_is_red_alike_on_both_sides_and_above_muscle() -> None:
    of = maps("symmetric_reconversion")
    regions, lesions = measure_regions(*images(of), maps=of)
    assert not lesions
    for r in regions:
        assert r.t1_marrow_per_muscle >= 1.2
        assert r.stir_marrow_per_muscle <= 1.5
        assert 0.10 <= r.fat_fraction <= 0.20
    _, left, right = regions
    assert left.t1_marrow_per_muscle == pytest.approx(right.t1_marrow_per_muscle, rel=0.03)
    assert left.stir_marrow_per_muscle == pytest.approx(right.stir_marrow_per_muscle, rel=0.03)


def test_edema_lies_on_both_sides_of_the_left_joint_only() -> None:
    of = maps("focal_edema")
    _, lesions = measure_regions(*images(of), maps=of)
    assert [x.region for x in lesions] == ["sacrum", "left_ilium"]
    assert 5.0 <= sum(x.volume_ml for x in lesions) <= 20.0
    assert all(x.stir_lesion_per_muscle >= 2.0 for x in lesions)
    assert SMALL.to_patient(np.argwhere(of.lesion.mask))[:, 0].min() > 0.0


def test_a_mirrored_patient_swaps_sides_and_nothing_else() -> None:
    straight, mirrored = maps("focal_edema"), maps("focal_edema", mirrored=True)
    assert (straight.side, mirrored.side) == ("left", "right")
    swapped = np.array([0, 1, 3, 2], np.uint16)[mirrored.marrow.array[:, :, ::-1]]
    np.testing.assert_array_equal(straight.marrow.array, swapped)
    np.testing.assert_array_equal(straight.lesion.array, mirrored.lesion.array[:, :, ::-1])
    for a, b in zip(images(straight), images(mirrored), strict=True):
        np.testing.assert_allclose(a, b[:, :, ::-1], atol=1e-5)


def test_anatomy_does_not_depend_on_the_grid() -> None:
    # the same patient points reached by reversed slices and rows
    flipped = coronal_oblique_grid(shape=SMALL.shape, spacing_mm=SMALL.spacing_mm)
    affine = flipped.affine_lps.copy()
    affine[:3, 3] = flipped.to_patient([SMALL.shape[0] - 1, 0, SMALL.shape[2] - 1])
    affine[:3, [0, 2]] *= -1.0
    other = tissue_maps(
        "normal",
        type(SMALL)(affine_lps=affine, shape=SMALL.shape),
        subject=draw_subject(12),
        sub_slices=1,
    )
    np.testing.assert_array_equal(other.marrow.array[::-1, :, ::-1], maps("normal").marrow.array)


@settings(max_examples=3)
@given(seed=st.integers(0, 10_000))
def test_every_seed_gives_a_person(seed: int) -> None:
    grid = coronal_oblique_grid(shape=(5, 72, 72), spacing_mm=(14.0, 3.6, 3.6))
    of = tissue_maps("focal_edema", grid, subject=draw_subject(seed), sub_slices=1)
    assert {1, 2, 3} <= set(np.unique(of.marrow.array).tolist())
    assert reference_muscle(of).sum() * grid.voxel_ml > 30.0
    assert of.species_fractions[Species.FAT].max() > 0.99


def test_an_unknown_name_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="no_such"):
        tissue_maps("no_such", SMALL, subject=draw_subject(1))
