"""Masks of real studies as other programs hand them over: any grid, DICOM SEG, whole bones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from pydicom import dcmread
from scipy import ndimage

from marrowsignal.dicom import SeriesPair, find_series, read_volume, select_pair
from marrowsignal.geometry.label_files import read_label_volume
from marrowsignal.geometry.volume import VolumeGeometry
from marrowsignal.marrow.peel import peel_to_marrow
from marrowsignal.marrow.records import MaskKind
from marrowsignal.marrow.supplied import MarrowRequest, open_supplied, read_supplied, study_space
from marrowsignal.protocol import load_protocol
from tests.marrow.supplied.drawn import segment, stored_seg

pytestmark = pytest.mark.real_data


def dice(a: np.ndarray, b: np.ndarray) -> float:
    return 2 * np.count_nonzero(a & b) / (np.count_nonzero(a) + np.count_nonzero(b))


@pytest.fixture(scope="module")
def study(real_data: Path) -> Path:
    return real_data / "sij" / "1013"


@pytest.fixture(scope="module")
def pair(study: Path) -> SeriesPair:
    return select_pair(find_series(study / "dicom"))


@pytest.fixture(scope="module")
def grid(pair: SeriesPair) -> VolumeGeometry:
    assert pair.t1.geometry is not None
    return pair.t1.geometry


def test_an_experts_mask_comes_whole(study: Path, pair: SeriesPair, grid: VolumeGeometry) -> None:
    stored = sitk.GetArrayFromImage(sitk.ReadImage(str(study / "masks" / "marrow.nii.gz")))
    rules = load_protocol("pelvis_sij")
    request = MarrowRequest(path=study / "masks" / "marrow.nii.gz")
    mask = open_supplied(request, study_space(pair, grid, pair.stir and pair.stir.geometry), protocol=rules)
    placed = mask.on_t1()
    # T1, STIR and mask share a grid up to rounding, so it counts as drawn on T1
    assert not mask.on_stir
    assert np.count_nonzero(placed.labels.array) == np.count_nonzero(stored)
    assert placed.findings == ()


def test_an_experts_mask_on_a_finer_cube_comes_back(tmp_path: Path, study: Path, grid: VolumeGeometry) -> None:
    image = sitk.ReadImage(str(study / "masks" / "marrow.nii.gz"))
    spacing = (0.45, 0.45, 1.1)
    size = [int(n * old / new) for n, old, new in zip(image.GetSize(), image.GetSpacing(), spacing, strict=True)]
    resampler = sitk.ResampleImageFilter()
    resampler.SetReferenceImage(image)
    resampler.SetSize(size)
    resampler.SetOutputSpacing(spacing)
    resampler.SetInterpolator(sitk.sitkNearestNeighbor)
    sitk.WriteImage(resampler.Execute(image), str(tmp_path / "fine.nii.gz"))
    whole = read_label_volume(study / "masks" / "marrow.nii.gz", grid)
    fine = read_supplied(tmp_path / "fine.nii.gz", grid).labels
    assert dice(fine.mask, whole.mask) > 0.985


def test_an_experts_mask_as_dicom_seg_is_the_same(
    tmp_path: Path, study: Path, pair: SeriesPair, grid: VolumeGeometry
) -> None:
    whole = read_label_volume(study / "masks" / "marrow.nii.gz", grid)
    headers = [dcmread(path) for path in pair.t1.files]
    for header in headers:
        for keyword in ("PatientName", "PatientBirthDate", "PatientSex", "StudyID", "StudyDate", "StudyTime"):
            setattr(header, keyword, header.get(keyword, ""))
        for keyword in ("AccessionNumber", "ReferringPhysicianName"):
            setattr(header, keyword, header.get(keyword, ""))
    sacrum = segment(1, "drawn", "54735007", "Sacrum")
    stored = stored_seg(headers, whole.mask.astype(np.uint8), "BINARY", [sacrum])
    stored.save_as(tmp_path / "seg.dcm")
    rules = load_protocol("pelvis_sij")
    mask = open_supplied(MarrowRequest(path=tmp_path / "seg.dcm"), study_space(pair, grid), protocol=rules)
    placed = mask.on_t1()
    np.testing.assert_array_equal(placed.labels.array, whole.array)
    assert placed.labels.names == ((1, "sacrum"),)
    assert placed.findings == ()


def test_whole_bones_of_a_pelvis_lose_their_dark_rim_only(real_data: Path) -> None:
    study = real_data / "pelvis" / "case05"
    series = next(one for one in find_series(study / "dicom").series if one.geometry is not None)
    t1 = read_volume(series)
    bones = read_supplied(study / "masks" / "bones.nii.gz", t1.geometry, kind=MaskKind.BONE).labels
    rules = load_protocol("hips")
    spacing = t1.geometry.spacing_mm
    names = ((1, "femur"), (2, "ilium"), (4, "sacrum"))
    marrow = peel_to_marrow(bones.array, t1.array, spacing_mm=spacing, settings=rules.marrow.peel, names=names)
    for value, _ in names:
        bone, kept = bones.array == value, marrow == value
        gone = bone & ~kept
        inner = ndimage.distance_transform_edt(bone, sampling=(1e6, *spacing[1:])) > 4.0
        assert 0.6 < np.count_nonzero(kept) / np.count_nonzero(bone) < 0.95
        assert np.median(t1.array[gone]) < 0.7 * np.median(t1.array[kept])
        if value != 1:  # a femoral shaft's cortex is thicker
            assert kept[inner].mean() > 0.97
