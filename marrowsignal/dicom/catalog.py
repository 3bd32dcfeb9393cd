"""Find every image series below a path and say what it is and whether it can be used."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from pathlib import Path

from marrowsignal.dicom.files import read_headers
from marrowsignal.dicom.identify import Identification, identify
from marrowsignal.dicom.records import Series, SeriesCatalog, SeriesIdentity
from marrowsignal.dicom.series_words import contrast_given, read_words
from marrowsignal.dicom.slice_grid import Stack, main_plane
from marrowsignal.dicom.slice_header import SliceHeader
from marrowsignal.dicom.stacks import split_into_stacks
from marrowsignal.findings import Finding, Severity
from marrowsignal.protocol.series_rules import SeriesRules, default_series_rules

__all__ = ["find_series"]

_STAGE = "find_series"
_PAIRABLE = frozenset({SeriesIdentity.T1, SeriesIdentity.STIR})


def find_series(path: Path, *, rules: SeriesRules | None = None) -> SeriesCatalog:
    """Find every series below `path` and identify each by its physics.

    Parameters
    ----------
    path : Path
        A folder (searched to the bottom), one DICOM file, a DICOMDIR (its folder is searched), or a zip
        (unpacked to a temporary folder that lives as long as the process).
    rules : SeriesRules, optional
        Windows, weights and words; the shipped ones by default.

    Returns
    -------
    SeriesCatalog
        Files that are not DICOM are skipped; damaged ones are counted and named in a finding. The result does
        not depend on the order or the names of the files.

    Raises
    ------
    InputError
        If there is nothing at `path`, or a zip cannot be unpacked.
    """
    chosen = rules or default_series_rules()
    found = read_headers(Path(path))
    groups: dict[tuple[str, str], list[SliceHeader]] = {}
    for header in found.headers:
        groups.setdefault((header.study_instance_uid, header.series_instance_uid), []).append(header)
    series = [one for headers in groups.values() for one in _series_of(headers, chosen)]
    return SeriesCatalog(
        series=_with_contrast_order(sorted(series, key=_order)),
        files_seen=found.files_seen,
        files_unreadable=found.files_unreadable,
        findings=found.findings,
    )


def _order(series: Series) -> tuple[object, ...]:
    return (
        series.study_instance_uid,
        series.series_number is None,
        series.series_number or 0,
        series.series_instance_uid,
        series.acquisition.echo_time_ms or 0.0,
        series.acquisition.image_type,
        series.orientation,
        -series.slices,
        series.geometry.origin_lps_mm if series.geometry else (),
    )


def _series_of(headers: list[SliceHeader], rules: SeriesRules) -> list[Series]:
    planes = {main_plane(h, oblique_from_deg=180.0) for h in headers} - {"unknown"}
    stacks = split_into_stacks(headers, rules.usable, rules.image_type)
    return [_series(stack, len(planes), len(stacks), rules) for stack in stacks]


def _series(stack: Stack, planes: int, stacks: int, rules: SeriesRules) -> Series:
    header, time_finding = _with_milliseconds(stack.headers[0], rules)
    known = identify(header, planes, rules)
    contrast = contrast_given(header, rules.text)
    facts = dataclasses.replace(header.acquisition, post_contrast=bool(contrast))
    hindrances = _hindrances(stack, known, contrast, rules)
    usable = known.identity in _PAIRABLE and not hindrances
    split = (f"One of {stacks} stacks with this SeriesInstanceUID.",) if stacks > 1 else ()
    slices = header.frames if header.enhanced else len(stack.headers)
    return Series(
        series_instance_uid=header.series_instance_uid,
        study_instance_uid=header.study_instance_uid,
        frame_of_reference_uid=header.frame_of_reference_uid,
        series_number=header.series_number,
        description=header.description or header.protocol_name,
        identity=known.identity,
        identity_score=known.score,
        usable=usable,
        reasons=(*known.reasons, *split, *hindrances),
        acquisition=facts,
        rows=header.rows,
        columns=header.columns,
        slices=slices,
        spacing_mm=stack.geometry.spacing_mm if stack.geometry else None,
        orientation=main_plane(header, rules.usable.oblique_from.value),
        transfer_syntax=header.transfer_syntax_name,
        files=tuple(h.path for h in stack.headers),
        findings=(
            *stack.findings,
            *known.findings,
            *time_finding,
            *_findings(header, known, contrast, rules),
        ),
        geometry=None if header.enhanced else stack.geometry,
        acquired_at=header.acquired_at,
    )


def _with_milliseconds(header: SliceHeader, rules: SeriesRules) -> tuple[SliceHeader, tuple[Finding, ...]]:
    """Take an InversionTime that can only be seconds as seconds."""
    ti = header.acquisition.inversion_time_ms
    if ti is None or ti >= rules.usable.seconds_below.value:
        return header, ()
    facts = dataclasses.replace(header.acquisition, inversion_time_ms=ti * 1000.0)
    message = f"InversionTime {ti:g} can only be seconds; taken as {ti * 1000:g} ms."
    return dataclasses.replace(header, acquisition=facts), (_warn("inversion_time_in_seconds", message),)


def _hindrances(stack: Stack, known: Identification, contrast: str, rules: SeriesRules) -> tuple[str, ...]:
    """Say why a T1 or STIR series still cannot be measured."""
    header = stack.headers[0]
    if known.identity not in _PAIRABLE:
        return ()
    slices = header.frames if header.enhanced else len(stack.headers)
    least = int(rules.usable.min_slices.value)
    checks = (
        (header.enhanced, "Enhanced multi-frame, not read yet."),
        (not header.enhanced and header.frames > 1, "Several frames in a classic file, not read."),
        (slices < least, f"Only {slices} slice(s); {least} are needed for a volume."),
        (not header.enhanced and bool(stack.why_no_volume), f"Not usable: {stack.why_no_volume}."),
        (
            bool(contrast),
            f"Contrast was given ({contrast}): T1 and STIR signals of marrow no longer compare.",
        ),
        (
            bool(rules.image_type.real & set(header.acquisition.image_type[2:])),
            "Real (signed) reconstruction: ratios are defined on magnitude images.",
        ),
        (not header.study_instance_uid or not header.series_instance_uid, "Study or series UID is missing."),
    )
    return tuple(message for holds, message in checks if holds)


def _findings(header: SliceHeader, known: Identification, contrast: str, rules: SeriesRules) -> tuple[Finding, ...]:
    if known.identity not in _PAIRABLE:
        return ()
    words, facts = read_words(header, rules.text), header.acquisition
    in_phase = bool(rules.image_type.dixon_in_phase & set(facts.image_type[2:]))
    checks = (
        (bool(contrast), "post_contrast", f"Contrast was given: {contrast}."),
        (
            bool(header.contrast_started_at) and not contrast,
            "contrast_after_series",
            "A contrast agent is named, but it was given only after this series.",
        ),
        (
            facts.image_type[:1] == ("DERIVED",),
            "image_type_derived",
            "ImageType says DERIVED although the series looks acquired.",
        ),
        (words.derived or words.synthetic, "named_derived", "Its description sounds like a computed image."),
        (words.stitched, "stitched", "Stitched from several stations: brightness may step."),
        (header.lossy, "lossy_compression", "The images were compressed with loss."),
        (0 < header.bits_stored <= 8, "eight_bit", "Only 8 bits a pixel: grey values were rescaled."),
        (in_phase, "dixon_in_phase", "Dixon in-phase image serves as T1."),
        (
            facts.magnetic_field_strength_t is None,
            "field_strength_missing",
            "The header names no field strength; cautious windows were used.",
        ),
    )
    return tuple(_warn(code, message) for holds, code, message in checks if holds)


def _with_contrast_order(series: Iterable[Series]) -> tuple[Series, ...]:
    """Warn on series acquired after one of the same study for which contrast was given."""
    everything = tuple(series)
    first: dict[str, str] = {}
    for one in everything:
        if one.acquisition.post_contrast and one.acquired_at:
            study = one.study_instance_uid
            first[study] = min(first.get(study, one.acquired_at), one.acquired_at)
    message = "Acquired after a series of the same study for which contrast was given."
    return tuple(
        dataclasses.replace(one, findings=(*one.findings, _warn("acquired_after_contrast", message)))
        if one.identity in _PAIRABLE
        and not one.acquisition.post_contrast
        and one.acquired_at > first.get(one.study_instance_uid, "~")
        else one
        for one in everything
    )


def _warn(code: str, message: str) -> Finding:
    return Finding(code=code, stage=_STAGE, severity=Severity.WARN, message=message)
