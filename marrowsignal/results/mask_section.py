"""From a marrow mask to its section of ``result.json``, and the words for what was looked at."""

from __future__ import annotations

import numpy as np

from marrowsignal.marrow.records import MarrowMask, MaskCheck, MaskCheckItem, MaskEdit, MaskVerdict
from marrowsignal.results import mask_models as form
from marrowsignal.results.measured_sections import finite

__all__ = ["check_sentence", "item_name", "marrow_section"]

_NOT_CHECKED = "the mask was not checked"
_NAMES = {
    "volume": "Volume",
    "bone_volumes": "Volume of each bone",
    "fragments": "Crumbs beside the large pieces",
    "field_of_view": "Cut by the field of view",
    "open_border": "Border without cortex or step on T1",
    "muscle_leak": "Muscle in the mask",
    "fat_leak": "Fat in the mask",
    "slice_steps": "Neighboring slices",
    "left_right": "Left against right",
    "agreement": "Agreement of its parts",
    "estimated_dice": "Estimated Dice",
}
_SENTENCES = {
    MaskVerdict.PASS: "Nothing speaks against this mask",
    MaskVerdict.WARN: "This mask has to be looked at",
    MaskVerdict.FAIL: "This mask does not hold: correct it, or supply another one",
}


def marrow_section(mask: MarrowMask, *, voxel_ml: float) -> form.MarrowDocument:
    """Return the section of one mask."""
    return form.MarrowDocument(
        source=mask.source,
        made_by=mask.made_by,
        volume_ml=int(np.count_nonzero(mask.labels.array)) * voxel_ml,
        core_volume_ml=int(np.count_nonzero(mask.core_mask)) * voxel_ml,
        check=_check(mask.check),
        edit=None if mask.edit is None else _edit(mask.edit),
    )


def check_sentence(check: MaskCheck | None) -> str:
    """Say in one sentence, without its full stop, what a mask is good for."""
    return _NOT_CHECKED.capitalize() if check is None else _SENTENCES[check.verdict]


def item_name(item: MaskCheckItem) -> str:
    """Name what an item looked at."""
    return _NAMES.get(item.key, item.key.replace("_", " ").capitalize())


def _edit(edit: MaskEdit) -> form.MaskEditDocument:
    return form.MaskEditDocument(
        edited_from=edit.edited_from.source,
        edited_from_made_by=edit.edited_from.made_by,
        edited_from_sha256=edit.edited_from.sha256,
        added_ml=edit.added_ml,
        removed_ml=edit.removed_ml,
        renamed_ml=edit.renamed_ml,
    )


def _check(check: MaskCheck | None) -> form.MaskCheckDocument:
    if check is None:
        none = form.DiceDocument(value=None, unit="1", status="not_evaluable", reason=_NOT_CHECKED, low=None, high=None)
        return form.MaskCheckDocument(verdict="not_evaluable", reason=_NOT_CHECKED, estimated_dice=none, items=())
    value = finite(check.estimated_dice)
    return form.MaskCheckDocument(
        verdict=check.verdict.value,
        reason=check_sentence(check),
        estimated_dice=form.DiceDocument(
            value=value,
            unit="1",
            status="not_evaluable" if value is None else "measured",
            reason=check.dice_reason,
            low=finite(check.dice_low) if value is not None else None,
            high=finite(check.dice_high) if value is not None else None,
        ),
        items=tuple(_item(item) for item in check.items),
    )


def _item(item: MaskCheckItem) -> form.MaskItemDocument:
    value = finite(item.value)
    return form.MaskItemDocument(
        key=item.key,
        name=item_name(item),
        verdict="not_evaluable" if item.verdict is None else item.verdict.value,
        value=value,
        unit=item.unit,
        status="not_evaluable" if value is None else "measured",
        reason=item.words,
    )
