"""Rigid registration of many people by the library, SimpleITK and itk-elastix's default rigid: seconds and error.

``python benchmarks/registration_speed.py CACHE [PERSON ...] [--elastix PYTHON]`` takes people of the panel
(`panel_people.py`) rendered in CACHE; `make bench` does the same with one. itk-elastix is no dependency: after
``make bench`` it lies in ``.make/peers/bin/python``. All get the same two images, the T1 body as fixed
mask and the same threads; reading files is not counted.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from panel_people import PEOPLE, rendered
from peers.measured import Comparison
from peers.registration import elastix
from peers.setting import step
from peers.table import HEAD, lines_of
from peers.turns import compare
from scipy.spatial.transform import Rotation

from marrowsignal.alignment.body import body_mask
from marrowsignal.alignment.rigid import displacements_mm
from marrowsignal.geometry import AcquisitionFacts, SignalVolume, VolumeGeometry
from marrowsignal.geometry.itk_bridge import array_to_itk
from marrowsignal.phantom.acquisition import acquire
from marrowsignal.phantom.options import usual_series

Array = NDArray[np.float64]
_PEOPLE = (0, 5, 16, 21, 26)
_SHIFT_MM = 6.0
_TURN_DEG = 3.0
_POINTS = 3000


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


def laid_out(pair: Pair, folder: Path) -> None:
    """Write a pair as every way reads it."""
    grid = pair.t1.geometry
    body = body_mask(pair.t1.array, spacing_mm=grid.spacing_mm).astype(np.uint8)
    images: dict[str, tuple[NDArray[np.generic], VolumeGeometry]]
    images = {"t1": (pair.t1.array, grid), "stir": (pair.stir.array, pair.stir.geometry), "body": (body, grid)}
    for name, (array, own) in images.items():
        sitk.WriteImage(array_to_itk(array, own), str(folder / f"{name}.mha"))
    known = {"points": pair.points_lps_mm, "truth": pair.truth, "directions": grid.directions_lps}
    for name, values in known.items():
        np.save(folder / f"{name}.npy", values)


def main() -> int:
    """Print a line for every person and way."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cache", type=Path)
    parser.add_argument("people", type=int, nargs="*", default=list(_PEOPLE))
    parser.add_argument("--elastix", type=Path)
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    sys.stdout.write(HEAD + "\n")
    for number in given.people:
        pair = pair_of(number, given.cache)
        still = float(np.median(displacements_mm(pair.truth, np.eye(4), pair.points_lps_mm)))
        with tempfile.TemporaryDirectory() as folder:
            laid_out(pair, Path(folder))
            ways = (
                step("marrowsignal", "registration", folder),
                step("SimpleITK", "registration", folder),
                *(() if given.elastix is None else (elastix(given.elastix.absolute(), Path(folder)),)),
            )
            who = f"{number} {PEOPLE[number].view}, {still:.1f} mm apart"
            rows = compare(Comparison(name="registration", study=who, threads=given.threads, ways=ways, rounds=1))
        sys.stdout.write("\n".join(lines_of(rows)) + "\n")
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
