"""What the gates forbid is taken out of the measurements, with the reason in its place."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from marrowsignal.quality.outcome import T1
from marrowsignal.quality.records import Consequence, QualityReport
from marrowsignal.signals.records import (
    BoneSignals,
    Lesion,
    Measurement,
    MeasurementStatus,
    RegionSignals,
    Signals,
    Symmetry,
)

__all__ = ["withhold"]

# Descriptors that need STIR (SCIENCE 3.1, 3.2, 3.4), and those that need lesions.
_OF_STIR = frozenset({"D04", "D05", "D06", "D07", "D08", "D09", "D13", "D14", "D21"})
_NAMES_OF_STIR = frozenset({"stir_asymmetry", "halo_ratio", "edge_width_stir", "necrosis_double_line"})
_OF_LESIONS = frozenset({"D23", "D42"})
_NAMES_OF_LESIONS = frozenset({"lesion_extent"})

# The medians were taken without what looked like a lesion, and are not taken anew.
_WHOLE = "whole marrow without what stood out on STIR"

_Holder = TypeVar("_Holder", Lesion, BoneSignals)


def withhold(signals: Signals, report: QualityReport) -> Signals:
    """Take out what a gate forbids.

    Parameters
    ----------
    signals : Signals
        As measured.
    report : QualityReport
        Of `check_quality`.

    Returns
    -------
    Signals
        Where STIR is forbidden, no descriptor that needs it and no lesions; where lesions are, none of them, nor what
        was dropped or counted among them; where symmetry is, no left-right comparison. Foci dark on T1 rest on T1
        alone: they go where a gate of T1 forbids lesions, and lose their STIR values where STIR is forbidden. Each is
        not evaluable for the gate's reason. What forbids every assessment is left in sight: the class says that it
        names nothing.
    """
    no_stir = report.reason_of(Consequence.NO_STIR)
    no_lesions = no_stir or report.reason_of(Consequence.NO_LESIONS)
    no_symmetry = report.reason_of(Consequence.NO_SYMMETRY)

    def kept(found: Measurement) -> Measurement:
        of_stir = found.id in _OF_STIR or found.name in _NAMES_OF_STIR
        of_lesions = found.id in _OF_LESIONS or found.name in _NAMES_OF_LESIONS
        reason = no_stir if no_stir and of_stir else no_lesions if of_lesions else ""
        return _without(found, reason) if reason else found

    def region(found: RegionSignals) -> RegionSignals:
        return replace(
            found,
            stir_median=None if no_stir else found.stir_median,
            lesion_ml=None if no_lesions else found.lesion_ml,
            measurements=tuple(kept(m) for m in found.measurements),
        )

    def comparison(found: Symmetry) -> Symmetry:
        measured = (_without(m, no_symmetry) if no_symmetry else kept(m) for m in found.measurements)
        return replace(found, measurements=tuple(measured))

    def held(found: _Holder) -> _Holder:
        return replace(found, measurements=tuple(kept(m) for m in found.measurements))

    changed = replace(
        signals,
        whole=region(signals.whole),
        regions=tuple(region(r) for r in signals.regions),
        parts=tuple(region(r) for r in signals.parts),
        symmetry=tuple(comparison(row) for row in signals.symmetry),
        distribution=tuple(kept(m) for m in signals.distribution),
        bones=tuple(held(bone) for bone in signals.bones),
        dark_foci=None if signals.dark_foci is None else tuple(held(focus) for focus in signals.dark_foci),
    )
    if _t1_forbids_lesions(report):
        changed = replace(changed, dark_foci=None, dark_labels=None)
    return _without_lesions(changed, no_lesions) if no_lesions and signals.lesions is not None else changed


def _without_lesions(signals: Signals, reason: str) -> Signals:
    none: tuple[Lesion, ...] | None = None
    return replace(
        signals,
        whole=replace(signals.whole, name=_WHOLE),
        symmetry=tuple(replace(row, name=_WHOLE) if row.key == "background" else row for row in signals.symmetry),
        lesions=none,
        lesion_labels=None,
        excess_index=None,
        lesions_reason=reason,
        dropped=(),
    )


def _t1_forbids_lesions(report: QualityReport) -> bool:
    return any(gate.series == T1 for gate in report.with_consequence(Consequence.NO_LESIONS))


def _without(found: Measurement, reason: str) -> Measurement:
    if found.status is MeasurementStatus.NOT_EVALUABLE:
        return found
    return replace(found, value=None, ci_low=None, ci_high=None, status=MeasurementStatus.NOT_EVALUABLE, reason=reason)
