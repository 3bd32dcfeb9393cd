"""Segmentation without labels from anyone."""

from marrowsignal.marrow.automatic.segment import segment_automatic

__all__ = ["segment_automatic"]
