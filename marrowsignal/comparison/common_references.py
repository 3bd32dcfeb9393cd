"""The same reference tissues on both dates: levels over the voxels that either date's search found."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from marrowsignal.comparison.common_tissue import CommonDate
from marrowsignal.comparison.records import ReferenceAgreement
from marrowsignal.intensity.records import References, ReferenceTissue, ReferenceVerdict
from marrowsignal.protocol.schema import ChangeSettings, Protocol
from marrowsignal.results.study_result import StudyResult

__all__ = ["common_references"]

_VALUES = (("muscle", 1), ("fat", 2), ("normal_marrow", 3))
# Of the tissue's own voxels: what lies outside is another tissue, or chance.
_LIKE_PERCENT = (1.0, 99.0)

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Found:
    """One tissue on one date: by its own search, from the other's, and both."""

    tissue: ReferenceTissue
    own: Mask
    common: Mask
    kept_share: float | None


def common_references(
    here: CommonDate, other: StudyResult, *, date: str, protocol: Protocol
) -> tuple[References, tuple[ReferenceAgreement, ...]]:
    """Measure the reference tissues of one date over the voxels of both dates' searches.

    Parameters
    ----------
    here : CommonDate
        The date.
    other : StudyResult
        The other date.
    date : str
        ``"baseline"`` or ``"followup"``, for the agreement.
    protocol : Protocol
        How far the two searches may differ.

    Returns
    -------
    references : References
        Voxels of the other date's search are taken where they look like the tissue here too; a tissue that one date
        has not found, or on which the two searches do not agree, has no level and verdict ``fail``.
    agreement : tuple of ReferenceAgreement
        Every tissue and series.
    """
    references = here.result.references
    carried = here.carry(other.references.labels)
    labels = np.zeros_like(carried)
    agreement: list[ReferenceAgreement] = []
    tissues = {}
    for key, value in _VALUES:
        found = _found(here, getattr(references, key), carried == value, value)
        missing = getattr(other.references, key).t1 is None
        told = _agreement(here, found, missing=missing, date=date, settings=protocol.change)
        agreement += told
        holds = all(one.agrees for one in told)
        tissues[key] = _levelled(here, found) if holds else _refused(found, told)
        labels[found.common if holds else np.zeros_like(found.common)] = value
    changed = replace(
        references,
        labels=replace(references.labels, array=labels),
        muscle=tissues["muscle"],
        fat=tissues["fat"],
        normal_marrow=tissues["normal_marrow"],
    )
    return changed, tuple(agreement)


def _found(here: CommonDate, tissue: ReferenceTissue, carried: Mask, value: int) -> _Found:
    own = here.result.references.labels.array == value
    pair = here.result.pair
    allowed = here.marrow.core_mask if value == _VALUES[-1][1] else ~here.marrow.labels.mask
    if value == _VALUES[-1][1]:
        own = own & allowed
    candidates = carried & allowed & pair.body_mask & pair.measurable_mask
    like = candidates.copy()
    for series in (pair.t1, pair.comparable_stir):
        if series is not None and own.any():
            low, high = np.percentile(series.array[own], _LIKE_PERCENT)
            like &= (series.array >= low) & (series.array <= high)
    kept = float(like.sum() / candidates.sum()) if candidates.any() and own.any() else None
    return _Found(tissue=tissue, own=own, common=own | like, kept_share=kept)


def _agreement(
    here: CommonDate, found: _Found, *, missing: bool, date: str, settings: ChangeSettings
) -> list[ReferenceAgreement]:
    told = []
    pair = here.result.pair
    for name, series in (("T1", pair.t1), ("STIR", pair.comparable_stir)):
        if series is None:
            continue
        usable = found.tissue.t1 is not None and found.own.any()
        own = float(np.median(series.array[found.own])) if usable else None
        common = float(np.median(series.array[found.common])) if usable else None
        apart = None if own is None or common is None or own <= 0 else common / own - 1
        reason = _doubt(found, apart, missing=missing, settings=settings)
        told.append(
            ReferenceAgreement(
                tissue=found.tissue.key,
                date=date,
                series=name,
                own=own,
                common=common,
                difference_fraction=apart,
                kept_share=found.kept_share,
                agrees=not reason,
                reason=reason or "both dates' searches mean the same tissue",
            )
        )
    return told


def _doubt(found: _Found, apart: float | None, *, missing: bool, settings: ChangeSettings) -> str:
    words = found.tissue.key.replace("_", " ")
    if apart is None:
        return f"{words} was not found on this date"
    if missing:
        return f"{words} was not found on the other date"
    if found.kept_share is not None and found.kept_share < settings.reference_kept_share.value:
        return f"only {found.kept_share:.0%} of the other date's {words} looks like {words} here"
    if abs(apart) > settings.muscle_agreement.value:
        return f"the level of {words} moves by {apart:+.0%} when the other date's voxels are taken too"
    return ""


def _levelled(here: CommonDate, found: _Found) -> ReferenceTissue:
    pair, voxels = here.result.pair, int(found.common.sum())
    stir = pair.comparable_stir
    return replace(
        found.tissue,
        t1=float(np.median(pair.t1.array[found.common])),
        stir=None if stir is None else float(np.median(stir.array[found.common])),
        voxels=voxels,
        volume_ml=voxels * pair.t1.geometry.voxel_ml,
    )


def _refused(found: _Found, told: list[ReferenceAgreement]) -> ReferenceTissue:
    return replace(
        found.tissue,
        t1=None,
        stir=None,
        t1_spread_fraction=None,
        stir_spread_fraction=None,
        voxels=0,
        volume_ml=0.0,
        verdict=ReferenceVerdict.FAIL,
        reason=next(one.reason for one in told if not one.agrees),
    )
