"""Decide what a series is, and say why in plain words (SCIENCE 5.1)."""

from __future__ import annotations

from dataclasses import dataclass

from marrowsignal.dicom.evidence import Inversion, Physics, read_physics, scores
from marrowsignal.dicom.records import SeriesIdentity
from marrowsignal.dicom.series_words import SeriesWords, read_words
from marrowsignal.dicom.slice_header import SliceHeader
from marrowsignal.findings import Finding, Severity
from marrowsignal.protocol.series_rules import SeriesRules

__all__ = ["Identification", "identify"]

_STAGE = "find_series"
_MR_IMAGE = "1.2.840.10008.5.1.4.1.1.4"
_NO_IMAGE = frozenset({"1.2.840.10008.5.1.4.1.1.66"})  # Raw Data Storage carries an image's header
_SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"

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
        Evidence from 0 to 1.
    reasons : tuple of str
        Why, in plain words.
    findings : tuple of Finding
        Conflicts between text and physics, and odd header values.
    """

    identity: SeriesIdentity
    score: float
    reasons: tuple[str, ...]
    findings: tuple[Finding, ...] = ()


def identify(header: SliceHeader, planes_in_series: int, rules: SeriesRules) -> Identification:
    """Identify one stack.

    Parameters
    ----------
    header : SliceHeader
        Header of one of its slices.
    planes_in_series : int
        How many of axial, coronal, sagittal its SeriesInstanceUID holds.
    rules : SeriesRules
        Windows, weights and words.
    """
    words = read_words(header, rules.text)
    physics = read_physics(header, words)
    plain = _not_a_contrast(header, words, rules, planes_in_series)
    if plain is None:
        plain = _other_readout(header, physics, words)
    if plain is not None:
        identity, why = plain
        return Identification(identity=identity, score=1.0, reasons=(why,))
    return _by_evidence(header, physics, words, rules)


def _not_a_contrast(
    header: SliceHeader, words: SeriesWords, rules: SeriesRules, planes: int
) -> tuple[SeriesIdentity, str] | None:
    """Sort out what no timing can make a T1 or STIR; the first that holds decides."""
    facts, kinds = header.acquisition, rules.image_type
    values = set(facts.image_type[2:])
    computed = ", ".join(sorted(values & kinds.derived))
    many_planes = planes >= rules.usable.localizer_planes.value
    named_derived = words.derived and facts.image_type[:1] == ("DERIVED",)
    captured = header.sop_class_uid == _SECONDARY_CAPTURE or header.samples_per_pixel != 1
    diffusion = bool(values & kinds.diffusion) or (header.diffusion_b_value or 0) > 0
    checks: tuple[tuple[object, SeriesIdentity, str], ...] = (
        (not _is_mr_image(header), SeriesIdentity.NOT_MR, f"{facts.modality or 'No modality'}: no MR image."),
        (captured, SeriesIdentity.DERIVED, "Secondary capture or colour: its grey values are no MR signal."),
        (many_planes, SeriesIdentity.LOCALIZER, f"Localizer: {planes} planes in one series."),
        (values & kinds.localizer, SeriesIdentity.LOCALIZER, "Localizer (ImageType)."),
        (_named_localizer(header, words), SeriesIdentity.LOCALIZER, "Localizer by its name."),
        (values & kinds.phase, SeriesIdentity.DERIVED, "Phase, imaginary or mixed image, not magnitude."),
        (
            values & kinds.derived - kinds.diffusion,
            SeriesIdentity.DERIVED,
            f"Computed from other images (ImageType {computed}).",
        ),
        (diffusion, SeriesIdentity.DIFFUSION, "Diffusion-weighted or a map computed from it."),
        (
            words.synthetic or named_derived,
            SeriesIdentity.DERIVED,
            "Its description says that it was computed from other images.",
        ),
        (values & kinds.dixon_other, SeriesIdentity.DIXON, "Dixon water, fat or opposed-phase image."),
    )
    return next(((identity, why) for holds, identity, why in checks if holds), None)


def _is_mr_image(header: SliceHeader) -> bool:
    if header.rows < 1 or header.columns < 1 or header.sop_class_uid in _NO_IMAGE:
        return False
    return header.acquisition.modality == "MR" or (
        header.acquisition.modality is None and header.sop_class_uid == _MR_IMAGE
    )


def _named_localizer(header: SliceHeader, words: SeriesWords) -> bool:
    """Whether it is named a localizer and nothing in physics or name contradicts that."""
    physics = set(header.acquisition.scanning_sequence)
    long_echo_train = (header.acquisition.echo_train_length or 0) > 1 and "SE" in physics
    return words.localizer and not (long_echo_train or words.t1 or words.stir)


def _other_readout(header: SliceHeader, physics: Physics, words: SeriesWords) -> tuple[SeriesIdentity, str] | None:
    sequence = "\\".join(header.acquisition.scanning_sequence) or header.acquisition.sequence_name
    if physics.echo_planar:
        if words.diffusion:
            return SeriesIdentity.DIFFUSION, f"Echo-planar ({sequence}), named diffusion."
        return SeriesIdentity.ECHO_PLANAR, f"Echo-planar ({sequence}): neither T1 spin echo nor STIR."
    if physics.gradient_echo:
        told = _timings_in_words(header, physics)
        return SeriesIdentity.GRADIENT_ECHO, f"{told}: gradient echo ({sequence}), no T1 spin echo."
    return None


def _by_evidence(header: SliceHeader, physics: Physics, words: SeriesWords, rules: SeriesRules) -> Identification:
    ranked = sorted(scores(header, physics, words, rules).items(), key=lambda pair: (-pair[1], pair[0]))
    identity, score = ranked[0]
    margin = round(score - ranked[1][1], 6) if len(ranked) > 1 else score
    told = _timings_in_words(header, physics)
    accept, apart = rules.evidence.accept.value, rules.evidence.margin.value
    if score < accept or margin < apart:
        why = (
            f"{told}: no contrast is certain; the nearest is {identity} with evidence {score:.2f} "
            f"({accept:.2f} wanted, {apart:.2f} ahead of the next)."
        )
        return Identification(
            identity=SeriesIdentity.UNKNOWN,
            score=score,
            reasons=(why,),
            findings=_conflicts(SeriesIdentity.UNKNOWN, words),
        )
    return Identification(
        identity=identity,
        score=score,
        reasons=(f"{told}: {_IN_WORDS[identity]}.",),
        findings=_conflicts(identity, words),
    )


def _timings_in_words(header: SliceHeader, physics: Physics) -> str:
    facts = header.acquisition
    parts = [
        f"{name} {value:g} ms" if value is not None else f"no {name}"
        for name, value in (("TR", facts.repetition_time_ms), ("TE", facts.echo_time_ms))
    ]
    if physics.inversion is Inversion.NONE:
        parts.append("no inversion")
    elif facts.inversion_time_ms is None:
        parts.append("inversion without a TI")
    else:
        parts.append(f"TI {facts.inversion_time_ms:g} ms")
    if facts.magnetic_field_strength_t is not None:
        parts.append(f"{facts.magnetic_field_strength_t:g} T")
    if "FS" in facts.scan_options:
        parts.append("ScanOptions FS")
    elif physics.fat_suppressed:
        parts.append("fat suppression named")
    return ", ".join(parts)


_COMPATIBLE = {
    "STIR": {SeriesIdentity.STIR},
    "FLAIR": {SeriesIdentity.FLAIR, SeriesIdentity.T1_IR},
    "T1": {SeriesIdentity.T1, SeriesIdentity.T1_FAT_SUPPRESSED, SeriesIdentity.T1_IR},
}


def _conflicts(identity: SeriesIdentity, words: SeriesWords) -> tuple[Finding, ...]:
    """Physics beats text, but a reader must know that they disagree."""
    claims = [name for name, said in (("STIR", words.stir), ("FLAIR", words.flair)) if said]
    if not claims and words.t1 and not (words.t2 or words.pd):
        claims = ["T1"]
    return tuple(
        Finding(
            code="text_physics_conflict",
            stage=_STAGE,
            severity=Severity.WARN,
            message=f"The description says {claim}, the timings say {identity}: physics beats text.",
        )
        for claim in claims
        if identity not in _COMPATIBLE[claim]
    )
