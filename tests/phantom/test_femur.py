"""Femora, hip joints and thighs: measures as drawn, true distances, adult sizes, two alike but unequal sides."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from marrowsignal.phantom.anatomy.femur import (
    Femur,
    draw_femur,
    femoral_head_radius_mm,
    femur_landmarks,
    femur_parts,
)
from marrowsignal.phantom.anatomy.skeleton import hip_centre_mm
from marrowsignal.phantom.anatomy.thigh import thigh_axis, thigh_parts
from marrowsignal.phantom.scene import Bone, Layer
from marrowsignal.phantom.sheet import Sheet
from marrowsignal.phantom.solids import Points, locate
from marrowsignal.phantom.subject import Subject, draw_subject
from marrowsignal.phantom.tissues import Species

Array = NDArray[np.float64]
PEOPLE = (draw_subject(1), draw_subject(2, sex="M"), draw_subject(3), draw_subject(4, sex="M"))


def flat(origin: Array, down: Array, across: Array, shape: tuple[int, int]) -> Points:
    sheet = Sheet(origin_mm=np.asarray(origin, float), row_step_mm=down, column_step_mm=across, shape=shape)
    return Points(x=sheet.axis(0), y=sheet.axis(1), z=sheet.axis(2), sheet=sheet)


def around(centre: Array, normal: Array, half_mm: float, step_mm: float = 0.5) -> Points:
    """Square of points about a centre, square to a normal."""
    normal = np.asarray(normal, float) / np.linalg.norm(normal)
    first = np.cross(normal, [0.3, 1.0, 0.2])
    first /= np.linalg.norm(first)
    second = np.cross(normal, first)
    count = 2 * round(half_mm / step_mm) + 1
    origin = np.asarray(centre) - half_mm * (first + second)
    return flat(origin, step_mm * first, step_mm * second, (count, count))


def at(points: Array) -> Points:
    """Single points; no fields are asked for there."""
    x, y, z = (np.ascontiguousarray(points[:, i : i + 1]) for i in range(3))
    return Points(x=x, y=y, z=z, sheet=around(np.zeros(3), np.array([0.0, 0.0, 1.0]), 1.0).sheet)


def stack(p: Points) -> Array:
    return np.stack([p.x, p.y, p.z], axis=-1)


def bone_of(subject: Subject, side: str = "left") -> Bone:
    return next(b for b in femur_parts(subject) if isinstance(b, Bone) and b.name == f"{side}_femur")


def middle_of(bone: Bone, p: Points) -> Array:
    return np.asarray(stack(p)[bone.shape(p) < 0.0].mean(axis=0))


def sphere(count: int) -> Array:
    k = np.arange(count) + 0.5
    z, turn = 1.0 - 2.0 * k / count, np.pi * (1.0 + 5.0**0.5) * k
    return np.stack([np.sqrt(1 - z * z) * np.cos(turn), np.sqrt(1 - z * z) * np.sin(turn), z], axis=1)


def neck_direction(femur: Femur) -> Array:
    head, base = femur.neck_point(0.0, 0.0, 0.0), femur.neck_point(0.0, 0.0, -femur.neck_mm)
    return np.subtract(head, base) / femur.neck_mm


def test_the_bones_carry_their_names_and_labels() -> None:
    bones = [part for part in femur_parts(PEOPLE[0]) if isinstance(part, Bone)]
    assert [(b.name, b.label, b.kind) for b in bones] == [("left_femur", 4, "long"), ("right_femur", 5, "long")]


@pytest.mark.parametrize("subject", PEOPLE)
@pytest.mark.parametrize("side", ["left", "right"])
def test_the_head_is_a_ball_about_the_hip_centre(subject: Subject, side: str) -> None:
    x, y, z = hip_centre_mm(subject)
    centre, radius = np.array([x if side == "left" else -x, y, z]), femoral_head_radius_mm(subject)
    bone, every = bone_of(subject, side), sphere(2000)
    pole = neck_direction(draw_femur(subject, side))
    dome = every[(every @ pole > 0.1) & (every @ pole < 0.75)]
    for offset in (-4.0, 0.0, 2.0):
        distance = bone.shape(at(centre + (radius + offset) * dome))
        assert np.percentile(np.abs(distance - offset), 95) < 0.1
    # the socket's bone is 3.5 mm away
    socket = every[every @ pole > -0.25]
    assert bone.shape(at(centre + (radius + 0.3) * socket)).min() > 0.0


@pytest.mark.parametrize("subject", PEOPLE)
def test_the_head_has_the_volume_of_an_adult(subject: Subject) -> None:
    centre, radius = np.array(hip_centre_mm(subject)), femoral_head_radius_mm(subject)
    step = 1.0
    steps = np.arange(-radius, radius + step, step)
    bone, volume = bone_of(subject), 0.0
    for dz in steps:
        p = around(centre + np.array([0.0, 0.0, dz]), np.array([0.0, 0.0, 1.0]), 26.0, step)
        near = np.linalg.norm(stack(p) - centre, axis=-1) < radius
        volume += float(((bone.shape(p) < 0.0) & near).sum()) * step**3
    assert 40.0 < volume * subject.scale**3 / 1000.0 < 70.0


@pytest.mark.parametrize("subject", PEOPLE)
@pytest.mark.parametrize("side", ["left", "right"])
def test_angles_measured_on_the_shape_are_those_drawn(subject: Subject, side: str) -> None:
    femur, bone = draw_femur(subject, side), bone_of(subject, side)
    head, pole = np.array(femur.neck_point(0.0, 0.0, 0.0)), neck_direction(femur)
    waist = middle_of(bone, around(head - 25.0 * pole, pole, 24.0))
    neck = (head - waist) / np.linalg.norm(head - waist)
    up = np.array([0.0, 0.0, 1.0])
    high, low = (middle_of(bone, around(np.array(femur.point(0.0, 0.0, -h)), up, 30.0)) for h in (75.0, 255.0))
    shaft = (low - high) / np.linalg.norm(low - high)
    assert np.rad2deg(np.arccos(neck @ shaft)) == pytest.approx(femur.neck_shaft_deg, abs=2.5)
    assert 115.0 < femur.neck_shaft_deg < 137.0
    inwards = np.array([1.0 if side == "right" else -1.0, 0.0, 0.0])
    inwards -= (inwards @ shaft) * shaft
    flat_neck = neck - (neck @ shaft) * shaft
    turn = np.rad2deg(np.arctan2(-flat_neck[1], flat_neck @ inwards / np.linalg.norm(inwards)))
    assert turn == pytest.approx(femur.anteversion_deg, abs=2.5)


@pytest.mark.parametrize("subject", PEOPLE)
def test_the_neck_is_slimmer_than_the_head(subject: Subject) -> None:
    femur, bone = draw_femur(subject, "left"), bone_of(subject)
    pole = neck_direction(femur)
    p = around(np.array(femur.neck_point(0.0, 0.0, -25.0)), pole, 30.0)
    width = 2.0 * np.sqrt((bone.shape(p) < 0.0).sum() * 0.25 / np.pi)
    assert 0.5 < width / (2.0 * femur.head_mm) < 0.75


@pytest.mark.parametrize("subject", PEOPLE)
def test_the_shaft_has_a_thick_cortex_and_a_narrow_canal(subject: Subject) -> None:
    femur, bone = draw_femur(subject, "left"), bone_of(subject)
    for height in (-100.0, -150.0, -200.0):
        p = around(np.array(femur.point(0.0, 0.0, height)), np.array(femur.direction(0.0, 0.0, 1.0)), 24.0)
        distance, cortex = bone.shape(p), bone.cortex(p)
        canal = 2.0 * np.sqrt((-distance > cortex).sum() * 0.25 / np.pi)
        assert 10.0 < canal < 14.5
        assert 4.0 < cortex[distance < 0.0].min() <= cortex[distance < 0.0].max() <= 7.1


@pytest.mark.parametrize("subject", PEOPLE)
def test_the_cortex_is_thin_at_the_head_and_thick_at_the_calcar(subject: Subject) -> None:
    femur, bone = draw_femur(subject, "left"), bone_of(subject)
    spots = [femur.neck_point(*spot) for spot in ((0.0, 0.0, 23.0), (15.0, 0.0, -25.0), (-15.0, 0.0, -25.0))]
    dome, above, below = bone.cortex(at(np.array(spots)))[:, 0]
    assert 0.8 < dome < 1.2
    assert above < 1.5
    assert 2.5 < below < 5.0


@pytest.mark.parametrize("side", ["left", "right"])
def test_distances_are_true_near_the_surface(side: str) -> None:
    bone = bone_of(PEOPLE[0], side)
    sign = -1.0 if side == "right" else 1.0
    steepness = []
    for y in (-62.0, -52.0, -42.0, -32.0):
        p = flat(np.array([sign * 40.0, y, -40.0]), np.array([0.0, 0.0, -1.0]), np.array([sign, 0.0, 0.0]), (130, 120))
        ahead = Points(x=p.x, y=p.y + 0.01, z=p.z, sheet=p.sheet)
        distance = bone.shape(p)
        slope = np.gradient(distance, 1.0)
        length = np.sqrt(slope[0] ** 2 + slope[1] ** 2 + ((bone.shape(ahead) - distance) / 0.01) ** 2)
        steepness.append(length[np.abs(distance) < 1.5])
    low, high = np.percentile(np.concatenate(steepness), [5.0, 95.0])
    assert 0.8 < low < high < 1.2


@pytest.mark.parametrize("subject", PEOPLE[:2])
def test_place_tells_epiphysis_joint_and_shaft(subject: Subject) -> None:
    femur, bone = draw_femur(subject, "left"), bone_of(subject)
    line = np.array([femur.neck_point(0.0, 0.0, t) for t in np.arange(-30.0, 20.0, 0.5)])
    place = bone.place(at(line))
    assert place.epiphysis[0, 0] == 0.0
    assert place.epiphysis[-1, 0] == 1.0
    assert np.abs(np.diff(place.epiphysis[:, 0])).max() < 0.3
    assert place.shaft_mm.max() == 0.0
    assert place.axis_mm.max() < 20.0
    assert place.joint_mm[-1, 0] == pytest.approx(femur.head_mm - 19.5, abs=0.01)
    deep = bone.place(at(np.array([femur.point(0.0, 0.0, -h) for h in (60.0, 100.0)])))
    assert deep.shaft_mm[1, 0] - deep.shaft_mm[0, 0] == pytest.approx(40.0)
    assert deep.axis_mm.max() < 6.5
    assert deep.epiphysis.max() == 0.0
    assert deep.joint_mm.min() > 60.0
    assert bone.place(at(np.array([femur.point(16.0, 6.0, 12.0)]))).epiphysis[0, 0] == 1.0


@pytest.mark.parametrize("subject", PEOPLE)
def test_landmarks_lie_where_they_say(subject: Subject) -> None:
    marks = {mark.name: mark for mark in femur_landmarks(subject)}
    assert len(marks) == 12
    for mark in marks.values():
        assert np.linalg.norm(mark.axis) == pytest.approx(1.0, abs=1e-3)
        bone = bone_of(subject, mark.bone.split("_")[0])
        surface = float(bone.shape(at(np.array([mark.point_mm])))[0, 0])
        inside = float(bone.shape(at(np.array([mark.point_mm]) + 3.0 * np.array([mark.axis])))[0, 0])
        if "medial" in mark.name:
            assert abs(surface) < 0.8
            assert inside == pytest.approx(surface - 3.0, abs=0.6)
        else:
            assert surface < -8.0
    x, _, z = marks["left_femoral_neck_medial"].point_mm
    hip = hip_centre_mm(subject)
    assert x > hip[0]
    assert z < hip[2] - 20.0


def test_the_sides_are_alike_but_not_equal() -> None:
    left, right = bone_of(PEOPLE[0], "left"), bone_of(PEOPLE[0], "right")
    p = flat(np.array([50.0, -48.0, -40.0]), np.array([0.0, 0.0, -1.0]), np.array([1.0, 0.0, 0.0]), (200, 110))
    mirrored = Points(x=-p.x, y=p.y, z=p.z, sheet=p.sheet)
    one, other = left.shape(p), right.shape(mirrored)
    near = np.abs(one) < 3.0
    assert 0.05 < np.abs(one - other)[near].mean() < 2.5
    assert (one < 0.0).sum() == pytest.approx((other < 0.0).sum(), rel=0.06)


def test_a_mirrored_person_has_the_left_bone_on_the_right() -> None:
    person, mirrored = draw_subject(1), draw_subject(1, mirrored=True)
    p = flat(np.array([50.0, -48.0, -40.0]), np.array([0.0, 0.0, -1.0]), np.array([1.0, 0.0, 0.0]), (150, 110))
    q = flat(np.array([-50.0, -48.0, -40.0]), np.array([0.0, 0.0, -1.0]), np.array([-1.0, 0.0, 0.0]), (150, 110))
    for build in (femur_parts, thigh_parts):
        for one, other in zip(build(person), build(mirrored), strict=True):
            assert one.name == other.name
            assert np.allclose(one.shape(locate(person, p.sheet)), other.shape(locate(mirrored, q.sheet)))


def test_the_same_seed_gives_the_same_bone_and_thigh() -> None:
    p = flat(np.array([20.0, -110.0, -150.0]), np.array([0.0, 1.5, 0.0]), np.array([1.5, 0.0, 0.0]), (90, 90))
    for build in (femur_parts, thigh_parts):
        drawn = [[part.shape(p) for part in build(draw_subject(seed)) if "left" in part.name] for seed in (5, 5, 6)]
        assert all(np.array_equal(a, b) for a, b in zip(drawn[0], drawn[1], strict=True))
        assert not all(np.array_equal(a, b) for a, b in zip(drawn[0], drawn[2], strict=True))


@pytest.mark.parametrize("subject", PEOPLE[:2])
def test_no_part_leaves_its_ball(subject: Subject) -> None:
    for z in np.arange(0.0, -400.0, -9.0):
        p = flat(np.array([-180.0, -150.0, z]), np.array([0.0, 4.0, 0.0]), np.array([4.0, 0.0, 0.0]), (52, 90))
        for part in (*femur_parts(subject), *thigh_parts(subject)):
            assert part.within is not None
            away = np.linalg.norm(stack(p) - np.array(part.within.centre_mm), axis=-1) > part.within.radius_mm
            if "muscles" in part.name or "tract" in part.name:
                # the legs go on below the field of view
                away &= p.z > -330.0
            assert not (part.shape(p)[away] < 0.0).any(), part.name


def joint_layer(subject: Subject, name: str) -> Layer:
    return next(part for part in femur_parts(subject) if isinstance(part, Layer) and part.name == name)


@pytest.mark.parametrize("subject", PEOPLE)
def test_cartilage_fills_the_joint_space(subject: Subject) -> None:
    centre, radius = np.array(hip_centre_mm(subject)), femoral_head_radius_mm(subject)
    above = centre + np.outer(np.linspace(radius - 3.0, radius + 8.0, 221), [0.0, 0.0, 1.0])
    cartilage = joint_layer(subject, "left_hip_cartilage").shape(at(above))[:, 0] < 0.0
    space = np.arange(221) * 0.05 - 3.0
    assert cartilage[(space > 0.1) & (space < 3.4)].all()
    assert not cartilage[space > 4.0].any()
    capsule, bone = joint_layer(subject, "left_hip_capsule"), bone_of(subject)
    neck = draw_femur(subject, "left").neck_point(0.0, 0.0, -25.0)
    p = around(np.array(neck), neck_direction(draw_femur(subject, "left")), 30.0)
    dark = capsule.shape(p) < 0.0
    assert dark.any()
    assert bone.shape(p)[dark].min() > 0.0


@pytest.mark.parametrize("subject", PEOPLE)
def test_thighs_are_mostly_muscle_of_adult_size(subject: Subject) -> None:
    (top, low), step = thigh_axis(subject), 1.0
    middle = np.add(top, np.multiply(np.subtract(low, top), 120.0 / 215.0))
    p = flat(middle - [84.0, 84.0, 0.0], np.array([0.0, step, 0.0]), np.array([step, 0.0, 0.0]), (168, 168))
    layer = next(part for part in thigh_parts(subject) if part.name == "left_thigh_muscles")
    assert callable(layer.fill)
    shares = layer.fill(p)
    inside = layer.shape(p) < 0.0
    assert np.allclose(sum(shares.values()), 1.0)
    muscle = float(shares[Species.MUSCLE][inside].sum()) * step**2 * subject.scale**2 / 100.0
    assert 75.0 < muscle < 150.0
    assert 0.75 < shares[Species.MUSCLE][inside].mean() < 0.98


@pytest.mark.parametrize("subject", PEOPLE[:2])
def test_vessels_and_nerves_go_down_the_whole_thigh(subject: Subject) -> None:
    names = {part.name: part for part in thigh_parts(subject)}
    for z in (-150.0, -220.0, -280.0):
        p = flat(np.array([-140.0, -130.0, z]), np.array([0.0, 1.0, 0.0]), np.array([1.0, 0.0, 0.0]), (180, 280))
        for name in ("femoral_artery", "femoral_vein", "sciatic_nerve"):
            for side in ("left", "right"):
                area = float((names[f"{side}_{name}"].shape(p) < 0.0).sum())
                assert 20.0 < area < 130.0
        assert not ((names["left_femoral_artery"].shape(p) < 0.0) & (bone_of(subject).shape(p) < 0.0)).any()
