"""Sensitivity and false alarms of the quality gates on the phantom panel.

``python benchmarks/gate_panel.py CACHE [--people 0,3] [--workers N]`` spoils every person by every artifact of
`gate_artifacts.py` and tells, for each gate, how often it fires on its artifact at each strength and
how often on the clean twin. Alignment is given by construction (its verdict has a panel of its own); marrow is the
truth, the midline that of the clean twin. Where an artifact is no shading the bias fields are those of the clean twin.
"""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from gate_artifacts import ARTIFACTS, Scan, clean_scan
from over_people import for_people
from panel_people import PEOPLE, rendered

from marrowsignal.alignment import AlignedPair, AlignmentQuality, AlignmentVerdict
from marrowsignal.alignment.body import body_mask
from marrowsignal.alignment.records import BiasModel
from marrowsignal.dicom.records import SeriesPair
from marrowsignal.geometry import SignalVolume
from marrowsignal.intensity import correct_bias, find_references, mark_metal
from marrowsignal.marrow import segment_marrow
from marrowsignal.protocol import load_protocol
from marrowsignal.protocol.schema import Protocol
from marrowsignal.quality import GateState, QualityGate, QualityReport, check_quality
from marrowsignal.regions import RegionMap, label_regions
from marrowsignal.signals import measure_signals

__all__ = ["pair_of"]

_FIRED = (GateState.WARN, GateState.FAIL)
_DRAWS = 50.0


def _protocol(name: str) -> Protocol:
    protocol = load_protocol(name)
    draws = protocol.signals.bootstrap_draws.model_copy(update={"value": _DRAWS})
    return protocol.model_copy(update={"signals": protocol.signals.model_copy(update={"bootstrap_draws": draws})})


def pair_of(scan: Scan) -> AlignedPair:
    """Pair of a scan whose two images lie on each other by construction."""
    grid = scan.of.t1_geometry
    quality = AlignmentQuality(
        grid_difference=grid.difference(grid),
        same_frame_of_reference=True,
        mutual_information_before=0.3,
        mutual_information_after=0.3,
        displacement_mm=0.0,
        rotation_deg=0.0,
        estimated_error_mm=0.0,
        verdict=AlignmentVerdict.PASS,
        reason="aligned by construction",
    )
    t1 = SignalVolume(array=scan.t1, geometry=grid, acquisition=scan.t1_series.acquisition)
    return AlignedPair(
        t1=t1,
        stir=SignalVolume(array=scan.stir, geometry=grid, acquisition=scan.stir_series.acquisition),
        covered_mask=np.ones(grid.shape, bool),
        body_mask=body_mask(t1.array, spacing_mm=grid.spacing_mm),
        t1_to_stir_lps=np.eye(4),
        quality=quality,
    )


def _without_shading(scan: Scan, bias: BiasModel | None, protocol: Protocol) -> AlignedPair:
    pair = mark_metal(pair_of(scan), protocol=protocol)
    if bias is None or scan.shaded_anew or bias.stir_field is None or pair.stir is None:
        return correct_bias(pair, settings=protocol.bias)
    t1 = replace(pair.t1, array=pair.t1.array / bias.t1_field)
    return replace(pair, t1=t1, stir=replace(pair.stir, array=pair.stir.array / bias.stir_field), bias=bias)


def _report(
    scan: Scan, protocol: Protocol, bias: BiasModel | None = None, regions: RegionMap | None = None
) -> tuple[QualityReport, BiasModel | None, RegionMap]:
    pair = _without_shading(scan, bias, protocol)
    marrow = segment_marrow(pair, protocol=protocol, supplied=scan.of.marrow)
    known = label_regions(pair, marrow, protocol=protocol) if regions is None else regions
    references = find_references(pair, marrow.labels, marrow.core_mask, protocol=protocol)
    signals = measure_signals(pair, marrow, known, references, protocol=protocol)
    series = SeriesPair(t1=scan.t1_series, stir=scan.stir_series, reasons=())
    report = check_quality(series, pair, marrow, known, references, signals, protocol=protocol)
    return report, pair.bias, known


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One gate on one person, with its artifact or clean.

    Attributes
    ----------
    person : int
        Of the panel.
    gate, series : str
        Which gate.
    artifact, strength : str
        ``"clean"`` and nothing for the clean twin.
    state : GateState
        Its answer.
    reason : str
        And why.
    """

    person: int
    gate: str
    series: str
    artifact: str
    strength: str
    state: GateState
    reason: str

    @property
    def row(self) -> tuple[str, str, str, str]:
        """Where it is counted."""
        return self.gate, self.series, self.artifact, self.strength


def _of_person(number: int, cache: Path) -> list[Judged]:
    scan = clean_scan(rendered(PEOPLE[number], cache))
    protocol = _protocol(scan.of.protocol)
    clean, bias, regions = _report(scan, protocol)
    found = [_judged(number, gate, "clean", "") for gate in clean.gates]
    for artifact in ARTIFACTS:
        for level, spoil in artifact.levels:
            report, _, _ = _report(spoil(scan), protocol, bias, regions)
            found.append(_judged(number, report.gate(artifact.gate, artifact.series), artifact.name, level))
    return found


def _judged(person: int, gate: QualityGate, artifact: str, strength: str) -> Judged:
    return Judged(
        person=person,
        gate=gate.key,
        series=gate.series,
        artifact=artifact,
        strength=strength,
        state=gate.state,
        reason=gate.reason,
    )


def main() -> int:
    """Go over the panel, print what went wrong and the table."""
    hits: Counter[tuple[str, str, str, str]] = Counter()
    seen: Counter[tuple[str, str, str, str]] = Counter()
    for one in for_people(_of_person, about=__doc__):
        fired = one.state in _FIRED
        if one.state is not GateState.NOT_EVALUABLE:
            seen[one.row] += 1
            hits[one.row] += fired
        if fired == (one.artifact == "clean"):
            what = " ".join((one.gate, one.series, one.artifact, one.strength))
            sys.stdout.write(f"{one.person:2d} {PEOPLE[one.person].pattern}: {what}: {one.state}, {one.reason}\n")
    _table(hits, seen)
    return 0


def _table(hits: Counter[tuple[str, str, str, str]], seen: Counter[tuple[str, str, str, str]]) -> None:
    sys.stdout.write(
        "\n| gate | series | artifact | fires at each strength | on the clean twin |\n|---|---|---|---|---|\n"
    )
    for artifact in ARTIFACTS:
        rows = [(artifact.gate, artifact.series, artifact.name, level) for level, _ in artifact.levels]
        told = ", ".join(f"{row[3]}: {hits[row]} of {seen[row]}" for row in rows)
        clean = (artifact.gate, artifact.series, "clean", "")
        twin = f"{hits[clean]} of {seen[clean]}"
        sys.stdout.write(f"| {artifact.gate} | {artifact.series} | {artifact.name} | {told} | {twin} |\n")
    spoilt = {(a.gate, a.series) for a in ARTIFACTS}
    for row in seen:
        if row[2] == "clean" and row[:2] not in spoilt:
            sys.stdout.write(f"| {row[0]} | {row[1]} | - | - | {hits[row]} of {seen[row]} |\n")


if __name__ == "__main__":
    raise SystemExit(main())
