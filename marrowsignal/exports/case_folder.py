"""The folder one study leaves behind: complete, or not there."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from marrowsignal.errors import OutputError
from marrowsignal.exports.aligned_state import write_aligned_state
from marrowsignal.exports.bids_dataset import check_bids_place, claim_dataset
from marrowsignal.exports.dicom_objects import write_dicom_objects
from marrowsignal.exports.dicom_objects.records import DicomExport
from marrowsignal.exports.images.bids_images import write_bids_images
from marrowsignal.exports.images.nifti import write_images
from marrowsignal.exports.layout import CaseOptions, Layout, check_case_name
from marrowsignal.exports.tables.study_tables import write_tables
from marrowsignal.exports.whole_folder import write_whole_folder
from marrowsignal.results.dicom_section import dicom_section
from marrowsignal.results.document import to_document, to_json
from marrowsignal.results.document_models import DicomDocument
from marrowsignal.results.study_result import StudyResult

__all__ = [
    "CaseOptions",
    "Layout",
    "WrittenCase",
    "check_case_name",
    "check_case_place",
    "write_case",
    "write_whole_case",
]

_STAGE = "write_case"


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenCase:
    """One case as it was written.

    Attributes
    ----------
    folder : Path
        The case folder.
    dicom : DicomExport or None
        Which DICOM objects it holds, and what of them could not be written and why; None where none were asked for.
    """

    folder: Path
    dicom: DicomExport | None


_WHOLE = CaseOptions()


def check_case_place(case: str, out: Path, *, options: CaseOptions = _WHOLE) -> None:
    """Refuse a case that could not be written, before the long work.

    Parameters
    ----------
    case : str
        Its name.
    out : Path
        Folder of cases; there may be none yet.
    options : CaseOptions
        How its folder is named.

    Raises
    ------
    UsageError
        If the name cannot name a folder or a BIDS subject.
    OutputError
        If `out` is the BIDS dataset of another program, or another case has the same subject label there.
    """
    check_case_name(case)
    if options.layout is Layout.BIDS:
        check_bids_place(out, case)


def write_case(
    result: StudyResult,
    out: Path,
    *,
    report_html: str,
    first_screen: NDArray[np.uint8] | None = None,
    overwrite: bool = True,
    options: CaseOptions = _WHOLE,
) -> Path:
    """Write everything one study leaves behind to ``out/<case>``, and return that folder.

    `write_whole_case` does the same and tells what of the DICOM objects could not be written.

    Parameters
    ----------
    result : StudyResult
        One analyzed study.
    out : Path
        Folder of cases; made when missing.
    report_html : str
        The page, from `marrowsignal.report.render_report`.
    first_screen : ndarray of uint8, shape (row, column, 3), optional
        Its first screen as a picture for the PACS, from `marrowsignal.report.draw_first_screen`.
    overwrite : bool
        Whether an existing case folder may be replaced.
    options : CaseOptions
        What the folder holds, and how it is named.

    Raises
    ------
    UsageError, OutputError
        As `write_whole_case`.
    """
    return write_whole_case(
        result, out, report_html=report_html, first_screen=first_screen, overwrite=overwrite, options=options
    ).folder


def write_whole_case(
    result: StudyResult,
    out: Path,
    *,
    report_html: str,
    first_screen: NDArray[np.uint8] | None = None,
    overwrite: bool = True,
    options: CaseOptions = _WHOLE,
) -> WrittenCase:
    """Write everything one study leaves behind to ``out/<case>``, or to ``out/sub-<label>`` in the layout of BIDS.

    All files are written under a temporary name beside it and renamed at the end: a folder that exists is
    complete, and an older one is replaced only by a complete new one.

    Parameters
    ----------
    result, out, report_html, first_screen, overwrite, options
        As of `write_case`.

    Returns
    -------
    WrittenCase
        The case folder, and what became of its DICOM objects.

    Raises
    ------
    UsageError
        If the case name cannot name a folder or a subject.
    OutputError
        If the folder cannot be written, or exists and `overwrite` is False; if `out` is the BIDS dataset of another
        program, or another case has the same subject label there.
    """
    check_case_place(result.case, out, options=options)
    folder = out / options.layout.folder_name(result.case)
    if not overwrite and folder.exists():
        raise OutputError(
            f"case {result.case} exists already", code="case_exists", stage=_STAGE, hint="choose another --case"
        )

    def write(fresh: Path) -> DicomExport | None:
        if options.layout is Layout.BIDS:
            claim_dataset(out)
        return _write_files(result, fresh, report_html=report_html, first_screen=first_screen, options=options)

    return WrittenCase(folder=folder, dicom=write_whole_folder(folder, write, stage=_STAGE))


def _write_files(
    result: StudyResult,
    folder: Path,
    *,
    report_html: str,
    first_screen: NDArray[np.uint8] | None,
    options: CaseOptions,
) -> DicomExport | None:
    images = folder / options.layout.image_folder
    images.mkdir(parents=True)
    write_all_images = write_bids_images if options.layout is Layout.BIDS else write_images
    # Compression leaves the interpreter to others, DICOM objects do not: side by side they take the longer of both.
    with ThreadPoolExecutor(max_workers=2) as pool:
        compressed = (
            pool.submit(write_all_images, result, images),
            pool.submit(write_aligned_state, result, folder),
        )
        export = write_dicom_objects(result, folder / "dicom", first_screen=first_screen) if options.dicom else None
        document = to_document(result, dicom=_dicom_section(export))
        write_tables(result, folder, document=document)
        (folder / "result.json").write_bytes(to_json(document).encode("utf-8"))
        (folder / "report.html").write_bytes(report_html.encode("utf-8"))
        for work in compressed:
            work.result()
    return export


def _dicom_section(export: DicomExport | None) -> DicomDocument:
    if export is None:
        return dicom_section((), reason="none were asked for")
    return dicom_section(export.files, reason=" ".join(finding.message for finding in export.findings))
