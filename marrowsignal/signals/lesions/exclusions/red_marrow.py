"""Red marrow: no brighter than a mixture of red and yellow marrow can be (D04, D07)."""

from __future__ import annotations

import numpy as np

from marrowsignal.protocol.schema import LesionSettings
from marrowsignal.signals.lesions.candidates import SeedRule
from marrowsignal.signals.lesions.scene import Candidate

__all__ = ["red_marrow"]


def red_marrow(candidate: Candidate, rule: SeedRule, settings: LesionSettings) -> str:
    """Tell a candidate that red marrow explains: by its STIR over muscle or over prediction; empty when neither does.

    D06 divides by T1, which red marrow lowers; D04 and D07 ask whether STIR itself is raised (SCIENCE D06).
    """
    if rule.stir_to_muscle is not None:
        to_muscle = float(np.median(candidate.of(rule.stir_to_muscle)))
        if to_muscle <= settings.red_stir_to_muscle.value:
            return f"STIR only {to_muscle:.2f} times muscle, which red marrow reaches"
    if rule.excess_water is not None:
        water = float(np.median(candidate.of(rule.excess_water)))
        if water <= settings.red_excess_water.value:
            return f"STIR only {water:.2f} times what its T1 predicts for marrow without edema"
    return ""
