"""Voxel grids, signal and label volumes, and the SimpleITK bridge."""

from marrowsignal.geometry.acquisition import AcquisitionFacts
from marrowsignal.geometry.volume import GridDifference, LabelVolume, SignalVolume, VolumeGeometry

__all__ = ["AcquisitionFacts", "GridDifference", "LabelVolume", "SignalVolume", "VolumeGeometry"]
