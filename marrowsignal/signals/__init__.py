"""Ratios, indices, lesions, symmetry and their intervals."""

from marrowsignal.signals.measure import measure_signals
from marrowsignal.signals.records import Lesion, Measurement, MeasurementStatus, RegionSignals, Signals, Symmetry

__all__ = [
    "Lesion",
    "Measurement",
    "MeasurementStatus",
    "RegionSignals",
    "Signals",
    "Symmetry",
    "measure_signals",
]
