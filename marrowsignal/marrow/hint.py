"""Bones' names for a mask that encloses several bones as one."""

from __future__ import annotations

from marrowsignal.alignment.records import AlignedPair
from marrowsignal.geometry.volume import LabelVolume
from marrowsignal.marrow.records import MarrowMask, MarrowSource
from marrowsignal.protocol.schema import Protocol

__all__ = ["bone_hint"]


def bone_hint(pair: AlignedPair, marrow: MarrowMask, *, protocol: Protocol) -> LabelVolume | None:
    """Find the nearest bone of each voxel where the mask does not tell bones apart.

    Parameters
    ----------
    pair : AlignedPair
        Bias-corrected.
    marrow : MarrowMask
        Its outline stays as it is; only names are wanted.
    protocol : Protocol
        Bones there may be.

    Returns
    -------
    LabelVolume or None
        The bone that each voxel of the T1 grid lies in or nearest to; None where the mask has names or values of its
        own, where the protocol knows a single bone at most, or where none is found.
    """
    if marrow.labels.names or marrow.source is MarrowSource.AUTOMATIC or len(protocol.regions) < 2:
        return None
    array = marrow.labels.array
    first = array.max(initial=0)
    if first == 0 or bool(((array != 0) & (array != first)).any()):
        return None
    from marrowsignal.marrow.automatic import nearest_bones  # noqa: PLC0415 - loads the network's runtime

    return nearest_bones(pair, protocol=protocol)
