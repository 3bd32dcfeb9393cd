"""The phantom's people scanned a second time: how repeatable each ratio is, and which changes are found.

``python benchmarks/change_pairs.py prepare COHORT CACHE [--first N] [--last N]`` takes studies of
`pattern_cohort.py` as the first date and scans the same people again: stack planned anew, patient lying elsewhere,
other coil shading, other noise, other motion between the series. A person comes back unchanged (``again``), with the
findings grown, gone, split or new, with a new tumor, or with some fat of the marrow gone. ``measure COHORT CACHE``
compares the two dates, keeps what was found beside them, and prints the figures.
"""

from __future__ import annotations

import argparse
import json
import pickle
import sys
import tempfile
import zlib
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from pattern_cohort import CohortStudy, load_study, plan
from scipy.spatial.transform import Rotation

from marrowsignal.alignment import align_pair
from marrowsignal.comparison import LesionChange, compare_studies
from marrowsignal.dicom import SeriesPair
from marrowsignal.geometry import LabelVolume, SignalVolume, VolumeGeometry
from marrowsignal.intensity import correct_bias, find_references, mark_metal
from marrowsignal.marrow import segment_marrow
from marrowsignal.marrow.hint import bone_hint
from marrowsignal.marrow.records import MarrowSource, MaskKind, Segmentation
from marrowsignal.patterns import classify
from marrowsignal.phantom import Motion, SeriesPhysics, draw_subject, tissue_maps
from marrowsignal.phantom.acquisition import acquire
from marrowsignal.phantom.catalogue import load_spec, spec_text
from marrowsignal.protocol import load_protocol
from marrowsignal.quality import check_quality, withhold
from marrowsignal.regions import label_regions
from marrowsignal.results.provenance import Provenance
from marrowsignal.results.study_result import StudyResult
from marrowsignal.signals import measure_signals

__all__ = ["KINDS", "SecondDate", "load_second", "second_dates"]

_PROTOCOL = "pelvis_sij"
_SACRAL, _ILIAC = "left_sij_sacral", "left_sij_iliac"
KINDS = ("again", "grown", "gone", "split", "new", "tumor", "redder")
# what is written after the table of the first date's phantom, or in place of its findings
_FINDINGS = {
    "grown": (
        f'{{ kind = "edema", landmark = "{_SACRAL}", size_mm = [25.0, 29.0, 22.0], depth_mm = 2.0, peak = 0.6 }}',
        f'{{ kind = "edema", landmark = "{_ILIAC}", size_mm = [21.0, 26.0, 17.0], depth_mm = 2.0, peak = 0.55 }}',
    ),
    "gone": (),
    "split": (
        f'{{ kind = "edema", landmark = "{_SACRAL}", size_mm = [10.0, 12.0, 4.0], depth_mm = 2.0, peak = 0.6 }}',
        f'{{ kind = "edema", landmark = "{_SACRAL}", size_mm = [10.0, 12.0, 4.0], depth_mm = 14.0, peak = 0.6 }}',
        f'{{ kind = "edema", landmark = "{_ILIAC}", size_mm = [14.0, 18.0, 11.0], depth_mm = 2.0, peak = 0.55 }}',
    ),
    "new": (f'{{ kind = "edema", landmark = "{_SACRAL}", size_mm = [17.0, 21.0, 15.0], depth_mm = 2.0, peak = 0.6 }}',),
    "tumor": (
        '{ kind = "metastasis", landmark = "right_ilium_body", size_mm = [11.0, 13.0, 10.0], peak = 0.95, '
        "margin_mm = 1.5 }",
    ),
}
_CHANGES_OF = {"focal_edema": ("grown", "gone", "split"), "normal": ("new", "tumor", "redder")}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SecondDate:
    """A person of the cohort, scanned again.

    Attributes
    ----------
    number : int
        Of the first date's study.
    kind : str
        One of `KINDS`.
    study : CohortStudy
        The second date; its truth is that of the second date.
    first_to_second_lps : ndarray of float64, shape (4, 4)
        Where the patient lies now.
    """

    number: int
    kind: str
    study: CohortStudy
    first_to_second_lps: np.ndarray


def second_dates(number: int) -> tuple[str, ...]:
    """In which ways the person of a study comes back."""
    return ("again", *_CHANGES_OF.get(plan(number)[0], ()))


