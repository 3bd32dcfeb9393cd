"""The marrow mask and its checks as the page prints them."""

from __future__ import annotations

from dataclasses import dataclass

from marrowsignal.marrow.records import MarrowMask, MarrowSource, MaskCheck, MaskCheckItem, MaskEdit, MaskVerdict
from marrowsignal.quality.records import GateState
from marrowsignal.report.views.quality_view import Mark, mark
from marrowsignal.report.views.series_view import Fact
from marrowsignal.report.views.wording import interval, number, with_unit
from marrowsignal.results.mask_section import check_sentence, item_name

__all__ = ["MaskItemRow", "MaskView", "mask_view"]

_STATES = {
    MaskVerdict.PASS: GateState.PASS,
    MaskVerdict.WARN: GateState.WARN,
    MaskVerdict.FAIL: GateState.FAIL,
    None: GateState.NOT_EVALUABLE,
}
_ORDER = (MaskVerdict.FAIL, MaskVerdict.WARN, MaskVerdict.PASS, None)
_SOURCES = {
    MarrowSource.SUPPLIED: "supplied with the study",
    MarrowSource.EDITED: "made by this program, corrected by a person",
    MarrowSource.AUTOMATIC: "made by this program without any labels",
    MarrowSource.ATLAS: "made from an atlas of labelled studies",
    MarrowSource.EXTERNAL: "made by another program",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskItemRow:
    """One check as printed."""

    name: str
    mark: Mark
    value: str
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskView:
    """What the page says of the mask: what fails first, what could not be looked at last."""

    mark: Mark
    sentence: str
    facts: tuple[Fact, ...]
    items: tuple[MaskItemRow, ...]


def mask_view(mask: MarrowMask, *, voxel_ml: float) -> MaskView:
    """Put the mask, who made it and its checks in words."""
    check = mask.check
    items = () if check is None else sorted(check.items, key=lambda item: _ORDER.index(item.verdict))
    return MaskView(
        mark=mark(_STATES[None if check is None else check.verdict]),
        sentence=check_sentence(check),
        facts=(
            Fact(name="Who made it", value=_maker(mask)),
            Fact(name="Estimated Dice against an expert's mask", value=_dice(check)),
            Fact(name="Volume", value=with_unit(int(mask.labels.mask.sum()) * voxel_ml, "ml")),
            Fact(
                name="Measured core, without rim and voids",
                value=with_unit(int(mask.core_mask.sum()) * voxel_ml, "ml"),
            ),
            *(() if mask.edit is None else (_edit(mask.edit),)),
        ),
        items=tuple(_row(item) for item in items),
    )


def _maker(mask: MarrowMask) -> str:
    words = _SOURCES[MarrowSource(mask.source)]
    return f"{words} ({mask.made_by})" if mask.made_by else words


def _edit(edit: MaskEdit) -> Fact:
    changes = ((edit.added_ml, "added"), (edit.removed_ml, "taken away"), (edit.renamed_ml, "given to another bone"))
    words = ", ".join(f"{with_unit(volume, 'ml')} {what}" for volume, what in changes)
    return Fact(name=f"Corrected, against the {edit.edited_from.source} mask", value=words)


def _dice(check: MaskCheck | None) -> str:
    if check is None:
        return "not estimated: the mask was not checked"
    if check.estimated_dice is None:
        return f"not estimated: {check.dice_reason}"
    span = interval(check.dice_low, check.dice_high)
    return f"{number(check.estimated_dice)} (90 % interval {span}), {check.dice_reason}"


def _row(item: MaskCheckItem) -> MaskItemRow:
    if item.value is None:
        value = "not measured"
    elif item.unit == "fraction":
        value = with_unit(100 * item.value, "percent")
    else:
        value = with_unit(item.value, item.unit)
    return MaskItemRow(name=item_name(item), mark=mark(_STATES[item.verdict]), value=value, words=item.words)
