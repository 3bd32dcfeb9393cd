"""The spine is one a human can have: free neighbours, adult sizes, marks on the endplates, a filled canal."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from marrowsignal.phantom.anatomy.spinal_column import Spine, build_spine
from marrowsignal.phantom.anatomy.spine import spine_landmarks, spine_parts, vertebra_frames
from marrowsignal.phantom.anatomy.vertebra import Vertebra
from marrowsignal.phantom.scene import Bone, Layer
from marrowsignal.phantom.sheet import Sheet
from marrowsignal.phantom.solids import Frame, Points
from marrowsignal.phantom.subject import Subject, draw_subject
from marrowsignal.phantom.tissues import Species

Array = NDArray[np.float64]
LUMBAR = ("L1", "L2", "L3", "L4", "L5")


def points(xyz: Array) -> Points:
    """Points of the standard body as one row; fields see a sheet through their first point."""
    sheet = Sheet(
        origin_mm=xyz[0],
        row_step_mm=np.array([0.0, 0.0, 1.0]),
        column_step_mm=np.array([0.0, 1.0, 0.0]),
        shape=(1, len(xyz)),
    )
    return Points(x=xyz[None, :, 0], y=xyz[None, :, 1], z=xyz[None, :, 2], sheet=sheet)


def grid_around(vertebra: Vertebra, *, step_mm: float) -> Array:
    """Regular points in the ball that holds a vertebra."""
    ball = vertebra.reach
    axis = np.arange(-ball.radius_mm, ball.radius_mm, step_mm)
    offset = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1).reshape(-1, 3)
    return np.asarray(np.asarray(ball.centre_mm) + offset[np.linalg.norm(offset, axis=1) < ball.radius_mm])


def place(frame: Frame, local: Array) -> Array:
    """Body points of local ones."""
    return np.asarray(np.asarray(frame.origin_mm) + local @ np.asarray(frame.axes))


def person(seed: int) -> Subject:
    """Woman or man of any adult age."""
    return draw_subject(seed, sex="FM"[seed % 2], age_years=20.0 + seed % 60)  # type: ignore[arg-type]


def body_volume_ml(vertebra: Vertebra, scale: float) -> float:
    """Volume of the body without the arch."""
    at = vertebra.frame.of(points(grid_around(vertebra, step_mm=2.0)))
    return float((vertebra.body(at) < 0.0).sum() * (2.0 * scale) ** 3 / 1000.0)


def spine_tilt(spine: Spine) -> list[float]:
    """Forward lean of every body in degrees, from below."""
    return [float(np.rad2deg(np.arctan2(-v.frame.axes[2][1], v.frame.axes[2][2]))) for v in spine.vertebrae]


@pytest.mark.parametrize("first", range(0, 50, 10))
def test_neighbours_never_share_bone(first: int) -> None:
    axes = np.arange(-6.0, 31.0, 3.0), np.arange(-18.0, 64.0, 3.0), np.arange(-27.0, 28.0, 3.0)
    between = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    for seed in range(first, first + 10):
        for lower, upper in pairwise(build_spine(person(seed)).vertebrae):
            inside = between[lower.distance(points(place(lower.above.frame, between)))[0] < 0.0]
            assert upper.distance(points(place(lower.above.frame, inside))).min() > 0.0, (seed, lower.name)


@pytest.mark.parametrize("sex", ["F", "M"])
def test_bodies_have_adult_volume(sex: str) -> None:
    people = [draw_subject(seed, sex=sex) for seed in range(4)]  # type: ignore[arg-type]
    volumes = [
        [body_volume_ml(v, person.scale) for v in build_spine(person).vertebrae if v.name in LUMBAR]
        for person in people
    ]
    # adult lumbar bodies hold 20 to 50 ml, men's about a fifth more than women's
    assert 17.0 < np.min(volumes) < np.max(volumes) < 50.0
    low, high = (25.0, 33.0) if sex == "F" else (30.0, 40.0)
    assert low < np.mean(volumes, axis=0)[2] < high


@pytest.mark.parametrize("seed", range(6))
def test_spine_is_upright_and_gently_curved(seed: int) -> None:
    spine = build_spine(person(seed))
    heights = [v.height_mm for v in spine.vertebrae]
    assert all(low > high for low, high in pairwise(heights))
    centres = np.array([v.frame.origin_mm for v in spine.vertebrae])
    assert np.all(np.diff(centres[:, 2]) > 20.0)
    assert np.abs(centres[:, 0]).max() < 10.0
    tilt = spine_tilt(spine)
    assert 25.0 < tilt[0] - tilt[4] < 55.0
    assert all(abs(np.rad2deg(v.frame.axes[2][0])) < 5.0 for v in spine.vertebrae)


@pytest.mark.parametrize("seed", range(3))
def test_bone_stays_in_its_ball(seed: int) -> None:
    away = np.random.default_rng(1).standard_normal((3000, 3))
    away /= np.linalg.norm(away, axis=1, keepdims=True)
    for vertebra in build_spine(person(seed)).vertebrae:
        ball = vertebra.reach
        assert vertebra.distance(points(np.asarray(ball.centre_mm) + ball.radius_mm * away)).min() > 0.0


def test_distance_grows_by_one_mm_per_mm() -> None:
    vertebra = build_spine(person(2)).vertebrae[2]
    inside = grid_around(vertebra, step_mm=2.0)

    def body(xyz: Array) -> Array:
        return np.asarray(vertebra.body(vertebra.frame.of(points(xyz)))[0])

    near = inside[np.abs(body(inside)) < 1.5]
    slopes = np.linalg.norm([(body(near + 0.02 * axis) - body(near)) / 0.02 for axis in np.eye(3)], axis=0)
    assert np.median(slopes) == pytest.approx(1.0, abs=0.06)
    # where two faces meet in a rounded rim, the blend is slower
    assert 0.55 < np.percentile(slopes, 2) < slopes.max() < 1.35


@pytest.mark.parametrize("seed", range(4))
def test_landmarks_lie_where_they_say(seed: int) -> None:
    subject = person(seed)
    spine, marks = build_spine(subject), {m.name: m for m in spine_landmarks(subject)}
    bones = {v.name: v for v in spine.vertebrae}
    assert {f"{name}_body" for name in LUMBAR} <= set(marks)
    for mark in marks.values():
        vertebra = bones[mark.bone]
        into = np.asarray(mark.point_mm) + np.outer([0.0, 3.0], mark.axis)
        depth = vertebra.distance(points(into))[0]
        assert np.linalg.norm(mark.axis) == pytest.approx(1.0)
        if "endplate" in mark.name:
            assert abs(depth[0]) < 0.8
            assert depth[1] < -1.5
        else:
            assert depth[0] < 0.0


def filled(layers: list[Layer], p: Points, species: Species) -> Array:
    """Largest share of a species in any of the layers at points inside them."""
    share = np.zeros_like(p.x)
    for layer in layers:
        amounts = layer.fill(p) if callable(layer.fill) else layer.fill
        share = np.maximum(share, np.where(layer.shape(p) < 0.0, amounts.get(species, 0.0), 0.0))
    return share


@pytest.mark.parametrize("seed", range(3))
def test_canal_holds_cord_above_and_fluid_below(seed: int) -> None:
    subject = person(seed)
    spine = build_spine(subject)
    sac = [part for part in spine_parts(subject) if isinstance(part, Layer) and part.name.startswith("thecal_sac")]
    behind = {v.name: v.frame.point(0.0, v.half_depth_mm + 9.0, 0.0) for v in spine.vertebrae}
    cross = points(np.array([behind["T11"], behind["L4"]]))
    assert filled(sac[:1], cross, Species.SOFT_TISSUE)[0, 0] > 0.8
    around = points(np.asarray(behind["L4"]) + np.array([[4.0, -2.0, 0.0], [-4.0, -2.0, 0.0], [0.0, -3.0, 0.0]]))
    assert filled(sac[:1], around, Species.FLUID).min() > 0.6
    for vertebra in spine.vertebrae:
        assert vertebra.distance(cross).min() > 2.0


def test_no_bone_narrows_the_sac() -> None:
    for seed in range(3):
        spine = build_spine(person(seed))
        for vertebra in spine.vertebrae:
            p = points(grid_around(vertebra, step_mm=3.0))
            # less than the unevenness of the bone
            assert vertebra.distance(p)[spine.sac.distance(p) < 0.0].min() > -0.8


def test_parts_carry_the_agreed_names_and_labels() -> None:
    subject = draw_subject(5)
    bones = {part.name: part.label for part in spine_parts(subject) if isinstance(part, Bone)}
    assert bones == {"L5": 11, "L4": 12, "L3": 13, "L2": 14, "L1": 15, "T12": 16, "T11": 17, "T10": 18}
    assert set(vertebra_frames(subject)) == set(bones)


def test_the_same_seed_gives_the_same_spine() -> None:
    at = points(np.random.default_rng(0).normal((0.0, -40.0, 120.0), 30.0, (500, 3)))
    one, two, other = (build_spine(draw_subject(seed)) for seed in (7, 7, 8))
    same = [np.array_equal(a.distance(at), b.distance(at)) for a, b in zip(one.vertebrae, two.vertebrae, strict=True)]
    assert all(same)
    assert not np.array_equal(one.vertebrae[2].distance(at), other.vertebrae[2].distance(at))
