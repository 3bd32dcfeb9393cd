"""The knee: measures in published adult bounds, bones that never touch, true distances, exact mirroring."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray

from marrowsignal.phantom.anatomy.knee import build_knee
from marrowsignal.phantom.scene import Anatomy, Bone, Layer
from marrowsignal.phantom.sheet import Sheet
from marrowsignal.phantom.solids import Points, locate
from marrowsignal.phantom.subject import Subject, draw_subject

Array = NDArray[np.float64]
Span = tuple[float, float]


def sheet(plane: str, at: float, *, half: float = 75.0, step: float = 2.0) -> Sheet:
    """Square sheet around the body's origin, at a height or depth or to a side."""
    normal, down, across = {
        "axial": ((0, 0, 1), (0, 1, 0), (1, 0, 0)),
        "coronal": ((0, 1, 0), (0, 0, -1), (1, 0, 0)),
        "sagittal": ((1, 0, 0), (0, 0, -1), (0, 1, 0)),
    }[plane]
    n, d, a = (np.array(v, float) for v in (normal, down, across))
    count = round(2.0 * half / step) + 1
    return Sheet(origin_mm=at * n - half * (d + a), row_step_mm=step * d, column_step_mm=step * a, shape=(count, count))


@cache
def knee(seed: int = 1) -> Anatomy:
    return build_knee(draw_subject(seed))


def bone(anatomy: Anatomy, name: str) -> Bone:
    return {b.name: b for b in anatomy.bones}[name]


def stack(anatomy: Anatomy, heights: Span, *, step: float) -> dict[str, Array]:
    """Distance to every bone at the points of a block."""
    cuts = [locate(anatomy.subject, sheet("axial", z, half=60.0, step=step)) for z in np.arange(*heights, step)]
    p = Points(
        x=np.concatenate([c.x for c in cuts]),
        y=np.concatenate([c.y for c in cuts]),
        z=np.concatenate([c.z for c in cuts]),
        sheet=cuts[0].sheet,
    )
    return {b.name: b.shape(p) for b in anatomy.bones}


def part(anatomy: Anatomy, name: str) -> Layer:
    return next(p for p in anatomy.parts if isinstance(p, Layer) and p.name == name)


def test_bones_and_landmarks_are_there() -> None:
    anatomy = knee()
    assert {b.name: (b.label, b.kind) for b in anatomy.bones} == {
        "femur": (21, "long"),
        "tibia": (22, "long"),
        "patella": (23, "sesamoid"),
        "fibula": (24, "long"),
    }
    for mark in anatomy.landmarks:
        assert mark.bone in {b.name for b in anatomy.bones}
        assert np.linalg.norm(mark.axis) == pytest.approx(1.0, abs=2e-2)


@pytest.mark.parametrize("sex", ["F", "M"])
def test_measures_stay_in_adult_bounds_and_bones_apart(sex: str) -> None:
    for seed in range(25):
        anatomy = build_knee(draw_subject(seed, sex="F" if sex == "F" else "M"))
        d = stack(anatomy, (-48.0, 56.0), step=4.0)
        scale = anatomy.subject.scale
        assert np.sort(np.stack(list(d.values())), axis=0)[1].min() > 0.3, seed
        for other, widest in (("tibia", 8.0), ("patella", 9.0)):
            between = (d["femur"] > 0.0) & (d[other] > 0.0)
            assert 3.0 < scale * (d["femur"] + d[other])[between].min() < widest, seed
        width = {}
        for name, z in (("femur", 22.0), ("tibia", -14.0), ("patella", 26.0)):
            where = sheet("axial", z * scale, half=54.0, step=1.5)
            columns = (bone(anatomy, name).shape(locate(anatomy.subject, where)) < 0.0).any(axis=0)
            width[name] = 1.5 * np.count_nonzero(columns)
        assert 65.0 < width["femur"] < 95.0, seed
        assert 62.0 < width["tibia"] < 92.0, seed
        assert 34.0 < width["patella"] < 54.0, seed


def test_cartilage_and_menisci_fill_the_joint_space() -> None:
    anatomy = knee()
    p = locate(anatomy.subject, sheet("coronal", 4.0, half=45.0, step=0.5))
    thick = {}
    for name in ("femoral_cartilage", "tibial_cartilage"):
        solid = bone(anatomy, "femur" if name == "femoral_cartilage" else "tibia").shape(p)
        inside = (part(anatomy, name).shape(p) < 0.0) & (solid > 0.0)
        columns = inside[:, np.abs(np.abs(p.x[0]) - 22.0) < 4.0]
        thick[name] = 0.5 * columns.sum(axis=0).mean()
    assert all(1.8 < t < 3.6 for t in thick.values()), thick
    menisci = part(anatomy, "menisci").shape(p) < 0.0
    height = 0.5 * menisci.sum(axis=0)
    rim, middle = np.abs(np.abs(p.x[0]) - 35.0) < 1.5, np.abs(np.abs(p.x[0]) - 27.0) < 1.5
    assert height[rim].mean() > height[middle].mean() + 1.0


