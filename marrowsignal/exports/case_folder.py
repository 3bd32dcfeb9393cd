"""The folder one study leaves behind: complete, or not there."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from marrowsignal.errors import OutputError, UsageError
from marrowsignal.exports.aligned_state import write_aligned_state
from marrowsignal.exports.dicom_objects import write_dicom_objects
from marrowsignal.exports.images.nifti import write_images
from marrowsignal.exports.tables.study_tables import write_tables
from marrowsignal.exports.whole_folder import write_whole_folder
from marrowsignal.results.document import to_document, to_json
from marrowsignal.results.study_result import StudyResult

__all__ = ["CaseOptions", "check_case_name", "write_case"]

_STAGE = "write_case"
_CASE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,63}")
_RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseOptions:
    """What a case folder holds.

    Attributes
    ----------
    dicom : bool
        Whether it holds DICOM objects. They name the patient, as a PACS asks; nothing else in the folder does.
    """

    dicom: bool = True


_WHOLE = CaseOptions()


def check_case_name(case: str) -> str:
    """Return `case` if it can name a folder on every system.

    Parameters
    ----------
    case : str
        1 to 64 characters out of letters, digits, dot, underscore and dash; no leading dot or dash, no
        trailing dot, none of Windows' device names.

    Raises
    ------
    UsageError
        If it cannot.
    """
    if not _CASE_NAME.fullmatch(case) or case.endswith(".") or _RESERVED.fullmatch(case):
        raise UsageError(
            "the case name cannot name a folder",
            code="case_name_invalid",
            stage=_STAGE,
            hint="use 1 to 64 letters, digits, dots, underscores or dashes, beginning with a letter or digit",
        )
    return case


def write_case(
    result: StudyResult,
    out: Path,
    *,
    report_html: str,
    first_screen: NDArray[np.uint8] | None = None,
    overwrite: bool = True,
    options: CaseOptions = _WHOLE,
) -> Path:
    """Write everything one study leaves behind to ``out/<case>``.

    All files are written under a temporary name beside it and renamed at the end: a folder that exists is
    complete, and an older one is replaced only by a complete new one.

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
        What the folder holds.

    Returns
    -------
    Path
        The case folder.

    Raises
    ------
    UsageError
        If the case name cannot name a folder.
    OutputError
        If the folder cannot be written, or exists and `overwrite` is False.
    """
    folder = out / check_case_name(result.case)
    if not overwrite and folder.exists():
        raise OutputError(
            f"case {result.case} exists already", code="case_exists", stage=_STAGE, hint="choose another --case"
        )
    write = partial(_write_files, result, report_html=report_html, first_screen=first_screen, options=options)
    write_whole_folder(folder, write, stage=_STAGE)
    return folder


def _write_files(
    result: StudyResult,
    folder: Path,
    *,
    report_html: str,
    first_screen: NDArray[np.uint8] | None,
    options: CaseOptions,
) -> None:
    images = folder / "images"
    images.mkdir(parents=True)
    write_images(result, images)
    write_aligned_state(result, folder)
    write_tables(result, folder)
    if options.dicom:
        write_dicom_objects(result, folder / "dicom", first_screen=first_screen)
    (folder / "result.json").write_bytes(to_json(to_document(result)).encode("utf-8"))
    (folder / "report.html").write_bytes(report_html.encode("utf-8"))
