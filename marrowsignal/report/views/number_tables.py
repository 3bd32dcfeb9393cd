"""Tables of numbers: regions, lesions, left against right, reference tissues."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from marrowsignal.geometry.volume import LabelVolume
from marrowsignal.intensity.records import ReferenceTissue
from marrowsignal.quality.records import GateState
from marrowsignal.regions.records import Region, Side
from marrowsignal.report.views.wording import GATE_WORDS, Notes, interval, patient_point, with_unit
from marrowsignal.results.descriptors import descriptor_title
from marrowsignal.results.study_result import StudyResult
from marrowsignal.signals.records import Lesion, Measurement, RegionSignals

__all__ = [
    "Cell",
    "Table",
    "bone_table",
    "dark_focus_table",
    "dropped_table",
    "lesion_table",
    "part_table",
    "reference_table",
    "region_table",
    "symmetry_table",
]

# What a reader compares; the tables beside the page hold every descriptor.
_REGION_NAMES = frozenset(
    {
        "t1_marrow_to_muscle",
        "t1_marrow_to_fat",
        "fat_signal_index",
        "stir_marrow_to_muscle",
        "stir_marrow_to_normal",
        "excess_index",
        "excess_water",
        "fat_water_ratio",
        "red_like_extent",
    }
)
_LESION_NAMES = frozenset(
    {
        "stir_marrow_to_muscle",
        "stir_marrow_to_normal",
        "excess_index",
        "excess_water",
        "t1_marrow_to_muscle",
        "t1_to_surround",
        "joint_distance",
        "subchondral_share",
        "depth_from_joint",
    }
)
_DARK_FOCUS_NAMES = frozenset(
    {
        "t1_marrow_to_muscle",
        "stir_marrow_to_muscle",
        "t1_dark_share",
        "sphere_diameter",
        "edge_width_t1",
        "bull_ratio",
        "halo_ratio",
        "joint_distance",
        "pdff",
        "sir_raw",
    }
)
_TISSUES = {"muscle": "Lean muscle", "fat": "Subcutaneous fat", "normal_marrow": "Own normal marrow"}
_SIDES = {Side.LEFT: "left", Side.RIGHT: "right", Side.NONE: "midline or unsided"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One cell: text, a second line in small print, the mark of a note."""

    text: str
    small: str = ""
    mark: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One table; the first cell of a row is its heading."""

    head: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[tuple[str, str], ...] = ()


def region_table(result: StudyResult) -> Table:
    """Make the table of regions; the first row is the whole marrow without lesions, where they were looked for."""
    places = {place.label: place for place in result.regions.regions}
    return _signal_table(result, (result.signals.whole, *result.signals.regions), places)


def part_table(result: StudyResult) -> Table:
    """Make the table of parts of bones; empty where none was divided."""
    if not result.signals.parts:
        return Table(head=(), rows=())
    return _signal_table(result, result.signals.parts, {place.label: place for place in result.regions.parts})


def _signal_table(result: StudyResult, signals: tuple[RegionSignals, ...], places: Mapping[int, Region]) -> Table:
    notes = Notes()
    with_lesions = result.signals.lesions is not None
    kept = tuple(_named(region.measurements, _REGION_NAMES) for region in signals)
    shown = _columns(kept)
    rows = tuple(
        (
            Cell(text=region.name, small=_cut(places.get(region.region_label))),
            Cell(text=with_unit(region.core_volume_ml, "ml"), small=f"{region.slices} slices"),
            *((Cell(text=with_unit(region.lesion_ml, "ml")),) if with_lesions else ()),
            *(_measured(m, notes) for m in measurements if m.name in shown),
        )
        for region, measurements in zip(signals, kept, strict=True)
    )
    fixed = ("Region", "Core", "Lesions") if with_lesions else ("Region", "Core")
    head = (*fixed, *(_title(m) for m in kept[0] if m.name in shown))
    return Table(head=head, rows=rows, notes=_with_missing(notes, kept[0], shown))


def _cut(place: Region | None) -> str:
    """Say how much of a region the picture holds, where it is cut."""
    if place is None or not place.cut_by_field_of_view:
        return ""
    if place.coverage_fraction is None:
        return "cut by the field of view"
    return f"cut by the field of view: {place.coverage_fraction:.0%} seen"


def lesion_table(result: StudyResult) -> Table:
    """Make the table of lesions, largest first; empty when none was found or looked for."""
    places = _parts_of(result.signals.lesion_labels, result)
    return _found_table(result.signals.lesions, "Lesion", _LESION_NAMES, places)


def dark_focus_table(result: StudyResult) -> Table:
    """Make the table of foci dark on T1, largest first; empty when none was found or looked for."""
    places = _parts_of(result.signals.dark_labels, result)
    return _found_table(result.signals.dark_foci, "Focus", _DARK_FOCUS_NAMES, places)


def dropped_table(result: StudyResult) -> Table:
    """Make the table of what stood out on STIR and is no lesion; empty when nothing was dropped."""
    rows = tuple(
        (
            Cell(text=dropped.kind.replace("_", " ")),
            Cell(text=with_unit(dropped.volume_ml, "ml")),
            Cell(text=dropped.region_name),
            Cell(text=patient_point(dropped.centroid_lps_mm), small="mm"),
            Cell(text=dropped.reason),
        )
        for dropped in result.signals.dropped
    )
    return Table(head=("Taken for", "Volume", "Region", "Centroid", "Why"), rows=rows)


def bone_table(result: StudyResult) -> Table:
    """Make the table of bones with an epiphysis or a head; empty where nothing of them was measured."""
    notes = Notes()
    titles = {m.name: _title(m) for bone in result.signals.bones for m in bone.measurements if m.value is not None}
    rows = []
    for bone in result.signals.bones:
        found = {m.name: m for m in bone.measurements}
        cells = (_measured(found[name], notes) if name in found else Cell(text="") for name in titles)
        rows.append((Cell(text=bone.name), *cells))
    shown = tuple(rows) if titles else ()
    return Table(head=("Bone", *titles.values()), rows=shown, notes=notes.listed())


def _parts_of(labels: LabelVolume | None, result: StudyResult) -> dict[int, str]:
    """Name the part of a bone that holds most of each lesion; without parts there is none."""
    cells = result.regions.part_labels
    if labels is None or cells is None:
        return {}
    inside = (labels.array > 0) & (cells.array > 0)
    found = np.column_stack((labels.array[inside], cells.array[inside]))
    pairs, counts = np.unique(found, axis=0, return_counts=True)
    fewest_first = pairs[np.argsort(counts, kind="stable")]
    names = dict(cells.names)
    return {int(label): names.get(int(cell), "") for label, cell in fewest_first}


def _found_table(
    lesions: tuple[Lesion, ...] | None, word: str, names: frozenset[str], places: Mapping[int, str]
) -> Table:
    if not lesions:
        return Table(head=(), rows=())
    notes = Notes()
    kept = tuple(_named(lesion.measurements, names) for lesion in lesions)
    shown = _columns(kept)
    rows = tuple(
        (
            *_lesion_facts(lesion, places.get(lesion.label, "")),
            *(_measured(m, notes) for m in measurements if m.name in shown),
        )
        for lesion, measurements in zip(lesions, kept, strict=True)
    )
    head = (
        word,
        "Volume",
        "Side",
        "Region",
        "Slices (from 1)",
        "Centroid",
        *(_title(m) for m in kept[0] if m.name in shown),
    )
    return Table(head=head, rows=rows, notes=_with_missing(notes, kept[0], shown))


def symmetry_table(result: StudyResult) -> Table:
    """Make the table of left-right pairs; the first row is the whole marrow."""
    pairs = result.signals.symmetry
    if not pairs:
        return Table(head=(), rows=())
    notes = Notes()
    shown = _columns(tuple(pair.measurements for pair in pairs))
    rows = tuple(
        (Cell(text=pair.name), *(_measured(m, notes) for m in pair.measurements if m.name in shown)) for pair in pairs
    )
    head = ("Pair", *(_title(m) for m in pairs[0].measurements if m.name in shown))
    return Table(head=head, rows=rows, notes=_with_missing(notes, pairs[0].measurements, shown))


def reference_table(result: StudyResult) -> Table:
    """Make the table of reference tissues; without a STIR series it has no such column."""
    with_stir = result.pair.stir is not None
    rows = tuple(_reference_row(tissue, with_stir=with_stir) for tissue in result.references.all_tissues())
    head = ("Tissue", "Voxels", "Volume", "T1", *(("STIR",) if with_stir else ()), "Verdict", "Why")
    return Table(head=head, rows=rows)


def _reference_row(tissue: ReferenceTissue, *, with_stir: bool) -> tuple[Cell, ...]:
    t1 = Cell(
        text=with_unit(tissue.t1, "1"), small=_spread(tissue.t1_spread_fraction, tissue.t1_sector_variation_fraction)
    )
    stir = Cell(
        text=with_unit(tissue.stir, "1"),
        small=_spread(tissue.stir_spread_fraction, tissue.stir_sector_variation_fraction),
    )
    return (
        Cell(text=_TISSUES.get(tissue.key, tissue.key)),
        Cell(text=str(tissue.voxels)),
        Cell(text=with_unit(tissue.volume_ml, "ml")),
        t1,
        *((stir,) if with_stir else ()),
        Cell(text=" ".join(GATE_WORDS[GateState(tissue.verdict.value)])),
        Cell(text=tissue.reason),
    )


def _spread(spread: float | None, over_sectors: float | None) -> str:
    told = (("spread", spread), ("sectors", over_sectors))
    return ", ".join(f"{word} {with_unit(100 * share, 'percent')}" for word, share in told if share is not None)


def _lesion_facts(lesion: Lesion, place: str) -> tuple[Cell, ...]:
    first, last = lesion.first_slice + 1, lesion.last_slice + 1
    return (
        Cell(text=str(lesion.label)),
        Cell(text=with_unit(lesion.volume_ml, "ml")),
        Cell(text=_SIDES[lesion.side]),
        Cell(text=lesion.region_name, small="" if place == lesion.region_name else place),
        Cell(text=f"{first} to {last}" if last > first else str(first)),
        Cell(text=patient_point(lesion.centroid_lps_mm), small="mm"),
    )


def _named(measurements: tuple[Measurement, ...], names: frozenset[str]) -> tuple[Measurement, ...]:
    return tuple(item for item in measurements if item.name in names)


def _columns(tables: tuple[tuple[Measurement, ...], ...]) -> frozenset[str]:
    # A column is shown when one row has a value in it.
    return frozenset(m.name for measurements in tables for m in measurements if m.value is not None)


def _title(item: Measurement) -> str:
    unit = {"1": "", "percent": " (%)", "ml": " (mL)"}.get(item.unit, f" ({item.unit})")
    return descriptor_title(item.name) + unit


def _measured(item: Measurement, notes: Notes) -> Cell:
    mark = notes.mark_of(item)
    if item.value is None:
        return Cell(text="not measured", mark=mark)
    return Cell(text=with_unit(item.value, "1"), small=interval(item.ci_low, item.ci_high), mark=mark)


def _with_missing(
    notes: Notes, measurements: tuple[Measurement, ...], shown: frozenset[str]
) -> tuple[tuple[str, str], ...]:
    # Columns without any value are left out; each reason is told once.
    hidden: dict[str, list[str]] = {}
    for item in measurements:
        if item.name not in shown:
            hidden.setdefault(item.reason or "no reason given", []).append(descriptor_title(item.name))
    lines = (("", f"Not measured: {', '.join(titles)} ({reason})") for reason, titles in hidden.items())
    return (*notes.listed(), *lines)
