"""What marrow over muscle becomes by the acquisition alone, from the signal model."""

from __future__ import annotations

from marrowsignal.geometry.acquisition import AcquisitionFacts
from marrowsignal.protocol.schema import TissueConstants
from marrowsignal.signals.statistics.excess_water import constants_for_field, predicted_stir_to_muscle
from marrowsignal.signals.statistics.sequence_signals import t1_signal, tissues_of

__all__ = ["contrast_drift", "predicted_t1_to_muscle"]


def predicted_t1_to_muscle(fat_fraction: float, *, acquisition: AcquisitionFacts, constants: TissueConstants) -> float:
    """T1 signal of marrow over muscle at a fat fraction.

    ``(1 - bvf) (FF s_fat + (1 - FF) s_water) / s_muscle`` with the spin echo
    ``s = PD (1 - exp(-TR / T1)) exp(-TE / T2)`` (SCIENCE 1.1); the echo train's length is left out.

    Parameters
    ----------
    fat_fraction : float
        0-1.
    acquisition : AcquisitionFacts
        Of the T1 series; TR and TE must be known.
    constants : TissueConstants
        Of the field strength.

    Raises
    ------
    ValueError
        If TR or TE is missing.
    """
    fat, water, muscle = (t1_signal(tissue, acquisition) for tissue in tissues_of(constants))
    bone = constants.bone_volume_fraction.value
    return float((1 - bone) * (fat_fraction * fat + (1 - fat_fraction) * water) / muscle)


def contrast_drift(
    baseline: AcquisitionFacts,
    followup: AcquisitionFacts,
    *,
    series: str,
    fat_fraction: float,
    tables: tuple[TissueConstants, ...],
) -> float | None:
    """Change of marrow over muscle that the two acquisitions alone make.

    Parameters
    ----------
    baseline, followup : AcquisitionFacts
        Of the same series on both dates.
    series : str
        ``"T1"`` or ``"STIR"``.
    fat_fraction : float
        Of the marrow that is predicted.
    tables : tuple of TissueConstants
        By field strength.

    Returns
    -------
    float or None
        Predicted ratio of the follow-up over that of the baseline, minus 1; None where a time or the constants of a
        field strength are not known.
    """
    predicted = []
    for facts in (baseline, followup):
        constants = constants_for_field(facts.magnetic_field_strength_t, tables)
        if constants is None:
            return None
        try:
            if series == "T1":
                predicted.append(predicted_t1_to_muscle(fat_fraction, acquisition=facts, constants=constants))
            else:
                one = predicted_stir_to_muscle(fat_fraction, acquisition=facts, constants=constants)
                predicted.append(float(one))
        except ValueError:
            return None
    return predicted[1] / predicted[0] - 1
