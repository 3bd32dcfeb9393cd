"""The verdict on an alignment, and what it rests on (SCIENCE 6)."""

from __future__ import annotations

from dataclasses import astuple, dataclass

import numpy as np

from marrowsignal.alignment.court.measures import Evidence, Overlay, measure
from marrowsignal.alignment.records import AlignmentVerdict
from marrowsignal.protocol.schema import AlignmentSettings

__all__ = ["Judgement", "estimated_error_mm", "judge"]

_UNBOUND = "T1 tells STIR no better where they lie than some millimetres beside, so no error could be bounded"
_TOO_LITTLE = "the series share too little tissue to measure an error"
_NO_NUMBER = "a measure of the error gave no finite number, so the images are no usable pictures"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What the alignment of a pair is good for.

    Attributes
    ----------
    verdict : AlignmentVerdict
        Against the protocol's cuts.
    reason : str
        Half a sentence.
    estimated_error_mm : float or None
        Root mean square distance of STIR tissue from its T1 tissue; None when it could not be bounded.
    error_source : str
        How it was got, with its parts.
    evidence : Evidence or None
        The parts; None where nothing could be measured.
    """

    verdict: AlignmentVerdict
    reason: str
    estimated_error_mm: float | None
    error_source: str
    evidence: Evidence | None


def judge(overlay: Overlay, *, overlap_fraction: float, settings: AlignmentSettings) -> Judgement:
    """Measure how far STIR is from T1 and say what that allows.

    Parameters
    ----------
    overlay : Overlay
        A pair as registration leaves it, or as anyone else puts it: the court knows nothing of how it was found.
    overlap_fraction : float
        Share of the T1 tissue that STIR covers.
    settings : AlignmentSettings
        Cuts and weights.

    Returns
    -------
    Judgement
        Deterministic: the same bits for the same overlay.
    """
    evidence, nothing = _finite(measure(overlay, settings=settings))
    error = None if evidence is None else estimated_error_mm(evidence, settings)
    if overlap_fraction < settings.min_overlap.value:
        verdict, reason = AlignmentVerdict.FAIL, f"STIR covers only {overlap_fraction:.0%} of the tissue"
    elif error is None:
        verdict, reason = AlignmentVerdict.FAIL, nothing if evidence is None else _UNBOUND
    else:
        verdict, reason = _against_cuts(error, settings), f"the remaining error is estimated at {error:.1f} mm"
    return Judgement(
        verdict=verdict,
        reason=reason,
        estimated_error_mm=error,
        error_source=nothing if evidence is None else _source(evidence, error, settings),
        evidence=evidence,
    )


def _finite(evidence: Evidence | None) -> tuple[Evidence | None, str]:
    """Evidence that can be weighed, or why there is none."""
    if evidence is None:
        return None, _TOO_LITTLE
    whole = all(value is None or np.isfinite(value) for value in astuple(evidence))
    return (evidence, "") if whole else (None, _NO_NUMBER)


def estimated_error_mm(evidence: Evidence, settings: AlignmentSettings) -> float | None:
    r"""Weigh the evidence to an expected root mean square error in the middle of the picture.

    Parameters
    ----------
    evidence : Evidence
        What was measured.
    settings : AlignmentSettings
        Weights.

    Returns
    -------
    float or None
        :math:`e^2 = \sum_k (w_k m_k)^2` over pixel size, the shift still asked for and its jackknife, there-and-back,
        what blocks ask for and how far edges lie beyond the usual, and what pieces were moved by. None when the images
        match hardly better as they lie than some mm beside.

    Notes
    -----
    The terms are taken as independent. Each weight's source stands beside it in the protocol; on the whole they lean to
    the safe side, for an error told too small does harm and one told too large costs a lesion map.
    """
    if evidence.stands_out < settings.min_stands_out.value:
        return None
    return float(np.sqrt(sum(part**2 for _, part in _parts(evidence, settings))))


def _parts(evidence: Evidence, settings: AlignmentSettings) -> tuple[tuple[str, float], ...]:
    # going back may find nothing to start from: then the other measure stands for both
    there_and_back = evidence.shift_mm if evidence.forward_backward_mm is None else evidence.forward_backward_mm
    local = _beyond(evidence.local_mm, settings.usual_local.value)
    edges = _beyond(evidence.edge_mm or 0.0, settings.usual_edge.value)
    return (
        ("pixel size", settings.pixel_weight.value * evidence.pixel_mm),
        ("local correlation's shift", settings.shift_weight.value * evidence.shift_mm),
        ("there and back", settings.there_and_back_weight.value * there_and_back),
        ("jackknife over slices", settings.jackknife_weight.value * evidence.jackknife_mm),
        ("what parts still ask for", settings.local_weight.value * local),
        ("edges", settings.edge_weight.value * edges),
        ("parts moved on their own", settings.pieces_weight.value * evidence.pieces_mm),
    )


def _beyond(found_mm: float, usual_mm: float) -> float:
    return float(np.sqrt(max(0.0, found_mm**2 - usual_mm**2)))


def _source(evidence: Evidence, error: float | None, settings: AlignmentSettings) -> str:
    if error is None:
        return f"none: {_UNBOUND} (ratio {evidence.stands_out:.1f})"
    parts = ", ".join(f"{name} {size:.1f}" for name, size in _parts(evidence, settings))
    return f"root of the sum of squares, mm: {parts}"


def _against_cuts(error_mm: float, settings: AlignmentSettings) -> AlignmentVerdict:
    for verdict, cut in (
        (AlignmentVerdict.PASS, settings.pass_error),
        (AlignmentVerdict.WARN, settings.warn_error),
        (AlignmentVerdict.REGION_ONLY, settings.region_only_error),
    ):
        if error_mm <= cut.value:
            return verdict
    return AlignmentVerdict.FAIL
