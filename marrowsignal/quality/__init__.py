"""Quality gates: what must hold before a number may be relied on."""

from marrowsignal.quality.records import Consequence, GateState, QualityGate, QualityReport

__all__ = ["Consequence", "GateState", "QualityGate", "QualityReport"]
