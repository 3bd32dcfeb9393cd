"""Score how well timings, sequence and texts fit each spin-echo contrast, and keep what told it (SCIENCE 5.1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from marrowsignal.dicom.contrasts.pulse_sequence import Inversion, Physics
from marrowsignal.dicom.contrasts.series_words import SeriesWords
from marrowsignal.dicom.headers.slice_header import SliceHeader
from marrowsignal.dicom.records import EvidenceItem, EvidenceKind, SeriesIdentity
from marrowsignal.protocol.series_rules import SeriesRules, Window

__all__ = ["contrasts_named", "names_in_header", "weigh"]

_Id = SeriesIdentity
# Enhanced MR, AcquisitionContrast (0008,9209), DICOM PS3.3 C.8.13.3.
_ACQUISITION_CONTRAST: Mapping[str, frozenset[SeriesIdentity]] = {
    "T1": frozenset({_Id.T1, _Id.T1_FAT_SUPPRESSED, _Id.T1_IR}),
    "T2": frozenset({_Id.T2, _Id.T2_FAT_SUPPRESSED}),
    "PROTON_DENSITY": frozenset({_Id.PD, _Id.PD_FAT_SUPPRESSED}),
    "STIR": frozenset({_Id.STIR}),
    "FLUID_ATTENUATED": frozenset({_Id.FLAIR}),
}
_WITHOUT_FAT = {_Id.T1: _Id.T1_FAT_SUPPRESSED, _Id.T2: _Id.T2_FAT_SUPPRESSED, _Id.PD: _Id.PD_FAT_SUPPRESSED}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Timing:
    """One timing against its window."""

    name: str
    value: float | None
    window: Window
    unit: str = " ms"
    optional: bool = False

    def credit(self, edge_credit: float) -> float:
        if self.optional and self.value is None:
            return 1.0
        return self.window.credit(self.value, edge_credit)

    def told(self) -> str:
        window = self.window
        wanted = f"{window.low:.4g}-{window.high:.4g}{self.unit}"
        if self.value is None:
            return f"{self.name} missing (wanted {wanted})"
        inside = window.low <= self.value <= window.high
        wider = (window.edge_low, window.edge_high) != (window.low, window.high)
        edge = f", at most {window.edge_low:.4g}-{window.edge_high:.4g}" if wider and not inside else ""
        return f"{self.name} {self.value:g}{self.unit} (wanted {wanted}{edge})"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Candidate:
    """A contrast, its timings and what they are worth at best."""

    identity: SeriesIdentity
    timings: tuple[_Timing, ...]
    worth: float = 1.0


def weigh(
    header: SliceHeader, physics: Physics, words: SeriesWords, rules: SeriesRules
) -> dict[SeriesIdentity, tuple[EvidenceItem, ...]]:
    """Return the evidence for each contrast that the pulse sequence allows; its points add up to the score.

    Parameters
    ----------
    header : SliceHeader
        Header of one slice.
    physics : Physics
        What its codes say.
    words : SeriesWords
        What its texts say.
    rules : SeriesRules
        Windows and weights.
    """
    inverted = physics.inversion is not Inversion.NONE
    candidates = _inverted(header, rules) if inverted else _plain(header, physics, words, rules)
    named = contrasts_named(words)
    return {
        one.identity: (
            _timing_item(one, rules),
            _sequence_item(one.identity, header, physics, rules),
            _name_item(one.identity, header, physics, words, rules),
            _description_item(one.identity, named, rules),
        )
        for one in candidates
    }


def contrasts_named(words: SeriesWords) -> frozenset[SeriesIdentity]:
    """Return the contrasts that the description could mean."""
    named = {
        _Id.STIR: words.stir,
        _Id.FLAIR: words.flair,
        _Id.T1_IR: words.t1 and not words.stir,
        _Id.T1: words.t1,
        _Id.T2: words.t2,
        _Id.PD: words.pd,
    }
    plain = {identity for identity, said in named.items() if said}
    return frozenset(plain | {_WITHOUT_FAT[one] for one in plain if one in _WITHOUT_FAT})


def names_in_header(identity: SeriesIdentity, header: SliceHeader) -> bool:
    """Tell whether AcquisitionContrast of Enhanced MR names the contrast."""
    return identity in _ACQUISITION_CONTRAST.get(header.acquisition_contrast, ())


def _inverted(header: SliceHeader, rules: SeriesRules) -> tuple[_Candidate, ...]:
    facts, timing = header.acquisition, rules.timing
    ti = facts.inversion_time_ms
    tr_te = (("TR", facts.repetition_time_ms), ("TE", facts.echo_time_ms))

    def readout(*windows: Window) -> tuple[_Timing, ...]:
        return tuple(_Timing(name=n, value=v, window=w) for (n, v), w in zip(tr_te, windows, strict=True))

    stir = readout(timing.stir_repetition_time, timing.stir_echo_time)
    if ti is None:
        worth = rules.evidence.missing_inversion_time_credit.value
        flair = readout(timing.flair_repetition_time, timing.flair_echo_time)
        t1_ir = readout(timing.t1_ir_repetition_time, timing.t1_ir_echo_time)
        return (
            _Candidate(identity=_Id.STIR, timings=stir, worth=worth),
            _Candidate(identity=_Id.FLAIR, timings=flair, worth=worth),
            _Candidate(identity=_Id.T1_IR, timings=t1_ir, worth=worth),
        )
    band = rules.band(facts.magnetic_field_strength_t)
    short = _Timing(name="TI", value=ti, window=band.stir_inversion_time)
    t1_ir = (
        _Timing(name="TI", value=ti, window=timing.t1_ir_inversion_time),
        _Timing(name="TE", value=facts.echo_time_ms, window=timing.t1_ir_echo_time),
    )
    long = _Timing(name="TI", value=ti, window=timing.flair_inversion_time)
    return (
        _Candidate(identity=_Id.STIR, timings=(*stir, short)),
        _Candidate(identity=_Id.FLAIR, timings=(long,)),
        _Candidate(identity=_Id.T1_IR, timings=t1_ir),
    )


def _plain(header: SliceHeader, physics: Physics, words: SeriesWords, rules: SeriesRules) -> tuple[_Candidate, ...]:
    facts, timing = header.acquisition, rules.timing
    tr, te, train = facts.repetition_time_ms, facts.echo_time_ms, facts.echo_train_length
    short = rules.band(facts.magnetic_field_strength_t).t1_repetition_time
    long = _Timing(name="TR", value=tr, window=timing.long_repetition_time)
    t1 = (
        _Timing(name="TR", value=tr, window=short),
        _Timing(name="TE", value=te, window=timing.t1_echo_time),
        _Timing(name="echo train", value=train, window=timing.t1_echo_train, unit="", optional=True),
    )
    found = (
        # A whole image in one echo train is T2-weighted, whatever its effective TE.
        _Candidate(identity=_Id.T1, timings=t1, worth=0.0 if words.single_shot else 1.0),
        _Candidate(identity=_Id.PD, timings=(long, _Timing(name="TE", value=te, window=timing.pd_echo_time))),
        _Candidate(identity=_Id.T2, timings=(long, _Timing(name="TE", value=te, window=timing.t2_echo_time))),
    )
    if not physics.fat_suppressed:
        return found
    return tuple(_Candidate(identity=_WITHOUT_FAT[c.identity], timings=c.timings, worth=c.worth) for c in found)


def _timing_item(candidate: _Candidate, rules: SeriesRules) -> EvidenceItem:
    edge = rules.evidence.edge_credit.value
    credit = min(one.credit(edge) for one in candidate.timings)
    return EvidenceItem(
        kind=EvidenceKind.TIMING,
        told=", ".join(one.told() for one in candidate.timings),
        points=round(rules.evidence.timing.value * credit * candidate.worth, 6),
        identity=candidate.identity,
    )


_INVERSION_TOLD = {
    Inversion.NONE: "spin echo, no inversion",
    Inversion.DISPUTED: "an inversion code or time, but fat suppression, sequence name or ImageType deny it",
    Inversion.WEAK: "an inversion time or option, but no clear code for a global inversion",
    Inversion.CODED: "spin echo with a coded inversion",
}


def _sequence_item(identity: SeriesIdentity, header: SliceHeader, physics: Physics, rules: SeriesRules) -> EvidenceItem:
    weights = rules.evidence
    credit = {
        Inversion.DISPUTED: weights.doubted_credit.value,
        Inversion.WEAK: weights.weak_inversion_credit.value,
    }.get(physics.inversion, 1.0)
    told = _INVERSION_TOLD[physics.inversion]
    if physics.doubted:
        credit, told = (
            weights.doubted_credit.value,
            "spin echo; no code confirms or denies the inversion it is named for",
        )
    if not physics.spin_echo:
        credit, told = 0.0, "codes and names do not both allow a spin echo"
    codes = "\\".join(header.acquisition.scanning_sequence)
    return EvidenceItem(
        kind=EvidenceKind.SEQUENCE,
        told=f"{told} (ScanningSequence {codes or 'missing'})",
        points=round(weights.sequence.value * credit, 6),
        identity=identity,
    )


def _name_item(
    identity: SeriesIdentity, header: SliceHeader, physics: Physics, words: SeriesWords, rules: SeriesRules
) -> EvidenceItem:
    inverted = physics.inversion is not Inversion.NONE
    fits = words.inversion_name if inverted else words.spin_echo_name
    told = "sequence name of an inverted spin echo" if inverted else "sequence name of a spin echo"
    if not fits:
        told = "no sequence name that fits"
    told_contrast = header.acquisition_contrast
    if names_in_header(identity, header):
        fits, told = True, f"AcquisitionContrast {told_contrast}"
    doubted = physics.doubted or physics.inversion is Inversion.DISPUTED
    credit = rules.evidence.doubted_credit.value if doubted else 1.0
    return EvidenceItem(
        kind=EvidenceKind.NAME,
        told=told,
        points=round(rules.evidence.name.value * credit, 6) if fits else 0.0,
        identity=identity,
    )


_CONTRAST_IN_WORDS = {
    _Id.STIR: "STIR",
    _Id.FLAIR: "FLAIR",
    _Id.T1: "T1",
    _Id.T1_IR: "T1",
    _Id.T2: "T2",
    _Id.PD: "proton density",
}


def _description_item(identity: SeriesIdentity, named: frozenset[SeriesIdentity], rules: SeriesRules) -> EvidenceItem:
    names = sorted({_CONTRAST_IN_WORDS[one] for one in named if one in _CONTRAST_IN_WORDS})
    told = f"description names {', '.join(names)}" if names else "description names no contrast"
    return EvidenceItem(
        kind=EvidenceKind.DESCRIPTION,
        told=told,
        points=rules.evidence.description.value if identity in named else 0.0,
        identity=identity,
    )
