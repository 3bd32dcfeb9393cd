"""The call in two or three sentences, with the numbers that decide."""

from __future__ import annotations

from marrowsignal.patterns.lesion_evidence import leading_lesion
from marrowsignal.patterns.records import CriterionState, PatternClass
from marrowsignal.protocol.schema import EvidenceCuts
from marrowsignal.regions.records import Side
from marrowsignal.signals.records import Lesion, Measurement, Signals

__all__ = ["summarize", "summarize_t1_alone"]

_OPENING = {
    PatternClass.RED_FLAG_INFILTRATION_LIKE: "Red flag: T1 of the marrow is at or below muscle over much of it "
    "(infiltration-like). Sclerosis, intense reconversion, growth factors, iron or a reference error can look the "
    "same; expert review is needed.",
    PatternClass.FOCAL_EDEMA_LIKE: "Focal edema-like pattern.",
    PatternClass.SYMMETRIC_RECONVERSION_LIKE: "Symmetric red-marrow reconversion-like pattern.",
    PatternClass.MIXED: "Focal edema-like lesions on a symmetric red-marrow-like background. Red marrow can hide a "
    "stress fracture; CT or SPECT/CT may resolve it.",
    PatternClass.NORMAL_FOR_AGE: "Marrow signal within what is expected for region and age.",
    PatternClass.INDETERMINATE: "Indeterminate: the measurements do not complete any pattern.",
    PatternClass.CANNOT_ASSESS: "Cannot be assessed.",
}


def summarize(pattern: PatternClass, signals: Signals, cuts: EvidenceCuts) -> str:
    """Say the class, the leading lesion and the background in plain words.

    Parameters
    ----------
    pattern : PatternClass
        The class.
    signals : Signals
        What was measured.
    cuts : EvidenceCuts
        To find the leading lesion.
    """
    parts = [_OPENING[pattern]]
    if pattern is not PatternClass.CANNOT_ASSESS:
        parts += [_lesions(signals, cuts), _background(signals)]
    return " ".join(part for part in parts if part)


def summarize_t1_alone(signals: Signals, *, low_t1: CriterionState) -> str:
    """Say what T1 alone allows to say where there is no STIR series, or none that may be used.

    Parameters
    ----------
    signals : Signals
        What was measured.
    low_t1 : CriterionState
        D50: T1 at or below muscle over much of the marrow.
    """
    whole = signals.whole
    t1, index = _number(whole.measurement("t1_marrow_to_muscle")), _number(whole.measurement("fat_signal_index"))
    parts = [
        f"Cannot be assessed: {signals.lesions_reason}; water and lesions were not looked for.",
        f"On T1 alone, marrow over muscle is {t1} and the fat-signal index {index}.",
    ]
    if low_t1 is CriterionState.POSITIVE:
        parts.append(
            "T1 at or below muscle over much of the marrow is a red flag by itself; sclerosis, intense reconversion, "
            "growth factors, iron or a reference error can look the same; expert review is needed."
        )
    return " ".join(parts)


def _lesions(signals: Signals, cuts: EvidenceCuts) -> str:
    if signals.lesions is None:
        return f"Lesions were not judged: {signals.lesions_reason}."
    lesion = leading_lesion(signals, cuts)
    if lesion is None:
        return "No lesion stands out from the patient's own marrow."
    lesions = signals.lesions
    volumes = {side: sum(x.volume_ml for x in lesions if x.side is side) for side in Side}
    sides = ", ".join(f"{side} {ml:.1f} mL" for side, ml in volumes.items() if side is not Side.NONE and ml > 0)
    total = sum(volumes.values())
    count = len(lesions)
    where = f" ({sides})" if sides else ""
    noun = "lesion" if count == 1 else "lesions"
    return (
        f"{count} {noun}, {total:.1f} mL in all{where}; the leading one (lesion {lesion.label}, {lesion.region_name}, "
        f"{lesion.volume_ml:.1f} mL) {_brightness(lesion)}."
    )


def _brightness(lesion: Lesion) -> str:
    muscle, normal = lesion.measurement("stir_marrow_to_muscle"), lesion.measurement("stir_marrow_to_normal")
    if muscle.value is None or normal.value is None:
        return f"has no STIR ratio: {muscle.reason or normal.reason}"
    return f"has STIR {muscle.value:.2f} times muscle and {normal.value:.2f} times the patient's normal marrow"


def _background(signals: Signals) -> str:
    whole = signals.whole
    t1, stir = _number(whole.measurement("t1_marrow_to_muscle")), _number(whole.measurement("stir_marrow_to_muscle"))
    index = _number(whole.measurement("fat_signal_index"))
    what = "All marrow" if signals.lesions is None else "Marrow outside lesions"
    return f"{what}: T1 {t1} and STIR {stir} times muscle, T1 fat-signal index {index}."


def _number(measurement: Measurement) -> str:
    return "not measured" if measurement.value is None else f"{measurement.value:.2f}"
