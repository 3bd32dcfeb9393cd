"""By which criteria, in which order, the better of several T1 + STIR combinations is chosen."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from marrowsignal.dicom.pairing.anatomy import anatomies_agree
from marrowsignal.dicom.pairing.candidates import PairCandidate
from marrowsignal.dicom.records import EvidenceKind, Series
from marrowsignal.findings import Severity
from marrowsignal.protocol.series_rules import PairingRules, SeriesRules

__all__ = [
    "COMMON_FIELD",
    "Criterion",
    "criteria",
    "distortion_corrected",
    "field_strengths_differ",
    "fineness",
    "normalised",
]

COMMON_FIELD = "common field of view"

_SLICES_MISSING = "slices_missing"
_SECOND_CHOICE = frozenset({"stitched", "named_derived", "dixon_in_phase", "single_shot", "eight_bit"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Criterion:
    """One question about a combination.

    Attributes
    ----------
    name : str
        What is asked.
    value : callable
        Answer as a number, 0 or more; the more the better.
    told : callable
        The same in words.
    share : float
        Share of the best value that is nearly as good.
    """

    name: str
    value: Callable[[PairCandidate], float]
    told: Callable[[PairCandidate], str]
    share: float = 1.0


def criteria(rules: SeriesRules) -> tuple[Criterion, ...]:
    """Return the criteria in their order.

    Parameters
    ----------
    rules : SeriesRules
        What is nearly equal; tolerances of plane and field strength; what a clear timing counts.
    """
    near = rules.pairing.near_equal_fraction
    return (
        *_of_acquisition(rules.pairing),
        *_of_images(rules.evidence.timing.value, near.value),
        *_of_grid(near.value),
    )


def _of_acquisition(rules: PairingRules) -> tuple[Criterion, ...]:
    """Whether the two were acquired alike."""
    return (
        Criterion(
            name="same field strength",
            value=lambda c: not field_strengths_differ(c, rules),
            told=lambda c: "two field strengths" if field_strengths_differ(c, rules) else "one field strength",
        ),
        Criterion(
            name="same body part",
            value=anatomies_agree,
            told=lambda c: "one body part" if anatomies_agree(c) else "two body parts",
        ),
        Criterion(
            name="same plane",
            value=lambda c: c.plane_angle_deg <= rules.plane_tolerance.value,
            told=lambda c: f"slices of T1 and STIR {c.plane_angle_deg:.0f} deg apart",
        ),
        Criterion(
            name="same frame of reference",
            value=lambda c: c.same_frame,
            told=lambda c: c.frame_in_words,
        ),
    )


def _of_images(clear: float, near: float) -> tuple[Criterion, ...]:
    """Whether the two are whole and what they are taken for."""
    return (
        Criterion(
            name="complete",
            value=lambda c: len(c.series) - _with_gaps(c),
            told=lambda c: f"{_with_gaps(c)} of {len(c.series)} with missing slices",
        ),
        Criterion(
            name="clear timing",
            value=lambda c: len(c.series) - _near_a_window(c, clear),
            told=lambda c: f"{_near_a_window(c, clear)} of {len(c.series)} with timing only near a window",
        ),
        Criterion(
            name="kind of image",
            value=lambda c: len(c.series) - _second_choice(c),
            told=lambda c: f"{_second_choice(c)} of {len(c.series)} stitched, computed, Dixon, single-shot or 8-bit",
        ),
        Criterion(
            name=COMMON_FIELD,
            value=lambda c: c.overlap_ml,
            told=lambda c: f"{c.overlap_ml:.0f} mL covered",
            share=near,
        ),
        Criterion(
            name="identity score of the T1",
            value=lambda c: c.t1.identity_score,
            told=lambda c: f"score {c.t1.identity_score:.2f}",
            share=near,
        ),
        Criterion(
            name="identity score of the STIR",
            value=_score_of_stir,
            told=lambda c: f"score {_score_of_stir(c):.2f}",
            share=near,
        ),
    )


def _of_grid(near: float) -> tuple[Criterion, ...]:
    """How well the images came out."""
    return (
        Criterion(name="fewer warnings", value=lambda c: 1 / (1 + _warnings(c)), told=_warnings_in_words),
        Criterion(name="same corrections by the scanner", value=_agreeing_corrections, told=_corrections_in_words),
        Criterion(name="corrected by the scanner", value=_corrections, told=_corrections_in_words),
        Criterion(name="resolution", value=fineness, told=_voxels_in_words, share=near),
    )


def _with_gaps(candidate: PairCandidate) -> int:
    return sum(any(f.code == _SLICES_MISSING for f in s.findings) for s in candidate.series)


def _near_a_window(candidate: PairCandidate, clear: float) -> int:
    """Count series of which TR, TE, TI or echo train lie near a window, not inside: they may be another contrast."""
    return sum(_timing_points(s, clear) < clear for s in candidate.series)


def _timing_points(series: Series, clear: float) -> float:
    """Return what the timing counted for what the series is taken for; where none was weighed, as for a clear one."""
    weighed = (e.points for e in series.evidence if e.kind is EvidenceKind.TIMING and e.identity is series.identity)
    return next(weighed, clear)


def _score_of_stir(candidate: PairCandidate) -> float:
    return 0.0 if candidate.stir is None else candidate.stir.identity_score


def _second_choice(candidate: PairCandidate) -> int:
    return sum(any(f.code in _SECOND_CHOICE for f in s.findings) for s in candidate.series)


def _warnings(candidate: PairCandidate) -> int:
    findings = (f for s in candidate.series for f in s.findings)
    return sum(f.severity is not Severity.INFO and f.code != _SLICES_MISSING for f in findings)


def _warnings_in_words(candidate: PairCandidate) -> str:
    count = _warnings(candidate)
    return f"{count} warning{'' if count == 1 else 's'}"


def field_strengths_differ(candidate: PairCandidate, rules: PairingRules) -> bool:
    """Whether both series name a field strength and these differ."""
    named = [t for s in candidate.series if (t := s.acquisition.magnetic_field_strength_t) is not None]
    return max(named, default=0.0) - min(named, default=0.0) > rules.field_tolerance.value


def normalised(series: Series) -> bool:
    """Whether the scanner evened out coil shading (prescan normalisation), by ImageType."""
    return "NORM" in series.acquisition.image_type


def distortion_corrected(series: Series) -> bool:
    """Whether the scanner corrected gradient distortion, by ImageType."""
    return bool({"DIS2D", "DIS3D"} & set(series.acquisition.image_type))


def _agreeing_corrections(candidate: PairCandidate) -> float:
    return sum(len({of(s) for s in candidate.series}) == 1 for of in (normalised, distortion_corrected))


def _corrections(candidate: PairCandidate) -> float:
    return sum(of(s) for s in candidate.series for of in (normalised, distortion_corrected))


def _corrections_in_words(candidate: PairCandidate) -> str:
    count = len(candidate.series)
    even, straight = (sum(of(s) for s in candidate.series) for of in (normalised, distortion_corrected))
    return f"{even} of {count} normalised, {straight} of {count} distortion-corrected"


def _voxels_mm3(candidate: PairCandidate) -> list[float]:
    return [math.prod(s.spacing_mm) for s in candidate.series if s.spacing_mm is not None]


def fineness(candidate: PairCandidate) -> float:
    """Return how many voxels a mm3 holds, on geometric average over the series."""
    voxels = _voxels_mm3(candidate)
    return float(math.prod(voxels) ** (-1.0 / len(voxels)))


def _voxels_in_words(candidate: PairCandidate) -> str:
    return "voxels of " + " and ".join(f"{v:.2f}" for v in _voxels_mm3(candidate)) + " mm3"
