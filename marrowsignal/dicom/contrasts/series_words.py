"""What the free texts of a series say: description, protocol name, sequence names, contrast agent."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from marrowsignal.dicom.headers.slice_header import SliceHeader
from marrowsignal.protocol.series_rules import TextPatterns
from marrowsignal.protocol.series_text import LONGEST_TEXT

__all__ = ["ContrastWords", "SeriesWords", "read_contrast", "read_words"]

_HALF_A_DAY_S = 12 * 3600
_AGENT_NOT_GIVEN = "The header names a contrast agent, but the description says that none was given yet."
_SHORT_WORD = "A short word of the description may mean contrast or something else, and the header names no agent."


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesWords:
    """Which words the texts hold; texts are evidence, never proof.

    Attributes
    ----------
    stir, flair, t1, t2, pd : bool
        Contrast named in the description; in the protocol name when the description names none.
    fat_suppressed, spectral_inversion : bool
        Preparation named in description or protocol name.
    derived, synthetic, stitched, learned, localizer, diffusion, single_shot : bool
        Kind of image named there; diffusion and single shot also in a sequence name.
    other_purpose : bool
        Relaxation map, silicone or water suppression named in description (without one, the protocol name) or sequence
        name.
    dixon, dixon_in_phase, dixon_other : bool
        Dixon imaging named there, and which of its images.
    spin_echo_name, inversion_name, gradient_name, echo_planar_name : bool
        What a sequence name says.
    plain_spin_echo_name : bool
        A sequence name of a maker who would have named an inversion in it.
    """

    stir: bool
    flair: bool
    t1: bool
    t2: bool
    pd: bool
    fat_suppressed: bool
    spectral_inversion: bool
    derived: bool
    synthetic: bool
    stitched: bool
    learned: bool
    localizer: bool
    diffusion: bool
    single_shot: bool
    other_purpose: bool
    dixon: bool
    dixon_in_phase: bool
    dixon_other: bool
    spin_echo_name: bool
    inversion_name: bool
    plain_spin_echo_name: bool
    gradient_name: bool
    echo_planar_name: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ContrastWords:
    """Whether contrast was on board when the series was acquired.

    Attributes
    ----------
    given : str
        What says so; empty when nothing does.
    by_header : bool
        The header names the agent or its start, not only a text.
    disputed : str
        Why nobody can tell, in a sentence; empty when nothing hints at contrast or something says so.
    """

    given: str
    by_header: bool = False
    disputed: str = ""


def _plain(text: str) -> str:
    """Full-width letters as common ones, and no more text than any pattern was tried on."""
    return unicodedata.normalize("NFKC", text)[:LONGEST_TEXT]


def _says(pattern: str, text: str) -> bool:
    return re.search(pattern, text, re.IGNORECASE) is not None


def _without(pattern: str, text: str) -> str:
    return re.sub(pattern, " ", text, flags=re.IGNORECASE)


def read_words(header: SliceHeader, patterns: TextPatterns) -> SeriesWords:
    """Look for the words of `patterns` in the texts of one header."""
    description, protocol = _plain(header.description), _plain(header.protocol_name)
    text = f"{description} | {protocol}"
    contrast = description if _names_a_contrast(description, patterns) else protocol
    flair = _says(patterns.flair, contrast)
    unsuppressed = _without(patterns.not_fat_suppressed, text)
    names = _plain(" | ".join((header.acquisition.sequence_name or "", *header.vendor_sequence_names)))
    inverted = _says(patterns.inversion_name, names)
    return SeriesWords(
        # "dark fluid TIRM" is a FLAIR.
        stir=_says(patterns.stir, contrast) and not flair,
        flair=flair,
        t1=_says(patterns.t1, contrast),
        t2=_says(patterns.t2, contrast),
        pd=_says(patterns.pd, contrast),
        fat_suppressed=_says(patterns.fat_suppressed, unsuppressed),
        spectral_inversion=_says(patterns.spectral_inversion, f"{unsuppressed} | {names}"),
        derived=_says(patterns.derived, text),
        synthetic=_says(patterns.synthetic, text),
        stitched=_says(patterns.stitched, text),
        learned=_says(patterns.learned, text),
        localizer=_says(patterns.localizer, text),
        diffusion=_says(patterns.diffusion, f"{text} | {names}"),
        single_shot=_says(patterns.single_shot, f"{text} | {names}"),
        other_purpose=_says(patterns.other_purpose, f"{description or protocol} | {names}"),
        dixon=_says(patterns.dixon, text),
        dixon_in_phase=_says(patterns.dixon_in_phase, description),
        dixon_other=_says(patterns.dixon_other, description),
        spin_echo_name=_says(patterns.spin_echo_name, names) and not inverted,
        inversion_name=inverted,
        plain_spin_echo_name=_says(patterns.plain_spin_echo_name, names) and not inverted,
        gradient_name=_says(patterns.gradient_name, names),
        echo_planar_name=_says(patterns.echo_planar_name, names),
    )


def _names_a_contrast(text: str, patterns: TextPatterns) -> bool:
    return any(_says(one, text) for one in (patterns.stir, patterns.flair, patterns.t1, patterns.t2, patterns.pd))


def read_contrast(header: SliceHeader, patterns: TextPatterns) -> ContrastWords:
    """Tell from agent, times and texts whether contrast was on board when the series was acquired."""
    description, protocol = _plain(header.description), _plain(header.protocol_name)
    agent = _plain(header.contrast_agent)
    named = bool(agent) and not _says(patterns.contrast_agent_off, agent)
    wait_s = _seconds_to_bolus(header)
    begun = wait_s is not None and wait_s <= 0 and (named or not agent)
    by_header = begun or (named and wait_s is None)
    native = _says(patterns.not_post_contrast, description)
    told = _without(patterns.not_post_contrast, description)
    if _says(patterns.post_contrast, told):
        return ContrastWords(given="its description says so", by_header=by_header)
    if begun:
        return ContrastWords(given="the header has the agent start before this series", by_header=True)
    if by_header and native:
        return ContrastWords(given="", disputed=_AGENT_NOT_GIVEN)
    if by_header:
        return ContrastWords(given="the header names a contrast agent", by_header=True)
    # A protocol named "with and without" is the whole examination's.
    whole_examination = native or _says(patterns.not_post_contrast, protocol)
    if not whole_examination and _says(patterns.post_contrast, protocol):
        return ContrastWords(given="its protocol's name says so")
    hinted = wait_s is None and _says(patterns.contrast_hint, told)
    return ContrastWords(given="", disputed=_SHORT_WORD if hinted else "")


def _seconds_to_bolus(header: SliceHeader) -> int | None:
    """How long after the start of the series the agent was given; None when the header does not tell."""
    acquired, started = _seconds(header.acquired_at[8:14]), _seconds(header.contrast_started_at.replace(":", "")[:6])
    if acquired is None or started is None:
        return None
    # Times without a date: the shorter way round the clock.
    return (started - acquired + _HALF_A_DAY_S) % (2 * _HALF_A_DAY_S) - _HALF_A_DAY_S


def _seconds(clock: str) -> int | None:
    if len(clock) != 6 or not (clock.isascii() and clock.isdecimal()):
        return None
    return int(clock[:2]) * 3600 + int(clock[2:4]) * 60 + int(clock[4:])
