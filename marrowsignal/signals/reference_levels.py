"""Levels of the reference tissues, with what their own purity leaves open."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from marrowsignal.intensity.records import References
from marrowsignal.protocol.schema import Protocol
from marrowsignal.signals.statistics.descriptors import ReferenceLevels
from marrowsignal.signals.statistics.levels import Images, LevelErrors, Levels, measure_levels

__all__ = ["reference_levels"]


def reference_levels(images: Images, references: References, *, no_stir: str, protocol: Protocol) -> ReferenceLevels:
    """Measure muscle, fat and normal marrow as regions are measured.

    They span the whole field of view, so shading moves what is measured against them and not them; but muscle and fat
    are never all pure, however large they are.
    """
    settings = protocol.signals
    own = (
        (settings.muscle_error_t1.value, settings.muscle_error_stir.value),
        (settings.fat_error_t1.value, settings.fat_error_stir.value),
        (0.0, 0.0),
    )
    flat = references.labels.array.reshape(-1)
    levels: list[Levels | None] = []
    for value, (tissue, whole) in enumerate(zip(references.all_tissues(), own, strict=True), 1):
        index = np.flatnonzero(flat == value) if tissue.t1 is not None else np.empty(0, np.intp)
        errors = LevelErrors(whole=whole, whole_seed=value)
        found = measure_levels(images, index, settings=settings, errors=errors, seed=value)
        levels.append(None if found is None else replace(found, no_stir=no_stir))
    return ReferenceLevels(muscle=levels[0], fat=levels[1], normal=levels[2])
