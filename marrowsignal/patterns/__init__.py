"""Evidence, rules, classes."""

from marrowsignal.patterns.classify import classify
from marrowsignal.patterns.records import (
    Confidence,
    Criterion,
    CriterionState,
    EvidenceGroup,
    PatternCall,
    PatternClass,
)

__all__ = [
    "Confidence",
    "Criterion",
    "CriterionState",
    "EvidenceGroup",
    "PatternCall",
    "PatternClass",
    "classify",
]
