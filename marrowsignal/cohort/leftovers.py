"""Case folders in an output folder: whether one is there, and what killed runs left half."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable
from pathlib import Path

from marrowsignal.errors import UsageError
from marrowsignal.exports.layout import Layout

__all__ = ["case_is_there", "remove_leftovers"]

# As `marrowsignal.exports.whole_folder` names them: the folder's name and eight characters between dots.
_PARTIAL = re.compile(r"\.(?P<folder>.+)\.[A-Za-z0-9_]{8}\.partial")
_KEY = re.compile(r"[0-9a-f]{12}")


def case_is_there(out: Path, case: str) -> bool:
    """Whether a finished case folder lies in an output folder, in any layout."""
    return any((out / folder / "result.json").is_file() for folder in _folders(case))


def remove_leftovers(out: Path, names: Iterable[str]) -> int:
    """Remove what killed runs of some studies left half; nothing else is touched.

    Parameters
    ----------
    out : Path
        Folder of the cases.
    names : iterable of str
        What the case folders of the studies are named by, without the label of a pair.

    Returns
    -------
    int
        How many were removed.
    """
    begun = tuple(names)
    leftovers = [entry for entry in sorted(out.glob(".*.partial")) if _is_of(entry.name, begun)]
    for entry in leftovers:
        shutil.rmtree(entry, ignore_errors=True)
    return len(leftovers)


def _is_of(entry: str, names: tuple[str, ...]) -> bool:
    match = _PARTIAL.fullmatch(entry)
    return match is not None and any(_holds(match["folder"], name) for name in names)


def _holds(folder: str, name: str) -> bool:
    """Whether a folder is that of a case, or of one of its pairs, whose label follows the name."""
    plain, bids = _folders(name)
    # BIDS leaves out the dash: behind a name of the user's what follows may belong to a longer name.
    of_pair = folder.startswith(bids) if _KEY.fullmatch(name) else False
    return folder in (plain, bids) or folder.startswith(f"{plain}-") or of_pair


def _folders(case: str) -> tuple[str, str]:
    """Return what a case's folder is named in either layout; the plain name twice where BIDS has none for it."""
    try:
        return case, Layout.BIDS.folder_name(case)
    except UsageError:
        return case, case
