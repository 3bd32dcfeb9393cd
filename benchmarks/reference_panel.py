"""Reference tissue against phantom truth: people, fat in muscle and artifacts.

``python benchmarks/reference_panel.py CACHE [--people 0,3] [--workers N]`` prints, for each artifact, how far the
levels of lean muscle and subcutaneous fat are from the truth in both series (median and worst), the verdicts, and how
many errors beyond 3 % passed. Cases marked ``+coil`` are shaded by the usual coil and corrected by the tool; in all
others the receive field is even, as after division by the true field.
"""

from __future__ import annotations

import sys
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from over_people import for_people
from panel_people import PEOPLE, Rendered, rendered
from scipy import ndimage

from marrowsignal.alignment.body import body_mask
from marrowsignal.alignment.records import AlignedPair
from marrowsignal.geometry import AcquisitionFacts, LabelVolume, SignalVolume, VolumeGeometry
from marrowsignal.intensity import References, correct_bias, find_references
from marrowsignal.marrow import segment_marrow
from marrowsignal.phantom.acquisition import Coil, SeriesPhysics, acquire
from marrowsignal.phantom.options import usual_series
from marrowsignal.phantom.tissues import Species, signals
from marrowsignal.protocol import load_protocol

__all__ = ["CASES", "Case", "Outcome", "Scene", "measured", "truth"]

Array = NDArray[np.float32]
_TOLERANCE = 0.03
_LEAN = (0.85, 0.06)
_PLAIN_FAT = 0.97


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scene:
    """What is scanned: species on the T1 grid, truth of marrow, and how."""

    species: Array
    geometry: VolumeGeometry
    marrow: LabelVolume
    t1: SeriesPhysics
    stir: SeriesPhysics
    rng: np.random.Generator
    unsuppressed: NDArray[np.floating] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One artifact."""

    name: str
    change: Callable[[Scene], Scene]
    shaded: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One person in one case: error of each level as a fraction, None without a level, and verdicts."""

    person: int
    view: str
    case: str
    tissue: str
    t1: float | None
    stir: float | None
    verdict: str
    reason: str
    right_share: float
    volume_ml: float


def _muscle(scene: Scene) -> Array:
    return np.asarray(scene.species[Species.MUSCLE])


def _turned(scene: Scene, share: NDArray[np.floating] | float, into: Species = Species.FAT) -> Scene:
    """Turn a share of every muscle voxel's muscle into something else."""
    species = scene.species.copy()
    taken = (share * species[Species.MUSCLE]).astype(np.float32)
    species[Species.MUSCLE] -= taken
    species[into] += taken
    return replace(scene, species=species)


def _rank_field(scene: Scene, size_mm: float) -> NDArray[np.float64]:
    """Smooth random field whose values are evenly spread over 0 to 1 in muscle."""
    grid = scene.geometry
    field = scene.rng.standard_normal(grid.shape).astype(np.float32)
    field = ndimage.gaussian_filter(field, [size_mm / s for s in grid.spacing_mm])
    inside = np.sort(field[_muscle(scene) > 0.3])
    return np.searchsorted(inside, field) / max(inside.size, 1)


def _beyond_middle(scene: Scene, axis: int) -> NDArray[np.bool_]:
    """Muscle on one side of its own middle along a patient axis."""
    along = scene.geometry.patient_axis(axis)
    inside = np.broadcast_to(along, scene.geometry.shape)
    return np.asarray(inside > np.median(inside[_muscle(scene) > 0.3]))


def _fatty(kind: str, share: float) -> Case:
    def change(scene: Scene) -> Scene:
        where: NDArray[np.floating] | float
        if kind == "uniform":
            where = share
        elif kind == "streaky":
            # three tenths of the muscle stay lean between the streaks
            where = np.minimum(share / 0.245 * np.maximum(_rank_field(scene, 3.0) - 0.3, 0.0), 0.95)
        elif kind == "graded":
            where = np.minimum(2 * share * _rank_field(scene, 3.0), 0.95)
        elif kind == "patches":
            where = np.where(_rank_field(scene, 8.0) > 0.5, share, 0.0)
        elif kind == "one side":
            where = np.where(_beyond_middle(scene, 0), share, 0.0)
        else:
            where = np.where(_beyond_middle(scene, 1), share, 0.0)
        return _turned(scene, where)

    return Case(name=f"fat {kind} {share:.0%}", change=change)


def _edema(scene: Scene) -> Scene:
    one = _beyond_middle(scene, 0) & _beyond_middle(scene, 1)
    return _turned(scene, np.where(one, 0.3, 0.0), Species.EDEMA_WATER)


def _widespread_edema(scene: Scene) -> Scene:
    return _turned(scene, np.where(_beyond_middle(scene, 1), 0.15, 0.0), Species.EDEMA_WATER)


def _atrophied(scene: Scene) -> Scene:
    return _turned(scene, np.where(_beyond_middle(scene, 0), 0.75, 0.0))


def _unsuppressed_patch(scene: Scene) -> Scene:
    return replace(scene, unsuppressed=np.clip(4 * (_rank_field(scene, 25.0) - 0.7), 0, 1))


