"""200 random people: no two bones in one place, every bone of adult size, both sides alike but not equal."""

from __future__ import annotations

from collections import defaultdict
from functools import cache
from itertools import combinations

import numpy as np
import pytest

from marrowsignal.phantom.anatomy import build_anatomy
from marrowsignal.phantom.sheet import Sheet
from marrowsignal.phantom.solids import Points, locate
from marrowsignal.phantom.subject import Subject, draw_subject

COUNT = 200
STEP_MM = 6.0
# x, y, z of the first and of the last point, in the person's own size
BOXES = {"trunk": ((-190.0, -170.0, -240.0), (190.0, 110.0, 270.0)), "knee": ((-70.0, -80.0, -110.0), (70.0, 90.0, 110.0))}
# mL, cortex included. Body volumes of vertebrae after Panjabi (Spine 1992) and CT series, with arches and processes about
# twice the body; hip bone and sacrum from CT segmentations of adults (TotalSegmentator's statistics); wide on purpose
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


def sheets(body: str, scale: float) -> list[Sheet]:
    first, last = (scale * np.asarray(corner) for corner in BOXES[body])
    counts = np.ceil((last - first) / STEP_MM).astype(int)
    return [
        Sheet(
            origin_mm=np.array([first[0], first[1], z]),
            row_step_mm=np.array([0.0, STEP_MM, 0.0]),
            column_step_mm=np.array([STEP_MM, 0.0, 0.0]),
            shape=(int(counts[1]), int(counts[0])),
        )
        for z in first[2] + STEP_MM * np.arange(counts[2])
    ]


def measure(body: str, subject: Subject) -> tuple[dict[str, float], dict[tuple[str, str], int]]:
    """Volume of every bone in mL, and points that lie more than 0.7 mm deep in two bones at once."""
    anatomy = build_anatomy(body, subject)
    volumes: dict[str, float] = defaultdict(float)
    shared: dict[tuple[str, str], int] = defaultdict(int)
    for sheet in sheets(body, subject.scale):
        points: Points = locate(subject, sheet)
        deep = {}
        for bone in anatomy.bones:
            found = points.within(bone.within)
            if found is None:
                continue
            window, cut = found
            distance = bone.shape(cut)
            volumes[bone.name] += float((distance < 0).sum()) * STEP_MM**3 / 1000
            inside = np.zeros(sheet.shape, bool)
            inside[window] = distance < -0.7
            if inside.any():
                deep[bone.name] = inside
        for a, b in combinations(deep, 2):
            shared[a, b] += int((deep[a] & deep[b]).sum())
    return dict(volumes), {pair: n for pair, n in shared.items() if n}


@cache
def population(body: str) -> list[tuple[dict[str, float], dict[tuple[str, str], int]]]:
    return [measure(body, person(i)) for i in range(COUNT if body == "trunk" else COUNT // 4)]


@pytest.mark.parametrize("body", ["trunk", "knee"])
def test_no_two_bones_share_a_place(body: str) -> None:
    met = [(i, pairs) for i, (_, pairs) in enumerate(population(body)) if pairs]
    assert not met, f"{len(met)} of {len(population(body))} people, first: {met[:3]}"


@pytest.mark.parametrize("bone", BOUNDS)
def test_bones_are_of_adult_size(bone: str) -> None:
    found = [v[bone] for body in BOXES for v, _ in population(body) if bone in v]
    assert len(found) >= COUNT // 4
    low, high = BOUNDS[bone]
    assert min(found) >= low, f"smallest {min(found):.0f} mL"
    assert max(found) <= high, f"largest {max(found):.0f} mL"


def test_sides_are_alike_but_not_equal() -> None:
    ratio = np.array([v["left_ilium"] / v["right_ilium"] for v, _ in population("trunk")])
    assert np.all(np.abs(ratio - 1.0) < 0.12)
    assert ratio.std() > 0.005


def test_men_are_larger_and_people_differ() -> None:
    sacrum = np.array([v["sacrum"] for v, _ in population("trunk")])
    assert sacrum[1::2].mean() > 1.05 * sacrum[::2].mean()
    assert 0.05 < sacrum[::2].std() / sacrum[::2].mean() < 0.25