def load_second(number: int, kind: str, cache: Path) -> SecondDate:
    """Read a prepared second date."""
    second = pickle.loads(zlib.decompress((cache / f"pair{number:03d}_{kind}.pkl.z").read_bytes()))
    assert isinstance(second, SecondDate)
    pair = second.study.pair
    assert pair.stir is not None
    pair = replace(pair, t1=_as_thick(pair.t1), stir=_as_thick(pair.stir))
    return replace(second, study=replace(second.study, pair=pair))


def _as_thick(volume: SignalVolume) -> SignalVolume:
    # As the first dates of the cohort are read.
    thickness = volume.geometry.spacing_mm[0] / 1.2
    return replace(volume, acquisition=replace(volume.acquisition, slice_thickness_mm=thickness))


def _table(name: str, kind: str) -> str:
    text = spec_text(name)
    if kind == "redder":
        return text + 'background = { state = "reconversion", extent = 0.6 }\n'
    start = text.find("findings = [")
    kept = text if start < 0 else text[:start]
    return kept + "findings = [" + ", ".join(_FINDINGS[kind]) + "]\n"


def _prepare(number: int, kind: str, cohort: Path, cache: Path) -> None:
    path = cache / f"pair{number:03d}_{kind}.pkl.z"
    if path.exists():
        return
    first = load_study(number, cohort)
    with tempfile.TemporaryDirectory() as scratch:
        name = first.scenario
        if kind != "again":
            table = Path(scratch) / "second.toml"
            table.write_text(_table(name, kind), encoding="utf-8")
            name = str(table)
        second = _scanned(first, name, kind)
    part = path.with_suffix(".part")
    part.write_bytes(zlib.compress(pickle.dumps(second, protocol=5), 1))
    part.rename(path)


def _scanned(first: CohortStudy, name: str, kind: str) -> SecondDate:
    rng = np.random.default_rng([20261122, first.number, KINDS.index(kind)])
    _, seed, options = plan(first.number)
    person = options.person
    assert person is not None
    assert options.view is not None
    subject = draw_subject(seed, sex=person.sex, age_years=person.age_years, mirrored=options.mirrored)
    profile = options.view.profile(samples=1)
    grid = _planned_anew(options.view.geometry, rng)
    shift, turn = rng.normal(0.0, 1.2, 3).clip(-3, 3), rng.normal(0.0, 0.8, 3).clip(-2, 2)
    motion = Motion(shift_lps_mm=tuple(shift), rotation_deg=tuple(turn)).matrix
    lies = _pose(rng.normal(0.0, 8.0, 3), rng.normal(0.0, 2.0, 3))
    maps = tissue_maps(name, grid, subject=subject, profile=profile)
    moved = tissue_maps(name, grid, subject=subject, profile=profile, pose=motion)
    physics = [_otherwise(series, rng) for series in (options.t1, options.stir)]
    images = [
        acquire(body.species_fractions, grid, series=series, rng=np.random.default_rng([seed, 31 + k, len(kind)]))
        for k, (body, series) in enumerate(zip((maps, moved), physics, strict=True))
    ]
    seen = VolumeGeometry(affine_lps=lies @ grid.affine_lps, shape=grid.shape)
    facts = [first.pair.t1.acquisition, first.pair.stir.acquisition if first.pair.stir else None]
    t1, stir = (
        SignalVolume(array=image.signal, geometry=seen, acquisition=known)  # type: ignore[arg-type]
        for image, known in zip(images, facts, strict=True)
    )
    marrow = LabelVolume(array=maps.marrow.array, geometry=seen, names=first.marrow.labels.names)
    study = _analyzed(first, t1, stir, marrow)
    spec = load_spec(name)
    study = replace(
        study,
        true_class=spec.pattern_class,
        true_lesions=LabelVolume(array=maps.lesion.array, geometry=seen),
        true_fat=maps.fat_fraction.astype(np.float16),
    )
    return SecondDate(number=first.number, kind=kind, study=study, first_to_second_lps=lies)


