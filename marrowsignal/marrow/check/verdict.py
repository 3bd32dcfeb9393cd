"""Whether a mask can be trusted: the same look at every way to a mask."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from marrowsignal.alignment.records import AlignedPair
from marrowsignal.geometry.volume import LabelVolume
from marrowsignal.marrow.check.estimate import DiceEstimate, combined, estimate_dice
from marrowsignal.marrow.check.items import bone_volumes, graded, maker_agreement, of_look, unseen
from marrowsignal.marrow.check.look import MaskLook, look_at_mask
from marrowsignal.marrow.records import MarrowSource, MaskCheck, MaskCheckItem, MaskVerdict, Segmentation
from marrowsignal.protocol.schema import MaskCheckSettings, Protocol

__all__ = ["check_mask"]

_BY_PEOPLE = (MarrowSource.SUPPLIED, MarrowSource.EDITED)
_OURS = (MarrowSource.AUTOMATIC, MarrowSource.ATLAS)
_NEEDS_CONTRAST = ("open_border", "muscle_leak", "estimated_dice")
_ORDER = (MaskVerdict.PASS, MaskVerdict.WARN, MaskVerdict.FAIL)
_BY_IMAGE = "by what the image shows of its border, its inside and its form; of what is there, not of bones left out"


def check_mask(segmentation: Segmentation, labels: LabelVolume, pair: AlignedPair, *, protocol: Protocol) -> MaskCheck:
    """Look at a mask in its image and say what it is good for.

    Parameters
    ----------
    segmentation : Segmentation
        What the way to a mask gave: its source, its probability and its own estimate.
    labels : LabelVolume
        Marrow on the T1 grid, whole bones peeled already; `names` as in `Segmentation`.
    pair : AlignedPair
        Bias-corrected.
    protocol : Protocol
        Limits.

    Returns
    -------
    MaskCheck
        Every item, the estimated Dice with its 90 % interval, and the worst verdict. A mask drawn or corrected by
        people is given no Dice while nothing speaks against it.
    """
    mask = labels.mask
    if not mask.any():
        empty = graded(
            "volume", 0.0, "ml", "the mask is empty", limits=(None, protocol.mask_check.volume_fail), below=True
        )
        return _checked((empty,), None, "the mask is empty")
    look = look_at_mask(pair, mask, settings=protocol.mask_check)
    items = (
        *of_look(look, protocol),
        bone_volumes(labels, protocol),
        maker_agreement(segmentation.probability, mask, protocol),
    )
    estimate, reason = _estimate(segmentation, look, protocol)
    if segmentation.source in _BY_PEOPLE and _holds(estimate, items, protocol.mask_check):
        return _checked(
            items, None, "a mask drawn or corrected by people is not graded while nothing speaks against it"
        )
    items = (*items, _of_estimate(estimate, reason, segmentation.source, protocol.mask_check))
    if _dark_as_muscle(look, pair, mask, protocol.mask_check):
        items = tuple(_not_damning(item) for item in items)
    return _checked(items, estimate, reason)


def _dark_as_muscle(look: MaskLook, pair: AlignedPair, mask: NDArray[np.bool_], cuts: MaskCheckSettings) -> bool:
    if look.levels is None:
        return False
    return float(np.median(pair.t1.array[mask])) <= (1 + cuts.muscle_tolerance_t1.value) * look.levels.muscle_t1


def _not_damning(item: MaskCheckItem) -> MaskCheckItem:
    """Marrow as dark as muscle may be replaced: a border that nothing shows must not hide that red flag."""
    if item.key not in _NEEDS_CONTRAST or item.verdict is not MaskVerdict.FAIL:
        return item
    words = f"{item.words}; the mask is as dark as muscle: replaced marrow ends like that, and so does a mask in muscle"
    return replace(item, verdict=MaskVerdict.WARN, words=words)


def _estimate(segmentation: Segmentation, look: MaskLook, protocol: Protocol) -> tuple[DiceEstimate | None, str]:
    seen, told = estimate_dice(look, protocol), segmentation.estimate
    if told is None:
        return seen, _BY_IMAGE if seen is not None else "too little of the mask can be seen in T1 to estimate it"
    if seen is None:
        return told, "by its maker's own measure; too little of the mask can be seen in T1 to check that"
    value, contradict = combined(seen, told)
    if contradict:
        return value, f"by the image, which contradicts the {told[0]:.2f} that its maker expects"
    return value, f"by its maker's own measure; the image alone says {seen[0]:.2f}"


def _holds(estimate: DiceEstimate | None, items: tuple[MaskCheckItem, ...], cuts: MaskCheckSettings) -> bool:
    fine = all(item.verdict in (None, MaskVerdict.PASS) for item in items)
    return fine and (estimate is None or estimate[0] >= cuts.dice_warn.value)


def _of_estimate(
    estimate: DiceEstimate | None, reason: str, source: MarrowSource, cuts: MaskCheckSettings
) -> MaskCheckItem:
    if estimate is None:
        return unseen("estimated_dice", "1", reason)
    text = f"estimated Dice {estimate[0]:.2f} ({estimate[1]:.2f} to {estimate[2]:.2f}), {reason}"
    item = graded("estimated_dice", estimate[0], "1", text, limits=(cuts.dice_warn, cuts.dice_fail), below=True)
    # A mask that this program made itself has to be shown to hold; what others vouch for has to be shown not to.
    if source in _OURS and item.verdict is MaskVerdict.PASS and estimate[1] < cuts.dice_fail.value:
        return replace(item, verdict=MaskVerdict.WARN, words=f"{text}; below {cuts.dice_fail.value:g} is not ruled out")
    return item


def _checked(items: tuple[MaskCheckItem, ...], estimate: DiceEstimate | None, reason: str) -> MaskCheck:
    verdicts = [item.verdict for item in items if item.verdict is not None]
    value, low, high = (None, None, None) if estimate is None else estimate
    return MaskCheck(
        verdict=max(verdicts, key=_ORDER.index),
        estimated_dice=value,
        dice_low=low,
        dice_high=high,
        dice_reason=reason,
        items=items,
    )
