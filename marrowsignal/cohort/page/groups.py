"""How studies are grouped: by age, sex, scanner, version and acquisition."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marrowsignal.cohort.page.page_data import TableColumns

__all__ = ["Grouping", "acquisition_groupings", "age_grouping", "scanner_grouping", "sex_grouping", "text_grouping"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_MOST_GROUPS = 12
_MOST_VALUES = 6
_SEX_WORDS = {"F": "female", "M": "male"}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Grouping:
    """One way to part the studies.

    Attributes
    ----------
    key, title : str
        Short name and words.
    names : tuple of str
        One a group.
    group : ndarray of int64, shape (study,)
        Place in `names`; -1 where the study is in none because the fact is not told.
    """

    key: str
    title: str
    names: tuple[str, ...]
    group: Integers


def age_grouping(studies: TableColumns) -> Grouping:
    """By decades of age."""
    ages = studies.number("patient_age_years")
    decade = np.where(np.isfinite(ages), np.nan_to_num(ages) // 10, -1).astype(np.int64)
    decade = np.where(decade >= 8, 8, np.where(decade == 0, 1, decade))
    words = {1: "under 20", 8: "80 and over"}
    held = sorted({one for one in decade.tolist() if one >= 0})
    group = np.array([held.index(one) if one >= 0 else -1 for one in decade.tolist()], np.int64)
    names = tuple(words.get(one, f"{10 * one} to {10 * one + 9}") for one in held)
    return Grouping(key="age", title="age, years", names=names, group=group)


def sex_grouping(studies: TableColumns) -> Grouping:
    """By sex as the header tells it."""
    told = tuple(_SEX_WORDS.get(one, one) for one in studies.text("patient_sex"))
    return text_grouping("sex", "sex", told)


def scanner_grouping(studies: TableColumns) -> Grouping:
    """By manufacturer and field strength: the model and the software are not carried into results."""
    fields = studies.number("magnetic_field_strength_t").tolist()
    told = tuple(
        " ".join(part for part in (maker, f"{field:.3g} T" if np.isfinite(field) else "") if part)
        for maker, field in zip(studies.text("manufacturer"), fields, strict=True)
    )
    return text_grouping("scanner", "scanner", told)


def acquisition_groupings(studies: TableColumns) -> tuple[Grouping, ...]:
    """By field strength, TR, TE, TI, slice thickness, pixels, and the versions that analyzed: what varies at all."""
    rows = (
        ("t1_tr", "T1: TR, ms", "t1_repetition_time_ms"),
        ("t1_te", "T1: TE, ms", "t1_echo_time_ms"),
        ("stir_tr", "STIR: TR, ms", "stir_repetition_time_ms"),
        ("stir_te", "STIR: TE, ms", "stir_echo_time_ms"),
        ("stir_ti", "STIR: TI, ms", "stir_inversion_time_ms"),
        ("t1_slice", "T1: slice thickness, mm", "t1_slice_thickness_mm"),
        ("stir_slice", "STIR: slice thickness, mm", "stir_slice_thickness_mm"),
        ("stir_pixel", "STIR: pixel, mm", "stir_row_spacing_mm"),
    )
    numbers = tuple(_number_grouping(key, title, studies.number(column)) for key, title, column in rows)
    versions = (
        text_grouping("version", "marrowsignal version", studies.text("marrowsignal_version")),
        text_grouping("mask_source", "who made the mask", studies.text("mask_source")),
    )
    return tuple(one for one in (scanner_grouping(studies), *numbers, *versions) if len(one.names) > 1)


def text_grouping(key: str, title: str, told: tuple[str, ...]) -> Grouping:
    """Group by a text; where there are many the rarest become one group.

    Parameters
    ----------
    key, title : str
        Of the grouping.
    told : tuple of str
        One a study; empty is not told.

    Examples
    --------
    >>> one = text_grouping("sex", "sex", ("F", "M", "", "F"))
    >>> one.names, one.group.tolist()
    (('F', 'M'), [0, 1, -1, 0])
    """
    counts = {name: 0 for name in told if name}
    for name in told:
        if name:
            counts[name] += 1
    ordered = sorted(counts, key=lambda name: (-counts[name], name))
    kept, rest = ordered[:_MOST_GROUPS], ordered[_MOST_GROUPS:]
    place = {name: at for at, name in enumerate(kept)} | dict.fromkeys(rest, len(kept))
    names = (*kept, f"{len(rest)} others together") if rest else tuple(kept)
    return Grouping(key=key, title=title, names=names, group=np.array([place.get(name, -1) for name in told], np.int64))


def _number_grouping(key: str, title: str, values: Floats) -> Grouping:
    """By value where there are few, else by equal shares of the studies."""
    # Three digits after the point: vendors write the same setting with more or fewer of them.
    values = np.round(values, 3)
    held = values[np.isfinite(values)]
    found = np.unique(held)
    if found.size <= _MOST_VALUES:
        group = np.where(np.isfinite(values), np.searchsorted(found, np.nan_to_num(values)), -1)
        return Grouping(key=key, title=title, names=tuple(_plain(one) for one in found), group=group.astype(np.int64))
    edges = np.unique(np.percentile(held, [0, 25, 50, 75, 100]))
    group = np.clip(np.searchsorted(edges, np.nan_to_num(values), side="right") - 1, 0, edges.size - 2)
    names = tuple(f"{_plain(low)} to {_plain(high)}" for low, high in itertools.pairwise(edges))
    return Grouping(key=key, title=title, names=names, group=np.where(np.isfinite(values), group, -1).astype(np.int64))


def _plain(value: float) -> str:
    """Return up to three decimals, as many as there are.

    >>> _plain(550.0), _plain(0.595)
    ('550', '0.595')
    """
    return f"{value:.3f}".rstrip("0").rstrip(".")
