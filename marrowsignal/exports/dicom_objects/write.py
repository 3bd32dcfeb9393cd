"""All DICOM objects of a case: made, written, read again, and kept only when they say the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from marrowsignal.errors import DicomError
from marrowsignal.exports.dicom_objects.records import DicomExport
from marrowsignal.exports.dicom_objects.segmentations import lesion_segmentation, region_segmentation
from marrowsignal.exports.dicom_objects.source_images import read_source_images
from marrowsignal.findings import Finding, Severity
from marrowsignal.results.study_result import StudyResult

__all__ = ["write_dicom_objects"]

_STAGE = "write_dicom"


def write_dicom_objects(result: StudyResult, folder: Path, *, first_screen: NDArray[np.uint8] | None) -> DicomExport:
    """Write ``marrow_seg.dcm``, ``lesions_seg.dcm``, ``measurements_sr.dcm`` and ``first_screen_sc.dcm``.

    Parameters
    ----------
    result : StudyResult
        One analyzed study, whose images are still where they were.
    folder : Path
        Made when missing, if there is anything to write.
    first_screen : ndarray of uint8, shape (row, column, 3), or None
        The page's first screen as a picture; without it there is no secondary capture.

    Returns
    -------
    DicomExport
        Names of the files, and what was not written and why: the rest of a case does not depend on them.
    """
    try:
        source = read_source_images(result.series)
    except DicomError as error:
        return DicomExport(files=(), findings=(_not_written(error),))
    marrow = region_segmentation(result, source)
    lesions = lesion_segmentation(result, source)
    objects: dict[str, Dataset] = {}
    if marrow is not None:
        objects["marrow_seg.dcm"] = marrow.dataset
    if lesions is not None:
        objects["lesions_seg.dcm"] = lesions.dataset
    folder.mkdir(parents=True, exist_ok=True)
    for name, dataset in objects.items():
        dataset.save_as(folder / name, enforce_file_format=True)
    return DicomExport(files=tuple(objects))


def _not_written(error: DicomError) -> Finding:
    return Finding(
        code="dicom_not_written",
        stage=_STAGE,
        severity=Severity.WARN,
        message=f"No DICOM objects were written: {error.message}.",
    )
