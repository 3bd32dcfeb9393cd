"""Contrast once given stays: what was acquired after it is enhanced too."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from marrowsignal.dicom.records import Series, SeriesIdentity
from marrowsignal.findings import Finding, Severity

__all__ = ["with_contrast_order"]

_MEASURED = frozenset({SeriesIdentity.T1, SeriesIdentity.STIR})
_MESSAGE = "Acquired after a series of the same study for which contrast was given"


def with_contrast_order(series: Iterable[Series]) -> tuple[Series, ...]:
    """Take T1 and STIR acquired after a contrast-enhanced series of the same study as enhanced, whatever they say."""
    everything = tuple(series)
    first: dict[str, str] = {}
    for one in everything:
        if one.acquisition.post_contrast and one.acquired_at:
            study = one.study_instance_uid
            first[study] = min(first.get(study, one.acquired_at), one.acquired_at)
    return tuple(
        _enhanced(one)
        if one.identity in _MEASURED
        and not one.acquisition.post_contrast
        and one.acquired_at > first.get(one.study_instance_uid, "~")
        else one
        for one in everything
    )


def _enhanced(series: Series) -> Series:
    finding = Finding(
        code="acquired_after_contrast", stage="find_series", severity=Severity.WARN, message=f"{_MESSAGE}."
    )
    return dataclasses.replace(
        series,
        usable=False,
        reasons=(*series.reasons, f"{_MESSAGE}: T1 and STIR signals of marrow no longer compare."),
        acquisition=dataclasses.replace(series.acquisition, post_contrast=True),
        findings=(*series.findings, finding),
    )
