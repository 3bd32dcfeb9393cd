"""Quality gates: what must hold before a number may be relied on."""

from marrowsignal.quality.check import check_quality
from marrowsignal.quality.records import Consequence, GateState, QualityGate, QualityReport
from marrowsignal.quality.withhold import withhold

__all__ = ["Consequence", "GateState", "QualityGate", "QualityReport", "check_quality", "withhold"]
