"""Registration and its verdict on thirty phantom people x an artifact panel whose true transforms are known.

``python benchmarks/registration_panel.py CACHE [PERSON ...]`` aligns every pair, prints the error at marrow per
artifact, the confusion of verdict and true error, and how estimated and true error correlate.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from panel_people import PEOPLE, Rendered, rendered
from scipy import ndimage
from scipy.spatial.transform import Rotation

from marrowsignal.geometry import AcquisitionFacts, SignalVolume, VolumeGeometry
from marrowsignal.phantom.acquisition import Breathing, Coil, Metal, SeriesPhysics, acquire
from marrowsignal.phantom.options import usual_series

__all__ = ["ARTIFACTS", "Case", "cases", "off_by", "random_motion"]

Array = NDArray[np.float64]
_POINTS = 3000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Case:
    """One pair whose motion is known.

    Attributes
    ----------
    person : int
        Of the panel.
    artifact : str
        What disturbs it.
    t1, stir : SignalVolume
        As acquired.
    marrow : ndarray of bool
        Truth on the T1 grid.
    points_lps_mm, stir_points_lps_mm : ndarray of float64, shape (point, 3)
        Marrow of T1, and where its tissue lies in STIR; NaN where there is no truth.
    truth : ndarray of float64, shape (4, 4)
        Rigid part of it.
    """

    person: int
    artifact: str
    t1: SignalVolume
    stir: SignalVolume
    marrow: NDArray[np.bool_]
    points_lps_mm: Array
    stir_points_lps_mm: Array
    truth: Array

    def error_mm(self, matrix: Array) -> Array:
        """Distance of every point from where its tissue is, shape (point,)."""
        return np.asarray(np.linalg.norm(_moved(matrix, self.points_lps_mm) - self.stir_points_lps_mm, axis=1))


def _moved(matrix: Array, points: Array) -> Array:
    return np.asarray(points @ matrix[:3, :3].T + matrix[:3, 3])


def random_motion(rng: np.random.Generator, *, shift_mm: float, angle_deg: float, about: Array) -> Array:
    """Shift by up to `shift_mm`, and turn by up to `angle_deg`, about a point."""
    axis, way = (v / np.linalg.norm(v) for v in rng.standard_normal((2, 3)))
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_rotvec(np.deg2rad(angle_deg) * axis).as_matrix()
    matrix[:3, 3] = about - matrix[:3, :3] @ about + shift_mm * way
    return matrix


def off_by(case: Case, error_mm: float, rng: np.random.Generator) -> Array:
    """Transform that misses the truth by that root-mean-square distance at marrow, about half of it by turning."""
    centre = case.points_lps_mm.mean(axis=0)
    spread = float(np.sqrt(np.mean(np.sum((case.points_lps_mm - centre) ** 2, axis=1))))
    share = rng.uniform(0.3, 1.0)
    angle = np.rad2deg(error_mm * np.sqrt(1 - share**2) / (spread * np.sqrt(2 / 3)))
    wrong = random_motion(rng, shift_mm=error_mm * share, angle_deg=float(angle), about=centre)
    rms = float(np.sqrt(np.mean(np.sum((_moved(wrong, case.points_lps_mm) - case.points_lps_mm) ** 2, axis=1))))
    # nearly linear for the few degrees this is about
    scaled = Rotation.from_matrix(wrong[:3, :3]).as_rotvec() * error_mm / rms
    shift = (_moved(wrong, centre[None])[0] - centre) * error_mm / rms
    wrong[:3, :3] = Rotation.from_rotvec(scaled).as_matrix()
    wrong[:3, 3] = centre - wrong[:3, :3] @ centre + shift
    return np.asarray(case.truth @ wrong)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Scan:
    """How a pair is made from a person."""

    t1: SeriesPhysics
    stir: SeriesPhysics
    species: NDArray[np.float32]
    geometry: VolumeGeometry
    motion: Array
    bend: Callable[[Array], Array] = lambda points: points


def _clean(person: Rendered, rng: np.random.Generator) -> _Scan:
    t1, stir = usual_series(1.5)
    motion = random_motion(
        rng, shift_mm=rng.uniform(0.0, 3.0), angle_deg=rng.uniform(0.0, 1.5), about=_centre(person)
    )
    return _Scan(t1=t1, stir=stir, species=person.stir_species, geometry=person.stir_geometry, motion=motion)


def _centre(person: Rendered) -> Array:
    return person.t1_geometry.to_patient(np.argwhere(person.marrow.mask)).mean(axis=0)


def _moved_start(shift_mm: tuple[float, float], angle_deg: tuple[float, float]) -> Callable[..., _Scan]:
    def change(person: Rendered, scan: _Scan, rng: np.random.Generator) -> _Scan:
        motion = random_motion(
            rng, shift_mm=rng.uniform(*shift_mm), angle_deg=rng.uniform(*angle_deg), about=_centre(person)
        )
        return replace(scan, motion=motion)

    return change


def _low_snr(_person: Rendered, scan: _Scan, _rng: np.random.Generator) -> _Scan:
    return replace(scan, t1=replace(scan.t1, muscle_snr=12.0), stir=replace(scan.stir, muscle_snr=4.0))


def _ghosts(_person: Rendered, scan: _Scan, _rng: np.random.Generator) -> _Scan:
    strong = Breathing(motion_mm=8.0, ghost_fraction=0.4, still_behind_y_mm=0.0)
    return replace(scan, stir=replace(scan.stir, breathing=strong))


def _shading(_person: Rendered, scan: _Scan, _rng: np.random.Generator) -> _Scan:
    one, other = (
        Coil(bias_p5=0.45, bias_p95=2.0, back_share=0.7, depth_mm=60.0, normalized=False, air_fraction=0.1),
        Coil(bias_p5=0.45, bias_p95=2.0, air_fraction=0.1),
    )
    return replace(scan, t1=replace(scan.t1, coil=one), stir=replace(scan.stir, coil=other))


def _poor_suppression(_person: Rendered, scan: _Scan, _rng: np.random.Generator) -> _Scan:
    sequence = replace(scan.stir.sequence, inversion_efficiency=0.75)
    return replace(scan, stir=replace(scan.stir, sequence=sequence))


def _thick(_person: Rendered, scan: _Scan, _rng: np.random.Generator) -> _Scan:
    # every second slice is left out
    species = scan.species[:, ::2]
    affine = scan.geometry.affine_lps.copy()
    affine[:3, 0] *= 2
    return replace(scan, species=species, geometry=VolumeGeometry(affine_lps=affine, shape=species.shape[1:]))


def _half(_person: Rendered, scan: _Scan, _rng: np.random.Generator) -> _Scan:
    rows = scan.species.shape[2] // 2
    geometry = VolumeGeometry(affine_lps=scan.geometry.affine_lps, shape=(scan.species.shape[1], rows, scan.species.shape[3]))
    return replace(scan, species=scan.species[:, :, :rows], geometry=geometry)


def _few_slices(_person: Rendered, scan: _Scan, _rng: np.random.Generator) -> _Scan:
    first = scan.species.shape[1] // 2 - 3
    affine = scan.geometry.affine_lps.copy()
    affine[:3, 3] = scan.geometry.to_patient([first, 0.0, 0.0])
    species = scan.species[:, first : first + 6]
    return replace(scan, species=species, geometry=VolumeGeometry(affine_lps=affine, shape=species.shape[1:]))


def _metal(person: Rendered, scan: _Scan, rng: np.random.Generator) -> _Scan:
    places = person.t1_geometry.to_patient(np.argwhere(person.marrow.mask))
    balls = tuple(
        Metal(centre_lps_mm=tuple(float(v) for v in places[k]), radius_mm=6.0)  # type: ignore[arg-type]
        for k in rng.integers(0, len(places), 2)
    )
    return replace(scan, t1=replace(scan.t1, metal=balls), stir=replace(scan.stir, metal=balls))


def _bent(degrees: float) -> Callable[..., _Scan]:
    def change(person: Rendered, scan: _Scan, rng: np.random.Generator) -> _Scan:
        """Turn rows above the marrow's middle against those below, in the plane of the slices."""
        geometry, spacing = scan.geometry, np.asarray(scan.geometry.spacing_mm)
        pivot = geometry.to_index(_centre(person))
        sign = rng.choice([-1.0, 1.0])

        def tissue_of(index: Array) -> Array:
            mm = (index - pivot) * spacing
            angle = np.deg2rad(degrees) * sign * np.tanh(mm[..., 1] / 20.0)
            turned = np.stack(
                [
                    mm[..., 0],
                    np.cos(angle) * mm[..., 1] - np.sin(angle) * mm[..., 2],
                    np.sin(angle) * mm[..., 1] + np.cos(angle) * mm[..., 2],
                ],
                axis=-1,
            )
            return turned / spacing + pivot

        def bend(points: Array) -> Array:
            wanted = geometry.to_index(points)
            at = wanted.copy()
            for _ in range(30):
                at = at + wanted - tissue_of(at)
            return geometry.to_patient(at)

        grid = np.stack(np.meshgrid(*(np.arange(n, dtype=float) for n in geometry.shape), indexing="ij"), axis=-1)
        at = np.moveaxis(tissue_of(grid), -1, 0)
        species = np.stack([ndimage.map_coordinates(s, at, order=1, mode="nearest") for s in scan.species])
        return replace(scan, species=species, bend=bend)

    return change


