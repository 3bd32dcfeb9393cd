"""Reference tissue of real studies: only read, never copied."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from marrowsignal.alignment import AlignedPair
from marrowsignal.geometry import LabelVolume
from marrowsignal.intensity import References, ReferenceVerdict, find_references
from marrowsignal.marrow import read_supplied_marrow, segment_marrow
from marrowsignal.protocol import load_protocol

pytestmark = pytest.mark.real_data

Prepared = Callable[[str, str], tuple[AlignedPair, AlignedPair]]

SIJ = ("1007", "1013", "1016", "1234", "2014")


def nowhere(pair: AlignedPair) -> LabelVolume:
    return LabelVolume(array=np.zeros(pair.t1.array.shape, np.uint16), geometry=pair.t1.geometry)


def in_usual_range(found: References) -> bool:
    t1 = (found.fat.t1 or np.nan) / (found.muscle.t1 or np.nan)
    stir = (found.fat.stir or np.nan) / (found.muscle.stir or np.nan)
    return bool(2.2 <= t1 <= 3.0 and 1.0 <= stir <= 2.0)


@pytest.mark.parametrize("name", SIJ)
def test_fat_over_muscle_is_in_its_range_with_marrow_and_without(
    real_data: Path, prepared: Prepared, name: str
) -> None:
    study, rules = real_data / "sij" / name, load_protocol("pelvis_sij")
    _, pair = prepared(f"sij/{name}", "pelvis_sij")
    supplied = read_supplied_marrow(study / "masks" / "marrow.nii.gz", pair.t1.geometry)
    core = segment_marrow(pair, protocol=rules, supplied=supplied).core_mask
    known = find_references(pair, supplied, core, protocol=rules)
    alone = find_references(pair, nowhere(pair), np.zeros_like(core), protocol=rules)
    assert in_usual_range(known)
    assert in_usual_range(alone)
    assert alone.muscle.t1 == pytest.approx(known.muscle.t1, rel=0.05)
    assert known.muscle.volume_ml > 5
    assert not (known.labels.array[supplied.mask] == 1).any()


def test_fat_of_a_knee_lies_under_the_skin(prepared: Prepared) -> None:
    _, pair = prepared("knee/flothesof", "knee")
    core = np.zeros(pair.t1.array.shape, bool)
    found = find_references(pair, nowhere(pair), core, protocol=load_protocol("knee"))
    assert found.muscle.verdict is ReferenceVerdict.WARN
    assert 2.2 <= (found.fat.t1 or np.nan) / (found.muscle.t1 or np.nan) <= 4.0
    spacing = pair.t1.geometry.spacing_mm[1:]
    depth = np.stack([ndimage.distance_transform_edt(plane, sampling=spacing) for plane in pair.body_mask])
    # marrow of femur and tibia begins at some 20 mm, and there is much more of it
    assert np.median(depth[found.labels.array == 2]) < 18
