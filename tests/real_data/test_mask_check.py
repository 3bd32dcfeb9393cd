"""Checks of masks on real sacroiliac studies: the expert's mask passes, what is not this person's mask is told."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from marrowsignal.alignment import AlignedPair, t1_alone
from marrowsignal.dicom import find_series, read_volume, select_pair
from marrowsignal.geometry import LabelVolume
from marrowsignal.geometry.label_files import read_label_volume
from marrowsignal.intensity import correct_bias
from marrowsignal.marrow.check import check_mask
from marrowsignal.marrow.records import MarrowSource, MaskCheck, MaskKind, MaskVerdict, Segmentation
from marrowsignal.protocol import Protocol, load_protocol

pytestmark = pytest.mark.real_data

STUDIES = ("1007", "1013", "1016", "1234", "2014")


@cache
def _protocol() -> Protocol:
    return load_protocol("pelvis_sij")


@dataclass(frozen=True)
class Study:
    pair: AlignedPair
    expert: NDArray[np.bool_]

    def check(self, mask: NDArray[np.bool_], source: MarrowSource = MarrowSource.SUPPLIED) -> MaskCheck:
        labels = LabelVolume(array=mask.astype(np.uint16), geometry=self.pair.t1.geometry)
        given = Segmentation(labels=labels, kind=MaskKind.MARROW, source=source)
        return check_mask(given, labels, self.pair, protocol=_protocol())

    def moved(self, mm: float, axis: int) -> NDArray[np.bool_]:
        return np.roll(self.expert, round(mm / self.pair.t1.geometry.spacing_mm[axis]), axis)


@cache
def _read(folder: Path) -> Study:
    # T1 alone: registration is told by tests of its own, and the checks have to hold without STIR.
    t1 = read_volume(select_pair(find_series(folder / "dicom")).t1)
    expert = read_label_volume(folder / "masks" / "marrow.nii.gz", t1.geometry).mask
    return Study(pair=correct_bias(t1_alone(t1), settings=_protocol().bias), expert=expert)


def study(real_data: Path, name: str) -> Study:
    folder = real_data / "sij" / name
    if not (folder / "masks").is_dir():
        pytest.skip(f"the study sij/{name} is not among the real studies")
    return _read(folder)


@pytest.mark.parametrize("name", STUDIES)
def test_the_experts_mask_passes(real_data: Path, name: str) -> None:
    found = study(real_data, name).check(study(real_data, name).expert)
    assert (found.verdict, found.estimated_dice) == (MaskVerdict.PASS, None)


@pytest.mark.parametrize("name", STUDIES)
def test_the_same_mask_from_another_program_is_estimated_well(real_data: Path, name: str) -> None:
    found = study(real_data, name).check(study(real_data, name).expert, MarrowSource.EXTERNAL)
    assert found.verdict is MaskVerdict.PASS
    assert found.estimated_dice > 0.75


@pytest.mark.parametrize("name", STUDIES)
@pytest.mark.parametrize(("mm", "axis"), [(10.0, 1), (20.0, 1), (10.0, 2)])
def test_a_shifted_mask_is_told(real_data: Path, name: str, mm: float, axis: int) -> None:
    found = study(real_data, name).check(study(real_data, name).moved(mm, axis))
    assert found.verdict is not MaskVerdict.PASS
    assert found.estimated_dice < 0.75


@pytest.mark.parametrize(("name", "other"), [*zip(STUDIES, (*STUDIES[1:], STUDIES[0]), strict=True)])
def test_another_patients_mask_is_told(real_data: Path, name: str, other: str) -> None:
    mask = study(real_data, other).expert
    if mask.shape != study(real_data, name).expert.shape:
        pytest.skip("the two studies have other grids")
    assert study(real_data, name).check(mask).verdict is not MaskVerdict.PASS
