"""Decide what a series is, and say why in plain words (SCIENCE 5.1)."""

from __future__ import annotations

from dataclasses import dataclass, field

from marrowsignal.dicom.contrasts.evidence import contrasts_named, names_in_header, weigh
from marrowsignal.dicom.contrasts.other_series import OtherSeries, other_series
from marrowsignal.dicom.contrasts.pulse_sequence import Inversion, Physics, read_physics
from marrowsignal.dicom.contrasts.series_words import SeriesWords, read_words
from marrowsignal.dicom.headers.slice_header import SliceHeader
from marrowsignal.dicom.records import EvidenceItem, EvidenceKind, SeriesIdentity
from marrowsignal.findings import Finding, Severity
from marrowsignal.protocol.series_rules import SeriesRules

__all__ = ["Identification", "identify"]

_STAGE = "find_series"

_IN_WORDS = {
    SeriesIdentity.T1: "T1-weighted spin echo",
    SeriesIdentity.STIR: "STIR",
    SeriesIdentity.FLAIR: "FLAIR (dark fluid), not STIR: its inversion nulls water, not fat",
    SeriesIdentity.T1_IR: "T1 inversion recovery: neither STIR nor T1 spin echo, T1 ratios do not hold",
    SeriesIdentity.T1_FAT_SUPPRESSED: "T1 fat-suppressed: its fat is suppressed, so T1 ratios do not hold",
    SeriesIdentity.T2: "T2-weighted, fat not suppressed: neither T1 nor STIR",
    SeriesIdentity.PD: "proton-density, fat not suppressed: neither T1 nor STIR",
    SeriesIdentity.T2_FAT_SUPPRESSED: (
        "T2 fat-suppressed, not STIR: its fat is suppressed spectrally, so STIR ratios do not hold"
    ),
    SeriesIdentity.PD_FAT_SUPPRESSED: (
        "proton-density fat-suppressed, not STIR: its fat is suppressed spectrally, so STIR ratios do not hold"
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Identification:
    """What a series is.

    Attributes
    ----------
    identity : SeriesIdentity
        The contrast, or what kind of object it is.
    score : float
        Evidence from 0 to 1 for the identity; for the nearest one when the identity is unknown.
    margin : float
        How far ahead of the next identity.
    runner_up : SeriesIdentity or None
        The next identity; for an unknown series the nearest one. None when no other was possible.
    fat_suppressed : bool
        Spectral fat suppression or water excitation, by code or name.
    reasons : tuple of str
        Why, in plain words.
    evidence : tuple of EvidenceItem
        What spoke for the identities that were weighed, the best first.
    findings : tuple of Finding
        Conflicts between text and physics, and odd header values.
    words : SeriesWords
        What its texts say.
    """

    identity: SeriesIdentity
    score: float
    margin: float
    runner_up: SeriesIdentity | None
    fat_suppressed: bool
    reasons: tuple[str, ...]
    evidence: tuple[EvidenceItem, ...]
    findings: tuple[Finding, ...] = ()
    words: SeriesWords = field(repr=False)


def identify(
    header: SliceHeader, planes_in_series: int, rules: SeriesRules, *, echo_times_in_series: int = 1
) -> Identification:
    """Identify one stack.

    Parameters
    ----------
    header : SliceHeader
        Header of one of its slices.
    planes_in_series : int
        How many of axial, coronal, sagittal its SeriesInstanceUID holds.
    rules : SeriesRules
        Windows, weights and words.
    echo_times_in_series : int
        How many echo times its SeriesInstanceUID holds.
    """
    words = read_words(header, rules.text)
    physics = read_physics(header, words, rules)
    other = other_series(header, physics, words, rules, planes_in_series)
    if other is not None:
        return _as_other(other, physics, words)
    return _by_evidence(header, physics, words, rules, echo_times_in_series)


def _as_other(other: OtherSeries, physics: Physics, words: SeriesWords) -> Identification:
    item = EvidenceItem(kind=EvidenceKind.OBJECT, told=other.why, points=1.0, identity=other.identity)
    return Identification(
        identity=other.identity,
        score=1.0,
        margin=1.0,
        runner_up=None,
        fat_suppressed=physics.fat_suppressed,
        reasons=(other.why,),
        evidence=(item,),
        # T1-weighted gradient echoes and diffusion with STIR preparation are common: no conflict.
        findings=_conflicts(other.identity, words) if other.identity in _READOUTS and words.stir else (),
        words=words,
    )


def _by_evidence(
    header: SliceHeader, physics: Physics, words: SeriesWords, rules: SeriesRules, echo_times: int
) -> Identification:
    weighed = weigh(header, physics, words, rules)
    score = {identity: round(sum(item.points for item in items), 6) for identity, items in weighed.items()}
    best, second, *rest = sorted(score, key=lambda identity: (-score[identity], identity))
    margin = round(score[best] - score[second], 6)
    timing = sum(item.points for item in weighed[best] if item.kind is EvidenceKind.TIMING)
    doubt = _weak_score(best, score[best], margin, rules) or _other_purpose(best, words)
    if not doubt and timing < rules.evidence.timing.value:
        doubt = _contradiction(best, header, words)
    if best is SeriesIdentity.T1 and echo_times >= rules.usable.multi_echo_from.value:
        doubt = f"one of {echo_times} echo times of a relaxation measurement, no T1-weighted imaging"
    identity = SeriesIdentity.UNKNOWN if doubt else best
    told = _timings_in_words(header, physics)
    return Identification(
        identity=identity,
        score=score[best],
        margin=margin,
        runner_up=best if doubt else second,
        fat_suppressed=physics.fat_suppressed,
        reasons=(f"{told}: {doubt or _IN_WORDS[best]}.",),
        evidence=tuple(item for one in (best, second, *rest) for item in weighed[one]),
        findings=_conflicts(identity, words),
        words=words,
    )


def _weak_score(best: SeriesIdentity, score: float, margin: float, rules: SeriesRules) -> str:
    """Say why the evidence does not do; empty when it does."""
    accept, apart = rules.evidence.accept.value, rules.evidence.margin.value
    if score >= accept and margin >= apart:
        return ""
    if score <= 0:
        return "nothing in the header tells a contrast"
    return (
        f"no contrast is certain; the nearest is {best} with evidence {score:.2f} "
        f"({accept:.2f} wanted) and {margin:.2f} ahead of the next ({apart:.2f} wanted)"
    )


def _other_purpose(best: SeriesIdentity, words: SeriesWords) -> str:
    """Say that a T1 or STIR readout serves something else by its name; empty when it does not."""
    if best not in _MEASURED or not words.other_purpose:
        return ""
    return f"the readout of {best}, but named a relaxation map, or an image that suppresses water or shows silicone"


def _contradiction(best: SeriesIdentity, header: SliceHeader, words: SeriesWords) -> str:
    """Say what timings outside their windows lack to be believed; empty when they lack nothing."""
    named = contrasts_named(words)
    if named and best not in named:
        return f"its timings are only near those of {best}, and its description names another contrast"
    if best is SeriesIdentity.T1 and not named and not names_in_header(best, header):
        return f"its timings are only near those of {best}, where proton density begins, and nothing names it T1"
    if best is SeriesIdentity.STIR and words.t1:
        return f"its timings are only near those of {best}, and its description says T1 too"
    return ""


def _timings_in_words(header: SliceHeader, physics: Physics) -> str:
    facts = header.acquisition
    parts = [
        f"{name} {value:g} ms" if value is not None else f"no {name}"
        for name, value in (("TR", facts.repetition_time_ms), ("TE", facts.echo_time_ms))
    ]
    if facts.inversion_time_ms is not None:
        parts.append(f"TI {facts.inversion_time_ms:g} ms")
    if physics.inversion is Inversion.NONE:
        parts.append("no inversion" if facts.inversion_time_ms is None else "no global inversion")
    elif facts.inversion_time_ms is None:
        parts.append("inversion without a TI")
    if facts.magnetic_field_strength_t is not None:
        parts.append(f"{facts.magnetic_field_strength_t:g} T")
    if "FS" in facts.scan_options:
        parts.append("ScanOptions FS")
    elif physics.fat_suppressed:
        parts.append("fat suppression named")
    return ", ".join(parts)


_MEASURED = frozenset({SeriesIdentity.T1, SeriesIdentity.STIR})
_READOUTS = frozenset({SeriesIdentity.GRADIENT_ECHO, SeriesIdentity.ECHO_PLANAR})
_COMPATIBLE = {
    "STIR": {SeriesIdentity.STIR},
    "FLAIR": {SeriesIdentity.FLAIR, SeriesIdentity.T1_IR},
    "T1": {SeriesIdentity.T1, SeriesIdentity.T1_FAT_SUPPRESSED, SeriesIdentity.T1_IR},
    "spectral fat suppression": set(SeriesIdentity) - {SeriesIdentity.STIR},
}


def _conflicts(identity: SeriesIdentity, words: SeriesWords) -> tuple[Finding, ...]:
    """Physics beats text, but a reader must know that they disagree."""
    claims = [name for name, said in (("STIR", words.stir), ("FLAIR", words.flair)) if said]
    if not claims and words.t1 and not (words.t2 or words.pd):
        claims = ["T1"]
    if words.spectral_inversion and not words.stir:
        claims.append("spectral fat suppression")
    if identity is SeriesIdentity.T1 and not words.t1 and not claims and contrasts_named(words):
        claims = ["T2" if words.t2 else "proton density"]
    return tuple(
        Finding(
            code="text_physics_conflict",
            stage=_STAGE,
            severity=Severity.WARN,
            message=(
                f"The description says {claim}, but codes and timings do not confirm it."
                if identity is SeriesIdentity.UNKNOWN
                else f"The description says {claim}, codes and timings say {identity}: physics beats text."
            ),
        )
        for claim in claims
        if identity not in _COMPATIBLE.get(claim, ())
    )
