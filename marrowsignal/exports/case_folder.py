"""The folder one study leaves behind: complete, or not there."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

from marrowsignal.errors import OutputError, UsageError
from marrowsignal.exports.aligned_state import write_aligned_state
from marrowsignal.exports.images.nifti import write_images
from marrowsignal.exports.tables.study_tables import write_tables
from marrowsignal.exports.whole_folder import write_whole_folder
from marrowsignal.results.document import to_document, to_json
from marrowsignal.results.study_result import StudyResult

__all__ = ["check_case_name", "write_case"]

_STAGE = "write_case"
_CASE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,63}")
_RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.IGNORECASE)


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


def write_case(result: StudyResult, out: Path, *, report_html: str, overwrite: bool = True) -> Path:
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
    overwrite : bool
        Whether an existing case folder may be replaced.

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
    write_whole_folder(folder, partial(_write_files, result, report_html=report_html), stage=_STAGE)
    return folder


def _write_files(result: StudyResult, folder: Path, *, report_html: str) -> None:
    images = folder / "images"
    images.mkdir(parents=True)
    write_images(result, images)
    write_aligned_state(result, folder)
    write_tables(result, folder)
    (folder / "result.json").write_bytes(to_json(to_document(result)).encode("utf-8"))
    (folder / "report.html").write_bytes(report_html.encode("utf-8"))
