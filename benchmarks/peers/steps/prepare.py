"""Lay out a study as every way reads it: ``python -m benchmarks.peers.steps.prepare DICOM FOLDER [--truth TRUTH]``.

``t1.mha`` and ``stir.mha`` as acquired, ``stir_on_t1.mha`` resampled as the headers say, ``body.mha`` of the T1; with
the truth of a phantom also marrow points with their true way to the STIR, and the true shading where the body is.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

import marrowsignal as ms
from marrowsignal.alignment.body import body_mask
from marrowsignal.geometry import SignalVolume
from marrowsignal.geometry.itk_bridge import array_to_itk

_POINTS = 3000


def prepare(dicom: Path, folder: Path, truth: Path | None) -> None:
    """Write all files of a study."""
    pair = ms.select_pair(ms.find_series(dicom))
    if pair.stir is None:
        raise SystemExit("the study has no STIR")
    t1, stir = ms.read_volume(pair.t1), ms.read_volume(pair.stir)
    body = body_mask(t1.array, spacing_mm=t1.geometry.spacing_mm)
    folder.mkdir(parents=True, exist_ok=True)
    images = {
        "t1": array_to_itk(t1.array, t1.geometry),
        "stir": array_to_itk(stir.array, stir.geometry),
        "body": array_to_itk(body.astype(np.uint8), t1.geometry),
    }
    images["stir_on_t1"] = sitk.Resample(images["stir"], images["t1"], sitk.Transform(), sitk.sitkLinear)
    for name, image in images.items():
        sitk.WriteImage(image, str(folder / f"{name}.mha"))
    if truth is not None:
        _write_motion(folder, truth, t1)
        _write_shading(folder, truth, t1, body)


def _write_motion(folder: Path, truth: Path, t1: SignalVolume) -> None:
    told = json.loads((truth / "truth.json").read_text(encoding="utf-8"))
    marrow = sitk.GetArrayFromImage(sitk.ReadImage(str(truth / "marrow.nii.gz")))
    points = t1.geometry.to_patient(np.argwhere(marrow > 0))
    np.save(folder / "points.npy", points[:: max(1, len(points) // _POINTS)])
    np.save(folder / "truth.npy", np.reshape(told["t1_to_stir_lps_mm"], (4, 4)))
    np.save(folder / "directions.npy", t1.geometry.directions_lps)


def _write_shading(folder: Path, truth: Path, t1: SignalVolume, body: NDArray[np.bool_]) -> None:
    """Keep the true fields, which are thinned out, where they lie on voxels of the body."""
    fields = {name: sitk.ReadImage(str(truth / f"{name}_bias.nii.gz")) for name in ("t1", "stir")}
    values = {name: sitk.GetArrayFromImage(field) for name, field in fields.items()}
    corners = np.argwhere(np.ones(values["t1"].shape, bool))
    field = fields["t1"]
    points = [field.TransformIndexToPhysicalPoint([int(i) for i in corner[::-1]]) for corner in corners]
    at = np.rint(t1.geometry.to_index(np.array(points))).astype(int)
    kept = np.all((at >= 0) & (at < body.shape), axis=1)
    kept[kept] = body[tuple(at[kept].T)]
    marrow = sitk.GetArrayFromImage(sitk.ReadImage(str(truth / "marrow.nii.gz"))) > 0
    np.save(folder / "bias_at.npy", at[kept])
    np.save(folder / "bias_in_marrow.npy", marrow[tuple(at[kept].T)])
    for name, value in values.items():
        np.save(folder / f"{name}_bias.npy", value.reshape(-1)[kept].astype(np.float64))


def main() -> None:
    """Prepare one study."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dicom", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--truth", type=Path)
    given = parser.parse_args()
    prepare(given.dicom, given.folder, given.truth)


if __name__ == "__main__":
    main()
