"""Two dates of one patient: protocol drift, common space and tissue, change against repeatability."""

from marrowsignal.comparison.compare import compare_studies
from marrowsignal.comparison.records import (
    Change,
    ChangeState,
    Comparison,
    DriftItem,
    DriftState,
    LesionChange,
    LesionChangeState,
    RegionChange,
)

__all__ = [
    "Change",
    "ChangeState",
    "Comparison",
    "DriftItem",
    "DriftState",
    "LesionChange",
    "LesionChangeState",
    "RegionChange",
    "compare_studies",
]