def _noisy(scene: Scene) -> Scene:
    t1, stir = (replace(s, muscle_snr=(s.muscle_snr or 0.0) / 3) for s in (scene.t1, scene.stir))
    return replace(scene, t1=t1, stir=stir)


def _cropped(scene: Scene, keep: tuple[slice, slice, slice]) -> Scene:
    corner = [s.indices(n)[0] for s, n in zip(keep, scene.geometry.shape, strict=True)]
    affine = scene.geometry.affine_lps.copy()
    affine[:3, 3] = scene.geometry.to_patient(corner)
    species = np.ascontiguousarray(scene.species[(slice(None), *keep)])
    grid = VolumeGeometry(affine_lps=affine, shape=species.shape[1:])
    marrow = LabelVolume(array=scene.marrow.array[keep].copy(), geometry=grid, names=scene.marrow.names)
    return replace(scene, species=species, geometry=grid, marrow=marrow)


def _inside_the_body(scene: Scene) -> Scene:
    """Cut a small field of view around the marrow, with no skin in it."""
    rows, columns = (np.flatnonzero(scene.marrow.mask.any(axis=axes)) for axes in ((0, 2), (0, 1)))
    middle = int(rows.mean()), int(columns.mean())
    halves = tuple(max(int(0.27 * n), 40) for n in scene.geometry.shape[1:])
    window = [slice(max(m - h, 0), m + h) for m, h in zip(middle, halves, strict=True)]
    return _cropped(scene, (slice(None), window[0], window[1]))


def _thin(scene: Scene) -> Scene:
    """Take away what lies under the skin but for 4 mm."""
    body = scene.species.sum(axis=0) > 0.5
    depth = np.stack([ndimage.distance_transform_edt(plane) for plane in body]) * scene.geometry.spacing_mm[1]
    lean = scene.species[Species.MUSCLE] + scene.species[Species.SOFT_TISSUE] > 0.5
    lean = ndimage.binary_opening(lean, np.ones((1, 5, 5)))
    deep = np.stack([ndimage.distance_transform_edt(~plane) for plane in lean]) * scene.geometry.spacing_mm[1]
    gone = body & (deep > 4) & (depth < 60) & (scene.species[Species.FAT] > 0.5)
    outside = ndimage.binary_propagation(~body, mask=~body | gone)
    return replace(scene, species=np.where(outside, 0, scene.species).astype(np.float32))


def _with(coil: Coil) -> Callable[[Scene], Scene]:
    return lambda scene: replace(scene, t1=replace(scene.t1, coil=coil), stir=replace(scene.stir, coil=coil))


def _same(scene: Scene) -> Scene:
    return scene


_FLARE = Coil(bias_p5=0.45, bias_p95=2.2, back_share=0.8, depth_mm=130.0, air_fraction=0.1)
CASES = (
    Case(name="clean", change=_same),
    *(_fatty(kind, share) for kind in ("uniform", "graded", "streaky") for share in (0.1, 0.2, 0.35, 0.5)),
    *(_fatty(kind, share) for kind in ("patches", "one side", "posterior") for share in (0.15, 0.35, 0.5)),
    Case(name="edema in one group", change=_edema),
    Case(name="edema in half", change=_widespread_edema),
    Case(name="one side atrophied", change=_atrophied),
    Case(name="suppression failed in a patch", change=_unsuppressed_patch),
    Case(name="a third of the SNR", change=_noisy),
    Case(name="thin", change=_thin),
    Case(name="field of view inside", change=_inside_the_body),
    Case(name="clean +coil", change=_same, shaded=True),
    Case(name="flare +coil", change=_with(_FLARE), shaded=True),
    replace(_fatty("streaky", 0.2), name="fat streaky 20% +coil", shaded=True),
    replace(_fatty("one side", 0.15), name="fat one side 15% +coil", shaded=True),
)


def truth(of: Rendered, series: SeriesPhysics) -> tuple[float, float]:
    """Clean level of lean muscle and of plain fat: medians over voxels that hold hardly anything else."""
    muscle, fat = of.t1_species[Species.MUSCLE], of.t1_species[Species.FAT]
    levels = []
    for mask in ((muscle >= _LEAN[0]) & (fat <= _LEAN[1]), fat >= _PLAIN_FAT):
        levels.append(float(np.median(np.abs(signals(series.sequence) @ of.t1_species[:, mask]))) * series.gain)
    return levels[0], levels[1]


def _even(series: SeriesPhysics) -> SeriesPhysics:
    return replace(series, coil=replace(series.coil, bias_p5=1.0, bias_p95=1.0, back_share=0.0))


def _images(scene: Scene) -> list[tuple[Array, Array]]:
    images = []
    for series in (scene.t1, scene.stir):
        made = acquire(scene.species, scene.geometry, series=series, rng=scene.rng)
        images.append((made.signal, made.bias))
    if scene.unsuppressed is not None:
        plain = replace(scene.stir.sequence, inversion_time_ms=60.0)
        bright = acquire(scene.species, scene.geometry, series=replace(scene.stir, sequence=plain), rng=scene.rng)
        fat = scene.species[Species.FAT] + scene.species[Species.MARROW_FAT]
        share = (scene.unsuppressed * fat).astype(np.float32)
        images[1] = (images[1][0] * (1 - share) + bright.signal * share, images[1][1])
    return images


