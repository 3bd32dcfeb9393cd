"""The one file of a run that says which study lay where: for the owner of the output folder only."""

from __future__ import annotations

import csv
import os
import tempfile
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from marrowsignal.cohort.records import StudySource
from marrowsignal.cohort.shards import Shard, in_shard, shard_suffix
from marrowsignal.errors import OutputError

__all__ = ["PRIVATE_FOLDER", "mended_places", "write_sources"]

PRIVATE_FOLDER = "private"

_STAGE = "write_sources"
_HEADER = ("key", "case", "place", "paths", "files", "size_bytes", "problem")
_PLACE, _PROBLEM = _HEADER.index("place"), _HEADER.index("problem")


def mended_places(
    out: Path, sources: Collection[StudySource], searched: Iterable[Path], *, shard: Shard | None = None
) -> tuple[str, ...]:
    """Return the keys of earlier problems that were looked for again and are there no more.

    What cannot be read has the key of its place: once a broken archive is put right, or taken away, its studies have
    keys of their own, and no later run would come to that of the place.

    Parameters
    ----------
    out : Path
        Folder of the cases.
    sources : collection of StudySource
        All studies found now.
    searched : iterable of Path
        What the user gave. Problems elsewhere stay: an earlier run may have looked there.
    shard : tuple of int, optional
        As `write_sources`.

    Raises
    ------
    OutputError
        If the list of sources cannot be read.
    """
    with _output_errors("read"):
        earlier = _earlier(_file(out, shard))
    found = {source.key for source in sources}
    gone = {key: row[_PLACE] for key, row in earlier.items() if row[_PROBLEM] and key not in found}
    if not gone:
        return ()
    given = (*map(str, searched), *(path for one in sources for path in one.paths))
    roots = {os.path.realpath(path) for path in given}
    return tuple(key for key, place in gone.items() if _lies_in(place, roots))


def write_sources(
    out: Path, sources: Iterable[StudySource], *, shard: Shard | None = None, forget: Iterable[str] = ()
) -> Path:
    """Write which study lies where; what an earlier run said of other studies is kept.

    Folder and file are for this user only (mode 0700 and 0600): places are often named after patients.

    Parameters
    ----------
    out : Path
        Folder of the cases.
    sources : iterable of StudySource
        The studies; those of other shards are left out.
    shard : tuple of int, optional
        Each shard has a file of its own.
    forget : iterable of str
        Keys of earlier runs that are left out.

    Returns
    -------
    Path
        The file: a row for each study with the folder of all its files, how many paths it has, and why it cannot be
        analyzed where that was seen.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    file = _file(out, shard)
    with _output_errors("written"):
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file.parent.chmod(0o700)
        rows = _earlier(file)
        for key in forget:
            rows.pop(key, None)
        rows.update((source.key, _row(source)) for source in sources if in_shard(source.key, shard))
        _replace(file, [rows[key] for key in sorted(rows)])
    return file


def _file(out: Path, shard: Shard | None) -> Path:
    return out / PRIVATE_FOLDER / f"sources{shard_suffix(shard)}.csv"


@contextmanager
def _output_errors(what: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError(
            f"the list of sources cannot be {what} ({error.strerror})",
            code="output_not_writable",
            stage=_STAGE,
            hint="check that the output folder is writable and has space left",
        ) from error


def _lies_in(place: str, roots: Collection[str]) -> bool:
    real = Path(place).resolve()
    return any(str(one) in roots for one in (real, *real.parents))


def _row(source: StudySource) -> tuple[str, ...]:
    paths = [os.path.abspath(path) for path in source.paths]  # noqa: PTH100 - a hundred thousand times
    return (
        source.key,
        source.case or source.key,
        _common(paths),
        str(len(paths)),
        str(source.files),
        str(source.size_bytes),
        source.problem or "",
    )


def _common(paths: list[str]) -> str:
    try:
        return os.path.commonpath(paths)
    except ValueError:
        # Two drives of Windows.
        return paths[0]


def _earlier(file: Path) -> dict[str, tuple[str, ...]]:
    """Return the rows of an earlier run by key; a file that is out of form is begun anew."""
    try:
        with file.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as stream:
            rows = [tuple(row) for row in csv.reader(stream)]
    except (FileNotFoundError, csv.Error):
        return {}
    return {row[0]: row for row in rows[1:] if len(row) == len(_HEADER)} if rows and rows[0] == _HEADER else {}


def _replace(file: Path, rows: list[tuple[str, ...]]) -> None:
    """Write beside and rename: no reader finds half a file. Temporary files are of mode 0600."""
    handle, name = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
    fresh = Path(name)
    try:
        # Spreadsheets need the mark to read names in UTF-8.
        with os.fdopen(handle, "w", encoding="utf-8-sig", errors="surrogateescape", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerow(_HEADER)
            writer.writerows(rows)
            stream.flush()
            os.fsync(stream.fileno())
        fresh.replace(file)
    finally:
        fresh.unlink(missing_ok=True)
