"""Draw the figure of docs/phantom.md: ``python benchmarks/phantom_figure.py -o docs/images/phantom.png``.

With ``--beside-real`` each row of the phantom is followed by a real study at like slices, for looking only: the real
studies (MARROWSIGNAL_REAL_DATA) are not ours to publish.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from marrowsignal import find_series, read_volume
from marrowsignal.geometry import VolumeGeometry
from marrowsignal.phantom import simulate_study

HEIGHT = 210
# grey levels of the picture; more would only store the noise
LEVELS = 64
# phantom, seed, slices, real study at like slices
ROWS: tuple[tuple[str, int, tuple[int, ...], str, tuple[int, ...]], ...] = (
    ("focal_edema", 12, (5, 10, 13, 17), "sij/1013", (18, 14, 10, 6)),
    ("symmetric_reconversion", 7, (5, 10, 13, 17), "sij/2014", (18, 14, 10, 6)),
    ("hip_osteonecrosis", 5, (7, 11, 15, 20), "pelvis/case05", (12, 17, 22, 30)),
    ("lumbar_endplate_edema", 3, (4, 6, 7, 10), "lumbar/AKa", (20, 26, 29, 36)),
    ("knee_subchondral_edema", 2, (7, 12, 15, 19), "knee/flothesof", (6, 10, 14, 18)),
)


def _window(image: NDArray[np.floating]) -> NDArray[np.uint8]:
    top = float(np.percentile(image, 99.4))
    return (np.clip(image / max(top, 1e-9), 0.0, 1.0) * 255).astype(np.uint8)


def _strip(array: NDArray[np.floating], geometry: VolumeGeometry, slices: tuple[int, ...]) -> NDArray[np.uint8]:
    """Slices side by side, the head or the front up, the patient's right on the left."""
    down, right = geometry.directions_lps[:, 1], geometry.directions_lps[:, 2]
    row_mm, column_mm = geometry.spacing_mm[1:]
    tiles = []
    for index in slices:
        tile = array[min(index, array.shape[0] - 1)]
        tile = tile[::-1] if down[2] > 0.3 or (abs(down[2]) < 0.3 and down[1] < 0) else tile
        tile = tile[:, ::-1] if right[0] < -0.5 or right[1] < -0.5 else tile
        width = round(HEIGHT * tile.shape[1] * column_mm / (tile.shape[0] * row_mm))
        tiles.append(np.asarray(Image.fromarray(_window(tile)).resize((width, HEIGHT), Image.Resampling.BICUBIC)))
    return np.hstack(tiles)


def _phantom_strips(name: str, seed: int, slices: tuple[int, ...]) -> list[NDArray[np.uint8]]:
    study = simulate_study(name, seed=seed)
    return [
        _strip(study.t1.signal, study.t1_geometry, slices),
        _strip(study.stir.signal, study.stir_geometry, slices),
    ]


def _real_strips(study: str, slices: tuple[int, ...]) -> list[NDArray[np.uint8]]:
    root = Path(os.environ.get("MARROWSIGNAL_REAL_DATA", "../shared/data"))
    strips = []
    for series in find_series(root / study).series:
        if series.usable and str(series.identity) in ("t1", "stir"):
            volume = read_volume(series)
            strips.append(_strip(volume.array, volume.geometry, slices))
    return strips


def _stack(strips: list[tuple[str, NDArray[np.uint8]]]) -> Image.Image:
    width = max(strip.shape[1] for _, strip in strips)
    canvas = Image.new("L", (width, sum(strip.shape[0] + 4 for _, strip in strips)))
    pen, top = ImageDraw.Draw(canvas), 0
    for title, strip in strips:
        canvas.paste(Image.fromarray(strip), (0, top))
        pen.text((6, top + 4), title, fill=255)
        top += strip.shape[0] + 4
    return canvas


def main() -> None:
    """Draw every row."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--beside-real", action="store_true")
    given = parser.parse_args()
    strips: list[tuple[str, NDArray[np.uint8]]] = []
    for name, seed, slices, real, real_slices in ROWS:
        for series, strip in zip(("T1", "STIR"), _phantom_strips(name, seed, slices), strict=True):
            strips.append((f"phantom {name}, {series}", strip))
        if given.beside_real:
            strips += [(f"real {real}", strip) for strip in _real_strips(real, real_slices)]
    given.output.parent.mkdir(parents=True, exist_ok=True)
    _stack(strips).quantize(LEVELS).save(given.output, optimize=True)


if __name__ == "__main__":
    main()
