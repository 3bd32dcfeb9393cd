"""From a folder to a result: the way of the data in one function."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from marrowsignal import __version__
from marrowsignal.alignment import AlignedPair, align_pair
from marrowsignal.alignment.chemical_shift import read_chemical_shift
from marrowsignal.alignment.records import ChemicalShift
from marrowsignal.dicom import (
    CaseKey,
    SeriesPair,
    case_key,
    find_series,
    input_sha256,
    pair_case_name,
    read_volume,
    select_pair,
)
from marrowsignal.dicom.chemical_shift import find_chemical_shift
from marrowsignal.dicom.pairing.side import said_side
from marrowsignal.exports.corrected_case import take_over
from marrowsignal.geometry.volume import LabelVolume, SignalVolume
from marrowsignal.intensity import References, correct_bias, find_references, mark_metal
from marrowsignal.learned_lesions.way import check_lesion_way, proposed_by, with_proposal
from marrowsignal.marrow import MarrowMask, MarrowSource, mask_sha256, segment_marrow
from marrowsignal.marrow.hint import bone_hint
from marrowsignal.marrow.supplied import MarrowRequest, SuppliedMask, open_supplied, study_space
from marrowsignal.patterns import PatternCall, classify
from marrowsignal.protocol import Protocol, choose_protocol_name, load_protocol, protocol_sha256
from marrowsignal.protocol.series_rules import SeriesRules
from marrowsignal.protocol.series_rules_file import default_series_rules, series_rules_sha256
from marrowsignal.quality import QualityReport, check_quality, withhold
from marrowsignal.regions import RegionMap, Side, label_regions
from marrowsignal.results.provenance import Provenance, StepTime, library_versions, python_version
from marrowsignal.results.study_result import StudyResult
from marrowsignal.signals import Signals, measure_signals

__all__ = ["analyze_study", "assemble_result"]


@dataclass(slots=True)
class _Clock:
    """Tells each step's name when it is done and keeps how long it took."""

    tell: Callable[[str], None]
    times: list[StepTime] = field(default_factory=list)
    _last: float = field(default_factory=time.perf_counter)

    def done(self, step: str) -> None:
        now = time.perf_counter()
        self.times.append(StepTime(step=step, seconds=now - self._last))
        self._last = now
        self.tell(step)


