"""People to learn from: what is outlined is what is rendered."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest

from marrowsignal.marrow.automatic.classes import BoneClass
from marrowsignal.phantom.tissues import Species
from marrowsignal.training.people import Stack, render_person, stored

# a pelvis and a knee by their numbers
TRUNK, KNEE = 1, 8


@cache
def person(number: int) -> Stack:
    return render_person(number)


@pytest.mark.parametrize(
    ("number", "seen"), [(TRUNK, {BoneClass.SACRUM, BoneClass.S1_BODY, BoneClass.HIP_BONE}), (KNEE, {BoneClass.TIBIA})]
)
def test_bones_are_outlined_around_their_marrow(number: int, seen: set[BoneClass]) -> None:
    stack = person(number)
    bone = stack.classes > 0
    assert seen <= set(np.unique(stack.classes).tolist())
    assert bone[stack.marrow_mask].mean() > 0.98
    # whole bone: marrow, and a rim of mineral
    rim = bone & ~stack.marrow_mask
    assert 0.05 < rim.sum() / bone.sum() < 0.5
    mineral = stack.species[Species.MINERAL] / 255.0
    assert mineral[rim].mean() > 3.0 * mineral[~bone].mean()


def test_a_number_is_always_the_same_person(tmp_path: Path) -> None:
    first, again = person(KNEE), stored(KNEE, tmp_path)
    np.testing.assert_array_equal(first.species, again.species)
    np.testing.assert_array_equal(first.classes, again.classes)
    assert first.slice_distance_mm == again.slice_distance_mm
    assert stored(KNEE, tmp_path).normal_lps.tolist() == first.normal_lps.tolist()
