"""All gates of one study."""

from __future__ import annotations

from dataclasses import replace

from marrowsignal.alignment.records import AlignedPair
from marrowsignal.dicom.records import SeriesPair
from marrowsignal.intensity.records import References
from marrowsignal.marrow.records import MarrowMask
from marrowsignal.protocol.schema import Protocol
from marrowsignal.quality.declaration import GateDeclaration
from marrowsignal.quality.outcome import Outcome, Steps
from marrowsignal.quality.records import Consequence, GateState, QualityGate, QualityReport
from marrowsignal.quality.table import GATES
from marrowsignal.regions.records import RegionMap
from marrowsignal.signals.records import Signals

__all__ = ["check_quality"]

_SHADING = "residual_shading"


def check_quality(  # noqa: PLR0913 - one argument a step
    series: SeriesPair | None,
    pair: AlignedPair,
    marrow: MarrowMask,
    regions: RegionMap,
    references: References,
    signals: Signals,
    *,
    protocol: Protocol,
) -> QualityReport:
    """Check every gate of `quality.table.GATES`.

    Parameters
    ----------
    series : SeriesPair or None
        For what only the headers tell; None where the images came from no DICOM series, whose gates are then not
        evaluable.
    pair, marrow, regions, references, signals
        Products of the steps, `pair` bias-corrected.
    protocol : Protocol
        Limits.

    Returns
    -------
    QualityReport
        Every gate of the table in its order, one of each series where it is about each.
    """
    steps = Steps(
        series=series,
        pair=pair,
        marrow=marrow,
        regions=regions,
        references=references,
        signals=signals,
        protocol=protocol,
    )
    gates = tuple(_gate(row, name, row.check(steps, name), protocol) for row in GATES for name in row.series)
    return QualityReport(gates=_without_lost_symmetry(gates))


def _without_lost_symmetry(gates: tuple[QualityGate, ...]) -> tuple[QualityGate, ...]:
    # A left-right comparison excuses failed shading only while no other gate forbids it (SCIENCE 4.2).
    if not any(gate.consequence is Consequence.NO_SYMMETRY for gate in gates):
        return gates
    return tuple(
        replace(
            gate,
            consequence=Consequence.NO_ASSESSMENT,
            reason=f"{gate.reason}, and the left-right comparison that would cancel it is withheld",
        )
        if gate.key == _SHADING and gate.state is GateState.FAIL and gate.consequence is not Consequence.NO_ASSESSMENT
        else gate
        for gate in gates
    )


def _gate(row: GateDeclaration, series: str, found: Outcome, protocol: Protocol) -> QualityGate:
    declared = {
        GateState.PASS: Consequence.NONE,
        GateState.WARN: row.on_warn,
        GateState.FAIL: row.on_fail,
        # What a missing series cannot show is told by the gate of that series alone.
        GateState.NOT_EVALUABLE: row.on_unknown,
    }
    return QualityGate(
        key=row.key,
        name=row.name,
        series=series,
        state=found.state,
        value=found.value,
        unit=row.unit,
        limit=row.limit(protocol),
        consequence=declared[found.state] if found.consequence is None else found.consequence,
        reason=found.reason,
        source=row.source,
        tells=row.tells,
    )
