"""100 random people: no two bones in one place, every bone of adult size, both sides alike but not equal."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from itertools import combinations

import numpy as np
import pytest

from marrowsignal.phantom.anatomy import build_anatomy
from marrowsignal.phantom.sheet import Sheet
from marrowsignal.phantom.solids import locate
from marrowsignal.phantom.subject import Subject, draw_subject

COUNT = 100
MEASURED = 30
# coarse for finding what meets, finer for volumes
STEP_MM, FINE_MM = 8.0, 5.0
# x, y, z of the first and of the last point, in the person's own size
BOXES = {
    "trunk": ((-190.0, -170.0, -240.0), (190.0, 110.0, 270.0)),
    "knee": ((-70.0, -80.0, -110.0), (70.0, 90.0, 110.0)),
}
# mL, cortex included, arches and processes too; wide bounds around adult means from small to tall people
BOUNDS = {
    "sacrum": (110.0, 330.0),
    "left_ilium": (190.0, 480.0),
    "L5": (30.0, 100.0),
    "L3": (30.0, 105.0),
    "L1": (25.0, 95.0),
    "T12": (22.0, 85.0),
    "patella": (9.0, 32.0),
}


def person(index: int) -> Subject:
    return draw_subject(1000 + index, sex="FM"[index % 2], age_years=20.0 + index % 61)


def sheets(body: str, subject: Subject, step_mm: float) -> list[Sheet]:
    first, last = (subject.scale * np.asarray(corner) for corner in BOXES[body])
    # another offset for each person: together they look everywhere
    first = first - step_mm * np.random.default_rng(subject.seed).uniform(size=3)
    counts = np.ceil((last - first) / step_mm).astype(int)
    return [
        Sheet(
            origin_mm=np.array([first[0], first[1], z]),
            row_step_mm=np.array([0.0, step_mm, 0.0]),
            column_step_mm=np.array([step_mm, 0.0, 0.0]),
            shape=(int(counts[1]), int(counts[0])),
        )
        for z in first[2] + step_mm * np.arange(counts[2])
    ]


def inside(body: str, subject: Subject, step_mm: float, depth_mm: float) -> Iterator[dict[str, np.ndarray]]:
    """Masks of the points of each sheet that lie deeper than `depth_mm` in a bone, by its name."""
    anatomy = build_anatomy(body, subject)
    for sheet in sheets(body, subject, step_mm):
        points = locate(subject, sheet)
        found: dict[str, np.ndarray] = {}
        for bone in anatomy.bones:
            near = points.within(bone.within)
            if near is not None:
                found[bone.name] = np.zeros(sheet.shape, bool)
                found[bone.name][near[0]] = bone.shape(near[1]) < -depth_mm
        yield found


def shared(body: str, subject: Subject) -> set[tuple[str, str]]:
    """Pairs of bones that have a point more than 0.7 mm deep in both."""
    pairs = set()
    for masks in inside(body, subject, STEP_MM, 0.7):
        pairs |= {(a, b) for a, b in combinations(masks, 2) if (masks[a] & masks[b]).any()}
    return pairs


def volumes(body: str, subject: Subject) -> dict[str, float]:
    """Volume of every bone, cortex included, mL."""
    total: dict[str, float] = defaultdict(float)
    for masks in inside(body, subject, FINE_MM, 0.0):
        for name, mask in masks.items():
            total[name] += float(mask.sum()) * FINE_MM**3 / 1000
    return dict(total)


@cache
def measured(body: str) -> list[dict[str, float]]:
    return [volumes(body, person(i)) for i in range(MEASURED)]


@pytest.mark.parametrize(("body", "count"), [("trunk", COUNT), ("knee", COUNT // 4)])
def test_no_two_bones_share_a_place(body: str, count: int) -> None:
    met = {i: pairs for i in range(count) if (pairs := shared(body, person(i)))}
    assert not met


@pytest.mark.parametrize("bone", BOUNDS)
def test_bones_are_of_adult_size(bone: str) -> None:
    found = [v[bone] for body in BOXES for v in measured(body) if bone in v]
    assert len(found) == MEASURED
    low, high = BOUNDS[bone]
    assert min(found) >= low, f"smallest {min(found):.0f} mL"
    assert max(found) <= high, f"largest {max(found):.0f} mL"


def test_sides_are_alike_but_not_equal() -> None:
    ratio = np.array([v["left_ilium"] / v["right_ilium"] for v in measured("trunk")])
    assert np.all(np.abs(ratio - 1.0) < 0.12)
    assert ratio.std() > 0.005


def test_men_are_larger_and_people_differ() -> None:
    sacrum = np.array([v["sacrum"] for v in measured("trunk")])
    assert sacrum[1::2].mean() > 1.05 * sacrum[::2].mean()
    assert 0.05 < sacrum[::2].std() / sacrum[::2].mean() < 0.25
