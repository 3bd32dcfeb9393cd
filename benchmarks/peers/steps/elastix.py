"""The same registration by itk-elastix's default rigid, in its own environment: ``python -m ... .elastix FOLDER``."""

from __future__ import annotations

import argparse
from pathlib import Path

import itk  # type: ignore[import-not-found]
import numpy as np

from .accuracy import registration_figures
from .clock import repeated, tell


def registered(fixed: itk.Image, moving: itk.Image, mask: itk.Image) -> itk.ElastixRegistrationMethod:
    """Register with the default parameters of a rigid transform."""
    parameters = itk.ParameterObject.New()
    parameters.AddParameterMap(parameters.GetDefaultParameterMap("rigid"))
    method = itk.ElastixRegistrationMethod.New(fixed, moving)
    method.SetParameterObject(parameters)
    method.SetFixedMask(mask)
    method.SetLogToConsole(False)
    method.UpdateLargestPossibleRegion()
    return method


def transform(method: itk.ElastixRegistrationMethod) -> itk.Euler3DTransform:
    """Make an ITK transform of what elastix tells."""
    found = method.GetTransformParameterObject().GetParameterMap(0)
    angles = [float(v) for v in found["TransformParameters"]]
    euler = itk.Euler3DTransform[itk.D].New()
    euler.SetCenter([float(v) for v in found["CenterOfRotationPoint"]])
    euler.SetComputeZYX(found.get("ComputeZYX", ("false",))[0] == "true")
    euler.SetRotation(*angles[:3])
    euler.SetTranslation(angles[3:])
    return euler


def main() -> None:
    """Register and tell how long it took and how well it went."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    given = parser.parse_args()
    fixed, moving = (itk.imread(str(given.folder / name), itk.F) for name in ("t1.mha", "stir.mha"))
    mask = itk.imread(str(given.folder / "body.mha"), itk.UC)
    method, times = repeated(lambda: registered(fixed, moving, mask), repeats=1, warm=False)
    known = given.folder / "points.npy"
    points = np.load(known) if known.exists() else np.zeros((0, 3))
    euler = transform(method)
    moved = np.array([list(euler.TransformPoint(point.tolist())) for point in points]).reshape(-1, 3)
    tell(times, registration_figures(given.folder, moved))


if __name__ == "__main__":
    main()
