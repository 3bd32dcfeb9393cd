"""Sacrum, hip bones and sacroiliac joints have adult sizes, keep apart and are alike on both sides."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from numpy.typing import NDArray

from marrowsignal.phantom.anatomy.femur import femoral_head_radius_mm
from marrowsignal.phantom.anatomy.hip_bone import HipBone, hip_bone
from marrowsignal.phantom.anatomy.pelvis import pelvis_landmarks, pelvis_parts
from marrowsignal.phantom.anatomy.sacroiliac_joint import JointSurface
from marrowsignal.phantom.anatomy.sacrum import Sacrum, sacrum_bone
from marrowsignal.phantom.anatomy.skeleton import hip_centre_mm
from marrowsignal.phantom.scene import Bone, Layer
from marrowsignal.phantom.sheet import Sheet
from marrowsignal.phantom.solids import Points, locate
from marrowsignal.phantom.subject import Subject, draw_subject

Array = NDArray[np.float64]

FIRST, LAST = (-168.0, -138.0, -176.0), (168.0, 74.0, 86.0)


def _levels(step: float, z: Array | None = None) -> list[Sheet]:
    heights = np.arange(FIRST[2], LAST[2], step) if z is None else z
    shape = (int((LAST[1] - FIRST[1]) / step) + 1, int((LAST[0] - FIRST[0]) / step) + 1)
    return [
        Sheet(
            origin_mm=np.array([FIRST[0], FIRST[1], h]),
            row_step_mm=np.array([0.0, step, 0.0]),
            column_step_mm=np.array([step, 0.0, 0.0]),
            shape=shape,
        )
        for h in heights
    ]


def _points(sheet: Sheet) -> Points:
    return Points(x=sheet.axis(0), y=sheet.axis(1), z=sheet.axis(2), sheet=sheet)


def _at(*points: tuple[float, float, float]) -> Points:
    """Single body points, one sheet for the texture of all."""
    x, y, z = (np.array([[p[i] for p in points]]) for i in range(3))
    sheet = Sheet(
        origin_mm=np.array(points[0]),
        row_step_mm=np.array([0.0, 1.0, 0.0]),
        column_step_mm=np.array([1.0, 0.0, 0.0]),
        shape=(1, len(points)),
    )
    return Points(x=x, y=y, z=z, sheet=sheet)


def _bones(subject: Subject) -> dict[str, Bone]:
    return {part.name: part for part in pelvis_parts(subject) if isinstance(part, Bone)}


def _subject(seed: int) -> Subject:
    return draw_subject(seed, sex="FM"[seed % 2])


def test_bones_have_the_agreed_names_labels_and_kinds() -> None:
    bones = _bones(draw_subject(1))
    assert {b.name: (b.label, b.kind) for b in bones.values()} == {
        "sacrum": (1, "sacrum"),
        "left_ilium": (2, "flat"),
        "right_ilium": (3, "flat"),
    }


@pytest.mark.parametrize("seed", [1, 4, 16, 25])
def test_volumes_are_adult_and_both_sides_are_alike(seed: int) -> None:
    subject = _subject(seed)
    volume = dict.fromkeys(("sacrum", "left_ilium", "right_ilium"), 0.0)
    for sheet in _levels(4.0):
        p = locate(subject, sheet)
        for name, bone in _bones(subject).items():
            volume[name] += float(np.count_nonzero(bone.shape(p) < 0.0)) * 0.064
    assert 150.0 < volume["sacrum"] < 300.0
    assert 200.0 < volume["left_ilium"] < 450.0
    assert volume["right_ilium"] == pytest.approx(volume["left_ilium"], rel=0.12)


def test_bones_keep_apart_in_many_people() -> None:
    for seed in range(50):
        subject = _subject(seed)
        for sheet in _levels(5.0, z=np.arange(-66.0, 46.0, 22.0) + seed % 22):
            p = _points(sheet)
            inside = [bone.shape(p) < 0.0 for bone in _bones(subject).values()]
            assert np.sum(inside, axis=0).max() <= 1, seed


def _gaps(subject: Subject, side: int) -> Array:
    """Widths of the joint over its whole cartilaginous part, except where the sacrum's edge is rounded."""
    joint = JointSurface.of(subject)
    shape = Sacrum.of(subject, joint)
    sacrum, hip = sacrum_bone(subject, shape), hip_bone(subject, HipBone.of(subject, joint, side))
    found = []
    for v, w in itertools.product(np.arange(-28.0, 44.0, 6.0), np.arange(-18.0, 14.0, 4.0)):
        at = (np.array([side * 58.0]), np.array([v]), np.array([w]))
        edge = min(float(w - shape.front(at)[0]), float(shape.back(at)[0] - w))
        if joint.auricular(at)[0] > -1.5 or edge < 3.0:
            continue
        normal, start = np.asarray(joint.normal(side, v)), np.asarray(joint.point(side, v, w, -5.0))
        line = _at(*(tuple((start + t * normal).tolist()) for t in np.arange(0.0, 14.0, 0.1)))
        outside, inside = sacrum.shape(line)[0] > 0.0, hip.shape(line)[0] < 0.0
        assert not outside[0]
        assert inside.any()
        found.append(0.1 * (np.argmax(inside) - np.argmax(outside)))
    return np.array(found)


