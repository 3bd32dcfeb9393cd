"""Ratios, indices, lesions, symmetry and their intervals."""

from marrowsignal.signals.measure import measure_signals
from marrowsignal.signals.records import (
    BoneSignals,
    DroppedCandidate,
    Lesion,
    Measurement,
    MeasurementStatus,
    RegionSignals,
    Signals,
    Symmetry,
)

__all__ = [
    "BoneSignals",
    "DroppedCandidate",
    "Lesion",
    "Measurement",
    "MeasurementStatus",
    "RegionSignals",
    "Signals",
    "Symmetry",
    "measure_signals",
]
