"""Words and numbers as the page prints them."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from marrowsignal.alignment.records import AlignmentVerdict
from marrowsignal.findings import Severity
from marrowsignal.patterns.records import Confidence, CriterionState, PatternClass
from marrowsignal.quality.records import GateState
from marrowsignal.regions.records import Side
from marrowsignal.signals.records import Measurement, MeasurementStatus, Signals

__all__ = [
    "CLASS_WORDS",
    "CONFIDENCE_WORDS",
    "GATE_WORDS",
    "SEVERITY_WORDS",
    "STATE_WORDS",
    "VERDICT_WORDS",
    "Notes",
    "add_on_words",
    "cut_words",
    "fixed",
    "interval",
    "left_out",
    "name_without_side",
    "number",
    "patient_point",
    "sentence_case",
    "unit_words",
    "volume",
    "with_unit",
]

CLASS_WORDS = {
    PatternClass.RED_FLAG_INFILTRATION_LIKE: "Infiltration-like pattern (red flag)",
    PatternClass.FOCAL_EDEMA_LIKE: "Focal edema-like pattern",
    PatternClass.SYMMETRIC_RECONVERSION_LIKE: "Symmetric reconversion-like pattern",
    PatternClass.MIXED: "Mixed: focal edema-like on reconversion-like marrow",
    PatternClass.NORMAL_FOR_AGE: "Normal-for-age-like marrow signal",
    PatternClass.INDETERMINATE: "Indeterminate",
    PatternClass.CANNOT_ASSESS: "Cannot be assessed",
}
CONFIDENCE_WORDS = {
    Confidence.HIGH: "high confidence",
    Confidence.MODERATE: "moderate confidence",
    Confidence.LOW: "low confidence",
    Confidence.NONE: "no confidence stated",
}
STATE_WORDS = {
    CriterionState.POSITIVE: ("✔", "met"),
    CriterionState.NEGATIVE: ("✘", "not met"),
    CriterionState.INDETERMINATE: ("≈", "interval straddles the cut"),
    CriterionState.NOT_EVALUABLE: ("–", "not evaluable"),
}
# Words and shapes, so that no reader needs the color.
GATE_WORDS = {
    GateState.PASS: ("✔", "pass"),
    GateState.WARN: ("▲", "warn"),
    GateState.FAIL: ("✖", "fail"),
    GateState.NOT_EVALUABLE: ("○", "not evaluable"),
}
SEVERITY_WORDS = {Severity.FAIL: "fail", Severity.WARN: "warning", Severity.INFO: "note"}
VERDICT_WORDS = {
    AlignmentVerdict.PASS: (GateState.PASS, "Good for voxel-wise statements"),
    AlignmentVerdict.WARN: (GateState.WARN, "Voxel-wise statements are weakened"),
    AlignmentVerdict.REGION_ONLY: (GateState.FAIL, "Good for medians of regions only: no statement on single lesions"),
    AlignmentVerdict.FAIL: (GateState.FAIL, "It could not be shown that the two series lie on each other"),
}
_ADD_ONS = {
    "FRACTURE_LINE_CANDIDATE": "dark line, to be checked for a fracture",
    "OSTEONECROSIS_LIKE": "osteonecrosis-like rim",
    "DEEP_SIJ_EDEMA": "deep edema-like signal at the sacroiliac joint",
    "INFECTION_CONTEXT": "soft tissue beside it bright on STIR",
    "CHARCOT_LIKE": "Charcot-like",
    "TRANSIENT_EDEMA_LIKE": "transient-edema-like",
    "HIGH_FAT": "fat signal above what is expected",
    "PRIOR_CHANGE": "changed since the earlier examination",
    "LOW_T1_FOCUS_REVIEW": "focus dark on T1, to be reviewed",
    "DIFFUSE_LOW_T1_REVIEW": "T1 low throughout, to be reviewed",
}
_UNITS = {"1": "", "percent": "%", "ml": "mL", "deg": "°", "fraction": ""}


def number(value: float) -> str:
    """Two to three significant digits.

    >>> [number(v) for v in (0.0, 0.0512, 0.618, 1.904, 23.44, 412.3)]
    ['0', '0.051', '0.62', '1.90', '23.4', '412']
    """
    if value == 0:
        return "0"
    size = abs(value)
    decimals = 3 if size < 0.0995 else 2 if size < 9.995 else 1 if size < 99.95 else 0
    text = f"{value:.{decimals}f}"
    return text.replace("-", "−")  # a true minus sign


def unit_words(unit: str) -> str:
    """Return the unit as printed; a pure number has none."""
    return _UNITS.get(unit, unit)


def with_unit(value: float | None, unit: str, *, missing: str = "not measured") -> str:
    """Return a number with its unit, or the words for a missing one."""
    if value is None or not math.isfinite(value):
        return missing
    if unit.startswith("1 ") and ", 0 " in unit:  # an answer told as a number, for example "1 grown, 0 not"
        yes, _, no = unit.removeprefix("1 ").partition(", 0 ")
        return yes if value else no
    if unit.startswith("percent"):
        return f"{value:.1f}%{unit.removeprefix('percent')}".replace("-", "−")
    if unit == "lesions":  # a count
        return f"{value:.0f}"
    words = unit_words(unit)
    space = "" if words in {"", "°"} else "\N{NO-BREAK SPACE}"
    return f"{number(value)}{space}{words}"


def fixed(value: float | None, decimals: int) -> str:
    """Return a number with as many decimals as its column has, or nothing when there is none.

    >>> [fixed(v, 1) for v in (-12.34, 0.04, None)]
    ['−12.3', '0.0', '']
    """
    if value is None or not math.isfinite(value):
        return ""
    return f"{round(value, decimals) + 0.0:.{decimals}f}".replace("-", "−")


def volume(value_ml: float | None) -> str:
    """Return millilitres with one decimal, or nothing when there is none; what is there is never told as 0.

    >>> [volume(v) for v in (110.42, 0.03, 0.0, None)]
    ['110.4', '<0.1', '0.0', '']
    """
    text = fixed(value_ml, 1)
    return "<0.1" if value_ml and text == "0.0" else text


def interval(low: float | None, high: float | None, *, decimals: int | None = None) -> str:
    """Return ``"1.84 to 1.96"``, or nothing when there is no interval; `decimals` as in the column, if it has any."""
    if low is None or high is None or not (math.isfinite(low) and math.isfinite(high)):
        return ""
    if decimals is not None:
        return f"{fixed(low, decimals)} to {fixed(high, decimals)}"
    return f"{number(low)} to {number(high)}"


def name_without_side(name: str, side: Side) -> str:
    """Return the name of a region as both sides have it.

    >>> [name_without_side(name, Side.LEFT) for name in ("left ilium", "sacral ala, left", "sacrum")]
    ['ilium', 'sacral ala', 'sacrum']
    """
    word = side.value
    return name.removesuffix(f", {word}").removesuffix(f" {word}").removeprefix(f"{word} ")


def sentence_case(text: str) -> str:
    """Return a text that begins with a capital and is else as it was."""
    return text[:1].upper() + text[1:]


def left_out(signals: Signals) -> str:
    """Say what the medians leave out, as the name of the whole marrow has it; empty where nothing was told apart."""
    return "lesions" if signals.lesions is not None else signals.whole.name.partition(" without ")[2]


def cut_words(cut: str) -> str:
    """Return a cut as printed, with true signs.

    >>> cut_words("within +-6 percent")
    'within ±6 percent'
    """
    return cut.replace("+-", "±").replace(">=", "≥").replace("<=", "≤")


def patient_point(point_lps_mm: tuple[float, float, float]) -> str:
    """Return a patient point by its directions.

    >>> patient_point((12.4, -3.0, 0.0))
    'L12 A3 S0'
    """
    words = zip("LPS", "RAI", point_lps_mm, strict=True)
    return " ".join(f"{plus if value >= 0 else minus}{abs(value):.0f}" for plus, minus, value in words)


def add_on_words(code: str) -> str:
    """Return an add-on code as words.

    >>> add_on_words("DEEP_SIJ_EDEMA")
    'deep edema-like signal at the sacroiliac joint'
    >>> add_on_words("OTHER_SIGN")
    'other sign'
    """
    return _ADD_ONS.get(code, code.replace("_", " ").lower())


@dataclass(slots=True)
class Notes:
    """Footnotes of one table: each reason is printed once and marked by a letter."""

    texts: list[str] = field(default_factory=list)

    def mark(self, text: str) -> str:
        """Return the mark of a note, made when new: ``a`` to ``z``, then ``aa`` ..."""
        if text not in self.texts:
            self.texts.append(text)
        place = self.texts.index(text)
        letter = chr(ord("a") + place % 26)
        return letter if place < 26 else chr(ord("a") + place // 26 - 1) + letter

    def mark_of(self, item: Measurement) -> str:
        """Return the mark of a measurement that is missing or exploratory; empty when it is firm."""
        if item.value is not None and item.status is MeasurementStatus.MEASURED:
            return ""
        start = "not measured" if item.value is None else "exploratory"
        return self.mark(f"{start}: {item.reason or 'no reason given'}")

    def listed(self) -> tuple[tuple[str, str], ...]:
        """Return mark and text of each note."""
        return tuple((self.mark(text), text) for text in tuple(self.texts))