def analyze_study(  # noqa: PLR0913 - the front door takes every choice a user has
    source: Path | Sequence[Path] | SeriesPair,
    *,
    case: str | None = None,
    key_folder: Path | None = None,
    protocol: str | None = None,
    marrow: Path | MarrowRequest | None = None,
    marrow_from: str = "automatic",
    lesions_from: str = "rules",
    t1_uid: str | None = None,
    stir_uid: str | None = None,
    allow_t1_only: bool = False,
    series_rules: SeriesRules | None = None,
    on_step: Callable[[str], None] = lambda _step: None,
) -> StudyResult:
    """Analyze one study, or one of its pairs.

    Parameters
    ----------
    source : Path, sequence of Path, or SeriesPair
        Folder, file, zip or DICOMDIR of one study, or several where T1 and STIR were exported apart: the best pair is
        taken. Or one pair of `find_pairs`.
    case : str, optional
        Case identifier; by default a keyed hash of the StudyInstanceUID, and the pair's label where it has one.
    key_folder : Path, optional
        Folder of cases whose key makes that hash, made there when missing; without it the name is a random one.
    protocol : str, optional
        Name of a built-in protocol or path of a TOML file; by default chosen by BodyPartExamined.
    marrow : Path, optional
        Marrow label map in patient space.
    marrow_from : str
        How marrow is segmented without one: ``"automatic"``, ``"atlas:FOLDER"`` or ``"external:NAME"``.
    lesions_from : str
        How lesions are found: ``"rules"``, or ``"atlas:FOLDER"`` by the model an atlas learnt of labelled lesions.
    t1_uid, stir_uid : str, optional
        SeriesInstanceUIDs that override the choice of series; of no meaning when a pair is given.
    allow_t1_only : bool
        Whether a T1 without a usable STIR is measured as far as T1 goes; of no meaning when a pair is given.
    series_rules : SeriesRules, optional
        How series are recognised and paired, from `load_series_rules`; the shipped rules by default. With a pair, those
        it was found by: only their hash is kept.
    on_step : callable, optional
        Called with each step's name when it is done.

    Returns
    -------
    StudyResult
        Everything found; nothing is written but the key.

    Raises
    ------
    MarrowSignalError
        One of `marrowsignal.errors`, when the study cannot be analyzed.
    """
    check_lesion_way(lesions_from)
    clock = _Clock(on_step)
    if isinstance(source, SeriesPair):
        series = source
    else:
        catalog = find_series(source, rules=series_rules)
        clock.done("find_series")
        series = select_pair(
            catalog,
            t1_uid=t1_uid,
            stir_uid=stir_uid,
            allow_t1_only=allow_t1_only,
            across_studies=not isinstance(source, Path),
            rules=series_rules,
        )
        clock.done("select_pair")
    rules = load_protocol(protocol or choose_protocol_name(series.t1.acquisition.body_part_examined))
    facts = series.t1.acquisition
    own = rules.for_person(age_y=facts.patient_age_y, sex=facts.patient_sex, field_t=facts.magnetic_field_strength_t)
    t1 = read_volume(series.t1)
    stir = None if series.stir is None else read_volume(series.stir)
    clock.done("read_volume")
    case = case or pair_case_name(series, key=_key(key_folder))
    opened = _open_mask(marrow, series, t1, stir, protocol=rules)
    # What was drawn on a STIR of another patient space has no place on T1 before the registration.
    late = opened is not None and opened.on_stir and not series.same_frame_of_reference
    given = None if opened is None or late else opened.on_t1()
    earlier = None
    if opened is not None and given is not None and key_folder is not None and not opened.on_stir:
        earlier = take_over(key_folder, case, series, given, protocol=rules)
        given = earlier.supplied
    if earlier is not None and earlier.pair is not None:
        pair = earlier.pair
        clock.done("take_over_pair")
    else:
        pair = _prepared(series, t1, stir, focus=None if given is None else given.labels, protocol=rules, clock=clock)
    shift = _chemical_shift(series, pair, series_rules, protocol=rules)
    clock.done("read_chemical_shift")
    if opened is not None and opened.on_stir:
        given = opened.on_t1(pair.t1_to_stir_lps)
    mask = segment_marrow(pair, protocol=rules, supplied=given, way=marrow_from)
    clock.done("segment_marrow")
    regions = label_regions(
        pair,
        mask,
        protocol=rules,
        hint=bone_hint(pair, mask, protocol=rules),
        laterality=_laterality(series, series_rules),
    )
    clock.done("label_regions")
    references = find_references(pair, mask.labels, mask.core_mask, protocol=rules)
    clock.done("find_references")
    proposal = proposed_by(lesions_from, pair, mask, regions, references, protocol=rules)
    signals = measure_signals(pair, mask, regions, references, protocol=own, chemical_shift=shift, proposal=proposal)
    signals = with_proposal(signals, proposal)
    clock.done("measure_signals")
    quality = check_quality(series, pair, mask, regions, references, signals, protocol=rules)
    signals = withhold(signals, quality)
    clock.done("check_quality")
    findings = tuple(
        finding for step in (series, pair, mask, regions, references, signals) for finding in step.findings
    )
    call = classify(pair, signals, quality=quality, findings=findings, protocol=own)
    clock.done("classify")
    return assemble_result(
        case=case,
        key_folder=key_folder,
        series=series,
        pair=pair,
        marrow=mask,
        regions=regions,
        references=references,
        signals=signals,
        quality=quality,
        call=call,
        protocol=rules,
        series_rules=series_rules,
        step_times=tuple(clock.times),
    )


