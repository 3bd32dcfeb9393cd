"""STIR onto T1 on a phantom whose motion is known."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import SimpleITK as sitk
from scipy import ndimage
from scipy.spatial.transform import Rotation

from marrowsignal.alignment import AlignedPair, AlignmentVerdict, align_pair
from marrowsignal.alignment.body import body_mask
from marrowsignal.alignment.resample import resample_onto, unfilled_onto
from marrowsignal.alignment.rigid import displacements_mm, rotation_deg
from marrowsignal.findings import Severity
from marrowsignal.geometry import LabelVolume, SignalVolume, VolumeGeometry
from marrowsignal.phantom import coronal_oblique_grid
from marrowsignal.protocol import Protocol, load_protocol
from tests.alignment.pelvis import GRID, image, maps, moved_maps, rigid, volume

PASS, FAIL = AlignmentVerdict.PASS, AlignmentVerdict.FAIL
HALF_VOXEL_MM = 0.5 * GRID.spacing_mm[1]
STILL = np.eye(4)
TURNED = rigid(rotation_deg=(4.0, -3.0, 5.0), shift_mm=(2.0, 1.0, -3.0))


@cache
def protocol() -> Protocol:
    return load_protocol("pelvis_sij")


@cache
def t1() -> SignalVolume:
    return volume(image(maps(), "t1"))


def align(stir: SignalVolume, *, focus: LabelVolume | None = None, same_frame: bool = True) -> AlignedPair:
    return align_pair(t1(), stir, same_frame_of_reference=same_frame, settings=protocol().alignment, focus=focus)


def stir_after(motion: np.ndarray, grid: VolumeGeometry = GRID) -> SignalVolume:
    return volume(image(moved_maps(motion, grid), "stir"), grid)


@cache
def turned_pair() -> AlignedPair:
    return align(stir_after(TURNED))


def error_mm(pair: AlignedPair, truth: np.ndarray) -> float:
    """Median distance in marrow between where the transform puts tissue and where it went."""
    points = GRID.to_patient(np.argwhere(maps().marrow.mask))
    return float(np.median(displacements_mm(pair.t1_to_stir_lps, truth, points)))


def other_grid() -> VolumeGeometry:
    """Coarser, smaller than the body, slices and columns counted the other way."""
    plain = coronal_oblique_grid(shape=(9, 90, 84), spacing_mm=(5.0, 2.5, 2.5))
    affine = plain.affine_lps.copy()
    affine[:3, 3] = plain.to_patient([plain.shape[0] - 1, 0, plain.shape[2] - 1])
    affine[:3, [0, 2]] *= -1
    return VolumeGeometry(affine_lps=affine, shape=plain.shape)


def inside_of(grid: VolumeGeometry, matrix: np.ndarray) -> np.ndarray:
    """T1 voxels whose point, moved by `matrix`, lies in a voxel of `grid`; voxels at its very rim left open (nan)."""
    points = GRID.to_patient(np.argwhere(np.ones(GRID.shape, bool)))
    index = grid.to_index(points @ matrix[:3, :3].T + matrix[:3, 3])
    outside = np.maximum(-0.5 - index, index - np.asarray(grid.shape) + 0.5).max(axis=1).reshape(GRID.shape)
    return np.where(np.abs(outside) < 1e-3, np.nan, outside < 0)


def test_an_aligned_pair_is_not_touched() -> None:
    stir = stir_after(STILL)
    pair = align(stir)
    np.testing.assert_array_equal(pair.stir.array, stir.array)
    np.testing.assert_array_equal(pair.t1_to_stir_lps, STILL)
    assert pair.covered_mask.all()
    assert (pair.quality.verdict, pair.quality.displacement_mm, pair.quality.rotation_deg) == (PASS, 0.0, 0.0)
    assert pair.quality.estimated_error_mm < 0.5 * GRID.spacing_mm[1]
    assert pair.findings == ()


def test_a_shift_too_small_to_matter_is_left_and_told() -> None:
    motion = rigid(rotation_deg=(0, 0, 0), shift_mm=(0.6, 0.3, 0.0))
    stir = stir_after(motion)
    pair = align(stir)
    np.testing.assert_array_equal(pair.stir.array, stir.array)
    assert 0.1 < pair.quality.estimated_error_mm < 1.0


def test_a_moved_patient_is_followed() -> None:
    shift = (6.0, 4.0, -8.0)
    # the phantom's own option to move the person, not a moved grid
    pair = align(volume(image(maps(centre_lps_mm=shift), "stir")))
    truth = np.eye(4)
    truth[:3, 3] = shift
    assert error_mm(pair, truth) < HALF_VOXEL_MM
    assert pair.quality.displacement_mm == pytest.approx(np.linalg.norm(shift), abs=HALF_VOXEL_MM)
    assert pair.quality.mutual_information_after > pair.quality.mutual_information_before
    assert pair.quality.verdict is PASS


def test_a_turned_patient_is_followed_in_the_right_direction() -> None:
    pair = turned_pair()
    assert error_mm(pair, TURNED) < HALF_VOXEL_MM
    # the other direction is far away: the test above can tell
    assert error_mm(pair, np.linalg.inv(TURNED)) > 10 * HALF_VOXEL_MM
    turned_deg = np.degrees(Rotation.from_matrix(TURNED[:3, :3]).magnitude())
    assert pair.quality.rotation_deg == pytest.approx(turned_deg, abs=1.0)
    # 2.1 mm pixels: what blocks still ask for by noise may cost the pass, not the voxel claims
    assert pair.quality.allows_lesions


@pytest.mark.parametrize("angle", [0.5, 7.0, 90.0, 180.0])
def test_the_angle_of_a_turn_is_its_angle(angle: float) -> None:
    about_z = rigid(rotation_deg=(0.0, 0.0, angle), shift_mm=(9.0, 0.0, 0.0))
    assert rotation_deg(about_z) == pytest.approx(angle, abs=1e-6)


def test_the_moved_image_shows_the_tissue_of_t1() -> None:
    pair = turned_pair()
    seen = pair.covered_mask & pair.body_mask
    truth = image(maps(), "stir", noise_seed=None)
    left = resample_onto(stir_after(TURNED), GRID, STILL)[0]
    # noise of a sixteenth of muscle and one interpolation keep it from 1
    assert np.corrcoef(truth[seen], pair.stir.array[seen])[0, 1] > 0.85
    assert np.corrcoef(truth[seen], left[seen])[0, 1] < 0.6


def test_another_grid_in_the_same_place_is_only_resampled() -> None:
    grid = other_grid()
    pair = align(stir_after(STILL, grid))
    assert error_mm(pair, STILL) < 0.2 * GRID.spacing_mm[1]
    assert pair.stir.geometry is pair.t1.geometry
    assert not pair.quality.grid_difference.same_shape
    want = inside_of(grid, pair.t1_to_stir_lps)
    known = ~np.isnan(want)
    np.testing.assert_array_equal(pair.covered_mask[known], want[known] > 0)
    assert "stir_covers_part" in {f.code for f in pair.findings}
    assert (pair.stir.array[~pair.covered_mask] == 0).all()
    seen = pair.covered_mask & pair.body_mask
    assert np.corrcoef(image(maps(), "stir", noise_seed=None)[seen], pair.stir.array[seen])[0, 1] > 0.85


def test_a_moved_patient_on_another_grid_and_gain_is_followed() -> None:
    grid, motion = other_grid(), rigid(rotation_deg=(0.0, 3.0, 0.0), shift_mm=(4.0, -2.0, 3.0))
    # a scale so far from T1's that a fixed cut would empty or flood the histogram
    pair = align(volume(stir_after(motion, grid).array * np.float32(50.0), grid))
    assert error_mm(pair, motion) < HALF_VOXEL_MM
    want = inside_of(grid, pair.t1_to_stir_lps)
    known = ~np.isnan(want)
    np.testing.assert_array_equal(pair.covered_mask[known], want[known] > 0)
    seen = pair.covered_mask & pair.body_mask
    assert np.corrcoef(image(maps(), "stir", noise_seed=None)[seen], pair.stir.array[seen])[0, 1] > 0.85


@pytest.mark.parametrize("turn", [(8.0, 0.0, 0.0), (0.0, 5.0, 0.0)])
def test_a_turn_about_the_middle_does_not_pass_unseen(turn: tuple[float, float, float]) -> None:
    motion = rigid(rotation_deg=turn, shift_mm=(0.0, 0.0, 0.0))
    pair = align(stir_after(motion), focus=maps().marrow)
    assert pair.quality.verdict is not PASS or error_mm(pair, motion) <= protocol().alignment.pass_error.value


def test_the_match_is_judged_around_the_focus() -> None:
    # belly and skin 8 mm away from where they were, bones still
    away = image(maps(centre_lps_mm=(0.0, 0.0, 8.0)), "stir")
    distance = ndimage.distance_transform_edt(~maps().marrow.mask, sampling=GRID.spacing_mm)
    stir = volume(np.where(distance > 15.0, away, image(maps(), "stir")))
    wide, narrow = align(stir), align(stir, focus=maps().marrow)
    np.testing.assert_array_equal(narrow.t1_to_stir_lps, STILL)
    assert narrow.quality.mutual_information_after > 1.2 * wide.quality.mutual_information_after
    assert narrow.quality.estimated_error_mm < wide.quality.estimated_error_mm


def test_more_motion_than_allowed_is_not_followed() -> None:
    settings = protocol().alignment
    strict = settings.model_copy(
        update={"max_displacement": settings.max_displacement.model_copy(update={"value": 4.0})}
    )
    stir = volume(image(maps(centre_lps_mm=(3.0, -2.0, 5.0)), "stir"))
    pair = align_pair(t1(), stir, same_frame_of_reference=True, settings=strict)
    np.testing.assert_array_equal(pair.stir.array, stir.array)
    assert pair.quality.verdict is not PASS
    assert "discarded: it asked for 6 mm, more than 4 mm" in pair.quality.reason
    assert f"alignment_{pair.quality.verdict}" in {f.code for f in pair.findings}


def test_no_overlap_fails() -> None:
    affine = GRID.affine_lps.copy()
    affine[:3, 3] += 2000.0
    pair = align(volume(image(maps(), "stir"), VolumeGeometry(affine_lps=affine, shape=GRID.shape)))
    assert pair.quality.verdict is FAIL
    assert not pair.covered_mask.any()
    assert pair.quality.estimated_error_mm is None
    assert Severity.FAIL in {f.severity for f in pair.findings}


@pytest.mark.parametrize("kind", ["zero", "nearly_zero", "constant", "negative"])
def test_a_stir_that_shows_nothing_fails_and_says_so(kind: str) -> None:
    signal = image(maps(), "stir")
    few = np.zeros(GRID.shape, bool)
    few[5:7, 50:54, 50:54] = True
    made = {
        "zero": 0 * signal,
        "nearly_zero": np.where(few, signal, 0),
        "constant": 0 * signal + 7,
        "negative": -signal,
    }
    quality = align(volume(made[kind])).quality
    assert quality.verdict is FAIL
    assert "nothing to register: an image has no contrast" in quality.reason


def test_rows_that_were_filled_up_with_nothing_are_not_covered() -> None:
    signal, empty = image(maps(), "stir"), np.zeros(GRID.shape, bool)
    empty[:, : GRID.shape[1] * 45 // 100] = True
    pair = align(volume(np.where(empty, 0, signal)))
    assert pair.covered_mask[empty & pair.body_mask].mean() < 0.02
    assert pair.covered_mask[~empty].all()
    assert pair.quality.overlap_fraction == pytest.approx(np.mean(~empty[pair.body_mask]), abs=0.02)
    assert "stir_covers_part" in {f.code for f in pair.findings}


@pytest.mark.parametrize("motion", [STILL, TURNED], ids=["as_acquired", "moved"])
def test_blanked_air_cortex_and_gas_are_covered(motion: np.ndarray) -> None:
    stir = stir_after(motion)
    air = image(moved_maps(motion), "stir", noise_seed=None) <= 0
    gas = np.zeros(GRID.shape, bool)
    gas[4:8, 60:72, 50:62] = True
    blanked = replace(stir, array=np.where(air | gas, 0, stir.array))
    body = body_mask(t1().array, spacing_mm=GRID.spacing_mm)
    assert not unfilled_onto(blanked, t1(), body, motion).any()


def test_unrelated_images_fail() -> None:
    rng = np.random.default_rng(3)
    smooth = np.exp(4 * ndimage.gaussian_filter(rng.standard_normal(GRID.shape), [1, 3, 3]))
    pair = align(volume(100 * smooth), focus=maps().marrow)
    assert pair.quality.verdict is FAIL
    assert pair.quality.estimated_error_mm is None


def test_headers_that_claim_another_frame_are_told_not_trusted() -> None:
    pair = align(stir_after(STILL), same_frame=False)
    np.testing.assert_array_equal(pair.t1_to_stir_lps, STILL)
    assert pair.quality.verdict is PASS
    assert [(f.code, f.severity) for f in pair.findings] == [("frame_of_reference_differs", Severity.INFO)]


@pytest.fixture
def before_other_threads() -> AlignedPair:
    return turned_pair()


@pytest.fixture
def other_threads() -> Iterator[int]:
    """Another number of threads than every other test has: 1, or 2 where 1 is the default."""
    before = sitk.ProcessObject.GetGlobalDefaultNumberOfThreads()
    count = 2 if before == 1 else 1
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(count)
    yield count
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(before)


def test_the_number_of_threads_changes_nothing(before_other_threads: AlignedPair, other_threads: int) -> None:
    assert sitk.ProcessObject.GetGlobalDefaultNumberOfThreads() == other_threads
    again = align(stir_after(TURNED))
    np.testing.assert_array_equal(again.t1_to_stir_lps, before_other_threads.t1_to_stir_lps)
    np.testing.assert_array_equal(again.stir.array, before_other_threads.stir.array)
    assert again.quality == before_other_threads.quality
