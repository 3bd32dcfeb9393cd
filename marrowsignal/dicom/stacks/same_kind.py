"""Group slices that were acquired alike: what differs in matrix, timing, preparation or component never mixes."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Hashable, Iterable
from typing import TypeVar

from marrowsignal.dicom.headers.slice_header import SliceHeader
from marrowsignal.protocol.series_rules import ImageTypeWords, UsableRules

__all__ = ["alike", "echo_time_classes", "grouped", "persons_of"]

_Slice = TypeVar("_Slice")
_Number = Callable[[SliceHeader], float | None]


def grouped(items: Iterable[_Slice], key: Callable[[_Slice], Hashable]) -> list[list[_Slice]]:
    """Group by equal keys, in the order in which the keys come first."""
    groups: dict[Hashable, list[_Slice]] = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    return list(groups.values())


def persons_of(headers: Iterable[SliceHeader]) -> int:
    """Count the PatientIDs; slices without one may be anybody's."""
    return len({h.person for h in headers} - {""})


def echo_time_classes(headers: Iterable[SliceHeader], rules: UsableRules) -> dict[float | None, int]:
    """Give each echo time a number; those that differ by their rounding only share one."""
    return _classes({h.acquisition.echo_time_ms for h in headers}, 0.0, rules.echo_time_tolerance.value)


def alike(headers: list[SliceHeader], rules: UsableRules, words: ImageTypeWords) -> list[list[SliceHeader]]:
    """Group slices by what must be equal, then by numbers that may differ by their rounding.

    Parameters
    ----------
    headers : list of SliceHeader
        Slices of one series.
    rules : UsableRules
        Tolerances.
    words : ImageTypeWords
        ImageType values that tell Dixon members, phase and magnitude apart.
    """
    special = words.phase | words.real | words.dixon_in_phase | words.dixon_other
    several = persons_of(headers) > 1
    groups = grouped(headers, lambda h: (_kind(h, special), h.person if several else ""))
    for number, fraction, tolerance in _numbers(rules):
        groups = [part for group in groups for part in _split(group, number, fraction, tolerance)]
    return groups


def _kind(header: SliceHeader, special: frozenset[str]) -> Hashable:
    facts = header.acquisition
    return (
        header.rows,
        header.columns,
        header.echo_number,
        special.intersection(facts.image_type[2:]),
        frozenset(facts.scanning_sequence),
        frozenset(facts.scan_options),
        facts.sequence_name,
        header.fat_suppressed,
        header.inversion_recovery,
        header.diffusion_b_value,
        header.stack_id,
        header.sop_class_uid,
        header.frame_of_reference_uid,
    )


def _numbers(rules: UsableRules) -> tuple[tuple[_Number, float, float], ...]:
    """Numbers that part slices, each with the fraction of itself and the difference that its rounding may reach."""
    spacing = rules.pixel_spacing_tolerance.value
    return (
        (lambda h: h.acquisition.repetition_time_ms, rules.repetition_time_fraction.value, 0.0),
        (lambda h: h.acquisition.echo_time_ms, 0.0, rules.echo_time_tolerance.value),
        (lambda h: h.acquisition.inversion_time_ms, 0.0, rules.inversion_time_tolerance.value),
        (lambda h: h.pixel_spacing_mm[0] if h.pixel_spacing_mm else None, 0.0, spacing),
        (lambda h: h.pixel_spacing_mm[1] if h.pixel_spacing_mm else None, 0.0, spacing),
    )


def _split(headers: list[SliceHeader], number: _Number, fraction: float, tolerance: float) -> list[list[SliceHeader]]:
    values = {number(h) for h in headers}
    if len(values) == 1:
        return [headers]
    classes = _classes(values, fraction, tolerance)
    return grouped(headers, lambda h: classes[number(h)])


def _classes(values: set[float | None], fraction: float, tolerance: float) -> dict[float | None, int]:
    """Give each value the number of its cluster; the next begins where a gap exceeds what rounding may reach."""
    known = sorted(value for value in values if value is not None)
    classes: dict[float | None, int] = {None: -1} if None in values else {}
    classes.update({known[0]: 0} if known else {})
    for below, above in itertools.pairwise(known):
        classes[above] = classes[below] + (above - below > max(tolerance, fraction * abs(below)))
    return classes
