"""A private folder for what archives hold, removed as soon as nobody holds a path into it."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import weakref
from pathlib import Path

from marrowsignal.errors import InputError

if sys.platform == "win32":
    from pathlib import WindowsPath as _PlatformPath
else:
    from pathlib import PosixPath as _PlatformPath

__all__ = ["UnpackedFile", "UnpackedFolder"]


class UnpackedFolder:
    """A temporary folder, readable by this user only (mode 0700).

    It is removed when the object and every `UnpackedFile` of it are gone, at the latest when Python ends, also after
    an error or an interrupt. A process forked from this one does not remove it.

    Attributes
    ----------
    path : Path
        The folder.
    remove : callable
        Removes it now.

    Raises
    ------
    InputError
        If no temporary folder can be made.
    """

    def __init__(self) -> None:
        try:
            self.path = Path(tempfile.mkdtemp(prefix="marrowsignal-"))
        except OSError as error:
            raise InputError(
                f"no temporary folder can be made to unpack archives ({error.strerror})",
                code="temporary_folder",
                stage="find_series",
                hint="point TMPDIR at a folder that can be written, or unpack the archive and give its folder",
            ) from error
        self._files = 0
        self.remove = weakref.finalize(self, _remove, str(self.path), os.getpid())

    def new_file(self) -> UnpackedFile:
        """Return the path of the next file: numbered, since a name in an archive may be a patient's or lead outside."""
        self._files += 1
        file = UnpackedFile(self.path, f"{self._files:06d}.dcm")
        file.folder = self
        return file


class UnpackedFile(_PlatformPath):
    """Path of a file in an `UnpackedFolder`; the folder lives as long as one of these does.

    Attributes
    ----------
    folder : UnpackedFolder or None
        The folder; None in paths derived from this one, which do not keep it alive.
    """

    folder: UnpackedFolder | None = None


def _remove(folder: str, owner: int) -> None:
    if os.getpid() == owner:
        shutil.rmtree(folder, ignore_errors=True)
