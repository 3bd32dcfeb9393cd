"""A T1 series without a STIR series."""

from __future__ import annotations

import numpy as np

from marrowsignal.alignment.body import body_mask
from marrowsignal.alignment.records import AlignedPair
from marrowsignal.findings import Finding, Severity
from marrowsignal.geometry.volume import SignalVolume

__all__ = ["t1_alone"]


def t1_alone(t1: SignalVolume) -> AlignedPair:
    """Make the pair of a T1 that has no STIR series.

    Parameters
    ----------
    t1 : SignalVolume
        As read.

    Returns
    -------
    AlignedPair
        Without STIR, transform and quality. The steps after it measure what T1 allows and leave out, with a reason,
        all that needs STIR: lesions, every STIR ratio, the pattern (SCIENCE 4.2).
    """
    text = "There is no STIR series: water, lesions and the pattern cannot be judged; only T1 was measured."
    return AlignedPair(
        t1=t1,
        stir=None,
        covered_mask=np.ones(t1.array.shape, bool),
        body_mask=body_mask(t1.array, spacing_mm=t1.geometry.spacing_mm),
        t1_to_stir_lps=None,
        quality=None,
        findings=(Finding(code="no_stir_series", stage="align_pair", severity=Severity.FAIL, message=text),),
    )
