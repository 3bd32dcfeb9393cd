"""Gates on what the headers tell: which series, contrast, field, inversion, sides."""

from __future__ import annotations

import numpy as np

from marrowsignal.geometry.acquisition import AcquisitionFacts
from marrowsignal.quality.outcome import STIR, T1, Outcome, Steps, graded, not_evaluable, passed
from marrowsignal.quality.records import GateState
from marrowsignal.signals.statistics.excess_water import constants_for_field

__all__ = [
    "age_known",
    "contrast",
    "field_strength",
    "inversion_time",
    "laterality",
    "normalization",
    "one_person",
    "patient_position",
    "stir_present",
    "t1_fat_suppression",
]

_SIDES = {"L": "left", "R": "right"}


def stir_present(steps: Steps, _series: str) -> Outcome:
    """Whether there is a STIR series at all."""
    if steps.pair.stir is not None:
        return passed("T1 and STIR are there")
    text = "there is no STIR series: T1 alone cannot tell red marrow, edema and infiltration apart"
    return Outcome(state=GateState.FAIL, reason=text)


def one_person(steps: Steps, _series: str) -> Outcome:
    """Whether both series name one patient."""
    if steps.series is None or steps.series.stir is None:
        return not_evaluable("there are no two series to compare")
    differ = steps.found("persons_differ")
    if differ is not None:
        return Outcome(state=GateState.FAIL, reason=differ.rstrip("."))
    return passed("PatientID and PatientSex agree")


def contrast(steps: Steps, series: str) -> Outcome:
    """Whether contrast medium was on board, by header, text or order of acquisition."""
    facts = steps.facts(series)
    if facts is None:
        return not_evaluable(f"there is no {series} series")
    if facts.post_contrast:
        text = f"the {series} series was acquired after contrast: its ratios do not hold"
        return Outcome(state=GateState.FAIL, reason=text)
    header = steps.header(series)
    if header is not None and any(f.code == "maybe_after_contrast" for f in header.findings):
        text = f"the text of an earlier series tells of contrast, its header does not: {series} may be enhanced"
        return Outcome(state=GateState.WARN, reason=text)
    return passed("nothing tells of contrast")


def t1_fat_suppression(steps: Steps, _series: str) -> Outcome:
    """Whether fat was suppressed in the T1 series."""
    if steps.pair.t1.acquisition.fat_suppressed:
        return Outcome(state=GateState.FAIL, reason="the T1 series is fat-suppressed: its ratios do not hold")
    return passed("nothing tells of fat suppression")


def field_strength(steps: Steps, _series: str) -> Outcome:
    """Whether the field strength is known, has constants, and is the same for both."""
    told = [f.magnetic_field_strength_t for f in _all_facts(steps)]
    known = [field for field in told if field is not None]
    if len(known) < len(told) or not known:
        return not_evaluable("no field strength in the header: excess water (D07) is not predicted")
    if max(known) > min(known) * (1 + steps.protocol.quality.field_tolerance.value):
        text = f"T1 and STIR were acquired at {known[0]:g} and {known[1]:g} T"
        return Outcome(state=GateState.WARN, reason=text, value=known[0])
    if constants_for_field(known[0], steps.protocol.signals.tissue_constants) is None:
        text = f"{known[0]:g} T: no tissue constants, so that excess water (D07) is not predicted; cuts are of 1.5 T"
        return Outcome(state=GateState.WARN, reason=text, value=known[0])
    return passed(f"{known[0]:g} T", known[0])


