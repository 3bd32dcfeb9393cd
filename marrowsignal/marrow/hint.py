"""Bones' names for a mask that encloses several bones as one."""

from __future__ import annotations

import numpy as np

from marrowsignal.alignment.records import AlignedPair
from marrowsignal.geometry.volume import LabelVolume
from marrowsignal.marrow.records import MarrowMask, MarrowSource
from marrowsignal.protocol.schema import Protocol

__all__ = ["bone_hint"]


def bone_hint(pair: AlignedPair, marrow: MarrowMask, *, protocol: Protocol) -> LabelVolume | None:
    """Segment bones automatically where the mask does not tell them apart.

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
        Whole bones with names on the T1 grid; None where the mask has names or values of its own, where the protocol
        knows a single bone at most, or where none is found.
    """
    values = np.unique(marrow.labels.array)
    told = marrow.labels.names or np.count_nonzero(values) != 1 or marrow.source is MarrowSource.AUTOMATIC
    if told or len(protocol.regions) < 2:
        return None
    from marrowsignal.marrow.automatic import segment_automatic  # noqa: PLC0415 - loads the network's runtime

    found = segment_automatic(pair, protocol=protocol)
    return found.labels if found.labels.names else None
