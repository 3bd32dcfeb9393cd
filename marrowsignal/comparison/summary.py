"""One paragraph for a radiologist: what changed beyond repeatability, and what cannot be told."""

from __future__ import annotations

from collections import Counter

from marrowsignal.comparison.records import (
    Change,
    ChangeState,
    Comparison,
    DriftState,
    LesionChange,
    LesionChangeState,
    RegionChange,
)
from marrowsignal.results.descriptors import descriptor_title

__all__ = ["comparison_summary", "interval_words"]

_CHANGED = (ChangeState.ROSE, ChangeState.FELL)
_MARROW = frozenset({"whole", "region", "part"})
_TOLD = 3
_ORDER = tuple(LesionChangeState)


def comparison_summary(comparison: Comparison) -> str:
    """Say what a comparison found.

    Parameters
    ----------
    comparison : Comparison
        Complete but for this text.
    """
    start = f"{interval_words(comparison.interval_days)}."
    if comparison.closed:
        return f"{start} The two dates cannot be compared: {comparison.closed}."
    return " ".join(
        part
        for part in (
            start,
            _drift(comparison),
            _marrow(comparison.regions),
            _lesions("lesion", comparison.lesions, comparison.lesions_reason),
            _lesions("focus dark on T1", comparison.dark_foci, comparison.dark_foci_reason),
        )
        if part
    )


def interval_words(days: int | None) -> str:
    """Say how far apart the dates are.

    >>> interval_words(91), interval_words(None)
    ('Follow-up 91 days after the baseline', 'Interval not known')
    """
    if days is None:
        return "Interval not known"
    if days == 0:
        return "Both dates are of one day"
    unit = "day" if abs(days) == 1 else "days"
    return f"Follow-up {abs(days)} {unit} {'after' if days > 0 else 'before'} the baseline"


def _drift(comparison: Comparison) -> str:
    closed = [item.reason for item in comparison.drift if item.state is DriftState.CLOSES]
    return f"Not compared in part: {'; '.join(closed)}." if closed else ""


def _marrow(rows: tuple[RegionChange, ...]) -> str:
    tested = [
        (row, change)
        for row in rows
        if row.level in _MARROW
        for change in row.changes
        if change.state is not ChangeState.NOT_COMPARABLE
    ]
    if not tested:
        return "Signal of marrow was not comparable."
    changed = [(row, change) for row, change in tested if change.state in _CHANGED]
    regions = len({(row.level, row.key, row.side) for row, _ in tested})
    if not changed:
        return f"Signal of marrow outside lesions: no change beyond repeatability in {regions} regions."
    names = {(row.level, row.key, row.side) for row, _ in changed}
    largest = sorted(changed, key=lambda one: -_size(one[1]))[:_TOLD]
    told = "; ".join(f"{row.name}, {_words(change)}" for row, change in largest)
    return (
        f"Signal of marrow outside lesions changed beyond repeatability in {len(names)} of {regions} regions ({told})."
    )


def _size(change: Change) -> float:
    """Change in units of the repeatability coefficient on its side."""
    limit = change.repeatability_high if (change.change or 0.0) > 0 else change.repeatability_low
    return abs((change.change or 0.0) / limit) if limit else 0.0


def _words(change: Change) -> str:
    if change.change is None or change.baseline is None or change.followup is None:
        raise AssertionError("a change has a value")
    size = f"{change.change:+.0f} %" if change.change_unit == "percent" else f"{change.change:+.2f}"
    return f"{descriptor_title(change.name)} {change.baseline:.2f} to {change.followup:.2f} ({size})"


def _lesions(word: str, changes: tuple[LesionChange, ...] | None, reason: str) -> str:
    plural = word.replace("lesion", "lesions").replace("focus", "foci")
    start = f"{plural[0].upper()}{plural[1:]}"
    if changes is None:
        return f"{start} were not compared: {reason}."
    if not changes:
        return f"No {word} on either date."
    counts = Counter(one.state for one in changes if one.counts)
    if not counts:
        return f"{start}: no change beyond repeatability ({len(changes)} followed)."
    told = ", ".join(f"{counts[state]} {state.value}" for state in _ORDER if counts[state])
    volumes = "; ".join(
        f"{one.region_name} {one.baseline_ml or 0.0:.1f} to {one.followup_ml or 0.0:.1f} mL"
        for one in changes
        if one.counts
    )
    return f"{start} changed beyond repeatability: {told} ({volumes}; {len(changes)} followed)."
