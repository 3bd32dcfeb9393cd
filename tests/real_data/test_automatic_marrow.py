"""The automatic segmentation on real studies with expert masks; only read, never copied."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

import marrowsignal as ms
from marrowsignal.alignment import AlignedPair
from marrowsignal.geometry.label_files import read_label_volume
from marrowsignal.marrow.peel import peel_to_marrow
from marrowsignal.marrow.records import Segmentation

pytestmark = pytest.mark.real_data

SIJ = ("1007", "1013", "1016", "1234", "2014")
PELVES = ("case01", "case05", "case14")
LEVELS = ("s1", "l5", "l4", "l3", "l2", "l1", "t12", "t11")
IN_PLANE = np.ones((1, 3, 3), bool)

Found = tuple[Segmentation, np.ndarray, np.ndarray]
Finder = Callable[[str, str, str], Found]
Prepared = Callable[[str, str], tuple[AlignedPair, AlignedPair]]
Segmented = Callable[[str, str], Segmentation]


@pytest.fixture(scope="module")
def found(real_data: Path, prepared: Prepared, segmented: Segmented) -> Finder:
    """Segmentation, its labels freed of cortex and the expert's labels of a study; each is segmented once."""

    @cache
    def find(folder: str, mask: str, protocol: str) -> Found:
        study = real_data / folder
        rules = ms.load_protocol(protocol)
        _, pair = prepared(folder, protocol)
        bones = segmented(folder, protocol)
        marrow = peel_to_marrow(
            bones.labels.array,
            pair.t1.array,
            spacing_mm=pair.t1.geometry.spacing_mm,
            settings=rules.marrow.peel,
            names=bones.labels.names,
        )
        return bones, marrow, read_label_volume(study / "masks" / mask, pair.t1.geometry).array

    return find


def dice(a: np.ndarray, b: np.ndarray) -> float:
    return float(2.0 * (a & b).sum() / (a.sum() + b.sum()))


def bone(of: Segmentation, labels: np.ndarray, key: str) -> np.ndarray:
    return np.isin(labels, [value for value, name in of.labels.names if name.partition(":")[0] == key])


def test_bones_around_the_sacroiliac_joints(found: Finder) -> None:
    scores, errors = [], []
    for name in SIJ:
        of, marrow, truth = found(f"sij/{name}", "marrow.nii.gz", "pelvis_sij")
        scores.append(dice(marrow > 0, truth > 0))
        assert of.estimate is not None
        errors.append(abs(of.estimate[0] - scores[-1]))
    # the expert's region holds joint space and cortex and leaves the middle of S2 to S5 out
    assert np.mean(scores) >= 0.70
    assert min(scores) >= 0.60
    assert np.mean(errors) <= 0.10


@pytest.mark.parametrize("key", [(1, "femur"), (2, "ilium")])
def test_hips_after_contrast(found: Finder, key: tuple[int, str]) -> None:
    value, name = key
    scores = []
    for study in PELVES:
        of, marrow, truth = found(f"pelvis/{study}", "bones.nii.gz", "hips")
        scores.append(dice(bone(of, marrow, name), ndimage.binary_erosion(truth == value, IN_PLANE)))
    assert np.mean(scores) >= 0.68
    assert min(scores) >= 0.58


def test_lumbar_levels(found: Finder) -> None:
    of, marrow, truth = found("lumbar/AKa", "vertebrae_T1.nii.gz", "lumbar_spine")
    assert dice(marrow > 0, truth > 0) >= 0.75
    for value, level in enumerate(LEVELS, 1):
        own = bone(of, of.labels.array, level)
        counts = np.bincount(truth[own], minlength=len(LEVELS) + 2)
        assert int(counts[1:].argmax()) + 1 == value, level