def _volume(array: Array, geometry: VolumeGeometry) -> SignalVolume:
    return SignalVolume(array=array, geometry=geometry, acquisition=AcquisitionFacts())


def scene_of(of: Rendered, case: Case) -> Scene:
    """Put the person into one case."""
    t1, stir = usual_series(1.5)
    scene = Scene(
        species=of.t1_species,
        geometry=of.t1_geometry,
        marrow=of.marrow,
        t1=t1 if case.shaded else _even(t1),
        stir=stir if case.shaded else _even(stir),
        rng=np.random.default_rng([of.person.number, zlib.crc32(case.name.encode())]),
    )
    return case.change(scene)


def found(of: Rendered, scene: Scene, *, shaded: bool) -> tuple[References, list[Array]]:
    """Analyze one scene; also what is left of the shading of T1 and of STIR."""
    protocol = load_protocol(of.protocol)
    (t1, t1_bias), (stir, stir_bias) = _images(scene)
    body = body_mask(t1, spacing_mm=scene.geometry.spacing_mm)
    pair = AlignedPair(
        t1=_volume(t1, scene.geometry),
        stir=_volume(stir, scene.geometry),
        covered_mask=np.ones(t1.shape, bool),
        body_mask=body,
        t1_to_stir_lps=np.eye(4),
        quality=None,
    )
    left = [t1_bias, stir_bias]
    if shaded:
        pair = correct_bias(pair, settings=protocol.bias)
        if pair.bias is None or pair.bias.stir_field is None:
            raise RuntimeError("bias correction kept no fields")
        left = [t1_bias / pair.bias.t1_field, stir_bias / pair.bias.stir_field]
    core = segment_marrow(pair, protocol=protocol, supplied=scene.marrow).core_mask
    references = find_references(pair, scene.marrow, core, protocol=protocol)
    return references, left


def measured(of: Rendered, case: Case) -> tuple[Outcome, Outcome]:
    """Errors of muscle and of fat."""
    scene = scene_of(of, case)
    references, left = found(of, scene, shaded=case.shaded)
    true = [truth(of, series) for series in (scene.t1, scene.stir)]
    outcomes = []
    for index, tissue in enumerate((references.muscle, references.fat)):
        mask = references.labels.array == index + 1
        errors = [
            None if level is None else level / (float(field[mask].mean()) * levels[index]) - 1
            for level, field, levels in zip((tissue.t1, tissue.stir), left, true, strict=True)
        ]
        made_of = scene.species[(Species.MUSCLE, Species.FAT)[index]][mask]
        outcomes.append(
            Outcome(
                person=of.person.number,
                view=of.person.view,
                case=case.name,
                tissue=tissue.key,
                t1=errors[0],
                stir=errors[1],
                verdict=str(tissue.verdict),
                reason=tissue.reason,
                right_share=float(made_of.mean()) if made_of.size else float("nan"),
                volume_ml=tissue.volume_ml,
            )
        )
    return outcomes[0], outcomes[1]


def _row(case: str, outcomes: list[Outcome]) -> str:
    """One line: errors with a level, verdicts, and errors beyond the tolerance that passed."""
    cells = []
    for series in ("t1", "stir"):
        errors = [value for o in outcomes if (value := getattr(o, series)) is not None]
        if errors:
            worst = max(errors, key=abs)
            cells.append(f"{100 * float(np.median(errors)):+6.1f} {100 * worst:+6.1f}")
        else:
            cells.append(f"{'-':>6s} {'-':>6s}")
    counts = " ".join(f"{sum(o.verdict == verdict for o in outcomes):3d}" for verdict in ("pass", "warn", "fail"))
    silent = [sum(_beyond(o, series) and o.verdict == "pass" for o in outcomes) for series in ("t1", "stir")]
    return f"{case:32s} {cells[0]}  {cells[1]}  {counts}  {silent[0]:3d} {silent[1]:3d}"


def _beyond(outcome: Outcome, series: str) -> bool:
    error = getattr(outcome, series)
    return error is not None and abs(error) > _TOLERANCE


def _table(outcomes: Iterable[Outcome], tissue: str) -> str:
    head = f"{tissue:32s} {'T1 median, worst %':>13s}  {'STIR %':>13s}  pass warn fail  silent T1, STIR"
    of_tissue = [o for o in outcomes if o.tissue == tissue]
    cases = dict.fromkeys(o.case for o in of_tissue)
    return "\n".join([head, *(_row(case, [o for o in of_tissue if o.case == case]) for case in cases)])


def _of_person(number: int, cache: Path) -> list[Outcome]:
    of = rendered(PEOPLE[number], cache)
    return [outcome for case in CASES for outcome in measured(of, case)]


def main() -> int:
    """Run people through all cases and print both tables."""
    outcomes = for_people(_of_person, about=__doc__)
    sys.stdout.write("\n" + _table(outcomes, "muscle") + "\n\n" + _table(outcomes, "fat") + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
