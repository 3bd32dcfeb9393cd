"""Sides that a segmenter gives are held against patient space, where x grows to the patient's left."""

from __future__ import annotations

import numpy as np
import pytest

from marrowsignal.findings import Severity
from marrowsignal.geometry import LabelVolume, VolumeGeometry
from marrowsignal.marrow.external.sides import check_sides
from marrowsignal.protocol import load_protocol

SETTINGS = load_protocol("generic").segmenter
# 200 voxels of 1 mm along the patient's x, the midline at 0
ALONG_X = np.array([[0, 0, 1, -100], [0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1.0]])
LINE = VolumeGeometry(affine_lps=ALONG_X, shape=(1, 1, 200))
LEFT, RIGHT = "femur:left", "femur:right"


def checked(*bones: tuple[str, float, float]):
    """Bones by key and their reach along x, mm."""
    array = np.zeros(LINE.shape, np.uint16)
    for value, (_, low, high) in enumerate(bones, start=1):
        array[0, 0, round(low) + 100 : round(high) + 100] = value
    names = tuple((value, key) for value, (key, _, _) in enumerate(bones, start=1))
    labels, findings = check_sides(LabelVolume(array=array, geometry=LINE, names=names), settings=SETTINGS)
    np.testing.assert_array_equal(labels.array, array)
    return [name for _, name in labels.names], [(f.code, f.severity) for f in findings]


SWAPPED = [("segmenter_sides_swapped", Severity.FAIL)]
MIXED = [("segmenter_sides_mixed", Severity.WARN)]


@pytest.mark.parametrize(
    ("bones", "keys", "findings"),
    [
        pytest.param([(LEFT, 50, 90), (RIGHT, -90, -50)], [LEFT, RIGHT], [], id="right"),
        pytest.param([(LEFT, -90, -50), (RIGHT, 50, 90)], ["femur", "femur"], SWAPPED, id="swapped"),
        pytest.param([(LEFT, 10, 25), (RIGHT, 25, 40)], ["femur", "femur"], MIXED, id="one bone, two names"),
        pytest.param([(LEFT, 50, 90), (RIGHT, 92, 93)], ["femur", "femur"], MIXED, id="crumbs"),
        pytest.param([(LEFT, -5, 90), (RIGHT, -90, -88)], [LEFT, RIGHT], [], id="cut"),
        pytest.param([("sacrum", -20, 20), ("ilium:left", 40, 90)], ["sacrum", "ilium:left"], [], id="lone left"),
        pytest.param([("sacrum", -20, 20), ("ilium:left", -90, -40)], ["sacrum", "ilium"], SWAPPED, id="lone, swapped"),
        pytest.param([("tibia", -20, 20), ("femur:left", -30, -21)], ["tibia", "femur:left"], [], id="one knee"),
        pytest.param([("ilium:left", -90, -40)], ["ilium:left"], [], id="nothing to judge by"),
        pytest.param([("sacrum", -20, 20)], ["sacrum"], [], id="no sides"),
    ],
)  # fmt: skip
def test_sides_against_patient_space(bones, keys: list[str], findings: list[tuple[str, Severity]]) -> None:
    assert checked(*bones) == (keys, findings)


def test_one_swapped_bone_takes_the_sides_of_all() -> None:
    keys, findings = checked(
        ("femur:left", 50, 60), ("femur:right", -60, -50), ("ilium:left", -90, -70), ("ilium:right", 70, 90)
    )
    assert keys == ["femur", "femur", "ilium", "ilium"]
    assert findings == SWAPPED