@pytest.mark.parametrize("seed", range(8))
def test_cartilaginous_joint_is_a_thin_gap(seed: int) -> None:
    for side in (1, -1):
        gaps = _gaps(_subject(seed), side)
        assert len(gaps) > 20
        assert gaps.min() >= 1.5
        assert gaps.max() <= 5.0
        assert np.median(gaps) < 3.5


@pytest.mark.parametrize("name", ["sacrum", "left_ilium"])
def test_distances_are_true_at_the_surface(name: str) -> None:
    step = 0.5
    sheet = Sheet(
        origin_mm=np.array([10.0, 0.0, -35.0]),
        row_step_mm=np.array([0.0, 0.0, step]),
        column_step_mm=np.array([step, 0.0, 0.0]),
        shape=(160, 220),
    )
    p = _points(sheet)
    behind = Points(x=p.x, y=p.y + 0.25, z=p.z, sheet=p.sheet)
    for seed in (1, 3, 8):
        bone = _bones(_subject(seed))[name]
        d = bone.shape(p)
        up, left = np.gradient(d, step)
        length = np.sqrt(up * up + left * left + ((bone.shape(behind) - d) / 0.25) ** 2)[np.abs(d) < 1.0]
        # rounded edges are flatter
        assert np.percentile(length, 50) == pytest.approx(1.0, abs=0.1)
        assert np.percentile(length, 10) > 0.6
        assert np.percentile(length, 98) < 1.35


@pytest.mark.parametrize("seed", [1, 2, 7])
def test_socket_fits_the_femoral_head(seed: int) -> None:
    subject = _subject(seed)
    centre = np.asarray(hip_centre_mm(subject))
    rng = np.random.default_rng(0)
    direction = rng.standard_normal((400, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    bare = femoral_head_radius_mm(subject) + 3.0
    depth = _bones(subject)["left_ilium"].shape(_at(*map(tuple, (centre + bare * direction).tolist())))[0]
    assert depth.min() > 0.0
    covered = _bones(subject)["left_ilium"].shape(_at(*map(tuple, (centre + (bare + 2.0) * direction).tolist())))[0]
    # the pit in the floor counts as covered, too: about a fifteenth of the sphere
    assert 0.35 < np.mean(covered < 0.0) < 0.62


def test_landmarks_lie_in_their_bones() -> None:
    for seed in range(8):
        subject = _subject(seed)
        bones = _bones(subject)
        for mark in pelvis_landmarks(subject):
            assert np.linalg.norm(mark.axis) == pytest.approx(1.0, abs=1e-6)
            inside = tuple(float(c + 5.0 * a) for c, a in zip(mark.point_mm, mark.axis, strict=True))
            assert bones[mark.bone].shape(_at(inside))[0, 0] < 0.0, (seed, mark.name)


def test_mirrored_subject_is_the_mirror_image() -> None:
    person = draw_subject(5)
    mirrored = draw_subject(5, mirrored=True)
    for sheet in _levels(4.0, z=np.array([-90.0, -30.0, 5.0])):
        flipped = sheet.transformed(np.diag([-1.0, 1.0, 1.0, 1.0]))
        for bone, same in zip(_bones(person).values(), _bones(mirrored).values(), strict=True):
            a, b = bone.shape(locate(person, sheet)), same.shape(locate(mirrored, flipped))
            np.testing.assert_allclose(a, b, atol=1e-9)


def test_parts_stay_in_their_windows() -> None:
    subject = draw_subject(4, sex="M")
    for sheet in _levels(4.0, z=np.arange(-170.0, 80.0, 25.0)):
        p = _points(sheet)
        for part in pelvis_parts(subject):
            assert part.within is not None
            x, y, z = part.within.centre_mm
            outside = np.sqrt((p.x - x) ** 2 + (p.y - y) ** 2 + (p.z - z) ** 2) > part.within.radius_mm + 5.0
            assert not np.any((part.shape(p) < -0.5) & outside), part.name


def test_fills_are_whole() -> None:
    subject = draw_subject(2)
    p = _points(_levels(2.0, z=np.array([0.0]))[0])
    for part in pelvis_parts(subject):
        if isinstance(part, Layer):
            fill = part.fill(p) if callable(part.fill) else part.fill
            np.testing.assert_allclose(np.sum([np.broadcast_to(f, p.x.shape) for f in fill.values()], axis=0), 1.0)


def test_joint_distance_is_zero_at_both_joints_of_a_hip_bone() -> None:
    subject = draw_subject(2)
    joint = JointSurface.of(subject)
    hip = HipBone.of(subject, joint, 1)
    x, y, z = hip.centre_mm
    place = hip.place(_at((x, y, z + hip.cup_mm), joint.point(1, 8.0, -4.0, joint.gap_mm), (x, y, z + 80.0)))
    np.testing.assert_allclose(place.joint_mm[0, :2], 0.0, atol=0.05)
    assert place.joint_mm[0, 2] > 20.0
