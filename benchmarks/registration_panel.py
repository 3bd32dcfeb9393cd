"""Registration and its verdict on thirty phantom people x an artifact panel whose true transforms are known.

``python benchmarks/registration_panel.py CACHE [--people 0,3] [--workers N]`` aligns every pair, prints the error at
marrow per artifact, the confusion of verdict and true error, and how estimated and true error correlate.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from over_people import for_people
from panel_people import PEOPLE, Rendered, rendered
from scipy import ndimage, stats
from scipy.spatial.transform import Rotation

from marrowsignal.alignment import AlignmentVerdict, align_pair
from marrowsignal.alignment.blend import displaced
from marrowsignal.alignment.body import body_mask
from marrowsignal.alignment.court import Overlay, judge
from marrowsignal.alignment.engine import prepare
from marrowsignal.alignment.records import PieceMotion
from marrowsignal.alignment.resample import resample_onto
from marrowsignal.geometry import AcquisitionFacts, SignalVolume, VolumeGeometry
from marrowsignal.phantom.acquisition import Breathing, Coil, Metal, SeriesPhysics, acquire
from marrowsignal.phantom.options import usual_series
from marrowsignal.protocol import load_protocol
from marrowsignal.protocol.schema import Protocol

__all__ = ["ARTIFACTS", "Case", "Row", "cases", "off_by", "random_motion"]

Array = NDArray[np.float64]
_POINTS = 3000
_OFFSETS_MM = (0.3, 0.6, 1.0, 2.0, 4.0, 8.0)
_BANDS_MM = ((0.0, 0.5), (0.5, 1.0), (1.0, 2.0), (2.0, 3.0), (3.0, np.inf))


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

    def error_mm(self, matrix: Array, pieces: tuple[PieceMotion, ...] = ()) -> Array:
        """Distance of every point from where its tissue is, shape (point,)."""
        there = displaced(self.points_lps_mm, matrix, pieces)
        return np.asarray(np.linalg.norm(there - self.stir_points_lps_mm, axis=1))

    def in_plane_mm(self, matrix: Array, pieces: tuple[PieceMotion, ...] = ()) -> Array:
        """Measure the same along the rows and columns of T1 alone."""
        missed = displaced(self.points_lps_mm, matrix, pieces) - self.stir_points_lps_mm
        along = missed @ np.linalg.inv(matrix[:3, :3]).T @ self.t1.geometry.directions_lps[:, 1:]
        return np.asarray(np.linalg.norm(along, axis=1))


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
    motion = random_motion(rng, shift_mm=rng.uniform(0.0, 3.0), angle_deg=rng.uniform(0.0, 1.5), about=_centre(person))
    return _Scan(t1=t1, stir=stir, species=person.stir_species, geometry=person.stir_geometry, motion=motion)


def _centre(person: Rendered) -> Array:
    return np.asarray(person.t1_geometry.to_patient(np.argwhere(person.marrow.mask)).mean(axis=0))


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
    geometry = VolumeGeometry(
        affine_lps=scan.geometry.affine_lps, shape=(scan.species.shape[1], rows, scan.species.shape[3])
    )
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
            return np.asarray(turned / spacing + pivot)

        return _warped(scan, tissue_of)

    return change


def _end_moved(length_mm: float) -> Callable[..., _Scan]:
    def change(person: Rendered, scan: _Scan, _rng: np.random.Generator) -> _Scan:
        """Move one end of the marrow along the columns, and smoothly less what lies farther than some 30 mm."""
        geometry, spacing = scan.geometry, np.asarray(scan.geometry.spacing_mm)
        mm = geometry.to_index(person.t1_geometry.to_patient(np.argwhere(person.marrow.mask))) * spacing
        along = mm[:, 1 + int(np.argmax(mm[:, 1:].std(axis=0)))]
        end = np.median(mm[along < np.quantile(along, 0.12) + 15.0], axis=0)

        def tissue_of(index: Array) -> Array:
            away = np.sum((index[..., 1:] * spacing[1:] - end[1:]) ** 2, axis=-1)
            there = index.copy()
            there[..., 2] += length_mm / spacing[2] * np.exp(-((away / (2 * 30.0**2)) ** 2))
            return there

        return _warped(scan, tissue_of)

    return change


def _warped(scan: _Scan, tissue_of: Callable[[Array], Array]) -> _Scan:
    """Put at every voxel the tissue of another place; `tissue_of` takes and gives indices of the STIR grid."""
    geometry = scan.geometry

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
    "end moved 4 mm": _end_moved(4.0),
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One alignment and its verdict.

    Attributes
    ----------
    person : int
        Of the panel.
    artifact : str
        What disturbs the pair.
    registered : bool
        Whether the registration found the transform; if not, it was put off the truth on purpose.
    true_mm : float
        Root mean square error at marrow, in three dimensions; infinite where the pair is of two people.
    in_plane_mm : float
        Median along rows and columns.
    estimated_mm : float or None
        What the court says.
    verdict : AlignmentVerdict
        The same.
    """

    person: int
    artifact: str
    registered: bool
    true_mm: float
    in_plane_mm: float
    estimated_mm: float | None
    verdict: AlignmentVerdict


