"""Marrow states as functions of the anatomy: backgrounds, focal findings, and the two together."""

from marrowsignal.phantom.patterns.background import Background, background_marrow, normal_fat_fraction
from marrowsignal.phantom.patterns.findings import Finding, add_finding
from marrowsignal.phantom.patterns.state import MarrowPattern, marrow_state

__all__ = [
    "Background",
    "Finding",
    "MarrowPattern",
    "add_finding",
    "background_marrow",
    "marrow_state",
    "normal_fat_fraction",
]