def _planned_anew(grid: VolumeGeometry, rng: np.random.Generator) -> VolumeGeometry:
    middle = grid.to_patient((np.asarray(grid.shape) - 1) / 2)
    turn = _pose(rng.normal(0.0, 3.0, 3), rng.normal(0.0, 2.0, 3))
    about = np.eye(4)
    about[:3, 3] = middle
    return VolumeGeometry(affine_lps=about @ turn @ np.linalg.inv(about) @ grid.affine_lps, shape=grid.shape)


def _pose(shift_mm: np.ndarray, turn_deg: np.ndarray) -> np.ndarray:
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_euler("xyz", turn_deg, degrees=True).as_matrix()
    matrix[:3, 3] = shift_mm
    return matrix


def _otherwise(series: SeriesPhysics | None, rng: np.random.Generator) -> SeriesPhysics:
    assert series is not None
    low, high = rng.uniform(0.7, 0.95), rng.uniform(1.05, 1.35)
    coil = replace(series.coil, bias_p5=low, bias_p95=high, back_share=rng.uniform(0.0, 0.8))
    return replace(series, coil=coil, gain=series.gain * rng.uniform(0.5, 2.0))


def _analyzed(first: CohortStudy, t1: SignalVolume, stir: SignalVolume, marrow: LabelVolume) -> CohortStudy:
    protocol = load_protocol(_PROTOCOL)
    pair = align_pair(
        t1, stir, same_frame_of_reference=True, settings=protocol.alignment, focus=marrow, shading=protocol.bias
    )
    pair = correct_bias(mark_metal(pair, protocol=protocol), settings=protocol.bias)
    given = Segmentation(labels=marrow, kind=MaskKind.MARROW, source=MarrowSource.SUPPLIED)
    mask = segment_marrow(pair, protocol=protocol, supplied=given)
    regions = label_regions(pair, mask, protocol=protocol, hint=bone_hint(pair, mask, protocol=protocol))
    return replace(
        first,
        series=_later(first.series, t1.geometry),
        pair=pair,
        marrow=mask,
        regions=regions,
        references=find_references(pair, mask.labels, mask.core_mask, protocol=protocol),
        true_regions=(),
        true_lesion_facts=(),
    )


def _later(series: SeriesPair, grid: VolumeGeometry) -> SeriesPair:
    """Return the same series ninety-one days later."""
    later = [
        None if one is None else replace(one, acquired_at=f"20200401{one.acquired_at[8:]}", geometry=grid)
        for one in (series.t1, series.stir)
    ]
    assert later[0] is not None
    return replace(series, t1=later[0], stir=later[1])


def _measure(number: int, kind: str, cohort: Path, cache: Path) -> dict[str, object]:
    """Compare the two dates; what is kept of it as plain numbers."""
    second = load_second(number, kind, cache)
    first = load_study(number, cohort)
    found = compare_studies(_result(first), _result(second.study), protocol=load_protocol(_PROTOCOL))
    points = first.pair.t1.geometry.to_patient(np.argwhere(first.marrow.labels.mask)[::200])
    missed = None
    if found.registration is not None:
        apart = found.registration.baseline_to_followup_lps - second.first_to_second_lps
        missed = float(np.sqrt(np.mean(((points @ apart[:3, :3].T + apart[:3, 3]) ** 2).sum(axis=1))))
    voxel_ml = first.true_lesions.geometry.voxel_ml
    return {
        "number": number,
        "kind": kind,
        "scenario": first.scenario,
        "field_t": first.magnetic_field_strength_t,
        "summary": found.summary,
        "registration_mm": missed,
        "estimated_mm": found.registration and found.registration.quality.estimated_error_mm,
        "true_ml": [float(s.true_lesions.mask.sum()) * voxel_ml for s in (first, second.study)],
        "changes": [
            [row.level, row.key, str(row.side), change.name, change.baseline, change.followup, change.change,
             change.q_value, change.state.value, change.status.value]
            for row in found.regions for change in row.changes
        ],
        "lesions": None if found.lesions is None else [_lesion(one) for one in found.lesions],
        "dark_foci": None if found.dark_foci is None else [_lesion(one) for one in found.dark_foci],
        "dark_reason": found.dark_foci_reason,
        "time": [s.value for s in (found.time.new_or_growing_dark_focus, found.time.lesion_growth)],
    }  # fmt: skip


def _lesion(one: LesionChange) -> list[object]:
    return [one.state.value, one.counts, one.baseline_ml, one.followup_ml, one.region_name, one.reason]


