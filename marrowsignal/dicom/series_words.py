"""What the free texts of a series say: description, protocol name, sequence name."""

from __future__ import annotations

import re
from dataclasses import dataclass

from marrowsignal.dicom.slice_header import SliceHeader
from marrowsignal.protocol.series_rules import TextPatterns

__all__ = ["SeriesWords", "contrast_given", "read_words"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesWords:
    """Which words the texts hold; texts are evidence, never proof.

    Attributes
    ----------
    stir, flair, t1, t2, pd, fat_suppressed, spectral_inversion : bool
        Contrast named in description or protocol name.
    derived, synthetic, stitched, localizer, diffusion : bool
        Kind of image named there.
    spin_echo_name, inversion_name, gradient_name, echo_planar_name : bool
        What SequenceName says.
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
    localizer: bool
    diffusion: bool
    spin_echo_name: bool
    inversion_name: bool
    gradient_name: bool
    echo_planar_name: bool


def _says(pattern: str, text: str) -> bool:
    return re.search(pattern, text, re.IGNORECASE) is not None


def read_words(header: SliceHeader, patterns: TextPatterns) -> SeriesWords:
    """Look for the words of `patterns` in the texts of one header."""
    text = f"{header.description} | {header.protocol_name}"
    name = header.acquisition.sequence_name or ""
    unsuppressed = re.sub(patterns.not_fat_suppressed, " ", text, flags=re.IGNORECASE)
    flair = _says(patterns.flair, text)
    return SeriesWords(
        # "dark fluid TIRM" is a FLAIR.
        stir=_says(patterns.stir, text) and not flair,
        flair=flair,
        t1=_says(patterns.t1, text),
        t2=_says(patterns.t2, text),
        pd=_says(patterns.pd, text),
        fat_suppressed=_says(patterns.fat_suppressed, unsuppressed),
        spectral_inversion=_says(patterns.spectral_inversion, f"{unsuppressed} | {name}"),
        derived=_says(patterns.derived, text),
        synthetic=_says(patterns.synthetic, text),
        stitched=_says(patterns.stitched, text),
        localizer=_says(patterns.localizer, text),
        diffusion=_says(patterns.diffusion, text),
        spin_echo_name=_says(patterns.spin_echo_name, name) and not _says(patterns.inversion_name, name),
        inversion_name=_says(patterns.inversion_name, name),
        gradient_name=_says(patterns.gradient_name, name),
        echo_planar_name=_says(patterns.echo_planar_name, name),
    )


def contrast_given(header: SliceHeader, patterns: TextPatterns) -> str:
    """Say why contrast was on board when the series was acquired; empty when nothing says so."""
    agent = header.contrast_agent
    if agent and not re.match(patterns.contrast_agent_off, agent, re.IGNORECASE) and not _before_bolus(header):
        return "the header names a contrast agent"
    text = re.sub(
        patterns.not_post_contrast, " ", f"{header.description} | {header.protocol_name}", flags=re.IGNORECASE
    )
    return "its description says so" if _says(patterns.post_contrast, text) else ""


def _before_bolus(header: SliceHeader) -> bool:
    """Whether the header itself says that the series was acquired before the agent was given."""
    acquired, started = header.acquired_at[8:14], header.contrast_started_at[:6]
    return len(acquired) == len(started) == 6 and acquired < started
