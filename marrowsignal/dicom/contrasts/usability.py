"""Say why a T1 or STIR series cannot be measured, and what weakens one that can."""

from __future__ import annotations

import dataclasses

from marrowsignal.dicom.contrasts.series_words import ContrastWords, read_words
from marrowsignal.dicom.headers.slice_header import SliceHeader
from marrowsignal.dicom.records import SeriesIdentity
from marrowsignal.dicom.stacks.slice_grid import Stack
from marrowsignal.findings import Finding, Severity
from marrowsignal.protocol.series_rules import SeriesRules

__all__ = ["MEASURED", "hindrances", "in_usual_units", "weaknesses"]

MEASURED = frozenset({SeriesIdentity.T1, SeriesIdentity.STIR})
_GAUSS_PER_TESLA = 10_000.0


def in_usual_units(header: SliceHeader, rules: SeriesRules) -> tuple[SliceHeader, tuple[Finding, ...]]:
    """Take an InversionTime that can only be seconds, and a MagneticFieldStrength that can only be gauss, as such."""
    facts, findings = header.acquisition, []
    ti, field = facts.inversion_time_ms, facts.magnetic_field_strength_t
    if ti is not None and ti < rules.usable.seconds_below.value:
        facts = dataclasses.replace(facts, inversion_time_ms=ti * 1000.0)
        message = f"InversionTime {ti:g} can only be seconds; taken as {ti * 1000:g} ms."
        findings.append(_warn("inversion_time_in_seconds", message))
    if field is not None and field > rules.usable.gauss_above.value:
        facts = dataclasses.replace(facts, magnetic_field_strength_t=field / _GAUSS_PER_TESLA)
        message = f"MagneticFieldStrength {field:g} can only be gauss; taken as {field / _GAUSS_PER_TESLA:g} T."
        findings.append(_warn("field_strength_in_gauss", message))
    return dataclasses.replace(header, acquisition=facts), tuple(findings)


def hindrances(stack: Stack, identity: SeriesIdentity, contrast: ContrastWords, rules: SeriesRules) -> tuple[str, ...]:
    """Say why a T1 or STIR series still cannot be measured; empty for what nobody wants to measure."""
    if identity not in MEASURED:
        return ()
    header, slices = stack.headers[0], len(stack.headers)
    least = int(rules.usable.min_slices.value)
    checks = (
        (
            slices == 1 and header.layout.frames > 1,
            f"{header.layout.frames} frames in one file whose places the header does not tell.",
        ),
        (slices < least, f"Only {slices} slice(s); {least} are needed for a volume."),
        (bool(stack.why_no_volume), f"Not usable: {stack.why_no_volume}."),
        (bool(stack.pixel_problem), f"Not usable: {stack.pixel_problem}."),
        (
            bool(contrast.given),
            f"Contrast was given ({contrast.given}): T1 and STIR signals of marrow no longer compare.",
        ),
        (
            bool(rules.image_type.real & set(header.acquisition.image_type[2:])),
            "Real (signed) reconstruction: ratios are defined on magnitude images.",
        ),
        (not header.study_instance_uid or not header.series_instance_uid, "Study or series UID is missing."),
    )
    return tuple(message for holds, message in checks if holds)


def weaknesses(
    header: SliceHeader, identity: SeriesIdentity, contrast: ContrastWords, rules: SeriesRules
) -> tuple[Finding, ...]:
    """Tell what weakens a T1 or STIR series."""
    if identity not in MEASURED:
        return ()
    return (*_contrast_findings(header, contrast), *_image_findings(header, identity, rules))


def _contrast_findings(header: SliceHeader, contrast: ContrastWords) -> tuple[Finding, ...]:
    after = bool(header.contrast_started_at) and not contrast.given and not contrast.disputed
    checks = (
        (bool(contrast.given), "post_contrast", f"Contrast was given: {contrast.given}."),
        (
            bool(contrast.disputed),
            "contrast_disputed",
            contrast.disputed,
        ),
        (
            after,
            "contrast_after_series",
            "A contrast agent is named, but it was given only after this series.",
        ),
    )
    return tuple(_warn(code, message) for holds, code, message in checks if holds)


def _image_findings(header: SliceHeader, identity: SeriesIdentity, rules: SeriesRules) -> tuple[Finding, ...]:
    words, facts, kinds = read_words(header, rules.text), header.acquisition, rules.image_type
    flavours = set(facts.image_type[2:])
    checks = (
        (
            facts.image_type[:1] == ("DERIVED",),
            "image_type_derived",
            "ImageType says DERIVED although the series looks acquired.",
        ),
        (
            header.burned_in,
            "burned_in_annotation",
            "BurnedInAnnotation is YES: text in the pictures, and so in the report, may name the patient.",
        ),
        (words.derived or words.synthetic, "named_derived", "Its description sounds like a computed image."),
        (words.stitched, "stitched", "Stitched from several stations: brightness may step."),
        (
            words.learned or bool(kinds.learned & flavours),
            "learned_reconstruction",
            "Reconstructed with a trained network: noise and fine texture are not the measured ones.",
        ),
        (
            words.single_shot and identity is SeriesIdentity.STIR,
            "single_shot",
            "Single-shot readout: each slice is blurred along one direction.",
        ),
        (header.lossy, "lossy_compression", "The images were compressed with loss."),
        (0 < header.layout.bits_stored <= 8, "eight_bit", "Only 8 bits a pixel: grey values were rescaled."),
        (
            identity is SeriesIdentity.T1 and bool(words.dixon or flavours & (kinds.dixon | kinds.dixon_in_phase)),
            "dixon_in_phase",
            "Dixon in-phase image serves as T1.",
        ),
        (
            facts.magnetic_field_strength_t is None,
            "field_strength_missing",
            "The header names no field strength; cautious windows were used.",
        ),
    )
    return tuple(_warn(code, message) for holds, code, message in checks if holds)


def _warn(code: str, message: str) -> Finding:
    return Finding(code=code, stage="find_series", severity=Severity.WARN, message=message)
