"""The table of labelled studies an atlas is made of."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from marrowsignal.alignment import AlignedPair, align_pair
from marrowsignal.dicom import SeriesPair, find_series, read_volume, select_pair
from marrowsignal.errors import MarrowSignalError, MaskError, NoUsablePairError, UsageError
from marrowsignal.marrow.atlas.frame import Turn, turn_to
from marrowsignal.marrow.atlas.records import AtlasSubject
from marrowsignal.marrow.records import Segmentation
from marrowsignal.marrow.supplied import read_supplied
from marrowsignal.protocol.schema import Protocol

__all__ = ["LabelledStudies", "ManifestRow", "read_manifest", "read_studies"]

_STAGE = "build_atlas"
_COLUMNS = ("t1", "marrow", "stir", "labels", "lesions")
_MOST_BYTES = 4_000_000
_FEWEST = 3
_BETWEEN_READS = ";"
_HINT = (
    "the manifest is a CSV with the columns t1 (DICOM folder) and marrow (label map), "
    "and if wanted stir, labels and lesions"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestRow:
    """One labelled study.

    Attributes
    ----------
    number : int
        1 for the first row after the header.
    t1, marrow : Path
        Folder or file with the T1 series; its label map.
    stir, labels : Path or None
        Folder or file with the STIR series; label table.
    lesions : tuple of Path
        Label maps of its lesions, one a read; empty where nobody looked for lesions.
    """

    number: int
    t1: Path
    marrow: Path
    stir: Path | None
    labels: Path | None
    lesions: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LabelledStudies:
    """The studies of a manifest on common axes.

    Attributes
    ----------
    subjects : tuple of AtlasSubject
        In the order of the manifest.
    directions_lps : ndarray of float64, shape (3, 3)
        Axes of the first.
    names : tuple of (int, str)
        Region key of each label value whose bone is known.
    """

    subjects: tuple[AtlasSubject, ...]
    directions_lps: NDArray[np.float64]
    names: tuple[tuple[int, str], ...]


def read_manifest(path: Path) -> tuple[ManifestRow, ...]:
    """Read a manifest; relative paths count from its folder, then from the current one.

    Raises
    ------
    UsageError
        If it cannot be read, lacks a column or a value, or has fewer than three rows.
    """
    table = csv.DictReader(io.StringIO(_text(path), newline=""), strict=True)
    try:
        columns = tuple(table.fieldnames or ())
        lines = [line for line in table if any(line.values())]
    except csv.Error as error:
        raise _refused("is no CSV", _HINT) from error
    missing = [name for name in _COLUMNS[:2] if name not in columns]
    if missing:
        raise _refused(f"has no column {missing[0]}", _HINT)
    unknown = [name for name in columns if name not in _COLUMNS]
    if unknown:
        raise _refused(f"has a column beyond {', '.join(_COLUMNS)}", _HINT)
    rows = tuple(_row(number, line, path.parent) for number, line in enumerate(lines, start=1))
    if len(rows) < _FEWEST:
        raise _refused(f"has {len(rows)} rows", f"an atlas needs {_FEWEST} labelled studies or more")
    if len({row.t1.resolve() for row in rows}) < len(rows):
        raise _refused("names a T1 twice", "give each study once: the atlas measures itself by leaving one out")
    return rows


def read_studies(rows: Sequence[ManifestRow], protocol: Protocol) -> LabelledStudies:
    """Read the studies of a manifest.

    Raises
    ------
    MaskError
        If a row cannot be used; it says which and why.
    """
    subjects: list[AtlasSubject] = []
    names: dict[int, str] = {}
    directions: NDArray[np.float64] | None = None
    with_stir = all(row.stir is not None for row in rows)
    for row in rows:
        try:
            pair, labels = _read(row, protocol, with_stir=with_stir)
            if with_stir and pair.comparable_stir is None:
                raise MaskError(f"its STIR cannot be used ({pair.no_stir})", code="atlas_row_stir", stage=_STAGE)
            geometry = pair.t1.geometry
            directions = geometry.directions_lps if directions is None else directions
            turn = turn_to(directions, geometry)
            _add_names(names, labels)
        except MarrowSignalError as error:
            raise MaskError(
                f"row {row.number} of the manifest: {error.message}",
                code=error.code,
                stage=_STAGE,
                hint=error.hint or "correct the row or leave it out",
            ) from error
        subjects.append(_subject(f"atlas_{row.number}", pair, labels, turn))
    assert directions is not None
    return LabelledStudies(subjects=tuple(subjects), directions_lps=directions, names=tuple(sorted(names.items())))


def _text(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            raw = stream.read(_MOST_BYTES + 1)
        if len(raw) > _MOST_BYTES:
            raise _refused("is too long", _HINT)
        return raw.decode("utf-8-sig")
    except OSError as error:
        raise _refused(f"cannot be read ({error.strerror})", "check its path and permissions") from error
    except UnicodeDecodeError as error:
        raise _refused("is no text in UTF-8", _HINT) from error


def _row(number: int, line: dict[str, str], folder: Path) -> ManifestRow:
    def paths(column: str, *, several: bool = False) -> tuple[Path, ...]:
        text = line.get(column) or ""
        given = (part.strip() for part in (text.split(_BETWEEN_READS) if several else (text,)))
        return tuple(folder / part if (folder / part).exists() else Path(part) for part in given if part)

    def path(column: str) -> Path | None:
        return next(iter(paths(column)), None)

    t1, marrow = path("t1"), path("marrow")
    if t1 is None or marrow is None or None in line:
        raise _refused(f"has a row ({number}) without t1 or marrow, or with values beyond its columns", _HINT)
    return ManifestRow(
        number=number,
        t1=t1,
        marrow=marrow,
        stir=path("stir"),
        labels=path("labels"),
        lesions=paths("lesions", several=True),
    )


def _read(row: ManifestRow, protocol: Protocol, *, with_stir: bool) -> tuple[AlignedPair, Segmentation]:
    for path, what in ((row.t1, "T1 folder"), (row.marrow, "label map"), (row.stir, "STIR folder")):
        if path is not None and not path.exists():
            raise MaskError(f"its {what} is not there", code="atlas_row_missing", stage=_STAGE)
    series = _series(row, with_stir=with_stir)
    t1 = read_volume(series.t1)
    specs = (*protocol.regions, *protocol.other_bones)
    labels = read_supplied(row.marrow, t1.geometry, table=row.labels, specs=specs)
    stir = read_volume(series.stir) if series.stir is not None else None
    pair = align_pair(
        t1,
        stir,
        same_frame_of_reference=series.same_frame_of_reference,
        settings=protocol.alignment,
        focus=labels.labels,
        shading=protocol.bias,
    )
    return pair, labels


def _series(row: ManifestRow, *, with_stir: bool) -> SeriesPair:
    sources = [row.t1, row.stir] if with_stir and row.stir is not None else [row.t1]
    try:
        return select_pair(find_series(sources), allow_t1_only=not with_stir, across_studies=with_stir)
    except NoUsablePairError as error:
        raise MaskError(
            ": ".join((error.message, *error.series_reasons)),
            code=error.code,
            stage=_STAGE,
            hint="`marrowsignal inspect` lists the series of a folder and what hinders each",
        ) from error


def _add_names(names: dict[int, str], segmentation: Segmentation) -> None:
    for value, name in segmentation.labels.names:
        if names.setdefault(value, name) != name:
            raise MaskError(
                f"its label {value} is {name}, but {names[value]} in an earlier row",
                code="atlas_labels_differ",
                stage=_STAGE,
                hint="give all studies the same label values, or a label table",
            )


def _subject(name: str, pair: AlignedPair, segmentation: Segmentation, turn: Turn) -> AtlasSubject:
    stir = pair.comparable_stir
    return AtlasSubject(
        name=name,
        t1=_sixteen_bits(turn.forth(pair.t1.array)),
        stir=None if stir is None else _sixteen_bits(turn.forth(stir.array)),
        labels=turn.forth(segmentation.labels.array).astype(np.uint16),
        spacing_mm=turn.spacing_of(pair.t1.geometry),
    )


def _sixteen_bits(signal: NDArray[np.generic]) -> NDArray[np.uint16]:
    """Scale signal to 0-65535: a gain means nothing to local contrast, and half the size is kept."""
    array = np.maximum(np.asarray(signal, dtype=np.float32), 0.0)
    most = float(array.max()) or 1.0
    return np.round(array * np.float32(65535.0 / most)).astype(np.uint16)


def _refused(problem: str, hint: str) -> UsageError:
    return UsageError(f"the manifest {problem}", code="atlas_manifest", stage=_STAGE, hint=hint)
