"""Find the series of a study that part fat from water by chemical shift: a fat-fraction map, in and opposed phase."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from marrowsignal.dicom.records import Series, SeriesIdentity, SeriesPair
from marrowsignal.findings import Finding, Severity
from marrowsignal.protocol.series_rules import SeriesRules
from marrowsignal.protocol.series_rules_file import default_series_rules
from marrowsignal.protocol.series_text import LONGEST_TEXT

__all__ = ["ChemicalShiftSeries", "Phase", "find_chemical_shift", "half_turns"]

_STAGE = "find_chemical_shift"
# CODATA 2018, proton over 2 pi
_GAMMA_MHZ_PER_T = 42.577478518
_MAY_HOLD_PHASES = frozenset({SeriesIdentity.DIXON, SeriesIdentity.GRADIENT_ECHO, SeriesIdentity.T1})


class Phase(StrEnum):
    """How fat and water stand to each other at the echo."""

    IN = "in phase"
    OPPOSED = "opposed phase"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChemicalShiftSeries:
    """What a study holds for D11 and D12 (SCIENCE 3.1).

    Attributes
    ----------
    fat_fraction : Series or None
        A map of the fat fraction.
    in_phase, opposed_phase : Series or None
        Both or none; they share a grid.
    findings : tuple of Finding
        Which series these are, and what weakens them.
    """

    fat_fraction: Series | None
    in_phase: Series | None
    opposed_phase: Series | None
    findings: tuple[Finding, ...] = ()


def half_turns(echo_time_ms: float, *, magnetic_field_strength_t: float, fat_shift_ppm: float) -> float:
    """How many half turns fat has fallen behind water at an echo: odd is opposed phase, even in phase.

    Parameters
    ----------
    echo_time_ms : float
        TE.
    magnetic_field_strength_t : float
        Field.
    fat_shift_ppm : float
        Chemical shift of methylene against water.

    Examples
    --------
    >>> round(half_turns(2.3, magnetic_field_strength_t=1.5, fat_shift_ppm=3.4), 1)
    1.0
    """
    offset_hz = fat_shift_ppm * _GAMMA_MHZ_PER_T * magnetic_field_strength_t
    return 2.0 * offset_hz * echo_time_ms / 1000.0


def find_chemical_shift(pair: SeriesPair, *, rules: SeriesRules | None = None) -> ChemicalShiftSeries | None:
    """Look among the series that a pair leaves over for a fat-fraction map and for an in- and opposed-phase pair.

    Parameters
    ----------
    pair : SeriesPair
        T1 and STIR; the rest of their study is in `rejected`. A T1 that is the in-phase image of a Dixon counts too.
    rules : SeriesRules, optional
        Words and tolerances; the shipped ones by default.

    Returns
    -------
    ChemicalShiftSeries or None
        None where the study holds neither. Phases are told apart by ImageType, then description, then echo time
        against the field; a name that the echo time contradicts is not believed.
    """
    chosen = rules or default_series_rules()
    series = [one for one in (pair.t1, *pair.rejected) if _readable(one, pair.t1)]
    fractions = sorted((one for one in series if _is_fat_fraction(one, chosen)), key=_preference)
    phases = [(one, _phase(one, chosen)) for one in series if one not in fractions and _may_hold_phases(one, chosen)]
    both = _best_phases(phases, chosen)
    if not fractions and both is None:
        return None
    fraction = fractions[0] if fractions else None
    in_phase, opposed = both or (None, None)
    return ChemicalShiftSeries(
        fat_fraction=fraction,
        in_phase=in_phase,
        opposed_phase=opposed,
        findings=tuple(_findings(fraction, in_phase, opposed, chosen)),
    )


def _readable(one: Series, t1: Series) -> bool:
    same = one.study_instance_uid == t1.study_instance_uid and one.person == t1.person
    return same and one.geometry is not None and len(one.sources) == one.geometry.shape[0]


def _is_fat_fraction(one: Series, rules: SeriesRules) -> bool:
    # A screen shot of a map has the map's name, and colours for its values.
    if one.identity is SeriesIdentity.NOT_MR or one.sources[0].layout.samples_per_pixel != 1:
        return False
    kind = one.acquisition.image_type
    computed = kind[:1] == ("DERIVED",) or one.identity in (SeriesIdentity.DERIVED, SeriesIdentity.DIXON)
    named = computed and kind[1:2] != ("SECONDARY",) and _says(rules.text.fat_fraction, one.description)
    return bool(set(kind[2:]) & rules.image_type.fat_fraction) or named


def _secondary(one: Series) -> bool:
    return one.acquisition.image_type[1:2] == ("SECONDARY",)


def _may_hold_phases(one: Series, rules: SeriesRules) -> bool:
    kind = one.identity in _MAY_HOLD_PHASES or "DIXON" in one.acquisition.image_type
    signed = set(one.acquisition.image_type[2:]) & (rules.image_type.real | rules.image_type.phase)
    return kind and not signed and not one.acquisition.post_contrast and not _secondary(one)


def _phase(one: Series, rules: SeriesRules) -> Phase | None:
    """Name, and echo time where both are known, must agree."""
    named, timed = _named_phase(one, rules), _timed_phase(one, rules)
    if named is None:
        return timed if one.identity is SeriesIdentity.GRADIENT_ECHO else None
    return named if timed in (None, named) else None


def _named_phase(one: Series, rules: SeriesRules) -> Phase | None:
    flavours = set(one.acquisition.image_type[2:])
    words = rules.image_type
    if flavours & (words.dixon_in_phase | words.opposed_phase):
        return Phase.OPPOSED if flavours & words.opposed_phase else Phase.IN
    if flavours & words.dixon_other:
        return None
    opposed = _says(rules.text.opposed_phase, one.description)
    inside = _says(rules.text.dixon_in_phase, one.description)
    if opposed == inside:
        return None
    return Phase.OPPOSED if opposed else Phase.IN


def _timed_phase(one: Series, rules: SeriesRules) -> Phase | None:
    facts, settings = one.acquisition, rules.chemical_shift
    if facts.echo_time_ms is None or not facts.magnetic_field_strength_t:
        return None
    turns = half_turns(
        facts.echo_time_ms,
        magnetic_field_strength_t=facts.magnetic_field_strength_t,
        fat_shift_ppm=settings.fat_shift.value,
    )
    nearest = round(turns)
    if not 1 <= nearest <= settings.last_half_turn.value or abs(turns - nearest) > settings.phase_tolerance.value:
        return None
    return Phase.OPPOSED if nearest % 2 else Phase.IN


def _best_phases(phases: Iterable[tuple[Series, Phase | None]], rules: SeriesRules) -> tuple[Series, Series] | None:
    """Pick the in- and opposed-phase series of one grid that lie nearest to their phase, the earliest first."""
    known = list(phases)
    ins, outs = ([one for one, phase in known if phase is wanted] for wanted in Phase)
    both = [(a, b) for a in ins for b in outs if _alike(a, b, rules)]
    return min(
        both,
        key=lambda two: (_off_phase(two, rules), *_preference(two[1]), *_preference(two[0])),
        default=None,
    )


def _off_phase(two: tuple[Series, Series], rules: SeriesRules) -> float:
    """Tenths of half turns by which two echoes miss their phases, as far as the header tells."""
    facts = [one.acquisition for one in two]
    turns = [
        half_turns(f.echo_time_ms, magnetic_field_strength_t=field, fat_shift_ppm=rules.chemical_shift.fat_shift.value)
        for f in facts
        if f.echo_time_ms is not None and (field := f.magnetic_field_strength_t)
    ]
    return round(sum(abs(turn - round(turn)) for turn in turns), 1)


def _alike(a: Series, b: Series, rules: SeriesRules) -> bool:
    if a.geometry is None or b.geometry is None or a.acquisition.manufacturer != b.acquisition.manufacturer:
        return False
    same_field = a.acquisition.magnetic_field_strength_t == b.acquisition.magnetic_field_strength_t
    same_kind = a.acquisition.scanning_sequence == b.acquisition.scanning_sequence
    near = a.geometry.difference(b.geometry).within(rules.usable.grid_tolerance.value)
    return near and same_field and same_kind and _same_repetition(a, b, rules)


def _same_repetition(a: Series, b: Series, rules: SeriesRules) -> bool:
    """T1 weighting must be the same, or the ratio is no longer that of fat to water."""
    one, other = a.acquisition.repetition_time_ms, b.acquisition.repetition_time_ms
    if one is None or other is None:
        return one is other
    return abs(one - other) <= rules.usable.repetition_time_fraction.value * max(one, other)


def _preference(one: Series) -> tuple[float, int, str]:
    echo = one.acquisition.echo_time_ms
    return (float("inf") if echo is None else echo, one.series_number or 0, one.series_instance_uid)


def _findings(
    fraction: Series | None, in_phase: Series | None, opposed: Series | None, rules: SeriesRules
) -> Iterable[Finding]:
    if fraction is not None:
        yield _finding("fat_fraction_map", f"The fat fraction is taken from series {fraction.number_text}.")
    if in_phase is None or opposed is None:
        return
    numbers = f"in phase series {in_phase.number_text}, opposed phase series {opposed.number_text}"
    yield _finding("chemical_shift_pair", f"Chemical shift is measured on {numbers}.")
    if _timed_phase(in_phase, rules) is None or _timed_phase(opposed, rules) is None:
        text = "Echo times do not confirm in and opposed phase at this field: computed images, or a header that is off."
        yield _finding("chemical_shift_echo_time", text, severity=Severity.WARN)
    later = (opposed.acquisition.echo_time_ms or 0.0) > (in_phase.acquisition.echo_time_ms or 0.0)
    if later:
        text = "The opposed-phase echo is the later one: iron and trabeculae lower it, and OP/IP with it."
        yield _finding("opposed_phase_later", text, severity=Severity.WARN)


def _finding(code: str, message: str, *, severity: Severity = Severity.INFO) -> Finding:
    return Finding(code=code, stage=_STAGE, severity=severity, message=message)


def _says(pattern: str, text: str) -> bool:
    return re.search(pattern, text[:LONGEST_TEXT], re.IGNORECASE) is not None
