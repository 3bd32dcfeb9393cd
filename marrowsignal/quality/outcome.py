"""What one check of the quality gates sees, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from marrowsignal.alignment.records import AlignedPair
from marrowsignal.dicom.records import Series, SeriesPair
from marrowsignal.geometry.acquisition import AcquisitionFacts
from marrowsignal.geometry.volume import SignalVolume
from marrowsignal.intensity.records import References
from marrowsignal.marrow.records import MarrowMask
from marrowsignal.protocol.schema import Protocol
from marrowsignal.quality.air import Air, air_around
from marrowsignal.quality.records import Consequence, GateState
from marrowsignal.regions.records import RegionMap
from marrowsignal.signals.records import Signals

__all__ = ["STIR", "T1", "Outcome", "Steps", "graded", "not_evaluable", "passed"]

T1, STIR = "T1", "STIR"


@dataclass(frozen=True, kw_only=True, eq=False)  # without slots, so that `air` is found once
class Steps:
    """Products of the steps so far, in their order; `series` is None where the images came from no DICOM series."""

    series: SeriesPair | None
    pair: AlignedPair
    marrow: MarrowMask
    regions: RegionMap
    references: References
    signals: Signals
    protocol: Protocol

    @cached_property
    def air(self) -> Air:
        """Air around the patient, the same for both series."""
        return air_around(self.pair.body_mask, spacing_mm=self.pair.t1.geometry.spacing_mm)

    def volume(self, series: str) -> SignalVolume | None:
        """Return the bias-corrected image of ``"T1"`` or ``"STIR"``; None where `pair.no_stir` tells why."""
        return self.pair.t1 if series == T1 else self.pair.comparable_stir

    def facts(self, series: str) -> AcquisitionFacts | None:
        """Return what the headers tell of ``"T1"`` or ``"STIR"``, wherever it lies; None without a STIR series."""
        volume = self.pair.t1 if series == T1 else self.pair.stir
        return None if volume is None else volume.acquisition

    def header(self, series: str) -> Series | None:
        """Return the DICOM series of ``"T1"`` or ``"STIR"``, where there is one."""
        if self.series is None:
            return None
        return self.series.t1 if series == T1 else self.series.stir

    def muscle(self, series: str) -> float | None:
        """Return lean muscle's level in a series, where it was found."""
        return self.references.muscle.t1 if series == T1 else self.references.muscle.stir

    def fat(self, series: str) -> float | None:
        """Return subcutaneous fat's level in a series, where it was found."""
        return self.references.fat.t1 if series == T1 else self.references.fat.stir

    def found(self, code: str) -> str | None:
        """Return the message of the first finding of that code in any step, or None."""
        steps = (self.pair, self.marrow, self.regions, self.references, self.signals)
        chosen = () if self.series is None else (self.series, self.series.t1, self.series.stir)
        everything = (f for step in (*chosen, *steps) if step is not None for f in step.findings)
        return next((f.message for f in everything if f.code == code), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Answer of one check.

    Attributes
    ----------
    state : GateState
        Pass, warn, fail or not evaluable.
    reason : str
        One sentence without its full stop.
    value : float or None
        What was measured, in the unit of the gate.
    consequence : Consequence or None
        Where it differs from the declared one.
    """

    state: GateState
    reason: str
    value: float | None = None
    consequence: Consequence | None = None


def passed(reason: str, value: float | None = None) -> Outcome:
    """Return an outcome that forbids nothing."""
    return Outcome(state=GateState.PASS, reason=reason, value=value)


def not_evaluable(reason: str) -> Outcome:
    """Return the outcome of a check that could not be made."""
    return Outcome(state=GateState.NOT_EVALUABLE, reason=reason)


def graded(
    value: float, reason: str, *, warn: float | None = None, fail: float | None = None, below: bool = False
) -> Outcome:
    """Grade a value by its limits; a value at a limit is still good.

    Parameters
    ----------
    value : float
        In the unit of the gate.
    reason : str
        What was seen.
    warn, fail : float, optional
        Limits; None where the gate knows no such state.
    below : bool
        Whether it is small values that are bad.

    Examples
    --------
    >>> graded(5.0, "thick", warn=5.0, fail=6.0).state.value, graded(7.0, "thick", warn=5.0, fail=6.0).state.value
    ('pass', 'fail')
    """

    def beyond(limit: float | None) -> bool:
        return limit is not None and (value < limit if below else value > limit)

    state = GateState.FAIL if beyond(fail) else GateState.WARN if beyond(warn) else GateState.PASS
    return Outcome(state=state, reason=reason, value=value)
