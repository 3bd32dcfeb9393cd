"""Where marrow is."""

from marrowsignal.marrow.records import MarrowMask, MarrowSource, MaskCheck, MaskKind, Segmentation
from marrowsignal.marrow.segment import mask_sha256, segment_marrow
from marrowsignal.marrow.supplied import read_supplied_marrow

__all__ = [
    "MarrowMask",
    "MarrowSource",
    "MaskCheck",
    "MaskKind",
    "Segmentation",
    "mask_sha256",
    "read_supplied_marrow",
    "segment_marrow",
]
