"""Say why a T1 or STIR series cannot be measured, and what weakens one that can."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence

from marrowsignal.dicom.contrasts.series_words import ContrastWords, SeriesWords, read_contrast
from marrowsignal.dicom.headers.slice_header import SliceHeader
from marrowsignal.dicom.records import SeriesIdentity
from marrowsignal.dicom.stacks.slice_grid import Stack
from marrowsignal.findings import Finding, Severity
from marrowsignal.protocol.series_rules import SeriesRules, TextPatterns

__all__ = ["MEASURED", "contrast_in", "hindrances", "in_usual_units", "weaknesses"]

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


def contrast_in(headers: Sequence[SliceHeader], patterns: TextPatterns) -> ContrastWords:
    """Tell whether contrast was on board in any slice, and in how many when not in all."""
    firsts: dict[tuple[str, ...], SliceHeader] = {}
    slices: Counter[tuple[str, ...]] = Counter()
    for header in headers:
        # The time of a slice matters only beside the agent's.
        moment = header.acquired_at[:14] if header.contrast_started_at else ""
        texts = (header.description, header.protocol_name, header.contrast_agent)
        key = (*texts, header.contrast_started_at, moment)
        firsts.setdefault(key, header)
        slices[key] += 1
    read = {key: read_contrast(header, patterns) for key, header in firsts.items()}
    given = [key for key in read if read[key].given]
    if not given:
        return ContrastWords(given="", disputed=max(words.disputed for words in read.values()))
    told = read[max(given, key=lambda key: (slices[key], key))].given
    some = _in_some(sum(slices[key] for key in given), len(headers))
    return ContrastWords(given=f"{told}{some}", by_header=any(read[key].by_header for key in given))


def _in_some(count: int, slices: int) -> str:
    return "" if count == slices else f" in {count} of {slices} slices"


def hindrances(stack: Stack, identity: SeriesIdentity, contrast: ContrastWords, rules: SeriesRules) -> tuple[str, ...]:
    """Say why a T1 or STIR series still cannot be measured; empty for what nobody wants to measure."""
    if identity not in MEASURED:
        return ()
    header, slices = stack.headers[0], len(stack.headers)
    least = int(rules.usable.min_slices.value)
    unscaled = sum(h.layout.scale_slope is None for h in stack.headers)
    checks = (
        (
            slices == 1 and header.layout.frames > header.layout.frames_described,
            f"{header.layout.frames} frames in one file whose places the header does not tell.",
        ),
        (slices < least, f"Only {slices} slice(s); {least} are needed for a volume."),
        (bool(stack.why_no_volume), f"Not usable: {stack.why_no_volume}."),
        (bool(stack.pixel_problem), f"Not usable: {stack.pixel_problem}."),
        (
            0 < unscaled < slices,
            f"The maker's scale slope is missing in {unscaled} of {slices} slices: their signals do not compare.",
        ),
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
    stack: Stack,
    header: SliceHeader,
    identity: SeriesIdentity,
    words: SeriesWords,
    contrast: ContrastWords,
    rules: SeriesRules,
) -> tuple[Finding, ...]:
    """Tell what weakens a T1 or STIR series; `header` is its first slice in usual units."""
    if identity not in MEASURED:
        return ()
    return (
        *_contrast_findings(header, contrast),
        *_slice_findings(stack.headers),
        *_image_findings(header, identity, words, rules),
    )


def _contrast_findings(header: SliceHeader, contrast: ContrastWords) -> tuple[Finding, ...]:
    after = bool(header.contrast_started_at) and not contrast.given and not contrast.disputed
    checks = (
        (bool(contrast.given), "post_contrast", f"Contrast was given: {contrast.given}."),
        (bool(contrast.disputed), "contrast_disputed", contrast.disputed),
        (
            after,
            "contrast_after_series",
            "A contrast agent is named, but it was given only after this series.",
        ),
    )
    return tuple(_warn(code, message) for holds, code, message in checks if holds)


def _slice_findings(headers: Sequence[SliceHeader]) -> tuple[Finding, ...]:
    """Tell what one slice is enough for."""
    burned_in = sum(h.burned_in for h in headers)
    lossy = sum(h.lossy for h in headers)
    derived = sum(h.acquisition.image_type[:1] == ("DERIVED",) for h in headers)
    eight_bit = sum(0 < h.layout.bits_stored <= 8 for h in headers)
    philips = (headers[0].acquisition.manufacturer or "").casefold().startswith("philips")
    own_scales = philips and len({h.layout.slope for h in headers if h.layout.scale_slope is None}) > 1
    checks = (
        (
            own_scales * len(headers),
            "scale_slope_missing",
            "RescaleSlope differs from slice to slice and Philips' own scale slope is gone: signals may not compare.",
        ),
        (derived, "image_type_derived", "ImageType says DERIVED{} although the series looks acquired."),
        (
            burned_in,
            "burned_in_annotation",
            "BurnedInAnnotation is YES{}: text in the pictures, and so in the report, may name the patient.",
        ),
        (lossy, "lossy_compression", "The images were compressed with loss{}."),
        (eight_bit, "eight_bit", "Only 8 bits a pixel{}: grey values were rescaled."),
    )
    return tuple(_warn(code, told.format(_in_some(count, len(headers)))) for count, code, told in checks if count)


def _image_findings(
    header: SliceHeader, identity: SeriesIdentity, words: SeriesWords, rules: SeriesRules
) -> tuple[Finding, ...]:
    facts, kinds = header.acquisition, rules.image_type
    flavours = set(facts.image_type[2:])
    checks = (
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