def inversion_time(steps: Steps, _series: str) -> Outcome:
    """TI over fat's null (SCIENCE 1.1: ``T1 ln(1 + 1 - exp(-(TR - TI) / T1))`` with ideal inversion)."""
    facts = steps.facts(STIR)
    if facts is None:
        return not_evaluable("there is no STIR series")
    constants = constants_for_field(facts.magnetic_field_strength_t, steps.protocol.signals.tissue_constants)
    time, repetition = facts.inversion_time_ms, facts.repetition_time_ms
    if time is None or repetition is None or constants is None:
        return not_evaluable("TI, TR or the field strength is not known, or has no constants")
    t1_ms = constants.fat_t1.value
    null_ms = float(t1_ms * np.log(2 - np.exp(-max(0.0, repetition - time) / t1_ms)))
    window = steps.protocol.quality.inversion_to_null
    value, text = time / null_ms, f"TI {time:.0f} ms where fat is nulled at about {null_ms:.0f} ms"
    if value > window.high:
        text += ": fat and water have opposite signs and cancel where marrow holds both"
    elif value < window.low:
        text += ": fat is hardly suppressed"
    inside = window.holds(value)
    return Outcome(state=GateState.PASS if inside else GateState.WARN, reason=text, value=value)


def normalization(steps: Steps, _series: str) -> Outcome:
    """Whether the scanner evened out the coils' shading of both series or of none, by ImageType."""
    facts = _all_facts(steps)
    if len(facts) < 2 or not all(f.image_type for f in facts):
        return not_evaluable("no STIR series" if len(facts) < 2 else "no ImageType in a header")
    done = ["NORM" in f.image_type for f in facts]
    if done[0] != done[1]:
        only = T1 if done[0] else STIR
        return Outcome(state=GateState.WARN, reason=f"only {only} is prescan-normalised: shading differs")
    return passed("both series are prescan-normalised" if done[0] else "no series says that it is normalised")


def age_known(steps: Steps, _series: str) -> Outcome:
    """Whether the header tells an age, which expected marrow depends on."""
    age = steps.pair.t1.acquisition.patient_age_y
    if age is None:
        return not_evaluable("no age in the header: what is normal for it is not judged")
    text = f"{age:.0f} years" + (": not validated" if age < steps.protocol.evidence.adult_age.value else "")
    return graded(age, text, warn=steps.protocol.evidence.adult_age.value, below=True)


def laterality(steps: Steps, _series: str) -> Outcome:
    """Side by Laterality against the side on which the T1 grid lies, and T1's tag against STIR's."""
    tags = {
        name: side
        for name in (T1, STIR)
        if (header := steps.header(name)) is not None and (side := _SIDES.get(header.laterality, ""))
    }
    place = _clear_side(steps)
    if len(set(tags.values()) | ({place} - {""})) > 1:
        told = ", ".join(f"{name} {side}" for name, side in tags.items())
        text = f"Laterality says {told}" + (f"; the images lie on the {place}" if place else "")
        return Outcome(state=GateState.FAIL, reason=text)
    if not tags:
        return not_evaluable("no Laterality in the header: left and right are those of the geometry")
    if not place:
        return passed(f"Laterality says {next(iter(tags.values()))}; the images lie across the middle")
    return passed(f"Laterality and position of the images say {place}")


def patient_position(steps: Steps, _series: str) -> Outcome:
    """Whether the patient lay the same way for both."""
    told = [f.patient_position for f in _all_facts(steps)]
    known = {position for position in told if position}
    if not known or None in told:
        return not_evaluable("PatientPosition is missing")
    if len(known) > 1:
        return Outcome(state=GateState.FAIL, reason=f"T1 and STIR name {' and '.join(sorted(known))}")
    return passed(f"{known.pop()} for all series")


def _clear_side(steps: Steps) -> str:
    # A field that reaches across the isocentre has no side of its own: a joint may be moved there.
    grid = steps.pair.t1.geometry
    x = grid.to_patient(np.indices((2, 2, 2)).reshape(3, 8).T * (np.asarray(grid.shape) - 1))[:, 0]
    return "left" if x.min() > 0 else "right" if x.max() < 0 else ""


def _all_facts(steps: Steps) -> list[AcquisitionFacts]:
    return [facts for series in (T1, STIR) if (facts := steps.facts(series)) is not None]
