"""The whole way of a user with a folder, held against what is promised for any folder."""

from __future__ import annotations

import io
import json
import math
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from marrowsignal.cli.app import main
from marrowsignal.dicom import Series, SeriesCatalog, find_pairs, find_series, read_volume, select_pair
from marrowsignal.errors import MarrowSignalError

__all__ = ["Ending", "go", "inspect"]

_STEERING = frozenset(map(chr, (*range(10), *range(11, 32), 127, *range(128, 160), 0x202E, 0x2066)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How it ended: ``pair read``, or the code of the error; series read, files in them."""

    code: str
    volumes: int = 0
    files: int = 0


def go(path: Path) -> Ending:
    """Find the series, choose pairs and read every volume there is; only errors of ours may come, and are told."""
    try:
        catalog = find_series(path)
    except MarrowSignalError as error:
        return Ending(code=_told(error, path))
    _check_catalog(catalog, path)
    read: dict[int, str] = {id(series): _read(series, path) for series in catalog.series}
    volumes = [series for series in catalog.series if not read[id(series)]]
    files = len({file for series in volumes for file in series.files})
    _ask_for_every_pair(catalog, path)
    try:
        pair = select_pair(catalog)
    except MarrowSignalError as error:
        return Ending(code=_told(error, path), volumes=len(volumes), files=files)
    chosen = [series for series in (pair.t1, pair.stir) if series is not None]
    code = next((code for series in chosen if (code := read[id(series)])), "pair read")
    return Ending(code=code, volumes=len(volumes), files=files)


def _ask_for_every_pair(catalog: SeriesCatalog, path: Path) -> None:
    """Choose as a user may who insists on series, allows a T1 alone, or gives two studies."""
    uids = sorted({series.series_instance_uid for series in catalog.series if series.series_instance_uid})
    forced = {"t1_uid": uids[0], "stir_uid": uids[-1]} if uids else {}
    for wishes in ({}, {"allow_t1_only": True}, {"across_studies": True}, forced):
        try:
            pairs = find_pairs(catalog, **wishes)
        except MarrowSignalError as error:
            _told(error, path)
            continue
        assert pairs
        assert len({pair.label for pair in pairs}) == len(pairs)
        assert all(_own_name(path) not in reason for pair in pairs for reason in pair.reasons)


def _read(series: Series, path: Path) -> str:
    try:
        volume = read_volume(series)
    except MarrowSignalError as error:
        return _told(error, path)
    assert series.geometry is not None
    assert volume.array.dtype == np.float32
    assert volume.array.shape == series.geometry.shape
    assert np.all(np.isfinite(volume.array)), "a volume holds values that are not finite"
    return ""


def _check_catalog(catalog: SeriesCatalog, path: Path) -> None:
    for series in catalog.series:
        assert series.reasons, "a series has no reason"
        assert math.isfinite(series.identity_score)
        assert 0 <= series.identity_score <= 1
        assert not series.usable or series.geometry is not None, "a usable series has no grid"
        assert not series.geometry or np.all(np.isfinite(series.geometry.affine_lps))
        assert _own_name(path) not in " ".join((*series.reasons, *(f.message for f in series.findings)))
    assert catalog.files_unreadable <= catalog.files_seen
    assert not any(_own_name(path) in finding.message for finding in catalog.findings)


def _told(error: MarrowSignalError, path: Path) -> str:
    text = str(error)
    assert _own_name(path) not in text, "an error names the folder"
    assert error.code
    assert error.stage
    return error.code


def inspect(path: Path, *, as_json: bool = True) -> int:
    """Run ``marrowsignal inspect`` in this process and return its exit code."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = main(["inspect", *(["--json"] if as_json else []), str(path)])
    assert "bug in marrowsignal" not in err.getvalue(), err.getvalue()
    assert "Traceback" not in err.getvalue()
    assert code in (0, 2, 3, 5), (code, err.getvalue())
    if as_json and code in (0, 3):
        json.loads(out.getvalue(), parse_constant=_no_such_number)
    if not as_json:
        assert not set(out.getvalue() + err.getvalue()) & _STEERING, "the terminal can be steered"
    assert _own_name(path) not in out.getvalue() + err.getvalue()
    return code


def _own_name(path: Path) -> str:
    """Name of the temporary folder, which no output may hold."""
    return next((part for part in path.parts if part.startswith(("mutated-", "pytest-"))), path.name)


def _no_such_number(text: str) -> float:
    raise AssertionError(f"the JSON holds {text}")
