"""Rigid registration of the same pairs by the library and by itk-elastix's default rigid: seconds and error.

``python benchmarks/registration_speed.py CACHE [PERSON ...] [--elastix PYTHON]`` takes people of the panel
(`panel_people.py`) rendered in CACHE. itk-elastix is no dependency; give it an environment of its own:
``python3 -m venv elx && elx/bin/pip install itk-elastix``, then ``--elastix elx/bin/python``. Both get the same two
images, the T1 body as fixed mask, the identity as start and the machine's threads; reading files is not counted.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from panel_people import PEOPLE, rendered
from scipy.spatial.transform import Rotation

from marrowsignal.alignment.body import body_mask
from marrowsignal.alignment.engine import prepare, register
from marrowsignal.alignment.rigid import displacements_mm
from marrowsignal.alignment.water import settled_on_water
from marrowsignal.geometry import AcquisitionFacts, SignalVolume, VolumeGeometry
from marrowsignal.geometry.itk_bridge import array_to_itk
from marrowsignal.phantom.acquisition import acquire
from marrowsignal.phantom.options import usual_series
from marrowsignal.protocol import load_protocol

Array = NDArray[np.float64]
# of the wall and of all processors together
Seconds = tuple[float, float]

_PEOPLE = (0, 5, 16, 21, 26)
_SHIFT_MM = 6.0
_TURN_DEG = 3.0
_POINTS = 3000

# Run by the other environment: seconds, and where the fixed points go.
_ELASTIX = """
import json, sys, time
import itk
import numpy as np
fixed, moving = (itk.imread(p, itk.F) for p in sys.argv[1:3])
mask = itk.imread(sys.argv[3], itk.UC)
points = np.load(sys.argv[4])
parameters = itk.ParameterObject.New()
parameters.AddParameterMap(parameters.GetDefaultParameterMap("rigid"))
start, busy = time.perf_counter(), time.process_time()
filter = itk.ElastixRegistrationMethod.New(fixed, moving)
filter.SetParameterObject(parameters)
filter.SetFixedMask(mask)
filter.SetLogToConsole(False)
filter.UpdateLargestPossibleRegion()
seconds = time.perf_counter() - start, time.process_time() - busy
found = filter.GetTransformParameterObject().GetParameterMap(0)
angles = [float(v) for v in found["TransformParameters"]]
transform = itk.Euler3DTransform[itk.D].New()
transform.SetCenter([float(v) for v in found["CenterOfRotationPoint"]])
transform.SetComputeZYX(found.get("ComputeZYX", ("false",))[0] == "true")
transform.SetRotation(*angles[:3])
transform.SetTranslation(angles[3:])
moved = [list(transform.TransformPoint([float(v) for v in p])) for p in points]
json.dump({"seconds": seconds, "moved": moved}, sys.stdout)
"""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pair:
    """Two series whose motion is known.

    Attributes
    ----------
    t1, stir : SignalVolume
        As acquired.
    truth : ndarray of float64, shape (4, 4)
        T1 point to STIR point.
    points_lps_mm : ndarray of float64, shape (n, 3)
        Marrow of T1.
    """

    t1: SignalVolume
    stir: SignalVolume
    truth: Array
    points_lps_mm: Array

    def in_plane_mm(self, moved: Array) -> Array:
        """Error of moved points along the rows and columns of T1."""
        missed = moved - (self.points_lps_mm @ self.truth[:3, :3].T + self.truth[:3, 3])
        local = missed @ self.truth[:3, :3] @ self.t1.geometry.directions_lps
        return np.asarray(np.linalg.norm(local[:, 1:], axis=1))


def pair_of(number: int, cache: Path) -> Pair:
    """One person who moved by 6 mm and 3 degrees."""
    person = rendered(PEOPLE[number], cache)
    rng = np.random.default_rng([2028, number])
    axis, way = (v / np.linalg.norm(v) for v in rng.standard_normal((2, 3)))
    points = person.t1_geometry.to_patient(np.argwhere(person.marrow.mask))
    middle = points.mean(axis=0)
    truth = np.eye(4)
    truth[:3, :3] = Rotation.from_rotvec(_TURN_DEG * axis, degrees=True).as_matrix()
    truth[:3, 3] = middle - truth[:3, :3] @ middle + _SHIFT_MM * way
    grids = (
        person.t1_geometry,
        VolumeGeometry(affine_lps=truth @ person.stir_geometry.affine_lps, shape=person.stir_geometry.shape),
    )
    species = (person.t1_species, person.stir_species)
    t1, stir = (
        SignalVolume(
            array=acquire(maps, grid, series=series, rng=rng).signal, geometry=grid, acquisition=AcquisitionFacts()
        )
        for maps, grid, series in zip(species, grids, usual_series(1.5), strict=True)
    )
    few = points[:: max(1, len(points) // _POINTS)]
    return Pair(t1=t1, stir=stir, truth=truth, points_lps_mm=few)


def ours(pair: Pair) -> tuple[Seconds, Array]:
    """Time from two arrays to a transform, body mask included, and the error."""
    start, busy = time.perf_counter(), time.process_time()
    body = body_mask(pair.t1.array, spacing_mm=pair.t1.geometry.spacing_mm)
    found = register(prepare(pair.t1), prepare(pair.stir), mask=body, initial=np.eye(4))
    found = settled_on_water(pair.t1, pair.stir, mask=body, matrix=found, settings=load_protocol("generic").alignment)
    seconds = time.perf_counter() - start, time.process_time() - busy
    return seconds, pair.in_plane_mm(pair.points_lps_mm @ found[:3, :3].T + found[:3, 3])


def elastix(pair: Pair, python: Path) -> tuple[Seconds, Array]:
    """Do the same by itk-elastix; images and mask are read before its clock starts."""
    body = body_mask(pair.t1.array, spacing_mm=pair.t1.geometry.spacing_mm)
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / name for name in ("fixed.mha", "moving.mha", "mask.mha")]
        for path, array, grid in zip(
            paths,
            (pair.t1.array, pair.stir.array, body.astype(np.uint8)),
            (pair.t1.geometry, pair.stir.geometry, pair.t1.geometry),
            strict=True,
        ):
            sitk.WriteImage(array_to_itk(array, grid), str(path))
        points = Path(folder) / "points.npy"
        np.save(points, pair.points_lps_mm)
        line = [str(python), "-c", _ELASTIX, *map(str, paths), str(points)]
        done = subprocess.run(line, capture_output=True, text=True, check=True, cwd=folder)
    told = json.loads(done.stdout[done.stdout.index("{") :])
    wall, processor = told["seconds"]
    return (float(wall), float(processor)), pair.in_plane_mm(np.asarray(told["moved"]))


def main() -> int:
    """Print a line for every person and way."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cache", type=Path)
    parser.add_argument("people", type=int, nargs="*", default=list(_PEOPLE))
    parser.add_argument("--elastix", type=Path)
    given = parser.parse_args()
    for number in given.people:
        pair = pair_of(number, given.cache)
        ways = {"marrowsignal": ours(pair)} | ({"itk-elastix": elastix(pair, given.elastix)} if given.elastix else {})
        for name, ((wall, processor), error) in ways.items():
            low, high = np.quantile(error, [0.5, 0.95])
            still = float(np.median(displacements_mm(pair.truth, np.eye(4), pair.points_lps_mm)))
            who = f"{number:2d} {PEOPLE[number].view:14s} {name:13s}"
            spent = f"{wall:6.2f} s wall {processor:6.2f} s processor"
            missed = f"in plane: start {still:4.1f}   median {low:.2f}   95 % {high:.2f} mm"
            sys.stdout.write(f"{who} {spent}   {missed}\n")
            sys.stdout.flush()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
