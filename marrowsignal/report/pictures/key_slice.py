"""The one slice that shows the deciding finding best, and what is outlined there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marrowsignal.geometry.volume import LabelVolume
from marrowsignal.intensity.records import ReferenceLabel
from marrowsignal.patterns.records import PatternClass
from marrowsignal.regions.records import Region, Side
from marrowsignal.report.pictures.slices import fullest_slice
from marrowsignal.report.views.deciding import deciding_findings, jump_target
from marrowsignal.report.views.wording import name_without_side
from marrowsignal.results.study_result import StudyResult

__all__ = ["TISSUES", "KeySlice", "key_slice", "target_mask"]

TISSUES = {"fat": ReferenceLabel.FAT, "muscle": ReferenceLabel.MUSCLE}


@dataclass(frozen=True, slots=True, kw_only=True)
class KeySlice:
    """Which slice shows the deciding finding best.

    Attributes
    ----------
    index : int
        On the T1 grid, counted from 0.
    kind : str
        What it shows: ``"lesion"``, ``"dark"``, ``"region"``, ``"fat"``, ``"muscle"`` or ``"marrow"``.
    reason : str
        Why this slice, in words.
    outlined : tuple of str
        Keys of what is outlined as the deciding finding: of a region both sides.
    """

    index: int
    kind: str
    reason: str
    outlined: tuple[str, ...] = ()


def key_slice(result: StudyResult) -> KeySlice:
    """Choose the key slice: the first of the deciding findings that lies somewhere says where to look.

    A lesion or dark focus is shown where its cross-section is largest. A finding about a region of a pair, and one
    about the whole marrow, is shown where the smaller of both sides is largest, so that left and right can be
    compared. Where a gate on fat or muscle closes the study, the slice with most of that tissue is shown, for that is
    what has to be looked at.

    Parameters
    ----------
    result : StudyResult
        One analyzed study.
    """
    findings = deciding_findings(result)
    if result.call.pattern_class is PatternClass.CANNOT_ASSESS:
        return _of_gates(result, [item.id for item in findings])
    for item in findings:
        target = jump_target(item, result)
        if target.startswith(("lesion-", "dark-")):
            return _of_focus(result, target)
        if target.startswith("region-"):
            return _of_region(result, int(target.removeprefix("region-")))
    return _of_marrow(result)


def target_mask(result: StudyResult, target: str) -> NDArray[np.bool_] | None:
    """Voxels of a lesion, dark focus, region or part by its key; None where the study has no such thing.

    Parameters
    ----------
    result : StudyResult
        One analyzed study.
    target : str
        ``lesion-N``, ``dark-N``, ``region-N`` or ``part-N``.
    """
    kind, _, number = target.partition("-")
    label = int(number) if number.isdigit() else 0
    volumes = {"lesion": result.signals.lesion_labels, "dark": result.signals.dark_labels}
    if kind in volumes:
        return _labelled(volumes[kind], label)
    places = {"region": result.regions.regions, "part": result.regions.parts}.get(kind, ())
    place = next((region for region in places if region.label == label), None)
    return None if place is None else result.regions.inside(place)


def _labelled(volume: LabelVolume | None, label: int) -> NDArray[np.bool_] | None:
    found = None if volume is None or label == 0 else np.asarray(volume.array == label)
    return found if found is not None and found.any() else None


def _of_focus(result: StudyResult, target: str) -> KeySlice:
    mask = target_mask(result, target)
    kind, _, number = target.partition("-")
    words = f"lesion {number}" if kind == "lesion" else f"dark focus {number}"
    if mask is None:
        return _of_marrow(result)
    return KeySlice(
        index=fullest_slice(mask),
        kind=kind,
        reason=f"largest cross-section of {words}",
        outlined=(target,),
    )


def _of_region(result: StudyResult, label: int) -> KeySlice:
    named = next(region for region in result.regions.regions if region.label == label)
    pair = [region for region in result.regions.regions if region.key == named.key]
    index = _both_sides(result, pair)
    both = "both sides of " if len(pair) > 1 else ""
    words = name_without_side(named.name, named.side) if both else named.name
    return KeySlice(
        index=index,
        kind="region",
        reason=f"most of {both}{words}",
        outlined=tuple(f"region-{region.label}" for region in pair),
    )


def _of_marrow(result: StudyResult) -> KeySlice:
    sided = [region for region in result.regions.regions if region.side is not Side.NONE]
    marrow = result.marrow.labels.mask
    if len({region.side for region in sided}) > 1:
        index, reason = _both_sides(result, sided), "most marrow of both sides"
    else:
        index = fullest_slice(marrow)
        reason = "the most marrow in one slice" if marrow.any() else "the middle of the series; there is no marrow mask"
    return KeySlice(index=index, kind="marrow", reason=reason)


def _both_sides(result: StudyResult, regions: Iterable[Region]) -> int:
    areas = {side: np.zeros(result.pair.t1.geometry.shape[0], np.int64) for side in Side}
    for region in regions:
        areas[region.side] += result.regions.inside(region).sum(axis=(1, 2))
    known = [area for area in areas.values() if area.any()]
    if not known:
        return fullest_slice(result.marrow.labels.mask)
    smaller = np.min(known, axis=0)
    return int(np.argmax(smaller if smaller.any() else np.sum(known, axis=0)))


def _of_gates(result: StudyResult, gates: Iterable[str]) -> KeySlice:
    labels = result.references.labels.array
    for gate in gates:
        for tissue, label in TISSUES.items():
            area = (labels == label).sum(axis=(1, 2)) if tissue in gate else np.zeros(1)
            if area.any():
                index = int(np.argmax(area))
                words = "subcutaneous fat" if tissue == "fat" else "lean muscle"
                return KeySlice(index=index, kind=tissue, reason=f"most of the {words} measured")
    return _of_marrow(result)
