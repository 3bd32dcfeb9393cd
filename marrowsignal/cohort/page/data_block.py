"""What the page's script works on: columns, sets and points as one inert block of JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from marrowsignal.cohort.page.measures import Measure
from marrowsignal.cohort.page.outliers import Suspect
from marrowsignal.cohort.page.page_data import CohortData, RegionValues
from marrowsignal.cohort.page.picks import Picks, gaps
from marrowsignal.cohort.page.plane import CLASS_SHAPES, CohortPlane
from marrowsignal.patterns.records import PatternClass
from marrowsignal.report.views.wording import CLASS_WORDS

__all__ = ["data_block"]

Floats = NDArray[np.float64]

_MOST_POINTS = 120_000  # of all regions together
_MOST_GROUNDS = 4  # in words: the rarest
_LEVELS = (
    ("state", "state", "state"),
    ("confidence", "confidence", "pattern_confidence"),
    ("protocol", "protocol", "protocol"),
    ("sex", "sex", "patient_sex"),
    ("scanner", "scanner", "manufacturer"),
)
_NUMBERS = (
    ("age", "age, y", "patient_age_years", 0),
    ("field", "field, T", "magnetic_field_strength_t", 2),
    ("fat", "fat-signal index", "all_fat_signal_index", 2),
    ("t1", "T1 / muscle", "all_t1_marrow_to_muscle_ratio", 2),
    ("stir", "STIR / muscle", "all_stir_marrow_to_muscle_ratio", 2),
    ("lesions", "lesions", "lesion_count", 0),
    ("lesion_ml", "lesions, mL", "lesion_volume_ml", 1),
    ("probability", "stated probability", "pattern_confidence_probability", 2),
    ("failed", "gates failed", "quality_failed_count", 0),
    ("warned", "gates warned", "quality_warned_count", 0),
)


def data_block(
    data: CohortData,
    *,
    measures: Sequence[Measure],
    suspects: Sequence[Suspect],
    plane: CohortPlane | None,
    picks: Picks,
) -> Markup:
    """Write the block.

    Parameters
    ----------
    data : CohortData
        The cohort.
    measures : sequence of Measure
        Further number columns.
    suspects : sequence of Suspect
        Grounds to look at a study.
    plane : CohortPlane or None
        Its axes.
    picks : Picks
        All sets.

    Returns
    -------
    Markup
        JSON that stands in an element whose type is no script; no text in it can end that element.
    """
    cases, folders = data.studies.text("case"), data.studies.text("folder")
    content = {
        "cases": cases,
        # 1: the folder has the case's name; 0: there is none.
        "folders": [1 if folder == case else folder or 0 for case, folder in zip(cases, folders, strict=True)],
        "classes": [
            {"kind": one.value.lower(), "words": CLASS_WORDS[one], "shape": CLASS_SHAPES[one]} for one in PatternClass
        ],
        "class": _classes(data),
        "columns": [*_levels(data), *_numbers(data, measures)],
        "grounds": [[one.study, _told(one.grounds)] for one in suspects],
        "picks": [{"kind": one.kind, "title": one.title, "studies": gaps(one.studies)} for one in picks.made],
        "plane": None if plane is None else _plane(plane, data.regions),
    }
    text = json.dumps(content, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    # All three letters occur in texts only, where JSON allows them by number.
    return Markup(text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e"))


def _told(grounds: Sequence[str]) -> str:
    more = len(grounds) - _MOST_GROUNDS
    return " \u00b7 ".join(grounds[:_MOST_GROUNDS]) + (f" \u00b7 and {more} more" if more > 0 else "")


def _classes(data: CohortData) -> list[int]:
    """Return the class of each study by its place; -1 of one that was not analyzed."""
    places = {one.value: at for at, one in enumerate(PatternClass)}
    return [places.get(one, -1) for one in data.studies.text("pattern_class")]


def _levels(data: CohortData) -> list[dict[str, Any]]:
    return [_level(key, title, data.studies.text(column)) for key, title, column in _LEVELS]


def _level(key: str, title: str, values: Sequence[str]) -> dict[str, Any]:
    levels = sorted(set(values))
    place = {one: at for at, one in enumerate(levels)}
    return {"key": key, "title": title, "levels": levels, "values": [place[one] for one in values]}


def _numbers(data: CohortData, measures: Sequence[Measure]) -> list[dict[str, Any]]:
    rows = [(key, title, data.studies.number(column), decimals) for key, title, column, decimals in _NUMBERS]
    rows += [
        (one.key, f"{one.title}, {one.unit}" if one.unit else one.title, one.values, one.decimals)
        for one in measures
        if not one.of_marrow
    ]
    return [
        {"key": key, "title": title, "decimals": decimals, "values": _rounded(values, decimals)}
        for key, title, values, decimals in rows
        if np.isfinite(values).any()
    ]


def _rounded(values: Floats, decimals: int) -> list[float | int | None]:
    told = [round(one, decimals) if np.isfinite(one) else None for one in values.tolist()]
    return [None if one is None else int(one) if one == int(one) else one for one in told]


def _plane(plane: CohortPlane, regions: Sequence[RegionValues]) -> dict[str, Any]:
    shown, left = [], _MOST_POINTS
    whole = _joined([one for one in regions if one.whole])
    for one in ([] if whole is None else [whole]) + [region for region in regions if not region.whole]:
        left -= one.study.size
        if left < 0:
            break
        shown.append(_points(one))
    return {
        "width": plane.width,
        "height": plane.height,
        "frame": [plane.frame.left, plane.frame.top, plane.frame.right, plane.frame.bottom],
        "x": [plane.x.low, plane.x.high],
        "y": [plane.y.low, plane.y.high],
        "regions": shown,
    }


def _joined(regions: Sequence[RegionValues]) -> RegionValues | None:
    if not regions:
        return None
    return RegionValues(
        key="all",
        name="whole marrow without lesions",
        whole=True,
        of_part=False,
        study=np.concatenate([one.study for one in regions]),
        side=tuple(side for one in regions for side in one.side),
        fat_signal_index=np.concatenate([one.fat_signal_index for one in regions]),
        t1_to_muscle=np.concatenate([one.t1_to_muscle for one in regions]),
        stir_to_muscle=np.concatenate([one.stir_to_muscle for one in regions]),
    )


def _points(region: RegionValues) -> dict[str, Any]:
    both = np.flatnonzero(np.isfinite(region.t1_to_muscle + region.stir_to_muscle))
    order = both[np.argsort(region.study[both], kind="stable")]
    return {
        "title": region.name,
        "study": gaps(region.study[order].tolist()),
        "sides": "".join(region.side[at][:1] for at in order.tolist()),
        # In hundredths.
        "t1": np.rint(100 * region.t1_to_muscle[order]).astype(int).tolist(),
        "stir": np.rint(100 * region.stir_to_muscle[order]).astype(int).tolist(),
    }
