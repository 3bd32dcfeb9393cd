"""Sort the files of one series into stacks of parallel slices, each ordered along its normal."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterable

import numpy as np
from numpy.typing import NDArray

from marrowsignal.dicom.slice_grid import Stack, build_stack, place_along, slice_normal
from marrowsignal.dicom.slice_header import SliceHeader
from marrowsignal.findings import Finding, Severity
from marrowsignal.protocol.series_rules import ImageTypeWords, UsableRules

__all__ = ["split_into_stacks"]

_STAGE = "find_series"


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
    unique, findings = _without_copies(sorted(headers, key=_stable_key))
    stacks: list[Stack] = []
    for same_kind in _grouped(unique, lambda h: _kind(h, words)):
        for parallel in _parallel_groups(same_kind, rules):
            stacks.extend(_ordered_stacks(parallel, rules, findings))
    return tuple(stacks)


def _stable_key(header: SliceHeader) -> tuple[object, ...]:
    number = header.instance_number if header.instance_number is not None else 0
    return (number, header.sop_instance_uid, header.position_mm or (), header.transfer_syntax, header.path)


def _without_copies(headers: list[SliceHeader]) -> tuple[list[SliceHeader], tuple[Finding, ...]]:
    """Drop files that hold the same object again."""
    kept: dict[Hashable, SliceHeader] = {}
    for header in headers:
        key: Hashable = (header.sop_instance_uid, header.position_mm, header.acquisition.echo_time_ms)
        kept.setdefault(key if header.sop_instance_uid else header.path, header)
    dropped = len(headers) - len(kept)
    return list(kept.values()), _copies_finding(dropped) if dropped else ()


def _copies_finding(dropped: int) -> tuple[Finding, ...]:
    return (
        Finding(
            code="duplicate_instances",
            stage=_STAGE,
            severity=Severity.INFO,
            message=f"{dropped} file(s) hold a slice that is already there and were left out.",
        ),
    )


def _kind(header: SliceHeader, words: ImageTypeWords) -> Hashable:
    """Matrix, spacing, echo, image component and Dixon member: slices that differ here never mix."""
    special = words.phase | words.real | words.dixon_in_phase | words.dixon_other
    spacing = header.pixel_spacing_mm
    return (
        header.rows,
        header.columns,
        None if spacing is None else tuple(round(s, 3) for s in spacing),
        header.acquisition.echo_time_ms and round(header.acquisition.echo_time_ms, 1),
        header.acquisition.inversion_time_ms and round(header.acquisition.inversion_time_ms),
        tuple(sorted(set(header.acquisition.image_type[2:]) & special)),
        header.enhanced and header.sop_instance_uid,
        header.sop_class_uid,
        header.frame_of_reference_uid,
    )


def _grouped(headers: Iterable[SliceHeader], key: Callable[[SliceHeader], Hashable]) -> list[list[SliceHeader]]:
    groups: dict[Hashable, list[SliceHeader]] = {}
    for header in headers:
        groups.setdefault(key(header), []).append(header)
    return list(groups.values())


def _parallel_groups(headers: list[SliceHeader], rules: UsableRules) -> list[list[SliceHeader]]:
    """Group slices whose three axes agree within the tolerance of the group's first slice."""
    least_cosine = math.cos(math.radians(rules.parallel_tolerance.value))
    groups: list[tuple[NDArray[np.float64] | None, list[SliceHeader]]] = []
    for header in headers:
        axes = None if slice_normal(header) is None else np.array([header.row_direction, header.column_direction])
        for known, members in groups:
            if (axes is None and known is None) or (
                axes is not None and known is not None and bool(np.all(np.sum(axes * known, axis=1) >= least_cosine))
            ):
                members.append(header)
                break
        else:
            groups.append((axes, [header]))
    return [members for _, members in groups]


def _ordered_stacks(headers: list[SliceHeader], rules: UsableRules, findings: tuple[Finding, ...]) -> list[Stack]:
    normal = slice_normal(headers[0])
    if normal is None or any(h.position_mm is None for h in headers):
        why = "the header has no slice positions"
        return [Stack(headers=tuple(headers), geometry=None, why_no_volume=why, findings=findings)]
    runs, repeat_findings = _split_repeats(headers, normal, rules)
    return [build_stack(run, normal, rules, (*findings, *repeat_findings)) for run in runs]


def _split_repeats(
    headers: list[SliceHeader], normal: NDArray[np.float64], rules: UsableRules
) -> tuple[list[list[SliceHeader]], tuple[Finding, ...]]:
    """Return one run with each position once; several when the series repeats its positions in time."""
    at: dict[int, list[SliceHeader]] = {}
    ordered = sorted(headers, key=lambda h: (place_along(h, normal), _stable_key(h)))
    previous, index = -math.inf, -1
    for header in ordered:
        here = place_along(header, normal)
        if here - previous > rules.same_position.value:
            index += 1
            previous = here
        at.setdefault(index, []).append(header)
    counts = {len(members) for members in at.values()}
    if counts == {1}:
        return [ordered], ()
    for key in (_temporal_key, _acquisition_key):
        runs = _grouped(ordered, key)
        if len(runs) > 1 and all(_positions_once(run, normal, rules) for run in runs):
            return sorted(runs, key=lambda run: _stable_key(run[0])), ()
    if len(counts) == 1:
        repeats = counts.pop()
        return [[members[k] for members in at.values()] for k in range(repeats)], ()
    dropped = len(ordered) - len(at)
    return [[members[0] for members in at.values()]], _copies_finding(dropped)


def _temporal_key(header: SliceHeader) -> Hashable:
    return header.temporal_position


def _acquisition_key(header: SliceHeader) -> Hashable:
    return header.acquisition_number


def _positions_once(run: list[SliceHeader], normal: NDArray[np.float64], rules: UsableRules) -> bool:
    places = sorted(place_along(h, normal) for h in run)
    return bool(np.all(np.diff(places) > rules.same_position.value))
