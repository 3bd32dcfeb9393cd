"""Coil shading of images: arrays in, smooth fields out."""

from marrowsignal.shading.fields import shading_fields

__all__ = ["shading_fields"]
