"""Parts that move on their own, and fat that chemical shift displaces."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marrowsignal.alignment.blend import displaced
from marrowsignal.alignment.body import body_mask
from marrowsignal.alignment.engine import prepare, register
from marrowsignal.alignment.pieces import moved_on_their_own
from marrowsignal.alignment.records import PieceMotion
from marrowsignal.alignment.resample import resample_onto
from marrowsignal.alignment.rigid import displacements_mm
from marrowsignal.alignment.water import settled_on_water
from marrowsignal.geometry import SignalVolume
from marrowsignal.phantom.acquisition import acquire
from marrowsignal.phantom.options import usual_series
from marrowsignal.protocol import load_protocol
from marrowsignal.protocol.schema import AlignmentSettings
from tests.alignment.pelvis import GRID, image, maps, moved_maps, rigid, volume

STILL = np.eye(4)
LEGS = rigid(rotation_deg=(0.0, 4.0, 0.0), shift_mm=(3.0, 0.0, -3.0))


@cache
def rules() -> AlignmentSettings:
    return load_protocol("pelvis_sij").alignment


@cache
def body() -> np.ndarray:
    return body_mask(image(maps(), "t1").astype(np.float32), spacing_mm=GRID.spacing_mm)


def pieces_of(stir: SignalVolume) -> tuple[PieceMotion, ...]:
    fixed, moving = prepare(volume(image(maps(), "t1"))), prepare(stir)
    found = register(fixed, moving, mask=body(), initial=STILL)
    return moved_on_their_own(fixed, moving, mask=body(), rigid=found, settled=STILL, settings=rules())


def piece(shift_mm: tuple[float, float, float], centre: tuple[float, float, float]) -> PieceMotion:
    return PieceMotion(
        centre_lps_mm=centre,
        t1_to_stir_lps=rigid(rotation_deg=(0.0, 0.0, 0.0), shift_mm=shift_mm),
        beyond_rigid_mm=float(np.linalg.norm(shift_mm)),
        voxels=100,
        reach_mm=20.0,
    )


def test_who_lies_still_has_no_pieces() -> None:
    assert pieces_of(volume(image(maps(), "stir"))) == ()


def test_a_part_that_moved_is_followed() -> None:
    lower = np.arange(GRID.shape[1])[None, :, None] >= GRID.shape[1] // 2
    stir = volume(np.where(lower, image(moved_maps(LEGS), "stir"), image(maps(), "stir")))
    found = pieces_of(stir)
    assert any(part.beyond_rigid_mm > rules().piece_motion.value for part in found)
    at = np.argwhere(maps().marrow.mask)
    away = np.abs(at[:, 1] - GRID.shape[1] // 2) * GRID.spacing_mm[1] > 30.0
    points, below = GRID.to_patient(at[away]), at[away][:, 1] >= GRID.shape[1] // 2
    truth = np.where(below[:, None], points @ LEGS[:3, :3].T + LEGS[:3, 3], points)
    whole = register(prepare(volume(image(maps(), "t1"))), prepare(stir), mask=body(), initial=STILL)
    rigidly = np.linalg.norm(displaced(points, whole, ()) - truth, axis=1)
    followed = np.linalg.norm(displaced(points, STILL, found) - truth, axis=1)
    assert np.median(followed) < 0.7 * np.median(rigidly)


@settings(max_examples=20)
@given(st.tuples(*[st.floats(-100.0, 100.0)] * 3))
def test_pieces_that_all_move_alike_are_one_rigid_motion(point: tuple[float, float, float]) -> None:
    alike = tuple(piece((3.0, -1.0, 2.0), centre) for centre in ((-50.0, 0.0, 0.0), (50.0, 0.0, 0.0), (0.0, 0.0, 70.0)))
    moved = displaced(np.array([point]), STILL, alike)[0]
    np.testing.assert_allclose(moved, np.add(point, (3.0, -1.0, 2.0)), atol=1e-9)


def test_between_two_pieces_the_motion_changes_smoothly_from_one_to_the_other() -> None:
    parts = (piece((4.0, 0.0, 0.0), (0.0, 0.0, -60.0)), piece((0.0, 0.0, 0.0), (0.0, 0.0, 60.0)))
    line = np.zeros((61, 3))
    line[:, 2] = np.linspace(-90.0, 90.0, 61)
    along = displaced(line, STILL, parts)[:, 0]
    assert along[0] == pytest.approx(4.0, abs=0.01)
    assert along[30] == pytest.approx(2.0)
    assert along[-1] == pytest.approx(0.0, abs=0.01)
    assert (np.diff(along) <= 0).all() and -np.diff(along).min() < 1.0


def test_pieces_bend_the_image_as_they_bend_points() -> None:
    ramp = GRID.patient_axis(0) + 500.0
    parts = (piece((4.0, 0.0, 0.0), (0.0, 0.0, -60.0)), piece((0.0, 0.0, 0.0), (0.0, 0.0, 60.0)))
    bent, covered = resample_onto(volume(ramp), GRID, STILL, pieces=parts)
    points = GRID.to_patient(np.moveaxis(np.indices(GRID.shape), 0, -1).reshape(-1, 3))
    want = displaced(points, STILL, parts)[:, 0].reshape(GRID.shape) + 500.0
    inner = (slice(2, -2), slice(8, -8), slice(8, -8))
    assert covered[inner].all()
    np.testing.assert_allclose(bent[inner], want[inner], atol=0.1)


def test_water_settles_what_displaced_fat_misplaced() -> None:
    t1_series, stir_series = usual_series(1.5)
    wide = replace(stir_series, pixel_bandwidth_hz=120.0, muscle_snr=60.0, breathing=None)
    species = maps().species_fractions
    t1, stir = (
        volume(acquire(species, GRID, series=series, rng=np.random.default_rng(7)).signal)
        for series in (replace(t1_series, pixel_bandwidth_hz=500.0), wide)
    )
    found = register(prepare(t1), prepare(stir), mask=body(), initial=STILL)
    settled = settled_on_water(t1, stir, mask=body(), matrix=found, settings=rules())
    points = GRID.to_patient(np.argwhere(maps().marrow.mask))
    before, after = (float(np.median(displacements_mm(m, STILL, points))) for m in (found, settled))
    assert after < 0.75 * before


def test_without_water_far_from_fat_the_match_stays() -> None:
    t1, stir = volume(image(maps(), "t1")), volume(image(maps(), "stir"))
    none_left = rules().model_copy(
        update={"water_min_volume": rules().water_min_volume.model_copy(update={"value": 1e6})}
    )
    assert settled_on_water(t1, stir, mask=body(), matrix=LEGS, settings=none_left) is LEGS
