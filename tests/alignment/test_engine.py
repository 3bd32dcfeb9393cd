"""The registration engine on the small pelvis: accuracy, capture, invariances, determinism."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import approx_fprime

from marrowsignal.alignment.body import body_mask
from marrowsignal.alignment.engine import Prepared, prepare, register
from marrowsignal.alignment.evened import evened
from marrowsignal.alignment.information import FixedBins, smooth_information
from marrowsignal.alignment.minimize import minimized
from marrowsignal.alignment.motion import RigidMotion
from marrowsignal.alignment.pyramid import pyramid
from marrowsignal.alignment.rigid import displacements_mm
from marrowsignal.geometry import VolumeGeometry
from tests.alignment.pelvis import GRID, image, maps, rigid, volume

STILL = np.eye(4)
FIFTH_OF_A_PIXEL_MM = 0.2 * GRID.spacing_mm[1]


@cache
def t1() -> Prepared:
    return prepare(volume(image(maps(), "t1")))


@cache
def body() -> np.ndarray:
    return body_mask(image(maps(), "t1").astype(np.float32), spacing_mm=GRID.spacing_mm)


def stir_at(motion: np.ndarray) -> Prepared:
    """STIR whose header lies: the tissue of T1 point p is at motion p."""
    moved = VolumeGeometry(affine_lps=motion @ GRID.affine_lps, shape=GRID.shape)
    return prepare(volume(image(maps(), "stir"), moved))


def error_mm(found: np.ndarray, truth: np.ndarray) -> float:
    points = GRID.to_patient(np.argwhere(maps().marrow.mask))
    return float(np.quantile(displacements_mm(found, truth, points), 0.95))


@pytest.mark.parametrize(
    ("turn", "shift"),
    [
        ((0.0, 0.0, 0.0), (0.0, 0.0, 0.0)),
        ((3.0, -2.0, 3.0), (6.0, -5.0, 6.0)),
        # 20 mm and 10 degrees
        ((6.0, 6.0, -5.0), (12.0, 11.0, -12.0)),
        ((-10.0, 0.0, 0.0), (0.0, -14.0, 14.0)),
        ((0.0, 7.0, 7.0), (-20.0, 0.0, 0.0)),
    ],
)
def test_starts_up_to_twenty_millimetres_and_ten_degrees_away_are_caught(
    turn: tuple[float, float, float], shift: tuple[float, float, float]
) -> None:
    motion = rigid(rotation_deg=turn, shift_mm=shift)
    found = register(t1(), stir_at(motion), mask=body(), initial=STILL)
    assert error_mm(found, motion) < FIFTH_OF_A_PIXEL_MM
    np.testing.assert_allclose(found[:3, :3] @ found[:3, :3].T, np.eye(3), atol=1e-9)


def test_the_start_hardly_matters() -> None:
    stir = stir_at(STILL)
    from_here = register(t1(), stir, mask=body(), initial=STILL)
    beside = register(
        t1(),
        stir,
        mask=body(),
        initial=rigid(rotation_deg=(1.0, 0.5, -1.0), shift_mm=(1.0, -1.0, 1.0)),
        start_level=1,
    )
    assert error_mm(from_here, beside) < 0.1


def test_half_of_the_slices_tell_nearly_the_same() -> None:
    odd = np.arange(GRID.shape[0]) % 2 == 1
    halves = [
        register(t1(), stir_at(STILL), mask=body(), initial=STILL, start_level=0, slice_mask=half)
        for half in (odd, ~odd)
    ]
    assert 0.0 < error_mm(halves[0], halves[1]) < 2 * FIFTH_OF_A_PIXEL_MM


def test_gain_changes_nothing_and_a_second_run_gives_the_same_bits() -> None:
    motion = rigid(rotation_deg=(2.0, 0.0, 1.0), shift_mm=(3.0, 2.0, 0.0))
    first = register(t1(), stir_at(motion), mask=body(), initial=STILL)
    again = register(t1(), stir_at(motion), mask=body(), initial=STILL)
    np.testing.assert_array_equal(first, again)
    louder = prepare(
        volume(image(maps(), "stir") * 64.0, VolumeGeometry(affine_lps=motion @ GRID.affine_lps, shape=GRID.shape))
    )
    np.testing.assert_allclose(register(t1(), louder, mask=body(), initial=STILL), first, atol=1e-3)


def test_coil_shading_hardly_moves_the_match() -> None:
    across = np.linspace(-1.0, 1.0, GRID.shape[2])
    shaded = prepare(volume(image(maps(), "stir") * np.exp(0.35 * across)))
    shaded_t1 = prepare(volume(image(maps(), "t1") * np.exp(-0.25 * across)))
    assert error_mm(register(shaded_t1, shaded, mask=body(), initial=STILL), STILL) < 0.5 * GRID.spacing_mm[1]


def test_nothing_in_common_is_an_error() -> None:
    with pytest.raises(RuntimeError, match="mask is empty"):
        register(t1(), stir_at(STILL), mask=np.zeros(GRID.shape, bool), initial=STILL)
    far = rigid(rotation_deg=(0.0, 0.0, 0.0), shift_mm=(2000.0, 0.0, 0.0))
    with pytest.raises(RuntimeError, match="do not overlap"):
        register(t1(), stir_at(far), mask=body(), initial=STILL)


def test_every_level_tells_a_linear_field_and_its_slope() -> None:
    slope = np.array([0.3, -0.2, 0.5])
    field = 500 + GRID.to_patient(np.moveaxis(np.indices(GRID.shape), 0, -1)) @ slope
    rng = np.random.default_rng(4)
    index = np.asarray(GRID.shape)[:, None] * rng.uniform(0.35, 0.65, (3, 50))
    points = GRID.to_patient(index.T).T
    for level in pyramid(field, GRID, levels=3):
        look = level.look_up(points)
        assert look.inside.all()
        np.testing.assert_allclose(look.values, 500 + slope @ points, rtol=1e-3)
        per_mm = level.index_of_lps[:3, :3].T @ look.slopes
        np.testing.assert_allclose(per_mm, np.tile(slope[:, None], 50), atol=5e-3)


@settings(max_examples=20)
@given(st.integers(0, 999))
def test_the_slope_of_the_information_is_its_slope(seed: int) -> None:
    rng = np.random.default_rng(seed)
    fixed = rng.uniform(0, 1, 400)
    bins = FixedBins.of(fixed)
    moving = np.clip(fixed + 0.2 * rng.standard_normal(400), 0.05, 0.95)
    everywhere = np.ones(400, bool)
    way = rng.standard_normal(400)

    def along(step: float) -> float:
        return smooth_information(bins, everywhere, moving + step * way, top=1.0)[0]

    slope = smooth_information(bins, everywhere, moving, top=1.0)[1]
    assert float(slope @ way) == pytest.approx((along(1e-4) - along(-1e-4)) / 2e-4, rel=0.02, abs=2e-3)


@settings(max_examples=30)
@given(st.lists(st.floats(-30.0, 30.0), min_size=6, max_size=6))
def test_the_slope_of_a_motion_is_its_slope(numbers: list[float]) -> None:
    rng = np.random.default_rng(5)
    points, pull = rng.uniform(-80, 80, (3, 20)), rng.standard_normal((3, 20))
    motion = RigidMotion.about(points, start=rigid(rotation_deg=(20.0, 5.0, -8.0), shift_mm=(3.0, 1.0, 9.0)))

    def moved(at: np.ndarray) -> np.ndarray:
        matrix = motion.matrix(at)
        return matrix[:3, :3] @ points + matrix[:3, 3:]

    at = np.asarray(numbers)
    want = approx_fprime(at, lambda x: float(np.sum(pull * moved(x))), 1e-5)
    moments = pull @ (points - motion.centre_lps_mm[:, None]).T
    np.testing.assert_allclose(motion.slope(at, pull.sum(axis=1), moments), want, atol=1e-2, rtol=1e-3)


def test_a_bowl_is_descended_to_its_bottom() -> None:
    bowl, bottom = np.diag([1.0, 9.0, 0.2]), np.array([3.0, -2.0, 5.0])
    found, inverse, value = minimized(
        lambda x: (float((x - bottom) @ bowl @ (x - bottom)), 2 * bowl @ (x - bottom)),
        inverse=np.eye(3),
        longest=2.0,
        enough=1e-6,
    )
    np.testing.assert_allclose(found, bottom, atol=1e-4)
    assert value == float((found - bottom) @ bowl @ (found - bottom))
    assert (np.linalg.eigvalsh(inverse) > 0).all()


def test_even_shading_is_taken_off_and_air_stays_dark() -> None:
    plain = np.full((6, 80, 80), 100.0)
    plain[:, :, :20] = 0.0
    shaded = plain * np.exp(np.linspace(-0.5, 0.5, 80))[None, :, None]
    even = evened(shaded, (4.0, 3.0, 3.0))
    tissue = even[:, 15:-15, 45:]
    assert tissue.std() / tissue.mean() < 0.25 * shaded[:, 15:-15, 45:].std() / shaded[:, 15:-15, 45:].mean()
    assert (even[:, :, :20] == 0).all()
