"""Reference tissue of real studies: only read, never copied."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from marrowsignal.alignment import AlignedPair, align_pair
from marrowsignal.dicom import find_series, read_volume, select_pair
from marrowsignal.geometry import LabelVolume
from marrowsignal.intensity import References, ReferenceVerdict, correct_bias, find_references
from marrowsignal.marrow import read_supplied_marrow, segment_marrow
from marrowsignal.protocol import load_protocol

pytestmark = pytest.mark.real_data

SIJ = ("1007", "1013", "1016", "1234", "2014")


def corrected(dicom: Path, protocol: str) -> AlignedPair:
    if not dicom.is_dir():
        pytest.skip(f"the study {dicom.parent.name} is not among the real studies")
    rules = load_protocol(protocol)
    series = select_pair(find_series(dicom), allow_t1_only=True)
    pair = align_pair(
        read_volume(series.t1),
        None if series.stir is None else read_volume(series.stir),
        same_frame_of_reference=series.same_frame_of_reference,
        settings=rules.alignment,
    )
    return correct_bias(pair, settings=rules.bias)


def nowhere(pair: AlignedPair) -> LabelVolume:
    return LabelVolume(array=np.zeros(pair.t1.array.shape, np.uint16), geometry=pair.t1.geometry)


def in_usual_range(found: References) -> bool:
    t1 = (found.fat.t1 or np.nan) / (found.muscle.t1 or np.nan)
    stir = (found.fat.stir or np.nan) / (found.muscle.stir or np.nan)
    return bool(2.2 <= t1 <= 3.0 and 1.0 <= stir <= 2.0)


@pytest.mark.parametrize("name", SIJ)
def test_fat_over_muscle_is_in_its_range_with_marrow_and_without(real_data: Path, name: str) -> None:
    study, rules = real_data / "sij" / name, load_protocol("pelvis_sij")
    pair = corrected(study / "dicom", "pelvis_sij")
    supplied = read_supplied_marrow(study / "masks" / "marrow.nii.gz", pair.t1.geometry)
    core = segment_marrow(pair, protocol=rules, supplied=supplied).core_mask
    known = find_references(pair, supplied, core, protocol=rules)
    alone = find_references(pair, nowhere(pair), np.zeros_like(core), protocol=rules)
    assert in_usual_range(known)
    assert in_usual_range(alone)
    assert alone.muscle.t1 == pytest.approx(known.muscle.t1, rel=0.05)
    assert known.muscle.volume_ml > 5
    assert not (known.labels.array[supplied.mask] == 1).any()


def test_fat_of_a_knee_lies_under_the_skin(real_data: Path) -> None:
    pair = corrected(real_data / "knee" / "flothesof" / "dicom", "knee")
    core = np.zeros(pair.t1.array.shape, bool)
    found = find_references(pair, nowhere(pair), core, protocol=load_protocol("knee"))
    assert found.muscle.verdict is ReferenceVerdict.WARN
    assert 2.2 <= (found.fat.t1 or np.nan) / (found.muscle.t1 or np.nan) <= 4.0
    spacing = pair.t1.geometry.spacing_mm[1:]
    depth = np.stack([ndimage.distance_transform_edt(plane, sampling=spacing) for plane in pair.body_mask])
    # marrow of femur and tibia begins at some 20 mm, and there is much more of it
    assert np.median(depth[found.labels.array == 2]) < 18
