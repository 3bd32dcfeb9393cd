"""Read T1 and STIR of a study by one reader: ``python -m benchmarks.peers.steps.ingest WAY DICOM [--repeats 5]``."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .clock import figure, repeated, tell

if TYPE_CHECKING:
    import SimpleITK as sitk

    from marrowsignal.dicom import Series
    from marrowsignal.geometry import SignalVolume

__all__ = ["by_marrowsignal", "by_simpleitk"]


def by_marrowsignal(folder: Path) -> list[SignalVolume]:
    """Index, choose, read: the pair where there is one, or else every series that can be read."""
    import marrowsignal as ms  # noqa: PLC0415 - the other reader's process must not load it
    from marrowsignal.errors import NoUsablePairError, UsageError  # noqa: PLC0415

    catalog = ms.find_series(folder)
    try:
        pair = ms.select_pair(catalog)
    except (NoUsablePairError, UsageError):
        return _each(catalog.series)
    return [ms.read_volume(one) for one in (pair.t1, pair.stir) if one is not None]


def _each(series: tuple[Series, ...]) -> list[SignalVolume]:
    import marrowsignal as ms  # noqa: PLC0415
    from marrowsignal.errors import MarrowSignalError  # noqa: PLC0415

    volumes = []
    for one in series:
        try:
            volumes.append(ms.read_volume(one))
        except MarrowSignalError:
            continue
    return volumes


def by_simpleitk(folder: Path) -> list[sitk.Image]:
    """Index and read every series, as its documentation shows."""
    import SimpleITK as sitk  # noqa: PLC0415

    images, folders = [], [Path(found) for found, _, names in os.walk(folder) if names]
    for one in folders:
        for uid in sitk.ImageSeriesReader.GetGDCMSeriesIDs(str(one)):
            reader = sitk.ImageSeriesReader()
            reader.SetFileNames(sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(one), uid))
            images.append(reader.Execute())
    return images


_WAYS: dict[str, Callable[[Path], Sequence[object]]] = {"marrowsignal": by_marrowsignal, "SimpleITK": by_simpleitk}


def main() -> None:
    """Read several times and tell how long it took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("way", choices=_WAYS)
    parser.add_argument("dicom", type=Path)
    parser.add_argument("--repeats", type=int, default=5)
    given = parser.parse_args()
    volumes, times = repeated(lambda: _WAYS[given.way](given.dicom), repeats=given.repeats)
    tell(times, [figure("volumes", len(volumes), "")])


if __name__ == "__main__":
    main()
