"""Painting: windows, partial volume, slice profile, pose, threads; on bodies whose volume is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from marrowsignal.geometry import VolumeGeometry
from marrowsignal.phantom.composition import COMPOSITIONS
from marrowsignal.phantom.scene import (
    Anatomy,
    Bone,
    Layer,
    Marrow,
    Place,
    Rendering,
    SliceProfile,
    render,
)
from marrowsignal.phantom.sheet import Ball, Sheet, SmoothField
from marrowsignal.phantom.solids import Points, ellipsoid
from marrowsignal.phantom.subject import draw_subject
from marrowsignal.phantom.tissues import Species

RADIUS = 24.0
CENTRE = (3.0, -5.0, 4.0)


def _zeros(p: Points) -> np.ndarray:
    return np.zeros_like(p.x)


def ball(p: Points) -> np.ndarray:
    return ellipsoid((p.x, p.y, p.z), centre=CENTRE, radii=(RADIUS, RADIUS, RADIUS))


def place(p: Points) -> Place:
    zero = _zeros(p)
    return Place(epiphysis=zero, joint_mm=zero + 99.0, shaft_mm=zero, axis_mm=zero)


def state(bone: Bone, p: Points, place: Place, depth_mm: np.ndarray) -> Marrow:
    none = _zeros(p)
    lesion = (p.x > CENTRE[0]) * 1.0
    return Marrow(
        fat=none + 0.5, edema=none, tumor=none, fluid=none, fibrous=none, mineral=none + 0.2, lesion=lesion
    )  # fmt: skip


def body(*, seed: int = 3, mirrored: bool = False) -> Anatomy:
    bone = Bone(
        name="ball",
        label=7,
        shape=ball,
        cortex=lambda p: _zeros(p) + 2.0,
        place=place,
        within=Ball(centre_mm=CENTRE, radius_mm=RADIUS + 1.0),
        kind="flat",
    )
    fat = Layer(name="fat", shape=lambda p: _zeros(p) - 99.0, fill=COMPOSITIONS["fat"])
    return Anatomy(body="trunk", subject=draw_subject(seed, mirrored=mirrored), parts=(bone, fat), landmarks=())


def grid(spacing_mm: tuple[float, float, float], *, half_mm: float = 34.0) -> VolumeGeometry:
    axes = np.array([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])
    shape = tuple(int(np.ceil(2 * half_mm / s)) for s in spacing_mm)
    origin = -axes @ (np.asarray(spacing_mm) * (np.asarray(shape) - 1) / 2)
    return VolumeGeometry.from_axes(origin_lps_mm=origin, directions_lps=axes, spacing_mm=spacing_mm, shape=shape)


def draw(geometry: VolumeGeometry, *, samples: int = 4, **options: object) -> Rendering:
    profile = SliceProfile(thickness_mm=geometry.spacing_mm[0], samples=samples)
    anatomy = options.pop("anatomy", None) or body()
    return render(anatomy, geometry, state=state, profile=profile, **options)


def test_a_field_is_the_sum_of_its_waves() -> None:
    field = SmoothField.draw(np.random.default_rng(0), wavelength_mm=(5.0, 20.0), count=9)
    sheet = Sheet(
        origin_mm=np.array([3.0, -8.0, 2.0]),
        row_step_mm=np.array([0.2, 0.9, 0.0]),
        column_step_mm=np.array([0.8, -0.1, 0.4]),
        shape=(7, 5),
    )
    xyz = np.stack([sheet.axis(i) for i in range(3)])
    waves = np.cos(np.tensordot(field.waves, xyz, axes=1) + field.phases[:, None, None])
    np.testing.assert_allclose(field.on(sheet), waves.sum(axis=0) * np.sqrt(2 / 9), atol=1e-12)


def test_a_field_has_mean_0_and_sd_1() -> None:
    field = SmoothField.draw(np.random.default_rng(1), wavelength_mm=(4.0, 9.0), count=40)
    sheet = Sheet(
        origin_mm=np.zeros(3), row_step_mm=np.array([0, 1.0, 0]), column_step_mm=np.array([1.0, 0, 0]), shape=(300, 300)
    )
    values = field.on(sheet)
    assert abs(values.mean()) < 0.05
    assert values.std() == pytest.approx(1.0, abs=0.15)


@settings(max_examples=60)
@given(
    centre=st.tuples(*[st.floats(-60, 60)] * 3),
    radius=st.floats(1, 40),
    angles=st.tuples(*[st.floats(-180, 180)] * 3),
)
def test_a_window_holds_every_point_of_the_ball(
    centre: tuple[float, float, float], radius: float, angles: tuple[float, float, float]
) -> None:
    turn = Rotation.from_euler("xyz", angles, degrees=True).as_matrix()
    sheet = Sheet(
        origin_mm=turn @ np.array([-40.0, -30.0, 2.0]), row_step_mm=1.7 * turn[:, 1], column_step_mm=2.3 * turn[:, 0],
        shape=(36, 30),
    )  # fmt: skip
    xyz = np.stack([sheet.axis(i) for i in range(3)], axis=-1)
    inside = np.linalg.norm(xyz - np.asarray(centre), axis=-1) < radius
    window = sheet.window(Ball(centre_mm=centre, radius_mm=radius))
    if window is None:
        assert not inside.any()
        return
    kept = np.zeros(sheet.shape, bool)
    kept[window] = True
    assert not (inside & ~kept).any()
    np.testing.assert_allclose(sheet.crop(window).axis(1), sheet.axis(1)[window], atol=1e-9)


@pytest.mark.parametrize("spacing", [(1.5, 1.5, 1.5), (4.0, 1.0, 1.0), (3.0, 2.0, 0.8)])
def test_a_ball_has_its_volume_at_every_spacing(spacing: tuple[float, float, float]) -> None:
    drawn, of = draw(grid(spacing)), body().subject
    ml = np.prod(spacing) / 1000
    # the coarse wobble of a person keeps volumes within a few per cent
    whole = 4 / 3 * np.pi * (RADIUS * of.scale) ** 3 / 1000
    inner = 4 / 3 * np.pi * ((RADIUS - 2.0) * of.scale) ** 3 / 1000
    bone = 1.0 - drawn.species[Species.FAT].astype(float)
    assert bone.sum() * ml == pytest.approx(whole, rel=0.08)
    assert drawn.marrow_share.sum(dtype=float) * ml == pytest.approx(inner, rel=0.08)
    marrow = drawn.species[Species.MARROW_FAT].sum(dtype=float)
    assert marrow == pytest.approx(0.4 * drawn.marrow_share.sum(dtype=float), rel=1e-5)


def test_shares_sum_to_1() -> None:
    np.testing.assert_allclose(draw(grid((4.0, 2.0, 2.0))).species.sum(axis=0), 1.0, atol=1e-5)


def test_partial_volume_converges_to_the_mean_of_a_finer_grid() -> None:
    fine = draw(grid((0.5, 0.5, 0.5)), samples=1).marrow_share
    errors = []
    for factor in (8, 4, 2):
        step = 0.5 * factor
        n = fine.shape[0] // factor
        mean = fine[: n * factor, : n * factor, : n * factor].reshape(n, factor, n, factor, n, factor).mean((1, 3, 5))
        origin = grid((0.5, 0.5, 0.5)).to_patient([(factor - 1) / 2] * 3)
        axes = grid((1, 1, 1)).directions_lps
        coarse = VolumeGeometry.from_axes(
            origin_lps_mm=origin, directions_lps=axes, spacing_mm=(step,) * 3, shape=(n, n, n)
        )
        errors.append(float(np.abs(draw(coarse, samples=4).marrow_share - mean).mean()))
    assert errors[0] > 1.7 * errors[1] > 1.7**2 * errors[2]
    assert errors[2] < 0.002


def test_a_pose_moves_the_body_as_the_inverse_moves_the_grid() -> None:
    pose = np.eye(4)
    pose[:3, :3] = Rotation.from_euler("xyz", (4.0, -7.0, 10.0), degrees=True).as_matrix()
    pose[:3, 3] = (3.0, -2.0, 5.0)
    geometry = grid((4.0, 2.0, 2.0))
    moved = VolumeGeometry(affine_lps=np.linalg.inv(pose) @ geometry.affine_lps, shape=geometry.shape)
    np.testing.assert_allclose(draw(geometry, body_to_patient=pose).species, draw(moved).species, atol=1e-5)


def test_threads_change_nothing() -> None:
    one, two = (draw(grid((4.0, 2.0, 2.0)), workers=n) for n in (1, 2))
    np.testing.assert_array_equal(one.species, two.species)
    np.testing.assert_array_equal(one.bone_labels, two.bone_labels)


def test_a_gap_is_not_seen_and_a_thicker_slice_blurs() -> None:
    geometry = grid((6.0, 2.0, 2.0))
    thin, thick = (
        render(body(), geometry, state=state, profile=SliceProfile(thickness_mm=t, samples=6)) for t in (1.0, 6.0)
    )
    partial = [float(((r.marrow_share > 0.02) & (r.marrow_share < 0.98)).mean()) for r in (thin, thick)]
    assert partial[1] > 1.3 * partial[0]


@pytest.mark.parametrize("smooth", [False, True])
def test_a_profile_is_even_and_sums_to_1(smooth: bool) -> None:
    offsets, weights = SliceProfile(thickness_mm=4.0, samples=6, smooth=smooth).weights()
    assert weights.sum() == pytest.approx(1.0)
    np.testing.assert_allclose(offsets, -offsets[::-1])
    np.testing.assert_allclose(weights, weights[::-1])


def test_a_mirrored_person_is_the_mirror_image() -> None:
    geometry = grid((4.0, 2.0, 2.0))
    straight, mirrored = (draw(geometry, anatomy=body(mirrored=m)) for m in (False, True))
    np.testing.assert_allclose(straight.species, mirrored.species[..., ::-1], atol=1e-5)
