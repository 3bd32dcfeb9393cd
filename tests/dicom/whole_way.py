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
from marrowsignal.dicom import Series, SeriesCatalog, find_series, read_volume, select_pair
from marrowsignal.errors import MarrowSignalError

__all__ = ["Ending", "go", "inspect"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How it ended: ``pair read``, or the code of the error; series read, files in them."""

    code: str
    volumes: int = 0
    files: int = 0


def go(folder: Path) -> Ending:
    """Find the series, choose a pair and read every volume there is; only errors of ours may come, and are told."""
    try:
        catalog = find_series(folder)
    except MarrowSignalError as error:
        return Ending(code=_told(error, folder))
    _check_catalog(catalog, folder)
    read: dict[int, str] = {id(series): _read(series, folder) for series in catalog.series}
    volumes = [series for series in catalog.series if not read[id(series)]]
    files = len({file for series in volumes for file in series.files})
    try:
        pair = select_pair(catalog)
    except MarrowSignalError as error:
        return Ending(code=_told(error, folder), volumes=len(volumes), files=files)
    chosen = [series for series in (pair.t1, pair.stir) if series is not None]
    code = next((code for series in chosen if (code := read[id(series)])), "pair read")
    return Ending(code=code, volumes=len(volumes), files=files)


def _read(series: Series, folder: Path) -> str:
    try:
        volume = read_volume(series)
    except MarrowSignalError as error:
        return _told(error, folder)
    assert series.geometry is not None
    assert volume.array.dtype == np.float32
    assert volume.array.shape == series.geometry.shape
    assert np.all(np.isfinite(volume.array)), "a volume holds values that are not finite"
    return ""


def _check_catalog(catalog: SeriesCatalog, folder: Path) -> None:
    for series in catalog.series:
        assert series.reasons, "a series has no reason"
        assert math.isfinite(series.identity_score)
        assert 0 <= series.identity_score <= 1
        assert not series.usable or series.geometry is not None, "a usable series has no grid"
        assert not series.geometry or np.all(np.isfinite(series.geometry.affine_lps))
        assert folder.name not in " ".join((*series.reasons, *(f.message for f in series.findings)))
    assert catalog.files_unreadable <= catalog.files_seen
    assert not any(folder.name in finding.message for finding in catalog.findings)


def _told(error: MarrowSignalError, folder: Path) -> str:
    text = str(error)
    assert folder.name not in text, "an error names the folder"
    assert error.code
    assert error.stage
    return error.code


def inspect(folder: Path) -> int:
    """Run ``marrowsignal inspect --json`` in this process and return its exit code."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = main(["inspect", "--json", str(folder)])
    assert "bug in marrowsignal" not in err.getvalue(), err.getvalue()
    assert "Traceback" not in err.getvalue()
    assert code in (0, 3, 5), (code, err.getvalue())
    if code != 5:
        json.loads(out.getvalue(), parse_constant=_no_such_number)
    assert folder.name not in out.getvalue()
    return code


def _no_such_number(text: str) -> float:
    raise AssertionError(f"the JSON holds {text}")
