"""Which bone each voxel of a marrow mask belongs to, by its label's name, its number or a hint."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from marrowsignal.geometry.depth import box_of
from marrowsignal.geometry.label_values import holding, values_in
from marrowsignal.geometry.volume import LabelVolume
from marrowsignal.marrow.records import MarrowMask, MarrowSource
from marrowsignal.protocol.schema import Protocol, RegionSpec
from marrowsignal.regions.records import Side

__all__ = ["Bone", "bones_of", "hinted_bones", "named_values"]

_COUNTED = "vertebra_"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bone:
    """One bone, or the two of a pair that nothing tells apart yet.

    Attributes
    ----------
    spec : RegionSpec
        What the protocol says of it.
    values : tuple of int
        Values of the label map.
    side : Side
        The side its label declares; ``none`` where it declares none.
    """

    spec: RegionSpec
    values: tuple[int, ...]
    side: Side

    def mask(self, labels: NDArray[np.uint16]) -> NDArray[np.bool_]:
        """Where the bone is in the label map."""
        return holding(labels, self.values)


def named_values(labels: LabelVolume) -> tuple[tuple[int, str, Side], ...]:
    """Value, key and declared side of each value of a label map that occurs and whose name is known."""
    present = set(values_in(labels.array))
    found = []
    for value, name in labels.names:
        key, _, side = name.partition(":")
        if value in present and key:
            found.append((value, key, Side(side) if side in ("left", "right") else Side.NONE))
    return tuple(found)


def bones_of(marrow: MarrowMask, protocol: Protocol) -> tuple[Bone, ...]:
    """Tell the bones of a mask.

    Parameters
    ----------
    marrow : MarrowMask
        Names of its labels win; labels without a name are read by their number.
    protocol : Protocol
        Regions and what their numbers are.

    Returns
    -------
    tuple of Bone
        In the protocol's order, then those it does not list; empty where the mask tells no bones apart.
    """
    present = [v for v in values_in(marrow.labels.array) if v]
    named = named_values(marrow.labels)
    unnamed = [v for v in present if v not in {value for value, _, _ in named}]
    claimed = {label for spec in protocol.regions for label in spec.labels}
    apart = bool(named) or len(present) > 1 or (protocol.whole.key == "marrow" and bool(claimed & set(present)))
    if not apart or (marrow.source == MarrowSource.AUTOMATIC and not named):
        return ()
    by_number = () if named else tuple(spec for spec in protocol.regions if set(spec.labels) & set(unnamed))
    bones = [Bone(spec=spec, values=spec.labels, side=Side(spec.side)) for spec in by_number]
    bones += [
        Bone(spec=_spec(key, protocol), values=tuple(v for v, k, s in named if (k, s) == (key, side)), side=side)
        for key, side in dict.fromkeys((key, side) for _, key, side in named)
    ]
    read = {value for bone in bones for value in bone.values}
    bones += [Bone(spec=_numbered(v, protocol), values=(v,), side=Side.NONE) for v in unnamed if v not in read]
    return tuple(sorted(bones, key=lambda bone: _place(bone.spec.key, protocol)))


def hinted_bones(
    mask: NDArray[np.bool_], hint: LabelVolume, protocol: Protocol
) -> tuple[LabelVolume, tuple[Bone, ...]]:
    """Give each voxel of a mask the nearest bone of another label map on the same grid.

    Parameters
    ----------
    mask : ndarray of bool, shape (slice, row, column)
        Marrow whose bones are not told apart.
    hint : LabelVolume
        Bones with names, for example of the automatic segmentation, or the nearest one everywhere.
    protocol : Protocol
        Regions.

    Returns
    -------
    tuple
        Labels inside the mask, and the bones.
    """
    known = holding(hint.array, [value for value, _, _ in named_values(hint)])
    if not known.any() or not mask.any():
        return LabelVolume(array=np.zeros(mask.shape, np.uint16), geometry=hint.geometry), ()
    array = np.where(mask, hint.array, 0).astype(np.uint16)
    box = box_of(mask | known)
    if box is not None and not known[mask].all():
        nearest = ndimage.distance_transform_edt(
            ~known[box], sampling=hint.geometry.spacing_mm, return_distances=False, return_indices=True
        )
        array[box] = np.where(mask[box], hint.array[box][tuple(nearest)], 0)
    labels = LabelVolume(array=array, geometry=hint.geometry, names=hint.names)
    named = named_values(labels)
    bones = tuple(
        Bone(spec=_spec(key, protocol), values=tuple(v for v, k, s in named if (k, s) == (key, side)), side=side)
        for key, side in dict.fromkeys((key, side) for _, key, side in named)
    )
    return labels, bones


def _spec(key: str, protocol: Protocol) -> RegionSpec:
    spec = protocol.spec(key)
    if spec is not None:
        return spec
    vertebra = protocol.spec(_COUNTED.rstrip("_"))
    if key.startswith(_COUNTED) and vertebra is not None:
        words = f"vertebra {key.removeprefix(_COUNTED)} (level not known)"
        return vertebra.model_copy(update={"key": key, "name": words})
    return RegionSpec(key=key, name=key.replace("_", " "), paired=protocol.symmetric_anatomy)


def _numbered(value: int, protocol: Protocol) -> RegionSpec:
    return RegionSpec(key=f"label_{value}", name=f"label {value}", labels=(value,), paired=protocol.symmetric_anatomy)


def _place(key: str, protocol: Protocol) -> int:
    keys = [spec.key for spec in (*protocol.regions, *protocol.other_bones)]
    return keys.index(key) if key in keys else len(keys)
