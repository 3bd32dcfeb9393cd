"""A folder that is complete, or not there."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from marrowsignal.errors import OutputError

__all__ = ["write_whole_folder"]

Made = TypeVar("Made")


def write_whole_folder(folder: Path, write: Callable[[Path], Made], *, stage: str) -> Made:
    """Write a folder under a temporary name beside it and rename it at the end.

    Parameters
    ----------
    folder : Path
        Where it will be; an older one is replaced only by a complete new one. Its parent is made when missing.
    write : callable
        Makes the folder it is given, and everything in it.
    stage : str
        Named in the error.

    Returns
    -------
    object
        What `write` returned.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    staging: Path | None = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", suffix=".partial", dir=folder.parent))
        # The inner folder has the permissions the user's umask asks for; mkdtemp's own has not.
        fresh = staging / "new"
        made = write(fresh)
        _put_in_place(fresh, folder, old=staging / "old")
    except (OSError, RuntimeError) as error:  # SimpleITK reports a full disk as RuntimeError
        raise OutputError(
            f"the results of case {folder.name} cannot be written ({_cause(error)})",
            code="output_not_writable",
            stage=stage,
            hint="check that the output folder exists, is writable and has space left",
        ) from error
    finally:
        if staging is not None:
            shutil.rmtree(staging, ignore_errors=True)
    return made


def _put_in_place(fresh: Path, folder: Path, *, old: Path) -> None:
    if not folder.exists():
        fresh.rename(folder)
        return
    folder.rename(old)
    try:
        fresh.rename(folder)
    except OSError:
        old.rename(folder)
        raise


def _cause(error: Exception) -> str:
    # strerror holds no path; SimpleITK's message does.
    return (error.strerror or "unknown cause") if isinstance(error, OSError) else "an image could not be written"
