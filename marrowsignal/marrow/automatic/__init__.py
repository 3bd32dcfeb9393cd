"""Segmentation without labels from anyone."""

from marrowsignal.marrow.automatic.nearest import nearest_bones
from marrowsignal.marrow.automatic.segment import segment_automatic

__all__ = ["nearest_bones", "segment_automatic"]