def _chemical_shift(
    series: SeriesPair, pair: AlignedPair, series_rules: SeriesRules | None, *, protocol: Protocol
) -> ChemicalShift | None:
    found = find_chemical_shift(series, rules=series_rules)
    return None if found is None else read_chemical_shift(found, pair, settings=protocol.alignment)


def _laterality(series: SeriesPair, rules: SeriesRules | None) -> Side:
    """Which side a study of one joint shows, as far as its header says."""
    return Side(said_side(series.t1, (rules or default_series_rules()).side) or Side.NONE)


def _open_mask(
    marrow: Path | MarrowRequest | None,
    series: SeriesPair,
    t1: SignalVolume,
    stir: SignalVolume | None,
    *,
    protocol: Protocol,
) -> SuppliedMask | None:
    if marrow is None:
        return None
    asked = MarrowRequest(path=marrow) if isinstance(marrow, Path) else marrow
    space = study_space(series, t1.geometry, None if stir is None else stir.geometry)
    return open_supplied(asked, space, protocol=protocol)


def _prepared(
    series: SeriesPair,
    t1: SignalVolume,
    stir: SignalVolume | None,
    *,
    focus: LabelVolume | None,
    protocol: Protocol,
    clock: _Clock,
) -> AlignedPair:
    """Align, mark metal, correct shading."""
    pair = align_pair(
        t1,
        stir,
        same_frame_of_reference=series.same_frame_of_reference,
        settings=protocol.alignment,
        focus=focus,
        shading=protocol.bias,
    )
    clock.done("align_pair")
    pair = mark_metal(pair, protocol=protocol)
    clock.done("mark_metal")
    pair = correct_bias(pair, settings=protocol.bias)
    clock.done("correct_bias")
    return pair


def assemble_result(  # noqa: PLR0913 - one argument a step
    *,
    series: SeriesPair,
    pair: AlignedPair,
    marrow: MarrowMask,
    regions: RegionMap,
    references: References,
    signals: Signals,
    quality: QualityReport,
    call: PatternCall,
    protocol: Protocol,
    case: str | None = None,
    key_folder: Path | None = None,
    series_rules: SeriesRules | None = None,
    step_times: tuple[StepTime, ...] = (),
) -> StudyResult:
    """Gather the products of the steps, some of them replaced by the user's own, with their provenance.

    Parameters
    ----------
    series, pair, marrow, regions, references, signals, quality, call, protocol
        Products of the steps.
    case : str, optional
        Case identifier; by default a keyed hash of the StudyInstanceUID, and the pair's label where it has one.
    key_folder : Path, optional
        Folder of cases whose key makes that hash, made there when missing; without it the name is a random one.
    series_rules : SeriesRules, optional
        How the series were recognised; the shipped rules by default.
    step_times : tuple of StepTime, optional
        How long the steps took.

    Returns
    -------
    StudyResult
        Ready for `render_report` and `write_case`.
    """
    return StudyResult(
        case=case or pair_case_name(series, key=_key(key_folder)),
        protocol=protocol,
        series=series,
        pair=pair,
        marrow=marrow,
        regions=regions,
        references=references,
        signals=signals,
        quality=quality,
        call=call,
        provenance=Provenance(
            version=__version__,
            libraries=library_versions(),
            python=python_version(),
            protocol_sha256=protocol_sha256(protocol),
            series_rules_sha256=series_rules_sha256(series_rules or default_series_rules()),
            input_sha256=input_sha256((*series.t1.files, *(series.stir.files if series.stir else ()))),
            mask_sha256=mask_sha256(marrow) if marrow.source in (MarrowSource.SUPPLIED, MarrowSource.EDITED) else None,
            finished_at=datetime.now(UTC).isoformat(timespec="seconds"),
            step_times=step_times,
        ),
    )


def _key(folder: Path | None) -> CaseKey:
    return CaseKey.random() if folder is None else case_key(folder)
