"""What the header says about the pulse sequence: echo, inversion, fat suppression (SCIENCE 5.1, 5.2)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from marrowsignal.dicom.contrasts.series_words import SeriesWords
from marrowsignal.dicom.headers.slice_header import SliceHeader
from marrowsignal.protocol.series_rules import SeriesRules

__all__ = ["Inversion", "Physics", "read_physics"]


_INVERTED_CONTRASTS = frozenset({"STIR", "FLUID_ATTENUATED"})  # AcquisitionContrast of Enhanced MR


class Inversion(StrEnum):
    """How sure it is that fat is nulled by a global inversion pulse."""

    NONE = "none"
    DISPUTED = "disputed"
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
    doubted : bool
        The description names an inversion that nothing else confirms or denies.
    """

    inversion: Inversion
    fat_suppressed: bool
    spin_echo: bool
    gradient_echo: bool
    echo_planar: bool
    doubted: bool


def read_physics(header: SliceHeader, words: SeriesWords, rules: SeriesRules) -> Physics:
    """Read the pulse sequence from codes first and names second."""
    facts, kinds = header.acquisition, rules.image_type
    codes, flavours = set(facts.scanning_sequence), set(facts.image_type[2:])
    by_name = not codes & {"SE", "IR", "GR", "EP"}
    flag = header.fat_suppressed
    if flag is None:
        flag = bool(rules.scan_options.fat_suppressed & set(facts.scan_options))
    spin_echo_named = words.spin_echo_name or words.inversion_name or flavours & kinds.spin_echo
    inversion = _inversion(header, words, rules, fat_flag=flag)
    denied = flag or header.inversion_recovery is False or words.plain_spin_echo_name or flavours & kinds.spin_echo
    return Physics(
        inversion=inversion,
        fat_suppressed=flag or words.fat_suppressed or words.spectral_inversion,
        # A gradient-and-spin echo may carry the code SE alone; its name tells.
        spin_echo=bool((codes & {"SE", "IR"} or (by_name and spin_echo_named)) and not words.gradient_name),
        gradient_echo=bool("GR" in codes or flavours & kinds.gradient_echo or (by_name and words.gradient_name)),
        # Philips writes SE for a spin-echo EPI; its name for the technique is clear.
        echo_planar="EP" in codes or words.echo_planar_name or "MOSAIC" in facts.image_type,
        doubted=inversion is Inversion.NONE and (words.stir or words.flair) and not denied,
    )


def _inversion(header: SliceHeader, words: SeriesWords, rules: SeriesRules, *, fat_flag: bool) -> Inversion:
    if header.inversion_recovery is False:
        return Inversion.NONE
    facts = header.acquisition
    flavours = set(facts.image_type[2:])
    plain = words.plain_spin_echo_name or flavours & rules.image_type.spin_echo
    if _coded(header, words, rules, fat_flag=fat_flag):
        # SPAIR is a spectral adiabatic inversion and may be coded like a STIR; a TIRM may carry FS too, but is named.
        named = words.stir or words.flair or header.acquisition_contrast in _INVERTED_CONTRASTS
        spectral = fat_flag or words.fat_suppressed or words.spectral_inversion
        denied = (plain or (spectral and not named)) and not words.inversion_name
        return Inversion.DISPUTED if denied else Inversion.CODED
    options = set(facts.scan_options)
    hinted = facts.inversion_time_ms is not None or options & (
        rules.scan_options.inversion | rules.scan_options.inversion_hint
    )
    named_only = words.fat_suppressed and not words.stir
    # Its vendor may write a TI, and IR in ScanOptions, without SE\IR.
    if not hinted or fat_flag or words.spectral_inversion or named_only:
        return Inversion.NONE
    return Inversion.DISPUTED if plain else Inversion.WEAK


def _coded(header: SliceHeader, words: SeriesWords, rules: SeriesRules, *, fat_flag: bool) -> bool:
    facts = header.acquisition
    # In Enhanced MR the code IR is made up from the TI when InversionRecovery is missing.
    by_code = "IR" in facts.scanning_sequence and not (header.enhanced and header.inversion_recovery is None)
    return bool(
        header.inversion_recovery
        or by_code
        or words.inversion_name
        or set(facts.image_type[2:]) & rules.image_type.inversion
        or (not fat_flag and set(facts.scan_options) & rules.scan_options.inversion)
    )
