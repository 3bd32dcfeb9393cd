"""Fracture lines, rims of necrosis, bull's eyes and dark foci against phantom truth.

``python benchmarks/shape_panel.py CACHE [--people 0,3] [--workers N]`` measures the people of `panel_people.py` with
their true marrow, T1 and STIR acquired with noise and shading on their own grids, and prints every lesion with a
candidate line, every femoral head with a rim and every dark focus with the share of it that is a true finding, then
counts: how many people with such a finding showed it, and how many without showed it too.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from over_people import for_people
from panel_people import PEOPLE, Rendered, rendered

from marrowsignal.alignment.body import body_mask
from marrowsignal.alignment.records import AlignedPair
from marrowsignal.alignment.resample import resample_onto
from marrowsignal.geometry import AcquisitionFacts, LabelVolume, SignalVolume
from marrowsignal.intensity import correct_bias, find_references
from marrowsignal.marrow import segment_marrow
from marrowsignal.phantom.acquisition import SeriesPhysics, acquire
from marrowsignal.phantom.options import usual_series
from marrowsignal.protocol import load_protocol
from marrowsignal.regions import label_regions
from marrowsignal.signals import Signals, measure_signals
from marrowsignal.signals.records import Lesion

__all__ = ["Outcome", "measured"]

_TRUE_SHARE = 0.3
# What each kind of finding of the phantoms should show.
_SHOULD_SHOW = {
    "line": ("sacral_stress_fracture", "femoral_neck_fracture", "tibial_stress_fracture"),
    "rim": ("hip_osteonecrosis",),
    "bull": (),
    "focus": (
        *("sacroiliac_sclerosis", "iliac_metastasis", "lumbar_metastases", "hip_osteonecrosis"),
        *("diffuse_infiltration", "lumbar_infiltration"),
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One thing shown: of whom, what, how much of it is true, and words."""

    person: int
    kind: str
    true_share: float
    words: str


def _facts(series: SeriesPhysics, person: Rendered) -> AcquisitionFacts:
    sequence = series.sequence
    return AcquisitionFacts(
        repetition_time_ms=sequence.repetition_time_ms,
        echo_time_ms=sequence.echo_time_ms,
        inversion_time_ms=sequence.inversion_time_ms,
        magnetic_field_strength_t=1.5,
        patient_age_y=person.person.age_years,
    )


def _key(name: str) -> str:
    side, _, key = name.lower().rpartition("_")
    return f"{key}:{side}" if side in ("left", "right") else key


def signals_of(of: Rendered) -> Signals:
    """Acquire and measure one person."""
    protocol = load_protocol(of.protocol)
    rng = np.random.default_rng([of.person.number, 7])
    t1, stir = usual_series(1.5)
    volumes = []
    for series, species, grid in ((t1, of.t1_species, of.t1_geometry), (stir, of.stir_species, of.stir_geometry)):
        image = acquire(species, grid, series=series, rng=rng)
        volumes.append(SignalVolume(array=image.signal, geometry=grid, acquisition=_facts(series, of)))
    moved, covered = resample_onto(volumes[1], of.t1_geometry, np.eye(4))
    pair = AlignedPair(
        t1=volumes[0],
        stir=replace(volumes[1], array=moved, geometry=of.t1_geometry),
        covered_mask=covered,
        body_mask=body_mask(volumes[0].array, spacing_mm=of.t1_geometry.spacing_mm),
        t1_to_stir_lps=np.eye(4),
        quality=None,
    )
    pair = correct_bias(pair, settings=protocol.bias)
    given = replace(of.marrow, names=tuple((value, _key(name)) for value, name in of.marrow.names))
    marrow = segment_marrow(pair, protocol=protocol, supplied=given)
    regions = label_regions(pair, marrow, protocol=protocol)
    references = find_references(pair, marrow.labels, marrow.core_mask, protocol=protocol)
    return measure_signals(pair, marrow, regions, references, protocol=protocol)


def measured(number: int, cache: Path) -> Iterable[Outcome]:
    """Tell what the shapes of one person show."""
    of = rendered(PEOPLE[number], cache)
    signals, truth = signals_of(of), of.lesions.array > 0
    bull_cut = load_protocol(of.protocol).shapes.bull_ratio.value
    rows = []
    for kind, found, labels in (
        ("line", signals.lesions or (), signals.lesion_labels),
        ("focus", signals.dark_foci or (), signals.dark_labels),
    ):
        for each in found:
            share = _share(truth, labels, each.label)
            told = _told(each, "bull_ratio", "t1_marrow_to_muscle", "edge_width_t1", "line_length", "line_aspect")
            if kind == "focus" or each.measurement("line_length").value is not None:
                rows.append(Outcome(person=number, kind=kind, true_share=share, words=f"{each.region_name}{told}"))
            if (each.measurement("bull_ratio").value or 0.0) >= bull_cut:
                rows.append(Outcome(person=number, kind="bull", true_share=share, words=f"{each.region_name}{told}"))
    for head in signals.bones:
        values = {m.name: m.value for m in head.measurements}
        if values.get("necrosis_rim"):
            words = f"{head.name} {values['necrotic_volume_share']:.0f} % {values['combined_necrotic_angle']:.0f} deg"
            true = float(head.side == "left" and PEOPLE[number].pattern == "hip_osteonecrosis")
            rows.append(Outcome(person=number, kind="rim", true_share=true, words=words))
    return rows


def _share(truth: np.ndarray, labels: LabelVolume | None, label: int) -> float:
    return 0.0 if labels is None else float(truth[labels.array == label].mean())


def _told(lesion: Lesion, *names: str) -> str:
    known = {m.name: m.value for m in lesion.measurements}
    return "".join(f" {name} {known[name]:.2f}" for name in names if known.get(name) is not None)


def main() -> int:
    """Print every row, then the counts."""
    rows = for_people(measured, about=__doc__)
    for row in rows:
        pattern = PEOPLE[row.person].pattern
        sys.stdout.write(f"{row.person:2d} {pattern:26s} {row.kind:6s} true {row.true_share:.2f} {row.words}\n")
    for kind, patterns in _SHOULD_SHOW.items():
        should = {p.number for p in PEOPLE if p.pattern in patterns}
        right = {r.person for r in rows if r.kind == kind and r.true_share >= _TRUE_SHARE}
        false = [r for r in rows if r.kind == kind and r.true_share < _TRUE_SHARE and r.person not in should]
        sys.stdout.write(f"{kind}: shown in {len(right & should)} of the panel's {len(should)}, {len(false)} false\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