def judged(case: Case, protocol: Protocol) -> Iterator[Row]:
    """Align one pair; put the clean one off on purpose too."""
    settings = protocol.alignment
    pair = align_pair(case.t1, case.stir, same_frame_of_reference=True, settings=settings, shading=protocol.bias)
    if pair.t1_to_stir_lps is None or pair.quality is None:
        raise ValueError("a pair of two series has a transform and a quality")
    found = pair.t1_to_stir_lps, pair.pieces
    yield Row(
        person=case.person,
        artifact=case.artifact,
        registered=True,
        true_mm=_rms(case.error_mm(*found)),
        in_plane_mm=float(np.median(case.in_plane_mm(*found))),
        estimated_mm=pair.quality.estimated_error_mm,
        verdict=pair.quality.verdict,
    )
    if case.artifact != "clean":
        return
    prepared = prepare(case.t1), prepare(case.stir)
    body = body_mask(case.t1.array, spacing_mm=case.t1.geometry.spacing_mm)
    rng = np.random.default_rng([2030, case.person])
    for offset in _OFFSETS_MM:
        wrong = off_by(case, offset, rng)
        moved, covered = resample_onto(case.stir, case.t1.geometry, wrong)
        overlay = Overlay(t1=case.t1, moved=moved, covered=covered, where=body, matrix=wrong, prepared=prepared)
        found_out = judge(overlay, overlap_fraction=float(np.mean(covered[body])), settings=settings)
        yield Row(
            person=case.person,
            artifact="put off by that much",
            registered=False,
            true_mm=_rms(case.error_mm(wrong)),
            in_plane_mm=float(np.median(case.in_plane_mm(wrong))),
            estimated_mm=found_out.estimated_error_mm,
            verdict=found_out.verdict,
        )


def _rms(errors: Array) -> float:
    value = float(np.sqrt(np.mean(errors**2)))
    return value if np.isfinite(value) else np.inf


def _line(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |\n"


def _errors_by_artifact(rows: list[Row]) -> str:
    text = _line(["artifact", "pairs", "3-D rms mm, median (max)", "in plane mm, median (95 %)", *AlignmentVerdict])
    for artifact in ARTIFACTS:
        those = [r for r in rows if r.artifact == artifact and r.registered]
        if not those:
            continue
        errors, plane = [r.true_mm for r in those], [r.in_plane_mm for r in those]
        known = artifact != UNRELATED
        cells = [artifact, str(len(those))]
        cells.append(f"{np.median(errors):.2f} ({max(errors):.2f})" if known else "no truth")
        cells.append(f"{np.median(plane):.2f} ({np.percentile(plane, 95):.2f})" if known else "no truth")
        text += _line(cells + [str(sum(r.verdict is v for r in those)) for v in AlignmentVerdict])
    return text


def _confusion(rows: list[Row]) -> str:
    text = _line(["true error mm", "alignments", *AlignmentVerdict])
    for low, high in _BANDS_MM:
        those = [r for r in rows if low < r.true_mm <= high]
        cells = [f"{low:g} to {high:g}", str(len(those))]
        text += _line(cells + [str(sum(r.verdict is v for r in those)) for v in AlignmentVerdict])
    return text


def _rank_correlation(rows: list[Row]) -> str:
    # refused without a number ranks above every number
    estimated = [np.inf if r.estimated_mm is None else r.estimated_mm for r in rows]
    return f"{stats.spearmanr(estimated, [r.true_mm for r in rows])[0]:.2f} (n = {len(rows)})"


def _report(rows: list[Row]) -> str:
    usable = (AlignmentVerdict.PASS, AlignmentVerdict.WARN)
    silent = [r for r in rows if r.true_mm > 2.0 and r.verdict in usable]
    near = [r for r in rows if r.true_mm < 1.0]
    kept = sum(r.verdict in usable for r in near)
    lines = [
        _errors_by_artifact(rows),
        _confusion(rows),
        f"rank correlation of estimated and true error: all {_rank_correlation(rows)}, "
        f"registered {_rank_correlation([r for r in rows if r.registered])}, "
        f"put off {_rank_correlation([r for r in rows if not r.registered])}\n",
        f"silent failures (true > 2 mm, pass or warn): {len(silent)} of {sum(r.true_mm > 2.0 for r in rows)}\n",
        *(f"  person {r.person}, {r.artifact}: {r.true_mm:.1f} mm, told {r.estimated_mm:.1f}\n" for r in silent),
        f"kept for voxel claims of those nearer than 1 mm: {kept} of {len(near)}\n",
    ]
    return "\n".join(lines)


def _of_person(number: int, cache: Path) -> list[Row]:
    protocol = load_protocol(rendered(PEOPLE[number], cache).protocol)
    return [row for case in cases(number, cache) for row in judged(case, protocol)]


def main() -> int:
    """Align and judge every pair of the people given, or of all."""
    rows = for_people(_of_person, about=__doc__)
    for row in rows:
        told = "none" if row.estimated_mm is None else f"{row.estimated_mm:.2f}"
        sys.stderr.write(f"{row.person:2d} {row.artifact:20s} {row.true_mm:6.2f} {told:>6s} {row.verdict}\n")
    sys.stdout.write(_report(rows))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
