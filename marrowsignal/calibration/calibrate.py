"""From a cohort to a protocol."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TypeVar

from marrowsignal import __version__
from marrowsignal.calibration.band_estimates import BandEstimate, estimate_bands
from marrowsignal.calibration.change_estimates import estimate_change
from marrowsignal.calibration.cohort import cohort_sha256, first_studies
from marrowsignal.calibration.cut_estimates import estimate_cuts
from marrowsignal.calibration.fat_fraction_estimates import FitEstimate, estimate_fit
from marrowsignal.calibration.protocol_text import protocol_text
from marrowsignal.calibration.records import Calibration, CohortCase, Outcome, Stamp
from marrowsignal.errors import UsageError
from marrowsignal.protocol import protocol_sha256
from marrowsignal.protocol.schema import PartSpec, Protocol, RegionSpec
from marrowsignal.protocol.schema.quantities import ProtocolModel

__all__ = ["calibrate_cohort"]

_STAGE = "calibrate"
Spec = TypeVar("Spec", RegionSpec, PartSpec)
Model = TypeVar("Model", bound=ProtocolModel)


def calibrate_cohort(cases: tuple[CohortCase, ...], protocol: Protocol, *, extends: str) -> Calibration:
    """Re-estimate what a cohort can tell of a protocol's numbers.

    Parameters
    ----------
    cases : tuple of CohortCase
        From `read_cohort`; all analyzed with `protocol`.
    protocol : Protocol
        What is extended; its section ``calibration`` says how much a cohort has to hold.
    extends : str
        Name or file of it, for the TOML.

    Returns
    -------
    Calibration
        Expected bands from normal people, cuts from labelled ones, fat fraction from PDFF, repeatability from
        repeated scans. What the cohort cannot tell is kept, with the reason. The same bits for the same cohort.

    Raises
    ------
    UsageError
        If cases were analyzed with another protocol: its lesions and regions are not those of this one.
    """
    others = sum(case.protocol_sha256 != protocol_sha256(protocol) for case in cases)
    if others:
        raise UsageError(
            f"{others} of {len(cases)} cases were analyzed with another protocol, or another version of it",
            code="cohort_other_protocol",
            stage=_STAGE,
            hint="name the protocol they were analyzed with by --protocol, or analyze them again",
        )
    people = first_studies(cases)
    stamp = Stamp(cohort=cohort_sha256(cases), version=__version__, level=protocol.calibration.interval_level.value)
    bands, fit = estimate_bands(people, protocol, stamp), estimate_fit(people, protocol, stamp)
    cuts, change = estimate_cuts(people, protocol), estimate_change(cases, protocol)
    if fit.fit is not None:
        cuts = tuple(_after_the_line(cut) for cut in cuts)
    banded = tuple(outcome for band in bands for outcome in band.outcomes)
    outcomes = (*cuts, *fit.outcomes, *change, *banded)
    new = _renewed(protocol, (*cuts, *change), bands, fit, stamp)
    comments = (
        f"Calibrated with marrowsignal {__version__} on {len(cases)} studies of {len(people)} people, "
        f"cohort {stamp.cohort[:12]}.",
        f"{sum(o.new is not None for o in outcomes)} of {len(outcomes)} numbers are the cohort's.",
        "Research use only.",
    )
    return Calibration(
        protocol_name=protocol.name,
        cohort=stamp.cohort,
        studies=len(cases),
        people=len(people),
        outcomes=outcomes,
        fat_fraction=fit.check,
        text=protocol_text(new, protocol, extends=extends, comments=comments),
    )


def _after_the_line(cut: Outcome) -> Outcome:
    """Keep the cuts of D07: the line from FSI to fat fraction moves what they cut."""
    if not cut.path.startswith("evidence.excess_water"):
        return cut
    told = (
        "the new line from FSI to fat fraction moves D07: analyze the cohort with this protocol, then calibrate again"
    )
    return replace(cut, new=None, low=None, high=None, told=told)


def _renewed(
    protocol: Protocol,
    numbers: tuple[Outcome, ...],
    bands: tuple[BandEstimate, ...],
    fit: FitEstimate,
    stamp: Stamp,
) -> Protocol:
    changed = [outcome for outcome in numbers if outcome.new is not None]
    signals = protocol.signals if fit.fit is None else protocol.signals.model_copy(update={"fat_fraction_fit": fit.fit})
    # A key may name several bones, each with bands of its own: what the cohort cannot tell is left to each.
    by_key = {
        band.key: band for band in bands if band.bands.fitted or any(one.new is not None for one in band.outcomes)
    }

    def banded(specs: Iterable[Spec]) -> tuple[Spec, ...]:
        return tuple(
            spec.model_copy(update={"expected_fat_signal": by_key[spec.key].bands}) if spec.key in by_key else spec
            for spec in specs
        )

    return protocol.model_copy(
        update={
            "version": f"{protocol.version}+{stamp.cohort[:8]}",
            "signals": signals,
            "evidence": _with_numbers(protocol.evidence, "evidence", changed, stamp),
            "change": _with_numbers(protocol.change, "change", changed, stamp),
            "whole": banded((protocol.whole,))[0],
            "regions": banded(protocol.regions),
            "other_bones": banded(protocol.other_bones),
            "parts": banded(protocol.parts),
        }
    )


def _with_numbers(section: Model, name: str, changed: list[Outcome], stamp: Stamp) -> Model:
    for outcome in changed:
        table, key, *end = outcome.path.split(".")
        if table != name:
            continue
        span = None if outcome.low is None or outcome.high is None else (outcome.low, outcome.high)
        update = {(end[0] if end else "value"): outcome.new, "source": stamp.source(outcome.people, span)}
        section = section.model_copy(update={key: getattr(section, key).model_copy(update=update)})
    return section