def test_epiphysis_shaft_and_joint_distance() -> None:
    anatomy = knee()
    p = locate(anatomy.subject, sheet("coronal", 2.0, half=130.0, step=1.0))
    for name, up in (("femur", 1.0), ("tibia", -1.0)):
        part_of = bone(anatomy, name)
        inside = part_of.shape(p) < -1.0
        place = part_of.place(p)
        near, far = inside & (up * p.z < 9.0), inside & (up * p.z > 60.0)
        assert place.epiphysis[near].min() > 0.95
        assert place.epiphysis[far].max() < 0.01
        assert place.shaft_mm[near].max() < 1.0
        assert place.shaft_mm[far].min() > 15.0
        shaft = inside & (up * p.z > 90.0)
        assert place.axis_mm[shaft].min() < 12.0
        assert place.axis_mm[shaft].max() < 25.0
        condyle = inside & (np.abs(np.abs(p.x) - 22.0) < 6.0) & (np.abs(p.z) < 8.0)
        depth = -part_of.shape(p)
        np.testing.assert_allclose(place.joint_mm[condyle], depth[condyle], atol=1.0)
    patella = bone(anatomy, "patella")
    q = locate(anatomy.subject, sheet("axial", 24.0, half=60.0, step=1.0))
    assert patella.place(q).epiphysis.min() == 1.0


def test_cortex_is_thin_at_the_joint_and_thick_in_the_shaft() -> None:
    anatomy = knee()
    p = locate(anatomy.subject, sheet("coronal", 0.0, half=130.0, step=5.0))
    for name, up in (("femur", 1.0), ("tibia", -1.0)):
        cortex = bone(anatomy, name).cortex(p)
        assert 0.7 < cortex[np.abs(p.z) < 20.0].max() < 1.1
        assert 3.5 < cortex[up * p.z > 115.0].min() < 6.0


@pytest.mark.parametrize("name", ["femur", "tibia", "patella", "fibula"])
def test_distances_are_true_near_the_surface(name: str) -> None:
    anatomy = knee(3)
    step = 1.0
    cuts = [locate(anatomy.subject, sheet("axial", z, half=60.0, step=step)) for z in (17.0, 18.0, 19.0)]
    if name in ("tibia", "fibula"):
        cuts = [locate(anatomy.subject, sheet("axial", z, half=60.0, step=step)) for z in (-31.0, -30.0, -29.0)]
    d = anatomy.subject.scale * np.stack([bone(anatomy, name).shape(c) for c in cuts])
    slope = np.sqrt(sum(g * g for g in np.gradient(d, step)))[1]
    near = np.abs(d[1]) < 1.5
    assert near.sum() > 50
    assert 0.93 < np.median(slope[near]) < 1.07
    assert np.quantile(np.abs(slope[near] - 1.0), 0.9) < 0.2


@pytest.mark.parametrize(("plane", "at"), [("axial", 10.0), ("axial", -60.0), ("coronal", 5.0), ("sagittal", 20.0)])
def test_nothing_leaves_its_ball_and_nothing_leaves_the_skin(plane: str, at: float) -> None:
    for seed in (2, 7):
        anatomy = knee(seed)
        p = locate(anatomy.subject, sheet(plane, at, half=120.0, step=3.0))
        skin = part(anatomy, "subcutaneous_fat").shape(p)
        for each in anatomy.parts:
            inside = each.shape(p) < 0.0
            if each.name != "skin":
                assert not (inside & (skin > 0.0)).any(), (seed, each.name)
            if each.within is not None:
                found = p.within(each.within)
                if found is not None:
                    inside[found[0]] = False
                assert not inside.any(), (seed, each.name)


def test_physes_are_open_in_children_only() -> None:
    thickness = {}
    for age in (11.0, 40.0):
        anatomy = build_knee(draw_subject(1, age_years=age))
        p = locate(anatomy.subject, sheet("coronal", 2.0, half=45.0, step=0.5))
        plate = part(anatomy, "femoral_physis")
        inside = (plate.shape(p) < 0.0) & (bone(anatomy, "femur").shape(p) < -2.0)
        thickness[age] = 0.5 * inside.sum(axis=0)[np.abs(p.x[0]) < 20.0].mean()
    assert 2.0 < thickness[11.0] < 4.0
    assert 0.3 < thickness[40.0] < 1.5


def distances(subject: Subject, where: Sheet) -> list[Array]:
    anatomy = build_knee(subject)
    return [each.shape(locate(subject, where)) for each in anatomy.parts]


def test_the_same_seed_gives_the_same_knee_and_another_seed_another() -> None:
    where = sheet("coronal", 6.0, step=3.0)
    first, again, other = (distances(draw_subject(seed), where) for seed in (4, 4, 5))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert all(not np.allclose(a, b) for a, b in zip(first, other, strict=True))


def test_a_mirrored_subject_is_the_mirror_image() -> None:
    where = sheet("axial", 6.0, step=3.0)
    left = distances(draw_subject(4), where)
    right = distances(draw_subject(4, mirrored=True), where)
    assert all(np.allclose(a, b[:, ::-1], atol=1e-9) for a, b in zip(left, right, strict=True))


def test_landmarks_lie_on_or_in_their_bones() -> None:
    inner = {"femoral_metaphysis", "tibial_metaphysis", "femoral_shaft"}
    for seed in range(8):
        anatomy = knee(seed)
        for mark in anatomy.landmarks:
            x, y, z = (np.full((1, 1), v) for v in mark.point_mm)
            depth = -float(bone(anatomy, mark.bone).shape(Points(x=x, y=y, z=z, sheet=sheet("axial", 0.0)))[0, 0])
            assert depth > 5.0 if mark.name in inner else abs(depth) < 0.5, (seed, mark.name)
