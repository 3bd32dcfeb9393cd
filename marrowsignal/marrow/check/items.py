"""The single checks of a mask, each with its value, its verdict and a sentence."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from marrowsignal.geometry.volume import LabelVolume
from marrowsignal.marrow.check.look import MaskLook
from marrowsignal.marrow.records import MaskCheckItem, MaskVerdict
from marrowsignal.protocol.schema import Protocol, Quantity

__all__ = ["bone_volumes", "graded", "maker_agreement", "of_look", "unseen"]

_UNSURE = (0.25, 0.75)


def graded(
    key: str,
    value: float,
    unit: str,
    words: str,
    *,
    limits: tuple[Quantity | None, Quantity | None],
    below: bool = False,
) -> MaskCheckItem:
    """Grade a value by its warn and fail limits; a value at a limit still passes."""

    def beyond(limit: Quantity | None) -> bool:
        return limit is not None and (value < limit.value if below else value > limit.value)

    warn, fail = limits
    verdict = MaskVerdict.FAIL if beyond(fail) else MaskVerdict.WARN if beyond(warn) else MaskVerdict.PASS
    return MaskCheckItem(key=key, verdict=verdict, value=float(value), unit=unit, words=words)


def unseen(key: str, unit: str, words: str) -> MaskCheckItem:
    """Return an item that could not be looked at."""
    return MaskCheckItem(key=key, verdict=None, value=None, unit=unit, words=words)


def of_look(look: MaskLook, protocol: Protocol) -> tuple[MaskCheckItem, ...]:
    """Grade the form of a mask and its signal."""
    return (*_of_shape(look, protocol), *_of_border(look, protocol), *_of_tissue(look, protocol))


def _of_shape(look: MaskLook, protocol: Protocol) -> tuple[MaskCheckItem, ...]:
    cuts, shape = protocol.mask_check, look.shape
    smaller = min(shape.left_to_right, 1 - shape.left_to_right)
    sides = graded(
        "left_right",
        smaller,
        "fraction",
        f"the smaller side of the body holds {smaller:.0%} of the mask",
        limits=(cuts.smaller_side_warn, None),
        below=True,
    )
    if not protocol.symmetric_anatomy:
        sides = unseen("left_right", "fraction", "this anatomy has no two sides in one field of view")
    pieces = f"{shape.pieces} piece{'' if shape.pieces == 1 else 's'}"
    return (
        graded(
            "volume",
            shape.volume_ml,
            "ml",
            f"the mask holds {shape.volume_ml:.1f} mL",
            limits=(cuts.volume_warn, cuts.volume_fail),
            below=True,
        ),
        graded(
            "fragments",
            shape.crumbs_share,
            "fraction",
            f"{pieces}; {shape.crumbs_share:.1%} of the volume is in crumbs beside the large ones",
            limits=(cuts.crumbs_warn, cuts.crumbs_fail),
        ),
        # A cut bone is no error of the mask: it is told so that nobody reads its volume as the bone's.
        graded(
            "field_of_view",
            shape.cut_share,
            "fraction",
            f"{shape.cut_share:.0%} of the mask's surface lies at the edge of the field of view",
            limits=(None, None),
        ),
        graded(
            "slice_steps",
            shape.slice_dice,
            "1",
            f"neighboring slices overlap with a Dice of {shape.slice_dice:.2f} in the worst tenth",
            limits=(cuts.slice_dice_warn, None),
            below=True,
        ),
        sides,
    )


def _of_border(look: MaskLook, protocol: Protocol) -> tuple[MaskCheckItem, ...]:
    cuts, border = protocol.mask_check, look.border
    if border is None:
        return (unseen("open_border", "fraction", "T1 shows no fat, or the mask has no border in the picture"),)
    where = "inside" if border.offset_mm < 0 else "outside"
    text = (
        f"{border.open_share:.0%} of the border has neither a dark line nor a step on T1, {border.dark_share:.0%} has "
        f"a dark line; on average T1 falls {abs(border.offset_mm):.1f} mm {where} the mask's edge"
    )
    return (graded("open_border", border.open_share, "fraction", text, limits=(cuts.open_warn, cuts.open_fail)),)


def _of_tissue(look: MaskLook, protocol: Protocol) -> tuple[MaskCheckItem, ...]:
    cuts, tissue = protocol.mask_check, look.tissue
    if tissue is None:
        reason = "T1 shows no fat, or the mask is too thin to have an inside"
        return unseen("muscle_leak", "fraction", reason), unseen("fat_leak", "fraction", reason)
    end = "that goes on outside with no cortex between"
    return (
        graded(
            "muscle_leak",
            tissue.muscle_share,
            "fraction",
            f"{tissue.muscle_share:.1%} of the mask looks like muscle {end}",
            limits=(cuts.muscle_warn, cuts.muscle_fail),
        ),
        graded(
            "fat_leak",
            tissue.fat_share,
            "fraction",
            f"{tissue.fat_share:.1%} of the mask looks like fat {end}",
            limits=(cuts.fat_warn, cuts.fat_fail),
        ),
    )


def bone_volumes(labels: LabelVolume, protocol: Protocol) -> MaskCheckItem:
    """Compare each named bone with what adults have, and the left of a pair with its right."""
    voxel_ml = labels.geometry.voxel_ml
    counts = np.bincount(labels.array.ravel(), minlength=max((v for v, _ in labels.names), default=0) + 1)
    cut = _touching(labels.array)
    held = {name: (float(counts[value]) * voxel_ml, value in cut) for value, name in labels.names if counts[value]}
    known = {limit.key: limit for limit in protocol.mask_check.bone_volumes}
    odd, looked = [], 0
    for name, (volume, is_cut) in held.items():
        limit = known.get(name.partition(":")[0])
        if limit is None:
            continue
        looked += 1
        if volume > limit.volume.high or (volume < limit.volume.low and not is_cut):
            odd.append(f"{name} of {volume:.0f} mL (usual {limit.volume.low:g} to {limit.volume.high:g})")
    odd += _uneven(held, protocol)
    if not looked:
        return unseen("bone_volumes", "bones", "the mask names no bone whose usual volume is known")
    words = f"unusual: {', '.join(odd)}" if odd else f"each of {looked} bones has a volume that adults have"
    verdict = MaskVerdict.WARN if odd else MaskVerdict.PASS
    return MaskCheckItem(key="bone_volumes", verdict=verdict, value=float(len(odd)), unit="bones", words=words)


def _uneven(held: dict[str, tuple[float, bool]], protocol: Protocol) -> list[str]:
    limit = protocol.mask_check.side_volume_ratio_warn.value
    odd = []
    for name, (left, _) in held.items():
        key, _, side = name.partition(":")
        right = held.get(f"{key}:right")
        if side == "left" and right is not None and max(left, right[0]) > limit * min(left, right[0]):
            odd.append(f"left and right {key} of {left:.0f} and {right[0]:.0f} mL")
    return odd


def _touching(labels: NDArray[np.uint16]) -> frozenset[int]:
    faces = [np.unique(np.take(labels, end, axis=axis)) for axis in range(3) for end in (0, -1)]
    return frozenset(int(value) for face in faces for value in face)


def maker_agreement(
    probability: NDArray[np.float32] | None, mask: NDArray[np.bool_], protocol: Protocol
) -> MaskCheckItem:
    """Share of voxels on which the maker's atlases, augmentations or classes do not agree, against the mask's size."""
    if probability is None:
        return unseen("agreement", "fraction", "this way to a mask gives no probability")
    share = float(np.count_nonzero((probability > _UNSURE[0]) & (probability < _UNSURE[1])) / mask.sum())
    text = f"voxels that its maker is unsure of make up {share:.0%} of the mask's volume"
    return graded("agreement", share, "fraction", text, limits=(protocol.mask_check.unsure_warn, None))
