"""Put new tables in the place of old ones: all of them, or none."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from marrowsignal.cohort.case_folders import PRODUCTS
from marrowsignal.errors import OutputError
from marrowsignal.exports.tables.data_dictionary import DICTIONARY_FILE

__all__ = ["DATABASE", "Staging", "check_products_place", "put_in_place", "staging_folder"]

DATABASE = f"{PRODUCTS}.duckdb"
_STAGE = "cohort"
_PREFIX, _SUFFIX = ".cohort.", ".partial"
_FORSAKEN_S = 24 * 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Staging:
    """Folders that vanish when the tables are in their place.

    Attributes
    ----------
    tables : Path
        Becomes the folder of the tables.
    database : Path
        Becomes the database; not there yet.
    parts : Path
        For what is in between.
    old : Path
        Where the old tables go for the moment; not there yet.
    """

    tables: Path
    database: Path
    parts: Path
    old: Path


def check_products_place(out: Path) -> None:
    """Refuse to replace a folder that holds something else than tables of a cohort.

    Raises
    ------
    OutputError
        If there is such a folder.
    """
    folder = out / PRODUCTS
    if folder.exists() and not (folder / DICTIONARY_FILE).is_file():
        raise OutputError(
            f"the folder {PRODUCTS} in the folder of cases holds something else than tables",
            code="cohort_place_taken",
            stage=_STAGE,
            hint="move it elsewhere: it would be replaced as a whole",
        )


@contextmanager
def staging_folder(out: Path) -> Iterator[Staging]:
    """Give folders beside the cases, removed at the end whatever happens; those of killed runs go after a day.

    Raises
    ------
    OSError
        If they cannot be made.
    """
    for left in out.glob(f"{_PREFIX}*{_SUFFIX}"):
        with suppress(OSError):
            if time.time() - left.stat().st_mtime > _FORSAKEN_S:
                shutil.rmtree(left)
    root = Path(tempfile.mkdtemp(prefix=_PREFIX, suffix=_SUFFIX, dir=out))
    try:
        made = Staging(
            tables=root / PRODUCTS, database=root / DATABASE, parts=root / "parts", old=root / f"old_{PRODUCTS}"
        )
        made.tables.mkdir()
        made.parts.mkdir()
        yield made
    finally:
        shutil.rmtree(root, ignore_errors=True)


def put_in_place(made: Staging, out: Path) -> None:
    """Rename the new tables and their database; if the second cannot be, the old tables come back.

    Raises
    ------
    OSError
        If they cannot be renamed.
    """
    folder = out / PRODUCTS
    had = folder.exists()
    if had:
        folder.rename(made.old)
    try:
        made.tables.rename(folder)
        try:
            made.database.replace(out / DATABASE)
        except OSError:
            folder.rename(made.tables)
            raise
    except OSError:
        if had:
            made.old.rename(folder)
        raise
