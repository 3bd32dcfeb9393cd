"""Coil shading, and the patient's own reference tissues."""

from marrowsignal.intensity.bias import correct_bias
from marrowsignal.intensity.metal import mark_metal
from marrowsignal.intensity.records import References, ReferenceTissue, ReferenceVerdict
from marrowsignal.intensity.references import find_references

__all__ = ["ReferenceTissue", "ReferenceVerdict", "References", "correct_bias", "find_references", "mark_metal"]
