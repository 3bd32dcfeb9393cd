"""A file that is whole under its name, and on the disk when that is said."""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

__all__ = ["put_in_place", "write_whole"]


def write_whole(file: Path, data: bytes, *, by_way_of: Path) -> None:
    """Write a file that is either whole or not there.

    Parameters
    ----------
    file : Path
        Its name; an older file of that name is replaced.
    data : bytes
        All of it.
    by_way_of : Path
        Name it has until it is whole, on the same disk.
    """
    try:
        with by_way_of.open("wb") as stream:
            stream.write(data)
            put_in_place(stream, by_way_of, file)
    except BaseException:
        by_way_of.unlink(missing_ok=True)
        raise


def put_in_place(stream: BinaryIO, fresh: Path, file: Path) -> None:
    """Close a written file, give it its name, and have the disk keep both.

    Parameters
    ----------
    stream : binary file
        Open for writing.
    fresh, file : Path
        Its name until now, and its name from now on.
    """
    stream.flush()
    os.fsync(stream.fileno())
    stream.close()
    fresh.replace(file)
    if os.name != "posix":
        return  # elsewhere a folder cannot be opened
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
