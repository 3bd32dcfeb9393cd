"""All DICOM objects of a case: made, read again from their bytes, and written only when they say the same."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.dataset import Dataset

from marrowsignal.dicom.headers.header_values import UNREADABLE, quiet_pydicom
from marrowsignal.errors import DicomError, OutputError
from marrowsignal.exports.dicom_objects.records import DicomExport, SegmentedObject, SourceImages
from marrowsignal.exports.dicom_objects.report_reread import check_measurements
from marrowsignal.exports.dicom_objects.reread import check_segmentation, object_bytes
from marrowsignal.exports.dicom_objects.secondary_capture import check_capture, first_screen_capture
from marrowsignal.exports.dicom_objects.segmentations import (
    dark_focus_segmentation,
    lesion_segmentation,
    region_segmentation,
)
from marrowsignal.exports.dicom_objects.source_images import read_source_images
from marrowsignal.exports.dicom_objects.structured_report import measurement_report
from marrowsignal.findings import Finding, Severity
from marrowsignal.results.study_result import StudyResult

__all__ = ["write_dicom_objects"]

_STAGE = "write_dicom"


def write_dicom_objects(result: StudyResult, folder: Path, *, first_screen: NDArray[np.uint8] | None) -> DicomExport:
    """Write the segmentations, the structured report and the picture of the first screen.

    Each is read again from its bytes and compared with what was measured. One that cannot be made, or that differs, is
    left out and told; the others are written.

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

    Raises
    ------
    OSError
        If a file cannot be written.
    """
    with _quiet_libraries():
        try:
            source = read_source_images(result.series, texts=_texts(result))
        except DicomError as error:
            return DicomExport(files=(), findings=(_told(f"No DICOM objects were written: {error.message}."),))
        made = _Made(findings=list(source.findings))
        _make_all(made, result, source, first_screen)
    if made.files:
        folder.mkdir(parents=True, exist_ok=True)
    for name, data in made.files.items():
        (folder / name).write_bytes(data)
    return DicomExport(files=tuple(made.files), findings=tuple(made.findings))


@dataclass(slots=True, kw_only=True)
class _Made:
    """What has been made so far: bytes by file name, and findings."""

    files: dict[str, bytes] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    def segmentation(self, name: str, make: Callable[[], SegmentedObject | None]) -> SegmentedObject | None:
        """Make, check and keep a segmentation; None where there is nothing to segment or it was refused."""
        segmented: SegmentedObject | None = None

        def made() -> Dataset | None:
            nonlocal segmented
            segmented = make()
            return None if segmented is None else segmented.dataset

        def check(data: bytes) -> None:
            if segmented is not None:
                check_segmentation(data, segmented)

        if not self.add(name, made, check) or segmented is None:
            return None
        self.findings.extend(segmented.findings)
        return segmented

    def add(self, name: str, make: Callable[[], Dataset | None], check: Callable[[bytes], None]) -> bool:
        """Make an object and keep its bytes if they pass the check; whether they were kept."""
        try:
            dataset = make()
            if dataset is None:
                return False
            data = object_bytes(dataset)
            check(data)
        except OutputError as error:
            self.findings.append(_told(f"{name} was not written: {error.message}."))
            return False
        # What libraries raise on odd headers; their words may hold values of these.
        except UNREADABLE as error:
            self.findings.append(_told(f"{name} could not be made ({type(error).__name__}) and was not written."))
            return False
        self.files[name] = data
        return True


def _make_all(made: _Made, result: StudyResult, source: SourceImages, first_screen: NDArray[np.uint8] | None) -> None:
    marrow = made.segmentation("marrow_seg.dcm", lambda: region_segmentation(result, source))
    lesions = made.segmentation("lesions_seg.dcm", lambda: lesion_segmentation(result, source))
    dark_foci = made.segmentation("dark_foci_seg.dcm", lambda: dark_focus_segmentation(result, source))
    made.add(
        "measurements_sr.dcm",
        lambda: measurement_report(result, source, marrow, lesions, dark_foci),
        lambda data: check_measurements(_read(data), result, source, marrow, lesions, dark_foci),
    )
    if first_screen is not None:
        made.add(
            "first_screen_sc.dcm",
            lambda: first_screen_capture(result, source, first_screen),
            lambda data: check_capture(_read(data), first_screen),
        )


def _read(data: bytes) -> Dataset:
    return dcmread(io.BytesIO(data))


def _texts(result: StudyResult) -> tuple[str, ...]:
    """Words of ours that a protocol or a site may have put in any script."""
    named = (*result.regions.regions, *result.regions.parts)
    return (result.protocol.name, result.marrow.made_by, *(region.name for region in named))


def _told(message: str) -> Finding:
    return Finding(code="dicom_not_written", stage=_STAGE, severity=Severity.WARN, message=message)


@contextmanager
def _quiet_libraries() -> Iterator[None]:
    """Silence pydicom and highdicom, whose warnings and logs repeat header values."""
    log = logging.getLogger("highdicom")
    level = log.level
    log.setLevel(logging.CRITICAL + 1)
    try:
        with quiet_pydicom():
            yield
    finally:
        log.setLevel(level)