def _result(study: CohortStudy) -> StudyResult:
    protocol = load_protocol(_PROTOCOL)
    signals = measure_signals(study.pair, study.marrow, study.regions, study.references, protocol=protocol)
    steps = (study.series, study.pair, study.marrow, study.regions, study.references)
    quality = check_quality(*steps, signals, protocol=protocol)
    signals = withhold(signals, quality)
    call = classify(study.pair, signals, quality=quality, findings=(), protocol=protocol)
    return StudyResult(
        case=f"study{study.number:03d}",
        protocol=protocol,
        series=study.series,
        pair=study.pair,
        marrow=study.marrow,
        regions=study.regions,
        references=study.references,
        signals=signals,
        quality=quality,
        call=call,
        provenance=Provenance(
            version="",
            libraries=(),
            python="",
            protocol_sha256="",
            series_rules_sha256="",
            input_sha256="",
            mask_sha256=None,
            finished_at="",
            step_times=(),
        ),
    )


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def _print_figures(found: list[dict[str, object]]) -> None:
    again = [one for one in found if one["kind"] == "again"]
    _say(f"{len(again)} people unchanged: within-subject variation, and rows beyond repeatability")
    for name in dict.fromkeys(str(change[3]) for one in again for change in one["changes"]):  # type: ignore[attr-defined]
        told = {}
        for levels in (("whole", "region"), ("part",), ("symmetry",)):
            rows = [
                c
                for one in again
                for c in one["changes"]
                if c[3] == name and c[0] in levels and c[6] is not None  # type: ignore[attr-defined]
            ]
            if not rows:
                continue
            ratio = name not in ("fat_signal_index", "pdff") and levels != ("symmetry",)
            moved = [np.log1p(c[6] / 100) if ratio else c[6] for c in rows]
            beyond = sum("beyond" in c[8] and not c[8].startswith("no") for c in rows)
            told["/".join(levels)] = (
                f"{np.sqrt(np.mean(np.square(moved)) / 2):.4f} (largest {np.abs(moved).max():.3f}, "
                f"{beyond} of {len(rows)} changed)"
            )
        _say(f"  {name:28s} " + "; ".join(f"{level} {text}" for level, text in told.items()))
    for one in found:
        truth = " to ".join(f"{ml:.1f}" for ml in one["true_ml"])  # type: ignore[attr-defined]
        _say(f"{one['number']} {one['kind']} {one['scenario']} {one['field_t']} T, truth {truth} mL")
        _say(f"  missed {one['registration_mm']} mm, estimated {one['estimated_mm']}; {one['summary']}")


def main() -> int:
    """Prepare or measure the pairs asked for."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("what", choices=["prepare", "measure"])
    options.add_argument("cohort", type=Path, help="folder of the first dates")
    options.add_argument("cache", type=Path, help="folder of the second dates, filled when missing")
    options.add_argument("--first", type=int, default=0)
    options.add_argument("--last", type=int, default=36)
    options.add_argument("--kind", choices=KINDS, help="one way of coming back; all of each person by default")
    chosen = options.parse_args()
    chosen.cache.mkdir(parents=True, exist_ok=True)
    found = []
    for number in range(chosen.first, chosen.last):
        for kind in second_dates(number) if chosen.kind is None else (chosen.kind,):
            if chosen.what == "prepare":
                _prepare(number, kind, chosen.cohort, chosen.cache)
            elif (chosen.cache / f"pair{number:03d}_{kind}.pkl.z").exists():
                found.append(_kept(number, kind, chosen.cohort, chosen.cache))
            sys.stderr.write(f"{number}{kind} ")
            sys.stderr.flush()
    sys.stderr.write("\n")
    if chosen.what == "measure":
        _print_figures(found)
    return 0


def _kept(number: int, kind: str, cohort: Path, cache: Path) -> dict[str, object]:
    path = cache / f"measured{number:03d}_{kind}.json"
    if not path.exists():
        path.write_text(json.dumps(_measure(number, kind, cohort, cache)), encoding="utf-8")
    return dict(json.loads(path.read_text(encoding="utf-8")))


if __name__ == "__main__":
    # pickles name the module they come from
    from change_pairs import main as run

    sys.exit(run())
