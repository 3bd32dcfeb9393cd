"""First-order statistics of many regions on two images: ``python -m benchmarks.peers.steps.region_levels WAY FOLDER``.

FOLDER is what ``python benchmarks/region_statistics.py --save FOLDER`` leaves, whose ``--step FOLDER`` is our own way.
All give the same percentiles and the same robust spread of every region and image. Reading is not counted.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .clock import figure, repeated, tell

__all__ = ["PERCENTS", "figures", "looped"]

Table = NDArray[np.float64]
PERCENTS = (10.0, 25.0, 50.0, 75.0, 90.0, 95.0)


def _spread(values: NDArray[np.float32]) -> float:
    middle = np.median(values)
    return 1.4826 * float(np.median(np.abs(values - middle)) / middle)


def looped(labels: NDArray[np.uint16], counted: NDArray[np.bool_], channels: tuple[NDArray[np.float32], ...]) -> Table:
    """Compute by a radiomics library's way: mask the whole image for each region and image, then each statistic."""
    rows = []
    for label in range(1, int(labels.max()) + 1):
        for channel in channels:
            values = channel[(labels == label) & counted]
            rows.append([*(float(np.percentile(values, percent)) for percent in PERCENTS), _spread(values)])
    return np.array(rows)


def by_regionprops(
    labels: NDArray[np.uint16], counted: NDArray[np.bool_], channels: tuple[NDArray[np.float32], ...]
) -> Table:
    """Compute by scikit-image's table of properties, percentiles and spread as extra ones."""
    from skimage.measure import regionprops_table  # noqa: PLC0415

    def levels(inside: NDArray[np.bool_], values: NDArray[np.float32]) -> Table:
        return np.asarray(np.percentile(values[inside], PERCENTS))

    def spread(inside: NDArray[np.bool_], values: NDArray[np.float32]) -> float:
        return _spread(values[inside])

    table = regionprops_table(
        np.where(counted, labels, 0),
        intensity_image=np.stack(channels, axis=-1),
        properties=("label",),
        extra_properties=(levels, spread),
    )
    columns = [
        [table[f"levels-{level}-{channel}"] for level in range(len(PERCENTS))] + [table[f"spread-{channel}"]]
        for channel in range(len(channels))
    ]
    return np.asarray(np.array(columns).transpose(2, 0, 1).reshape(-1, len(PERCENTS) + 1))


def figures(folder: Path, table: Table) -> list[dict[str, str | float]]:
    """Tell how far a table lies from the loop's."""
    off = np.abs(table / np.load(folder / "table.npy") - 1.0).max()
    return [figure("largest relative difference", off, "")]


_WAYS = {"loop": looped, "regionprops": by_regionprops}


def main() -> None:
    """Compute several times, compare with the loop, tell how long it took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("way", choices=_WAYS)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--repeats", type=int, default=3)
    given = parser.parse_args()
    arrays = np.load(given.folder / "regions.npz")
    labels, counted, channels = arrays["labels"], arrays["counted"], (arrays["t1"], arrays["stir"])
    found, times = repeated(lambda: _WAYS[given.way](labels, counted, channels), repeats=given.repeats)
    tell(times, figures(given.folder, found))


if __name__ == "__main__":
    main()
