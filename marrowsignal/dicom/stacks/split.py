"""Sort the files of one series into stacks of parallel slices, each ordered along its normal."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from marrowsignal.dicom.headers.slice_header import SliceHeader
from marrowsignal.dicom.stacks.copies import stable_key, without_copies
from marrowsignal.dicom.stacks.repeats import split_repeats
from marrowsignal.dicom.stacks.same_kind import alike, grouped, persons_of
from marrowsignal.dicom.stacks.slice_grid import Stack, build_stack, has_place, slice_normal
from marrowsignal.findings import Finding, Severity
from marrowsignal.protocol.series_rules import ImageTypeWords, UsableRules

__all__ = ["split_into_stacks"]


def split_into_stacks(headers: Iterable[SliceHeader], rules: UsableRules, words: ImageTypeWords) -> tuple[Stack, ...]:
    """Split the files of one SeriesInstanceUID by what makes slices incomparable, then order each stack.

    Parameters
    ----------
    headers : iterable of SliceHeader
        Files of one series, in any order.
    rules : UsableRules
        Tolerances.
    words : ImageTypeWords
        ImageType values that tell Dixon members, phase and magnitude apart.

    Returns
    -------
    tuple of Stack
        Independent of the order and the names of the files.
    """
    unique, findings = without_copies(sorted(headers, key=stable_key), rules)
    findings = (*findings, *_persons_finding(persons_of(unique)))
    stacks: list[Stack] = []
    for same_kind in alike(unique, rules, words):
        for parallel in _parallel_groups(same_kind, rules):
            stacks.extend(_ordered_stacks(parallel, rules, findings))
    return tuple(stacks)


def _persons_finding(persons: int) -> tuple[Finding, ...]:
    if persons < 2:
        return ()
    message = f"Its SeriesInstanceUID is shared by slices of {persons} different PatientIDs, which are kept apart."
    return (Finding(code="several_persons", stage="find_series", severity=Severity.WARN, message=message),)


def _parallel_groups(headers: list[SliceHeader], rules: UsableRules) -> list[list[SliceHeader]]:
    """Group slices whose axes agree within the tolerance of the group's first slice."""
    least_cosine = math.cos(math.radians(rules.parallel_tolerance.value))
    # The scanner writes one orientation for all slices: compare orientations, not slices.
    same_axes = grouped(headers, lambda h: (h.row_direction, h.column_direction))
    without = [header for members in same_axes if slice_normal(members[0]) is None for header in members]
    oriented = [members for members in same_axes if slice_normal(members[0]) is not None]
    axes = np.array([(members[0].row_direction, members[0].column_direction) for members in oriented])
    groups: list[list[SliceHeader]] = []
    firsts: list[int] = []
    for index, members in enumerate(oriented):
        cosines = np.einsum("gij,ij->gi", axes[firsts], axes[index])
        near = np.flatnonzero(np.all(cosines >= least_cosine, axis=1))
        if near.size:
            groups[near[0]].extend(members)
        else:
            groups.append(list(members))
            firsts.append(index)
    return [*groups, without] if without else groups


def _ordered_stacks(headers: list[SliceHeader], rules: UsableRules, findings: tuple[Finding, ...]) -> list[Stack]:
    normal = slice_normal(headers[0])
    lost = sum(not has_place(h) for h in headers)
    if normal is None or lost:
        return [_no_volume(headers, _why_no_places(lost, len(headers)), findings)]
    found = split_repeats(headers, normal, rules.same_position.value)
    findings = (*findings, *found.findings)
    if found.why_mixed:
        return [_no_volume(run, found.why_mixed, findings) for run in found.runs]
    return [build_stack(run, normal, rules, findings) for run in found.runs]


def _no_volume(headers: list[SliceHeader], why: str, findings: tuple[Finding, ...]) -> Stack:
    return Stack(headers=tuple(headers), geometry=None, why_no_volume=why, findings=findings)


def _why_no_places(lost: int, slices: int) -> str:
    if not lost:
        return "the header has no slice orientation that makes a plane"
    if lost == slices:
        return "the header has no slice positions"
    return f"{lost} of {slices} slices have no usable position in their header"
