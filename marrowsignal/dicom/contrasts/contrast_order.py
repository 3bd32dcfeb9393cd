"""Contrast once given stays: what was acquired after it is enhanced too."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from marrowsignal.dicom.records import Series, SeriesIdentity
from marrowsignal.findings import Finding, Severity

__all__ = ["with_contrast_order"]

_MEASURED = frozenset({SeriesIdentity.T1, SeriesIdentity.STIR})
_ENHANCED = "Acquired after a series of the same study for which contrast was given"
_DOUBTED = "Acquired after a series of the same study whose text alone says that contrast was given"


def with_contrast_order(series: Iterable[Series]) -> tuple[Series, ...]:
    """Judge T1 and STIR by what was acquired before them in the same study.

    After contrast that a header tells, or the texts of two series, they are enhanced, whatever they say; the text of
    one series may be misread, so alone it is only noted.
    """
    everything = tuple(series)
    given: dict[str, list[Series]] = {}
    for one in everything:
        if one.acquisition.post_contrast and one.acquired_at:
            given.setdefault(one.study_instance_uid, []).append(one)
    return tuple(_judged(one, given.get(one.study_instance_uid, [])) for one in everything)


def _judged(series: Series, given: list[Series]) -> Series:
    earlier = [one for one in given if one.acquired_at < series.acquired_at]
    if series.identity not in _MEASURED or series.acquisition.post_contrast or not earlier:
        return series
    # Stacks of one series share their text.
    texts = {one.series_instance_uid for one in earlier}
    if any(one.contrast_in_header for one in earlier) or len(texts) > 1:
        return _enhanced(series)
    return _noted(series, "maybe_after_contrast", f"{_DOUBTED}.")


def _enhanced(series: Series) -> Series:
    return dataclasses.replace(
        _noted(series, "acquired_after_contrast", f"{_ENHANCED}."),
        usable=False,
        usable_but_for_contrast=series.usable,
        reasons=(*series.reasons, f"{_ENHANCED}: T1 and STIR signals of marrow no longer compare."),
        acquisition=dataclasses.replace(series.acquisition, post_contrast=True),
    )


def _noted(series: Series, code: str, message: str) -> Series:
    finding = Finding(code=code, stage="find_series", severity=Severity.WARN, message=message)
    return dataclasses.replace(series, findings=(*series.findings, finding))
