"""DICOM objects of real studies, with the experts' masks: valid, and read back where they were drawn."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from marrowsignal.dicom import find_series, select_pair
from marrowsignal.dicom.segmentation import read_segmentation
from marrowsignal.exports.dicom_objects import write_dicom_objects
from marrowsignal.geometry.volume import LabelVolume
from marrowsignal.marrow.supplied import read_supplied_marrow
from marrowsignal.results.study_result import StudyResult
from tests.report.study_builder import build_result

pytestmark = pytest.mark.real_data

STUDIES = ("1001", "1007", "1013", "1016", "1234", "2014")


def result_of(study: Path) -> StudyResult:
    """The experts' mask, halved, as regions, and its largest cores as lesions, without any analysis."""
    # One of the studies has no STIR.
    pair = select_pair(find_series(study / "dicom"), allow_t1_only=True)
    grid = pair.t1.geometry
    assert grid is not None
    marrow = read_supplied_marrow(study / "masks" / "marrow.nii.gz", grid).array > 0
    x = grid.patient_axis(0)
    left = x > np.median(x[marrow])
    labels = np.where(marrow & left, 1, np.where(marrow, 2, 0)).astype(np.uint16)
    cores, _ = ndimage.label(ndimage.binary_erosion(marrow, iterations=2))
    result = build_result(series=pair)
    largest = np.argmax(np.bincount(cores.ravel())[1:]) + 1
    lesions = LabelVolume(array=(cores == largest).astype(np.uint16), geometry=grid)
    return replace(
        result,
        marrow=replace(result.marrow, labels=LabelVolume(array=marrow, geometry=grid)),
        regions=replace(
            result.regions,
            labels=LabelVolume(array=labels, geometry=grid),
            regions=result.regions.regions[:2],
        ),
        signals=replace(result.signals, lesion_labels=lesions),
    )


@pytest.mark.parametrize("name", STUDIES)
def test_objects_of_a_real_study_are_valid_and_lie_where_the_expert_drew(
    real_data: Path, tmp_path: Path, name: str
) -> None:
    result = result_of(real_data / "sij" / name)
    export = write_dicom_objects(result, tmp_path, first_screen=None)
    assert {"marrow_seg.dcm", "lesions_seg.dcm", "measurements_sr.dcm"} == set(export.files)
    assert export.findings == ()
    stored = read_segmentation(tmp_path / "marrow_seg.dcm")
    truth = result.regions.labels
    for value in (1, 2):
        here = truth.geometry.to_patient(np.argwhere(truth.array == value)).mean(axis=0)
        there = stored.labels.geometry.to_patient(np.argwhere(stored.labels.array == value)).mean(axis=0)
        assert np.allclose(here, there, atol=0.01)
    command = shutil.which("dciodvfy")
    if command is None:
        pytest.skip("dciodvfy is not installed: apt-get install dicom3tools")
    for file in export.files:
        done = subprocess.run([command, "-new", str(tmp_path / file)], capture_output=True, text=True, check=False)
        assert "Error" not in done.stdout + done.stderr, file
