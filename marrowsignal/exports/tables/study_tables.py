"""Tables for statistics: one row a region, a lesion, a left-right pair, a focus dark on T1, a bone, a quality gate.

An empty cell means not measured; the status and reason columns beside it say why. No cell holds 0 or -1 for a
value that was not measured.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from marrowsignal.exports.tables.columns import Column
from marrowsignal.exports.tables.csv_text import Cell, csv_text
from marrowsignal.exports.tables.data_dictionary import DICTIONARY_FILE, columns_json
from marrowsignal.exports.tables.dictionary import (
    BONE_COLUMNS,
    COLUMNS,
    DARK_FOCUS_COLUMNS,
    LESION_COLUMNS,
    QUALITY_COLUMNS,
    REGION_COLUMNS,
    SYMMETRY_COLUMNS,
)
from marrowsignal.exports.tables.measurement_table import measurements_csv
from marrowsignal.exports.tables.study_columns import STUDY_TABLE, study_parts
from marrowsignal.exports.tables.study_row import study_csv
from marrowsignal.regions.records import Region
from marrowsignal.results.descriptors import (
    BONE_DESCRIPTORS,
    LESION_DESCRIPTORS,
    REGION_DESCRIPTORS,
    SYMMETRY_DESCRIPTORS,
    Descriptor,
)
from marrowsignal.results.document import ResultDocument, to_document
from marrowsignal.results.measured_sections import coverage_section, measurement_section, median_sections
from marrowsignal.results.quality_section import quality_section
from marrowsignal.results.study_result import StudyResult
from marrowsignal.signals.records import Lesion, Measurement, MeasurementStatus, RegionSignals

__all__ = [
    "bones_csv",
    "dark_foci_csv",
    "lesions_csv",
    "quality_csv",
    "regions_csv",
    "symmetry_csv",
    "write_tables",
]


def write_tables(result: StudyResult, folder: Path, *, document: ResultDocument | None = None) -> None:
    """Write every table of a study as CSV, and ``columns.json``, the dictionary of their columns.

    The tables are ``study.csv`` (one wide row), ``measurements.csv`` (strictly long), ``regions.csv``, ``lesions.csv``,
    ``symmetry.csv``, ``dark_foci.csv``, ``bones.csv`` and ``quality.csv``. Where lesions or dark foci were not looked
    for they have no table: one without rows would read as none found.

    Parameters
    ----------
    result : StudyResult
        One analyzed study.
    folder : Path
        An existing folder.
    document : ResultDocument, optional
        What `to_document` makes of it, where that is at hand.
    """
    told = document or to_document(result)
    for name, text in (
        ("regions.csv", regions_csv(result)),
        ("lesions.csv", lesions_csv(result)),
        ("symmetry.csv", symmetry_csv(result)),
        ("dark_foci.csv", dark_foci_csv(result)),
        ("bones.csv", bones_csv(result)),
        ("quality.csv", quality_csv(result)),
        ("measurements.csv", measurements_csv(told)),
        (STUDY_TABLE, study_csv(told, protocol=result.protocol)),
        (DICTIONARY_FILE, columns_json((*COLUMNS, *study_parts(result.protocol)))),
    ):
        if text is not None:
            (folder / name).write_bytes(text.encode("utf-8"))


def regions_csv(result: StudyResult) -> str:
    """Return the regions table: the whole marrow without lesions, then regions, then parts of bones."""
    rows = [_region_row(result, result.signals.whole, None)]
    for measured, places in (
        (result.signals.regions, result.regions.regions),
        (result.signals.parts, result.regions.parts),
    ):
        anatomy = {place.label: place for place in places}
        rows += [_region_row(result, signals, anatomy.get(signals.region_label)) for signals in measured]
    return _csv(REGION_COLUMNS, rows)


def lesions_csv(result: StudyResult) -> str | None:
    """Return the lesions table; only a header when none was found, None when lesions were not looked for."""
    if result.signals.lesions is None:
        return None
    return _csv(LESION_COLUMNS, (_lesion_row(result, lesion) for lesion in result.signals.lesions))


def dark_foci_csv(result: StudyResult) -> str | None:
    """Return the table of foci dark on T1; only a header when none was found, None when they were not looked for."""
    if result.signals.dark_foci is None:
        return None
    return _csv(DARK_FOCUS_COLUMNS, (_lesion_row(result, focus) for focus in result.signals.dark_foci))


def bones_csv(result: StudyResult) -> str:
    """Return the table of bones with an epiphysis or a head; only a header where there is none in view."""
    return _csv(
        BONE_COLUMNS,
        (
            [*_study_cells(result), bone.key, bone.name, bone.side.value, *_cells(BONE_DESCRIPTORS, bone.measurements)]
            for bone in result.signals.bones
        ),
    )


def symmetry_csv(result: StudyResult) -> str:
    """Return the table of left-right pairs; its first row is the whole marrow."""
    return _csv(
        SYMMETRY_COLUMNS,
        (
            [*_study_cells(result), pair.key, pair.name, *_cells(SYMMETRY_DESCRIPTORS, pair.measurements)]
            for pair in result.signals.symmetry
        ),
    )


def quality_csv(result: StudyResult) -> str:
    """Return the table of quality gates, in their order."""
    return _csv(
        QUALITY_COLUMNS,
        (
            [
                *_study_cells(result),
                gate.key,
                gate.name,
                gate.series,
                gate.state,
                gate.value,
                gate.unit,
                gate.limit,
                gate.consequence,
                gate.reason,
                gate.source,
                gate.status,
            ]
            for gate in quality_section(result.quality).gates
        ),
    )


def _study_cells(result: StudyResult) -> list[Cell]:
    call = result.call
    protocol = result.protocol
    return [result.case, call.pattern_class.value, call.confidence.value, protocol.name, protocol.version]


def _region_row(result: StudyResult, signals: RegionSignals, region: Region | None) -> list[Cell]:
    t1, stir = median_sections(signals)
    covered = coverage_section(region)
    return [
        *_study_cells(result),
        signals.region_label,
        signals.key,
        signals.name,
        signals.side.value,
        region.code if region else None,
        region.volume_ml if region else None,
        signals.core_volume_ml,
        signals.core_voxels,
        signals.slices,
        t1.value,
        stir.value,
        t1.status,
        t1.reason,
        signals.lesion_ml,
        *_cells(REGION_DESCRIPTORS, signals.measurements),
        stir.status,
        stir.reason,
        region.parent if region else None,
        _yes_or_no(region.cut_by_field_of_view) if region else None,
        covered.value,
        covered.status,
        covered.reason,
        region.joint_distance_mm if region else None,
    ]


def _yes_or_no(answer: bool) -> str:
    return "yes" if answer else "no"


def _lesion_row(result: StudyResult, lesion: Lesion) -> list[Cell]:
    return [
        *_study_cells(result),
        lesion.label,
        lesion.region_key,
        lesion.region_name,
        lesion.side.value,
        lesion.volume_ml,
        lesion.voxels,
        lesion.slices,
        lesion.first_slice,
        lesion.last_slice,
        *lesion.centroid_lps_mm,
        *_cells(LESION_DESCRIPTORS, lesion.measurements),
    ]


def _cells(descriptors: Sequence[Descriptor], measurements: Iterable[Measurement]) -> list[Cell]:
    found = {item.name: item for item in measurements}
    cells: list[Cell] = []
    for descriptor in descriptors:
        item = found.get(descriptor.name)
        if item is None:
            cells += [None, None, None, MeasurementStatus.NOT_EVALUABLE.value, "not part of this analysis"]
        else:
            told = measurement_section(item)
            cells += [told.value, told.ci_low, told.ci_high, told.status, told.reason]
    return cells


def _csv(columns: Sequence[Column], rows: Iterable[Sequence[Cell]]) -> str:
    return csv_text([column.name for column in columns], rows)
