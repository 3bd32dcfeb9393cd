"""Midline, left and right, named regions."""

from marrowsignal.regions.label import label_regions
from marrowsignal.regions.records import Midline, Region, RegionMap, Side

__all__ = ["Midline", "Region", "RegionMap", "Side", "label_regions"]
