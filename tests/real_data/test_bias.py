"""Shading of real sacroiliac studies: left against right of the marrow no reader has marked; read, never copied."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

import marrowsignal as ms
from marrowsignal.alignment import AlignedPair
from marrowsignal.errors import MaskError
from marrowsignal.geometry.label_files import read_label_volume
from marrowsignal.marrow import MarrowMask

pytestmark = pytest.mark.real_data

STUDIES = ("1007", "1013", "1016", "1234", "2014")
READS = ("R11", "R12", "R21", "R22")
# the project's own bound for the mean over the five studies, percent (SCIENCE D20)
MEAN_ASYMMETRY = 3.0
# fat over muscle on T1 of the studies after correction, SCIENCE 6 and its margin
FAT_TO_MUSCLE = (2.2, 3.0)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Study:
    """A study before and after, its marrow, and the part that no reader has marked."""

    acquired: AlignedPair
    even: AlignedPair
    marrow: MarrowMask
    uninvolved: np.ndarray


Loaded = Callable[[str], Study]
Prepared = Callable[[str, str], tuple[AlignedPair, AlignedPair]]


@pytest.fixture(scope="module")
def loaded(real_data: Path, prepared: Prepared) -> Loaded:
    """Study by name; read once."""

    @cache
    def load(name: str) -> Study:
        folder = real_data / "sij" / name
        return _study(folder, prepared)

    return load


def _study(folder: Path, prepared: Prepared) -> Study:
    rules = ms.load_protocol("pelvis_sij")
    acquired, even = prepared(f"sij/{folder.name}", "pelvis_sij")
    grid = acquired.t1.geometry
    drawn = read_label_volume(folder / "masks" / "marrow.nii.gz", grid)
    marrow = ms.segment_marrow(even, protocol=rules, supplied=drawn)
    marked = np.zeros(grid.shape, bool)
    for read in READS:
        path = folder / "masks" / f"edema_{read}.nii.gz"
        if path.is_file():
            try:
                marked |= read_label_volume(path, grid).mask
            except MaskError as error:
                assert error.code == "mask_outside"
    far = ndimage.distance_transform_edt(~marked, sampling=grid.spacing_mm) > 3.0 if marked.any() else ~marked
    return Study(acquired=acquired, even=even, marrow=marrow, uninvolved=marrow.core_mask & far)


def asymmetry(image: np.ndarray, study: Study) -> float:
    x = study.even.t1.geometry.to_patient(np.stack(np.indices(image.shape), axis=-1))[..., 0]
    middle = np.mean(np.percentile(x[study.marrow.labels.mask], [1.0, 99.0]))
    left, right = (np.median(image[study.uninvolved & side]) for side in (x > middle, x < middle))
    return float(200.0 * (left - right) / (left + right))


def images(pair: AlignedPair) -> dict[str, np.ndarray]:
    assert pair.stir is not None
    return {"T1": pair.t1.array, "STIR": pair.stir.array}


@pytest.mark.parametrize("series", ["T1", "STIR"])
def test_left_and_right_of_uninvolved_marrow_are_alike(loaded: Loaded, series: str) -> None:
    studies = [loaded(name) for name in STUDIES]
    after = [abs(asymmetry(images(study.even)[series], study)) for study in studies]
    before = [abs(asymmetry(images(study.acquired)[series], study)) for study in studies]
    assert np.mean(after) <= MEAN_ASYMMETRY < np.mean(before)


@pytest.mark.parametrize("name", STUDIES)
def test_fat_is_as_bright_over_muscle_as_it_should_be(loaded: Loaded, name: str) -> None:
    study = loaded(name)
    rules = ms.load_protocol("pelvis_sij")
    found = ms.find_references(study.even, study.marrow.labels, study.marrow.core_mask, protocol=rules)
    assert found.fat.t1 is not None
    assert found.muscle.t1 is not None
    assert FAT_TO_MUSCLE[0] <= found.fat.t1 / found.muscle.t1 <= FAT_TO_MUSCLE[1]
