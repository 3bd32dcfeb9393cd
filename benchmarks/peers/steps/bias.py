"""Coil shading of both series of a prepared study: ``python -m benchmarks.peers.steps.bias WAY FOLDER``.

Ours and N4 get the same images and the same body, N4-Otsu the mask of each image that SimpleITK's example makes; all
give fields on the full grid. Reading is not counted.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from .accuracy import shading_figures
from .clock import repeated, tell

__all__ = ["n4_field"]

Field = NDArray[np.float32]
_Found = tuple[dict[str, Field], dict[str, list[float]]]
_ITERATIONS = (50, 50, 50, 50)
# About as wide as thick: voxels of 0.6-0.8 mm in slices of 3-4 mm.
_SHRINK = (4, 4, 1)
_PROTOCOL = "pelvis_sij"


def n4_field(image: sitk.Image, mask: sitk.Image, *, shrink: tuple[int, int, int]) -> Field:
    """Shading of one image by N4, four levels of 50 iterations on an image shrunk along x, y, z; all else as it comes.

    Tustison et al., IEEE TMI 2010, doi:10.1109/TMI.2010.2046908; the field is evaluated on the full grid, as
    SimpleITK's example does.
    """
    n4 = sitk.N4BiasFieldCorrectionImageFilter()
    n4.SetMaximumNumberOfIterations(_ITERATIONS)
    n4.Execute(sitk.Shrink(image, shrink), sitk.Shrink(mask, shrink))
    return np.asarray(np.exp(sitk.GetArrayFromImage(n4.GetLogBiasFieldAsImage(image))), np.float32)


def _n4(folder: Path, mask: Callable[[sitk.Image, sitk.Image], sitk.Image]) -> _Found:
    images = _images(folder)
    body = sitk.ReadImage(str(folder / "body.mha"))
    return repeated(
        lambda: {name: n4_field(image, mask(image, body), shrink=_SHRINK) for name, image in images.items()},
        repeats=1,
        warm=False,
    )


def _ours(folder: Path) -> _Found:
    from marrowsignal.protocol import load_protocol  # noqa: PLC0415
    from marrowsignal.shading import shading_fields  # noqa: PLC0415

    images = _images(folder)
    arrays = tuple(sitk.GetArrayFromImage(image) for image in images.values())
    body = sitk.GetArrayFromImage(sitk.ReadImage(str(folder / "body.mha"))) > 0
    settings, spacing = load_protocol(_PROTOCOL).bias, images["t1"].GetSpacing()[::-1]
    fields, times = repeated(
        lambda: shading_fields(arrays, (body, body), body, spacing_mm=spacing, settings=settings),
        repeats=3,
        warm=False,
    )
    return dict(zip(images, fields, strict=True)), times


def _images(folder: Path) -> dict[str, sitk.Image]:
    files = {"t1": "t1", "stir": "stir_on_t1"}
    return {name: sitk.ReadImage(str(folder / f"{file}.mha"), sitk.sitkFloat32) for name, file in files.items()}


_WAYS: dict[str, Callable[[Path], _Found]] = {
    "marrowsignal": _ours,
    "N4": lambda folder: _n4(folder, lambda _, body: body),
    "N4-Otsu": lambda folder: _n4(folder, lambda image, _: sitk.OtsuThreshold(image, 0, 1, 200)),
}


def main() -> None:
    """Find the fields and tell how long it took and how much is left."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("way", choices=_WAYS)
    parser.add_argument("folder", type=Path)
    given = parser.parse_args()
    fields, times = _WAYS[given.way](given.folder)
    tell(times, shading_figures(given.folder, fields))


if __name__ == "__main__":
    main()
