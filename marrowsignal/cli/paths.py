"""Checks of paths before minutes of work; messages repeat no name, which may be a patient's."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from marrowsignal.errors import InputError, OutputError, UsageError

if TYPE_CHECKING:
    from marrowsignal.protocol.series_rules import SeriesRules

__all__ = ["check_writable", "existing_input", "outside_cases", "site_series_rules"]

# Label maps and label tables that a case holds, which an editor may have open where they lie.
_OWN = re.compile(
    r"images/(marrow|regions|parts)\.(nii\.gz|json|tsv|label\.txt|ctbl)"
    r"|anat/sub-[A-Za-z0-9]+_seg-(marrow|regions|parts)_dseg\.(nii\.gz|tsv|label\.txt|ctbl)"
)


def existing_input(path: Path, *, stage: str = "find_series", what: str = "the given path") -> Path:
    """Return `path` if it is there; `what` names it in an error.

    Raises
    ------
    InputError
        If there is no such file or folder, or it cannot be looked at.
    """
    try:
        there = path.exists()
    except OSError as error:
        raise InputError(
            f"{what} cannot be looked at ({error.strerror})",
            code="input_unreadable",
            stage=stage,
            hint="check it, and the permissions of the folders above it",
        ) from error
    if not there:
        raise InputError(
            f"there is no file or folder at {what}",
            code="input_missing",
            stage=stage,
            hint="check it; a path that holds spaces needs quotation marks",
        )
    return path


def check_writable(out: Path) -> None:
    """Try to write where the output will go; nothing is left behind.

    Raises
    ------
    OutputError
        If `out`, or the nearest folder above it that is there, is no folder or cannot be written.
    """
    try:
        there = next((folder for folder in (out, *out.absolute().parents) if folder.exists()), Path())
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        raise OutputError(
            f"the output folder cannot be written ({error.strerror})",
            code="output_not_writable",
            stage="write_case",
            hint="give another folder with -o",
        ) from error


def outside_cases(path: Path, out: Path) -> Path:
    """Return `path` unless it would be lost: a case folder is replaced as a whole by a new analysis.

    Raises
    ------
    UsageError
        If it is a file of the user's inside a finished case of `out`.
    """
    file, root = path.resolve(), out.resolve()
    inside = file.relative_to(root).parts if file.is_relative_to(root) else ()
    of_case = len(inside) > 1 and (root / inside[0] / "result.json").is_file()
    if of_case and not _OWN.fullmatch("/".join(inside[1:])):
        raise UsageError(
            "the label map or its table lies in a finished case, whose folder is replaced as a whole",
            code="mask_in_case",
            stage="analyze",
            hint="move it elsewhere, so that it is not lost",
        )
    return path


def site_series_rules(path: Path | None) -> SeriesRules | None:
    """Load a site's rules for recognising series; None for the shipped ones.

    Raises
    ------
    ProtocolError
        If the file cannot be read or is out of form.
    """
    if path is None:
        return None
    from marrowsignal.protocol.series_rules_file import load_series_rules

    return load_series_rules(path)
