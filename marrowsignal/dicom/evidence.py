"""Score how well timings, sequence and texts fit each spin-echo contrast (SCIENCE 5.1)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from marrowsignal.dicom.records import SeriesIdentity
from marrowsignal.dicom.series_words import SeriesWords
from marrowsignal.dicom.slice_header import SliceHeader
from marrowsignal.geometry.acquisition import AcquisitionFacts
from marrowsignal.protocol.series_rules import SeriesRules

__all__ = ["Inversion", "Physics", "read_physics", "scores"]


class Inversion(StrEnum):
    """How sure it is that fat is nulled by a global inversion pulse."""

    NONE = "none"
    WEAK = "weak"
    CODED = "coded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Physics:
    """What the header says about the pulse sequence.

    Attributes
    ----------
    inversion : Inversion
        Global inversion; a spectral one (SPAIR, SPIR) is none.
    fat_suppressed : bool
        Spectral fat suppression or water excitation.
    spin_echo, gradient_echo, echo_planar : bool
        Kind of echo.
    """

    inversion: Inversion
    fat_suppressed: bool
    spin_echo: bool
    gradient_echo: bool
    echo_planar: bool


def read_physics(header: SliceHeader, words: SeriesWords) -> Physics:
    """Read the pulse sequence from codes first and names second."""
    facts = header.acquisition
    codes = set(facts.scanning_sequence)
    by_name = not codes & {"SE", "IR", "GR", "EP"}
    fat_flag = header.fat_suppressed
    if fat_flag is None:
        fat_flag = bool({"FS", "FAT_SAT", "WE"} & set(facts.scan_options))
    suppressed = fat_flag or words.fat_suppressed or words.spectral_inversion
    return Physics(
        inversion=_inversion(header, words, spectral=suppressed),
        fat_suppressed=suppressed,
        spin_echo="SE" in codes or (codes == {"IR"}) or (by_name and words.spin_echo_name),
        gradient_echo="GR" in codes or (by_name and words.gradient_name),
        echo_planar="EP" in codes or (by_name and words.echo_planar_name) or "MOSAIC" in facts.image_type,
    )


def _inversion(header: SliceHeader, words: SeriesWords, *, spectral: bool) -> Inversion:
    if header.inversion_recovery is not None:
        return Inversion.CODED if header.inversion_recovery else Inversion.NONE
    facts = header.acquisition
    if "IR" in facts.scanning_sequence or words.inversion_name:
        return Inversion.CODED
    hinted = facts.inversion_time_ms is not None or bool({"IR", "IR_GEMS"} & set(facts.scan_options))
    # SPAIR is a spectral adiabatic inversion: its vendor may write a TI without SE\IR.
    if not hinted or (spectral and (words.spectral_inversion or not words.stir)):
        return Inversion.NONE
    return Inversion.WEAK


def scores(
    header: SliceHeader, physics: Physics, words: SeriesWords, rules: SeriesRules
) -> dict[SeriesIdentity, float]:
    """Score each contrast from 0 to 1: timing, sequence codes, sequence name, description.

    A contrast the pulse sequence excludes has no entry.
    """
    weights = rules.evidence
    sequence = 1.0 if physics.spin_echo or "IR" in header.acquisition.scanning_sequence else 0.0
    inverted = physics.inversion is not Inversion.NONE
    if physics.inversion is Inversion.WEAK:
        sequence *= weights.weak_inversion_credit.value
    timings = _inverted_timings(header, rules) if inverted else _plain_timings(header, physics, rules)
    named = words.inversion_name if inverted else words.spin_echo_name
    told = _told(words)
    return {
        identity: round(
            weights.timing.value * timing
            + weights.sequence.value * sequence
            + weights.name.value * named
            + weights.description.value * told.get(identity, False),
            6,
        )
        for identity, timing in timings.items()
    }


def _told(words: SeriesWords) -> dict[SeriesIdentity, bool]:
    return {
        SeriesIdentity.STIR: words.stir,
        SeriesIdentity.FLAIR: words.flair,
        SeriesIdentity.T1_IR: words.t1 and not words.stir,
        SeriesIdentity.T1: words.t1,
        SeriesIdentity.T1_FAT_SUPPRESSED: words.t1,
        SeriesIdentity.T2: words.t2,
        SeriesIdentity.T2_FAT_SUPPRESSED: words.t2,
        SeriesIdentity.PD: words.pd,
        SeriesIdentity.PD_FAT_SUPPRESSED: words.pd,
    }


def _inverted_timings(header: SliceHeader, rules: SeriesRules) -> dict[SeriesIdentity, float]:
    facts, timing, edge = header.acquisition, rules.timing, rules.evidence.edge_credit.value
    band = rules.band(facts.magnetic_field_strength_t)
    readout = min(
        timing.stir_repetition_time.credit(facts.repetition_time_ms, edge),
        timing.stir_echo_time.credit(facts.echo_time_ms, edge),
    )
    if facts.inversion_time_ms is None:
        return {SeriesIdentity.STIR: readout * rules.evidence.missing_inversion_time_credit.value}
    ti = facts.inversion_time_ms
    return {
        SeriesIdentity.STIR: min(readout, band.stir_inversion_time.credit(ti, edge)),
        SeriesIdentity.FLAIR: timing.flair_inversion_time.credit(ti, edge),
        SeriesIdentity.T1_IR: min(
            timing.t1_ir_inversion_time.credit(ti, edge),
            timing.t1_ir_echo_time.credit(facts.echo_time_ms, edge),
        ),
    }


def _plain_timings(header: SliceHeader, physics: Physics, rules: SeriesRules) -> dict[SeriesIdentity, float]:
    timing, edge = rules.timing, rules.evidence.edge_credit.value
    facts: AcquisitionFacts = header.acquisition
    long_tr = timing.long_repetition_time.credit(facts.repetition_time_ms, edge)
    t1 = min(
        rules.band(facts.magnetic_field_strength_t).t1_repetition_time.credit(facts.repetition_time_ms, edge),
        timing.t1_echo_time.credit(facts.echo_time_ms, edge),
        timing.t1_echo_train.credit(float(facts.echo_train_length or 0), edge),
    )
    pd = min(long_tr, timing.pd_echo_time.credit(facts.echo_time_ms, edge))
    t2 = min(long_tr, timing.t2_echo_time.credit(facts.echo_time_ms, edge))
    if physics.fat_suppressed:
        return {
            SeriesIdentity.T1_FAT_SUPPRESSED: t1,
            SeriesIdentity.PD_FAT_SUPPRESSED: pd,
            SeriesIdentity.T2_FAT_SUPPRESSED: t2,
        }
    return {SeriesIdentity.T1: t1, SeriesIdentity.PD: pd, SeriesIdentity.T2: t2}
