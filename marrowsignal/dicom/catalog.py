"""Find every image series below a path and say what it is and whether it can be used."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from marrowsignal.dicom.contrasts.contrast_order import with_contrast_order
from marrowsignal.dicom.contrasts.identify import identify
from marrowsignal.dicom.contrasts.usability import (
    MEASURED,
    contrast_in,
    hindrances,
    in_usual_units,
    weaknesses,
)
from marrowsignal.dicom.headers.slice_header import SliceHeader
from marrowsignal.dicom.records import Series, SeriesCatalog
from marrowsignal.dicom.search.read_headers import read_headers
from marrowsignal.dicom.stacks.differences import what_differs
from marrowsignal.dicom.stacks.same_kind import echo_time_classes
from marrowsignal.dicom.stacks.slice_grid import Stack, main_plane
from marrowsignal.dicom.stacks.split import split_into_stacks
from marrowsignal.dicom.stacks.stack_numbers import number_stacks
from marrowsignal.protocol.series_rules import SeriesRules
from marrowsignal.protocol.series_rules_file import default_series_rules

__all__ = ["find_series"]


def find_series(
    path: Path | Sequence[Path], *, rules: SeriesRules | None = None, study_instance_uid: str | None = None
) -> SeriesCatalog:
    """Find every series below a path, or below several, and identify each by its physics.

    Parameters
    ----------
    path : Path or sequence of Path
        Folders (searched to the bottom), DICOM files, DICOMDIRs (their folder is searched), zip or gzip archives
        (unpacked to a temporary folder that lives as long as a series of it does).
    rules : SeriesRules, optional
        Windows, weights and words; the shipped ones by default.
    study_instance_uid : str, optional
        Pass over the files of other studies, which are not unpacked from archives; by default all studies are found.

    Returns
    -------
    SeriesCatalog
        Files that are not DICOM are skipped; damaged ones are counted and told in a finding. The result does
        not depend on the order or the names of the files.

    Raises
    ------
    InputError
        If there is nothing at a path, it may not be read, or nothing in an archive can be.
    """
    chosen = rules or default_series_rules()
    found = read_headers(path, study_instance_uid=study_instance_uid)
    groups: dict[tuple[str, str], list[SliceHeader]] = {}
    for header in found.headers:
        groups.setdefault((header.study_instance_uid, header.series_instance_uid), []).append(header)
    series = [one for headers in groups.values() for one in _series_of(headers, chosen)]
    return SeriesCatalog(
        series=number_stacks(with_contrast_order(sorted(series, key=_order))),
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
    oriented = {(h.row_direction, h.column_direction): h for h in headers}
    planes = {main_plane(h, oblique_from_deg=180.0) for h in oriented.values()} - {"unknown"}
    echo_times = len(set(echo_time_classes(headers, rules.usable).values()))
    stacks = split_into_stacks(headers, rules.usable, rules.image_type)
    split = _one_of(stacks)
    return [_series(stack, len(planes), split, rules, echo_times=echo_times) for stack in stacks]


def _one_of(stacks: tuple[Stack, ...]) -> tuple[str, ...]:
    """Say that a series holds several stacks and what tells them apart."""
    if len(stacks) == 1:
        return ()
    differing = what_differs(stacks)
    apart = f": they differ in {differing}" if differing else ""
    return (f"One of {len(stacks)} stacks with this SeriesInstanceUID{apart}.",)


def _cut(stack: Stack) -> tuple[str, ...]:
    """Say that slices beyond a gap are not part of the volume."""
    kept = len(stack.headers)
    whole = kept + len(stack.left_out)
    return (f"Only {kept} of {whole} slices are used: the others lie beyond a gap.",) if stack.left_out else ()


def _series(stack: Stack, planes: int, split: tuple[str, ...], rules: SeriesRules, *, echo_times: int) -> Series:
    header, time_finding = in_usual_units(stack.headers[0], rules)
    known = identify(header, planes, rules, echo_times_in_series=echo_times)
    contrast = contrast_in(stack.headers, rules.text)
    facts = dataclasses.replace(
        header.acquisition, post_contrast=bool(contrast.given), fat_suppressed=known.fat_suppressed
    )
    hindered = hindrances(stack, known.identity, contrast, rules)
    return Series(
        series_instance_uid=header.series_instance_uid,
        study_instance_uid=header.study_instance_uid,
        frame_of_reference_uid=header.frame_of_reference_uid,
        series_number=header.series_number,
        description=header.description or header.protocol_name,
        identity=known.identity,
        identity_score=known.score,
        usable=known.identity in MEASURED and not hindered,
        reasons=(*known.reasons, *split, *_cut(stack), *hindered),
        acquisition=facts,
        rows=header.rows,
        columns=header.columns,
        slices=len(stack.headers),
        spacing_mm=stack.geometry.spacing_mm if stack.geometry else None,
        orientation=main_plane(header, rules.usable.oblique_from.value),
        transfer_syntax=header.transfer_syntax_name,
        sources=tuple(h.source for h in stack.headers),
        findings=(
            *stack.findings,
            *known.findings,
            *time_finding,
            *weaknesses(stack, header, known.identity, known.words, contrast, rules),
        ),
        geometry=stack.geometry,
        acquired_at=header.acquired_at,
        identity_margin=known.margin,
        runner_up=known.runner_up,
        evidence=known.evidence,
        laterality=header.laterality,
        person=header.person,
        contrast_in_header=contrast.by_header,
        usable_but_for_contrast=bool(contrast.given) and len(hindered) == 1,
    )
