"""Drop copies of a slice: the same object again, whether or not its numbers were rounded on the way."""

from __future__ import annotations

import itertools
import math
from collections.abc import Hashable

from marrowsignal.dicom.headers.pixel_layout import pixel_problem
from marrowsignal.dicom.headers.slice_header import SliceHeader
from marrowsignal.dicom.stacks.same_kind import echo_time_classes, persons_of
from marrowsignal.dicom.stacks.slice_grid import has_place
from marrowsignal.findings import Finding, Severity
from marrowsignal.protocol.series_rules import UsableRules

__all__ = ["stable_key", "without_copies"]

_Cell = tuple[int, ...]


def stable_key(header: SliceHeader) -> tuple[object, ...]:
    """Order slices independently of the order and the names of their files, as far as their headers differ."""
    number = header.instance_number if header.instance_number is not None else 0
    syntax = header.layout.transfer_syntax
    return (number, header.sop_instance_uid, header.frame, header.position_mm or (), syntax, header.path)


def without_copies(headers: list[SliceHeader], rules: UsableRules) -> tuple[list[SliceHeader], tuple[Finding, ...]]:
    """Drop files that hold the same object again, the damaged copy rather than the whole one.

    Parameters
    ----------
    headers : list of SliceHeader
        Slices of one series.
    rules : UsableRules
        ``same_position`` is how far rounding may move a copy.
    """
    alike: dict[Hashable, list[SliceHeader]] = {}
    echoes, several = echo_time_classes(headers, rules), persons_of(headers) > 1
    for header in headers:
        no_place = None if has_place(header) else header.position_mm or ()
        echo, person = echoes[header.acquisition.echo_time_ms], header.person if several else ""
        key = (header.sop_instance_uid, header.frame, echo, person, no_place)
        alike.setdefault(key if header.sop_instance_uid else header.path, []).append(header)
    kept: list[SliceHeader] = []
    for same in alike.values():
        # Where one UID was given to a whole series, only the places tell its slices apart.
        one_place = len(same) == 1 or not has_place(same[0])
        places = [same] if one_place else _by_place(same, rules.same_position.value)
        kept.extend(min(copies, key=_best_first) for copies in places)
    dropped = len(headers) - len(kept)
    return kept, _finding(dropped) if dropped else ()


def _by_place(headers: list[SliceHeader], tolerance_mm: float) -> list[list[SliceHeader]]:
    """Group slices that lie within the tolerance of the first of their group."""
    groups: dict[_Cell, list[list[SliceHeader]]] = {}
    for header in sorted(headers, key=lambda h: h.position_mm or ()):
        cell = tuple(math.floor(x / tolerance_mm) for x in header.position_mm or ())
        near = next((g for c in _around(cell) for g in groups.get(c, ()) if _near(g[0], header, tolerance_mm)), None)
        if near is None:
            groups.setdefault(cell, []).append([header])
        else:
            near.append(header)
    return list(itertools.chain.from_iterable(groups.values()))


def _around(cell: _Cell) -> list[_Cell]:
    steps = itertools.product((0, -1, 1), repeat=len(cell))
    return [tuple(c + s for c, s in zip(cell, step, strict=True)) for step in steps]


def _near(one: SliceHeader, other: SliceHeader, tolerance_mm: float) -> bool:
    return math.dist(one.position_mm or (), other.position_mm or ()) <= tolerance_mm


def _best_first(header: SliceHeader) -> tuple[object, ...]:
    """Order copies: what can be read before what cannot, without loss before with loss, before rounded numbers."""
    digits = sum(len(repr(x)) for x in header.position_mm or ())
    return (bool(pixel_problem(header.layout, header.frame)), header.lossy, -digits, *stable_key(header))


def _finding(dropped: int) -> tuple[Finding, ...]:
    return (
        Finding(
            code="duplicate_instances",
            stage="find_series",
            severity=Severity.INFO,
            message=f"{dropped} file(s) hold a slice that is already there and were left out.",
        ),
    )
