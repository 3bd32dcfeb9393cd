"""What stands in the signal plane: regions by letters, lesions and dark foci by their numbers."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

from marrowsignal.report.views.wording import interval, name_without_side, number
from marrowsignal.results.study_result import StudyResult
from marrowsignal.signals.records import Lesion, Measurement, RegionSignals, Signals

__all__ = [
    "STIR",
    "T1",
    "KeyMark",
    "PlaneKey",
    "PlaneValue",
    "foci_left_out",
    "plane_values",
    "shown_measurement",
]

T1, STIR = "t1_marrow_to_muscle", "stir_marrow_to_muscle"
_MOST = 12  # lesions, and as many dark foci: smaller ones are in the tables


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaneValue:
    """One thing with a T1 and a STIR ratio.

    Attributes
    ----------
    kind : str
        See `PlaneMark`.
    at : tuple of float
        T1 and STIR over muscle.
    t1, stir : tuple of float or None
        Both ends of each interval.
    near : bool
        Whether the frame must hold it.
    """

    kind: str
    at: tuple[float, float]
    words: str
    t1: tuple[float, float] | None = None
    stir: tuple[float, float] | None = None
    label: str = ""
    jump: str = ""
    small: bool = False
    near: bool = True

    def ends(self, axis: int) -> tuple[float, ...]:
        """Return both ends of the interval along an axis; empty without one."""
        return (self.stir if axis else self.t1) or ()

    @classmethod
    def reference(cls, kind: str, name: str, t1: float, stir: float) -> PlaneValue:
        """Return a reference tissue, which has no interval of its own here."""
        words = f"{name}: T1 / muscle {number(t1)}, STIR / muscle {number(stir)}"
        return cls(kind=kind, at=(t1, stir), words=words)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyMark:
    """One mark of a legend's row."""

    kind: str
    words: str
    jump: str
    small: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaneKey:
    """A letter of the plane and the name it stands for; both sides of a region share it."""

    letter: str
    name: str
    marks: tuple[KeyMark, ...]


def shown_measurement(owner: RegionSignals | Lesion, name: str) -> Measurement | None:
    """Return a measurement that has a value; None where it has none."""
    return next(
        (m for m in owner.measurements if m.name == name and m.value is not None and math.isfinite(m.value)), None
    )


def plane_values(result: StudyResult) -> tuple[tuple[PlaneValue, ...], tuple[PlaneKey, ...]]:
    """Gather what has both ratios, and the legend of the letters.

    Parameters
    ----------
    result : StudyResult
        One analyzed study.
    """
    signals = result.signals
    places = [(region, "region") for region in signals.regions] + [(part, "part") for part in signals.parts]
    letters: dict[tuple[str, str], str] = {}
    values: list[PlaneValue] = []
    rows: dict[str, list[tuple[RegionSignals, PlaneValue]]] = {}
    for owner, word in places:
        measured = _both(owner)
        if measured is None:
            continue
        key = (word, name_without_side(owner.name, owner.side))
        letter = letters.setdefault(key, _letter(len(letters)))
        value = _value(owner.side.value, owner.name, measured, label=letter, jump=f"{word}-{owner.region_label}")
        value = replace(value, small=word == "part")
        values.append(value)
        rows.setdefault(letter, []).append((owner, value))
    keys = tuple(_key(letter, members) for letter, members in rows.items())
    found = [
        *_foci(signals.lesions or (), "lesion", "lesion", ""),
        *_foci(signals.dark_foci or (), "dark", "dark focus", "D"),
    ]
    return (*values, *found), keys


def foci_left_out(signals: Signals) -> int:
    """Count lesions and dark foci that are not drawn: smaller ones, and those without both ratios."""
    found = (*(signals.lesions or ()), *(signals.dark_foci or ()))
    drawn = _foci(signals.lesions or (), "lesion", "", "") + _foci(signals.dark_foci or (), "dark", "", "")
    return len(found) - len(drawn)


def _key(letter: str, members: list[tuple[RegionSignals, PlaneValue]]) -> PlaneKey:
    marks = tuple(
        KeyMark(kind=value.kind, words=value.words, jump=value.jump, small=value.small) for _, value in members
    )
    first = members[0][0]
    return PlaneKey(letter=letter, name=name_without_side(first.name, first.side), marks=marks)


def _foci(foci: Iterable[Lesion], kind: str, word: str, letter: str) -> list[PlaneValue]:
    measured = [(focus, both) for focus in tuple(foci)[:_MOST] if (both := _both(focus))]
    return [
        _value(
            kind,
            f"{word} {focus.label}",
            both,
            label=f"{letter}{focus.label}",
            jump=f"{kind}-{focus.label}",
            near=False,
        )
        for focus, both in measured
    ]


def _both(owner: RegionSignals | Lesion) -> tuple[Measurement, Measurement] | None:
    t1, stir = shown_measurement(owner, T1), shown_measurement(owner, STIR)
    return None if t1 is None or stir is None else (t1, stir)


def _value(
    kind: str, name: str, measured: tuple[Measurement, Measurement], *, label: str, jump: str, near: bool = True
) -> PlaneValue:
    t1, stir = measured
    told = ", ".join(
        f"{title} {number(m.value or 0.0)}" + (f" ({span})" if (span := interval(m.ci_low, m.ci_high)) else "")
        for title, m in (("T1 / muscle", t1), ("STIR / muscle", stir))
    )
    return PlaneValue(
        kind=kind,
        at=(t1.value or 0.0, stir.value or 0.0),
        words=f"{name}: {told}",
        t1=_ends(t1),
        stir=_ends(stir),
        label=label,
        jump=jump,
        near=near,
    )


def _ends(item: Measurement) -> tuple[float, float] | None:
    low, high = item.ci_low, item.ci_high
    if low is None or high is None or not (math.isfinite(low) and math.isfinite(high)):
        return None
    return low, high


def _letter(place: int) -> str:
    """Return A to Z, then AA, AB ..."""
    first, last = divmod(place, 26)
    letter = chr(ord("A") + last)
    return letter if first == 0 else chr(ord("A") + first - 1) + letter
