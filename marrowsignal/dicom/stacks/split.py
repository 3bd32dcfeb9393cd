"""Sort the files of one series into stacks of parallel slices, each ordered along its normal."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from marrowsignal.dicom.headers.pixel_layout import pixel_problem
from marrowsignal.dicom.headers.slice_header import SliceHeader
from marrowsignal.dicom.stacks.slice_grid import Stack, build_stack, main_plane, places_along, slice_normal
from marrowsignal.findings import Finding, Severity
from marrowsignal.protocol.series_rules import ImageTypeWords, UsableRules

__all__ = ["split_into_stacks", "what_differs"]

_STAGE = "find_series"
_MOST_VALUES_TOLD = 4


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
    special = words.phase | words.real | words.dixon_in_phase | words.dixon_other
    stacks: list[Stack] = []
    for same_kind in _grouped(unique, lambda h: _kind(h, special)):
        for parallel in _parallel_groups(same_kind, rules):
            stacks.extend(_ordered_stacks(parallel, rules, findings))
    return tuple(stacks)


def what_differs(stacks: Sequence[Stack]) -> str:
    """Say in which headers' values the stacks of one series differ, with the values; empty when in none.

    Parameters
    ----------
    stacks : sequence of Stack
        What `split_into_stacks` made of one series.
    """
    firsts = [stack.headers[0] for stack in stacks]
    aspects: tuple[tuple[str, Callable[[SliceHeader], object]], ...] = (
        ("matrix", lambda h: f"{h.rows} x {h.columns}"),
        ("pixel spacing", lambda h: _numbers(h.pixel_spacing_mm, "mm")),
        ("TE", lambda h: _numbers((h.acquisition.echo_time_ms,), "ms")),
        ("TI", lambda h: _numbers((h.acquisition.inversion_time_ms,), "ms")),
        ("b-value", lambda h: _numbers((h.diffusion_b_value,), "s/mm2")),
        ("image type", lambda h: "\\".join(h.acquisition.image_type) or "none"),
        ("plane", lambda h: main_plane(h, oblique_from_deg=180.0)),
        ("StackID", lambda h: h.stack_id or "none"),
        ("time", lambda h: "none" if h.temporal_position is None else str(h.temporal_position)),
        ("acquisition", lambda h: "none" if h.acquisition_number is None else str(h.acquisition_number)),
    )
    told = []
    for name, value in aspects:
        values = list(dict.fromkeys(str(value(header)) for header in firsts))
        if len(values) > 1:
            shown = ", ".join(values[:_MOST_VALUES_TOLD])
            told.append(f"{name} ({shown}{', ...' if len(values) > _MOST_VALUES_TOLD else ''})")
    return "; ".join(told)


def _numbers(values: Sequence[float | None] | None, unit: str) -> str:
    known = [f"{value:g}" for value in values or () if value is not None]
    return f"{' x '.join(known)} {unit}" if known else "none"


def _stable_key(header: SliceHeader) -> tuple[object, ...]:
    number = header.instance_number if header.instance_number is not None else 0
    syntax = header.layout.transfer_syntax
    return (number, header.sop_instance_uid, header.frame, header.position_mm or (), syntax, header.path)


def _whole_first(header: SliceHeader) -> tuple[object, ...]:
    """Order copies of one slice: what can be read before what cannot, without loss before with loss."""
    return (bool(pixel_problem(header.layout, header.frame)), header.lossy, *_stable_key(header))


def _without_copies(headers: list[SliceHeader]) -> tuple[list[SliceHeader], tuple[Finding, ...]]:
    """Drop files that hold the same object again, the damaged copy rather than the whole one."""
    copies: dict[Hashable, list[SliceHeader]] = {}
    for header in headers:
        key: Hashable = (header.sop_instance_uid, header.frame, header.position_mm, header.acquisition.echo_time_ms)
        copies.setdefault(key if header.sop_instance_uid else header.path, []).append(header)
    kept = [same[0] if len(same) == 1 else min(same, key=_whole_first) for same in copies.values()]
    dropped = len(headers) - len(kept)
    return kept, _copies_finding(dropped) if dropped else ()


def _copies_finding(dropped: int) -> tuple[Finding, ...]:
    return (
        Finding(
            code="duplicate_instances",
            stage=_STAGE,
            severity=Severity.INFO,
            message=f"{dropped} file(s) hold a slice that is already there and were left out.",
        ),
    )


def _kind(header: SliceHeader, special: frozenset[str]) -> Hashable:
    """Matrix, spacing, echo, image component, b-value, stack, Dixon member: slices that differ here never mix."""
    facts, spacing = header.acquisition, header.pixel_spacing_mm
    return (
        header.rows,
        header.columns,
        None if spacing is None else tuple(round(s, 3) for s in spacing),
        facts.echo_time_ms and round(facts.echo_time_ms, 1),
        facts.inversion_time_ms and round(facts.inversion_time_ms),
        header.echo_number,
        special.intersection(facts.image_type[2:]),
        header.diffusion_b_value,
        header.stack_id,
        header.sop_class_uid,
        header.frame_of_reference_uid,
    )


def _grouped(headers: Iterable[SliceHeader], key: Callable[[SliceHeader], Hashable]) -> list[list[SliceHeader]]:
    groups: dict[Hashable, list[SliceHeader]] = {}
    for header in headers:
        groups.setdefault(key(header), []).append(header)
    return list(groups.values())


def _parallel_groups(headers: list[SliceHeader], rules: UsableRules) -> list[list[SliceHeader]]:
    """Group slices whose axes agree within the tolerance of the group's first slice."""
    least_cosine = math.cos(math.radians(rules.parallel_tolerance.value))
    # The scanner writes one orientation for all slices: compare orientations, not slices.
    alike = _grouped(headers, lambda h: (h.row_direction, h.column_direction))
    without = [header for members in alike if slice_normal(members[0]) is None for header in members]
    oriented = [members for members in alike if slice_normal(members[0]) is not None]
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
    if normal is None or any(h.position_mm is None for h in headers):
        why = "the header has no slice positions"
        return [Stack(headers=tuple(headers), geometry=None, why_no_volume=why, findings=findings)]
    runs, repeat_findings = _split_repeats(headers, normal, rules)
    return [build_stack(run, normal, rules, (*findings, *repeat_findings)) for run in runs]


def _split_repeats(
    headers: list[SliceHeader], normal: NDArray[np.float64], rules: UsableRules
) -> tuple[list[list[SliceHeader]], tuple[Finding, ...]]:
    """Return one run with each position once; several when the series repeats its positions in time."""
    places = places_along(headers, normal)
    order = sorted(range(len(headers)), key=lambda k: (places[k], _whole_first(headers[k])))
    ordered = [headers[k] for k in order]
    new = np.diff(places[order], prepend=-math.inf) > rules.same_position.value
    at: dict[int, list[SliceHeader]] = {}
    for index, header in zip(np.cumsum(new).tolist(), ordered, strict=True):
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
        in_order = [sorted(members, key=_stable_key) for members in at.values()]
        return [[members[k] for members in in_order] for k in range(repeats)], ()
    dropped = len(ordered) - len(at)
    return [[members[0] for members in at.values()]], _copies_finding(dropped)


def _temporal_key(header: SliceHeader) -> Hashable:
    return header.temporal_position


def _acquisition_key(header: SliceHeader) -> Hashable:
    return header.acquisition_number


def _positions_once(run: list[SliceHeader], normal: NDArray[np.float64], rules: UsableRules) -> bool:
    places = np.sort(places_along(run, normal))
    return bool(np.all(np.diff(places) > rules.same_position.value))