_Change = Callable[[Rendered, _Scan, np.random.Generator], _Scan]
ARTIFACTS: dict[str, _Change] = {
    "clean": lambda _person, scan, _rng: scan,
    "start 10 mm 5 deg": _moved_start((0.0, 10.0), (0.0, 5.0)),
    "start 20 mm 10 deg": _moved_start((10.0, 20.0), (5.0, 10.0)),
    "low SNR": _low_snr,
    "ghosts": _ghosts,
    "shading": _shading,
    "poor suppression": _poor_suppression,
    "thick slices": _thick,
    "half the body": _half,
    "few slices": _few_slices,
    "metal": _metal,
    "bent 1 deg": _bent(1.0),
    "bent 3 deg": _bent(3.0),
    "other person": lambda _person, scan, _rng: scan,
}
UNRELATED = "other person"


def cases(number: int, cache: Path, artifacts: tuple[str, ...] = tuple(ARTIFACTS)) -> Iterator[Case]:
    """All pairs of one person, one at a time."""
    person = rendered(PEOPLE[number], cache)
    rng = np.random.default_rng([2028, number])
    chosen = np.argwhere(person.marrow.mask)
    chosen = chosen[rng.choice(len(chosen), min(_POINTS, len(chosen)), replace=False)]
    points = person.t1_geometry.to_patient(chosen)
    for artifact in artifacts:
        rng = np.random.default_rng([2029, number, list(ARTIFACTS).index(artifact)])
        scan = ARTIFACTS[artifact](person, _clean(person, rng), rng)
        t1 = _acquired(person.t1_species, person.t1_geometry, scan.t1, rng)
        where = points
        if artifact == UNRELATED:
            stir = _other_stir(number, cache, scan, rng)
            there = np.full_like(points, np.nan)
        else:
            moved = VolumeGeometry(affine_lps=scan.motion @ scan.geometry.affine_lps, shape=scan.geometry.shape)
            image = _acquired(scan.species, scan.geometry, scan.stir, rng)
            stir = SignalVolume(array=image.array, geometry=moved, acquisition=image.acquisition)
            there = _moved(scan.motion, scan.bend(points))
        yield Case(
            person=number,
            artifact=artifact,
            t1=t1,
            stir=stir,
            marrow=person.marrow.mask,
            points_lps_mm=where,
            stir_points_lps_mm=there,
            truth=scan.motion,
        )


def _other_stir(number: int, cache: Path, scan: _Scan, rng: np.random.Generator) -> SignalVolume:
    # the next one of the same view, so that the bones are about where one would look for them
    same = [p.number for p in PEOPLE if p.view == PEOPLE[number].view]
    other = rendered(PEOPLE[same[(same.index(number) + 1) % len(same)]], cache)
    return _acquired(other.stir_species, other.stir_geometry, scan.stir, rng)


def _acquired(
    species: NDArray[np.floating], geometry: VolumeGeometry, series: SeriesPhysics, rng: np.random.Generator
) -> SignalVolume:
    image = acquire(species, geometry, series=series, rng=rng)
    return SignalVolume(array=image.signal, geometry=geometry, acquisition=AcquisitionFacts())
