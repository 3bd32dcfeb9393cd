"""Rigid registration of a prepared study: ``python -m benchmarks.peers.steps.registration WAY FOLDER [--repeats 1]``.

All ways get the same two images, the body of the T1 as fixed mask and the identity as start. Reading is not counted.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from .accuracy import registration_figures
from .clock import repeated, tell

if TYPE_CHECKING:
    from marrowsignal.geometry import SignalVolume

__all__ = ["by_marrowsignal"]

Array = NDArray[np.float64]


def by_marrowsignal(t1: SignalVolume, stir: SignalVolume, body: NDArray[np.bool_]) -> Array:
    """Find the transform as `align_pair` does where it knows no marrow, without judging it."""
    from marrowsignal.alignment.engine import prepare, register  # noqa: PLC0415
    from marrowsignal.alignment.water import settled_on_water  # noqa: PLC0415
    from marrowsignal.protocol import load_protocol  # noqa: PLC0415

    found = register(prepare(t1), prepare(stir), mask=body, initial=np.eye(4))
    return settled_on_water(t1, stir, mask=body, matrix=found, settings=load_protocol("generic").alignment)


def _volume(path: Path) -> SignalVolume:
    from marrowsignal.geometry import AcquisitionFacts, SignalVolume  # noqa: PLC0415
    from marrowsignal.geometry.itk_bridge import read_image  # noqa: PLC0415

    array, geometry = read_image(path)
    return SignalVolume(array=array.astype(np.float32), geometry=geometry, acquisition=AcquisitionFacts())


def _ours(folder: Path, points: Array, repeats: int) -> tuple[Array, dict[str, list[float]]]:
    t1, stir = _volume(folder / "t1.mha"), _volume(folder / "stir.mha")
    body = sitk.GetArrayFromImage(sitk.ReadImage(str(folder / "body.mha"))) > 0
    matrix, times = repeated(lambda: by_marrowsignal(t1, stir, body), repeats=repeats, warm=False)
    return points @ matrix[:3, :3].T + matrix[:3, 3], times


def _simpleitk(folder: Path, points: Array, repeats: int) -> tuple[Array, dict[str, list[float]]]:
    from ..chained_script import registered  # noqa: PLC0415

    t1, stir = (sitk.ReadImage(str(folder / name), sitk.sitkFloat32) for name in ("t1.mha", "stir.mha"))
    body = sitk.ReadImage(str(folder / "body.mha"))
    found, times = repeated(lambda: registered(t1, stir, body), repeats=repeats, warm=False)
    return np.array([found.TransformPoint(point.tolist()) for point in points]), times


_WAYS = {"marrowsignal": _ours, "SimpleITK": _simpleitk}


def main() -> None:
    """Register and tell how long it took and how well it went."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("way", choices=_WAYS)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--repeats", type=int, default=1)
    given = parser.parse_args()
    known = given.folder / "points.npy"
    points = np.load(known) if known.exists() else np.zeros((0, 3))
    moved, times = _WAYS[given.way](given.folder, points, given.repeats)
    tell(times, registration_figures(given.folder, moved))


if __name__ == "__main__":
    main()
