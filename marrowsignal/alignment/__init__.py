"""STIR onto the T1 grid, with a measured error."""

from marrowsignal.alignment.align import align_pair
from marrowsignal.alignment.lone_t1 import t1_alone
from marrowsignal.alignment.records import AlignedPair, AlignmentQuality, AlignmentVerdict

__all__ = ["AlignedPair", "AlignmentQuality", "AlignmentVerdict", "align_pair", "t1_alone"]
