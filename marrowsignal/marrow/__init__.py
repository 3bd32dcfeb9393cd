"""Where marrow is."""

from marrowsignal.marrow.records import MarrowMask
from marrowsignal.marrow.segment import mask_sha256, read_supplied_marrow, segment_marrow

__all__ = ["MarrowMask", "mask_sha256", "read_supplied_marrow", "segment_marrow"]
