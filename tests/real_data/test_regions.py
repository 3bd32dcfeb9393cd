"""Regions of real studies inside the experts' masks: only read, never copied."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from marrowsignal.alignment import AlignedPair, align_pair
from marrowsignal.dicom import find_series, read_volume, select_pair
from marrowsignal.intensity import correct_bias
from marrowsignal.marrow import MarrowMask, read_supplied_marrow
from marrowsignal.marrow.records import MarrowSource, Segmentation
from marrowsignal.protocol import load_protocol
from marrowsignal.regions import RegionMap, Side, label_regions

pytestmark = pytest.mark.real_data

Prepared = Callable[[str, str], tuple[AlignedPair, AlignedPair]]
Segmented = Callable[[str, str], Segmentation]

SIJ = ("1007", "1013", "1016", "1234", "2014")


@cache
def t1_alone(dicom: Path, protocol: str) -> AlignedPair:
    catalog = find_series(dicom)
    # named: some were made after contrast, which regions do not mind
    series = select_pair(catalog, t1_uid=catalog.series[0].series_instance_uid, allow_t1_only=True)
    rules = load_protocol(protocol)
    pair = align_pair(read_volume(series.t1), None, same_frame_of_reference=True, settings=rules.alignment)
    return correct_bias(pair, settings=rules.bias)


def regions_of(study: Path, mask: str, *, series: str = "", protocol: str) -> RegionMap:
    dicom = study / "dicom" / series
    if not dicom.is_dir():
        pytest.skip(f"the study {study.name} is not among the real studies")
    pair = t1_alone(dicom, protocol)
    supplied = read_supplied_marrow(study / "masks" / mask, pair.t1.geometry)
    marrow = MarrowMask(labels=supplied, core_mask=supplied.mask, source=MarrowSource.SUPPLIED)
    return label_regions(pair, marrow, protocol=load_protocol(protocol))


@pytest.mark.parametrize("name", SIJ)
def test_sacrum_and_ilia_are_told_apart_in_an_experts_mask(real_data: Path, name: str) -> None:
    found = regions_of(real_data / "sij" / name, "marrow.nii.gz", series="T1W", protocol="pelvis_sij")
    assert found.midline is not None
    volumes = {(r.key, r.side): r.volume_ml for r in found.parts}
    sacrum, left, right = (volumes[k] for k in (("sacrum", Side.NONE), ("ilium", Side.LEFT), ("ilium", Side.RIGHT)))
    # nobody drew these borders: ilia alike, and smaller than the sacrum, is what anatomy asks for
    assert 0.7 < left / right < 1.4
    assert sacrum > max(left, right)
    x = found.labels.geometry.patient_axis(0)
    for part in found.parts:
        if part.side is not Side.NONE:
            beside = x[found.inside(part)].mean() - found.midline.offset_mm
            assert (beside > 0) == (part.side is Side.LEFT)


@pytest.mark.parametrize("name", ["case01", "case05", "case14"])
def test_heads_of_real_femora(real_data: Path, name: str) -> None:
    found = regions_of(real_data / "pelvis" / name, "bones.nii.gz", protocol="hips")
    heads = {r.side: r for r in found.parts if r.key == "femoral_head"}
    assert set(heads) == {"left", "right"}
    # heads of women: 40 to 50 mm wide, two thirds of a ball or more
    for head in heads.values():
        assert 15.0 < head.volume_ml < 70.0
    assert 0.7 < heads[Side.LEFT].volume_ml / heads[Side.RIGHT].volume_ml < 1.4


@pytest.mark.parametrize("name", ["case01", "case05", "case14"])
def test_sides_and_heads_of_automatic_bones(
    real_data: Path, prepared: Prepared, segmented: Segmented, name: str
) -> None:
    study = real_data / "pelvis" / name
    _, pair = prepared(f"pelvis/{name}", "hips")
    bones = segmented(f"pelvis/{name}", "hips").labels
    marrow = MarrowMask(labels=bones, core_mask=bones.mask, source=MarrowSource.AUTOMATIC)
    found = label_regions(pair, marrow, protocol=load_protocol("hips"))
    assert found.midline is not None
    assert "side_contradicts_midline" not in {f.code for f in found.findings}
    x = found.labels.geometry.patient_axis(0)
    middle = {(r.key, r.side): x[found.inside(r)].mean() for r in found.regions}
    for key in ("ilium", "femur"):
        assert middle[key, Side.LEFT] - middle[key, Side.RIGHT] > 80.0
    # the same head as in the drawn bones: within its radius, as an automatic femur may lack half of its voxels
    drawn = regions_of(study, "bones.nii.gz", protocol="hips")
    for side in (Side.LEFT, Side.RIGHT):
        a, b = (
            np.argwhere(of.inside(next(r for r in of.parts if (r.key, r.side) == ("femoral_head", side)))).mean(axis=0)
            for of in (found, drawn)
        )
        assert np.linalg.norm((a - b) * found.labels.geometry.spacing_mm) < 20.0


def test_endplate_zones_of_a_real_lumbar_spine(real_data: Path) -> None:
    found = regions_of(real_data / "lumbar" / "AKa", "vertebrae_T1.nii.gz", series="T1", protocol="lumbar_spine")
    for level in ("l5", "l4", "l3", "l2"):
        parts = {r.key: r for r in found.parts if r.parent == level}
        zones = [parts[f"{word}_endplate_zone"].volume_ml for word in ("superior", "inferior")]
        body = sum(zones) + parts["body_middle"].volume_ml
        assert np.allclose(np.array(zones) / body, 0.25, atol=0.06)
