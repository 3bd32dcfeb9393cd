"""A mask of ours that a person corrected."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from marrowsignal.findings import Finding, Severity
from marrowsignal.geometry.volume import LabelVolume
from marrowsignal.marrow.records import MarrowSource, MaskEdit, MaskKind, Segmentation, ToolMask
from marrowsignal.protocol.schema import MarrowSettings

__all__ = ["as_edit"]

_STAGE = "segment_marrow"
_HASH_TOLD = 12
_COVERED = 0.5


def as_edit(supplied: Segmentation, own: ToolMask, *, settings: MarrowSettings) -> Segmentation | None:
    """Take supplied labels as a correction of a mask of ours.

    Parameters
    ----------
    supplied : Segmentation
        Marrow on the T1 grid, from a file.
    own : ToolMask
        The mask of the finished case, on the same grid.
    settings : MarrowSettings
        How much both must have in common.

    Returns
    -------
    Segmentation or None
        With the source ``edited``, what changed in `edit`, and our mask's names where the file has none and tells
        bones apart; None where the file is a drawing of its own: of whole bones, or with too little in common.
    """
    labels, ours = supplied.labels, own.labels
    if supplied.kind is not MaskKind.MARROW or labels.array.shape != ours.array.shape:
        return None
    common = np.count_nonzero(labels.mask & ours.mask)
    total = np.count_nonzero(labels.array) + np.count_nonzero(ours.array)
    if not total or 2 * common / total < settings.edit_min_dice.value:
        return None
    merged = _one_for_all(labels, ours)
    edit = _changes(labels, own, renamed=not merged)
    names = {**({} if merged else dict(ours.names)), **dict(labels.names)}
    present = {int(value) for value in np.unique(labels.array) if value}
    return replace(
        supplied,
        labels=replace(labels, names=tuple((v, names[v]) for v in sorted(present) if v in names)),
        source=MarrowSource.EDITED,
        made_by=own.made_by,
        edit=edit,
        findings=(*supplied.findings, _told(edit, labels)),
    )


def _one_for_all(drawn: LabelVolume, ours: LabelVolume) -> bool:
    """Whether one value without a name covers several bones of ours, as where a mask was saved without them."""
    if drawn.names or len(np.unique(drawn.array[drawn.mask])) != 1:
        return False
    covered = [float(drawn.mask[ours.array == value].mean()) > _COVERED for value in np.unique(ours.array[ours.mask])]
    return sum(covered) > 1


def _changes(labels: LabelVolume, own: ToolMask, *, renamed: bool) -> MaskEdit:
    drawn, ours = labels.array, own.labels.array
    return MaskEdit(
        edited_from=own,
        added_voxels=int(np.count_nonzero((drawn > 0) & (ours == 0))),
        removed_voxels=int(np.count_nonzero((drawn == 0) & (ours > 0))),
        renamed_voxels=int(np.count_nonzero((drawn > 0) & (ours > 0) & (drawn != ours))) if renamed else 0,
        voxel_ml=labels.geometry.voxel_ml,
    )


def _told(edit: MaskEdit, labels: LabelVolume) -> Finding:
    own = edit.edited_from
    total = np.count_nonzero(own.labels.array) * edit.voxel_ml
    renamed = f", {edit.renamed_ml:.2f} mL given to another bone" if edit.renamed_voxels else ""
    text = (
        f"The {own.source} marrow mask ({total:.1f} mL, SHA-256 {own.sha256[:_HASH_TOLD]}) was corrected by a person: "
        f"{edit.added_ml:.2f} mL ({edit.added_voxels} voxels) added, {edit.removed_ml:.2f} mL "
        f"({edit.removed_voxels} voxels) removed{renamed}."
    )
    if not (edit.added_voxels or edit.removed_voxels or edit.renamed_voxels):
        text = f"The marrow mask given is the {own.source} one (SHA-256 {own.sha256[:_HASH_TOLD]}) without any change."
    return Finding(code="mask_edited", stage=_STAGE, severity=Severity.INFO, message=text)
