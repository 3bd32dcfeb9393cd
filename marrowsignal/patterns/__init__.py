"""Evidence, rules, classes."""

from marrowsignal.patterns.classify import classify
from marrowsignal.patterns.records import (
    Confidence,
    Criterion,
    CriterionState,
    EvidenceGroup,
    PatternCall,
    PatternClass,
    RegionCall,
    Sentence,
)
from marrowsignal.patterns.time_evidence import TimeEvidence

__all__ = [
    "Confidence",
    "Criterion",
    "CriterionState",
    "EvidenceGroup",
    "PatternCall",
    "PatternClass",
    "RegionCall",
    "Sentence",
    "TimeEvidence",
    "classify",
]
