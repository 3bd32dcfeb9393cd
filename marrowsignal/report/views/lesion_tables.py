"""Tables of what stands out: lesions, foci dark on T1, and what was not taken for a lesion."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from marrowsignal.geometry.volume import LabelVolume
from marrowsignal.regions.records import Side
from marrowsignal.report.views.table_cells import (
    Cell,
    Table,
    column_title,
    measured_cell,
    measured_names,
    named,
    unmeasured_notes,
)
from marrowsignal.report.views.wording import Notes, patient_point, volume
from marrowsignal.results.study_result import StudyResult
from marrowsignal.signals.records import Lesion

__all__ = ["dark_focus_table", "dropped_table", "lesion_table"]

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
_SIDES = {Side.LEFT: "left", Side.RIGHT: "right", Side.NONE: "midline or unsided"}


def lesion_table(result: StudyResult) -> Table:
    """Make the table of lesions, largest first; empty when none was found or looked for."""
    places = _parts_of(result.signals.lesion_labels, result)
    return _found_table(result.signals.lesions, ("Lesion", "lesion"), _LESION_NAMES, places)


def dark_focus_table(result: StudyResult) -> Table:
    """Make the table of foci dark on T1, largest first; empty when none was found or looked for."""
    places = _parts_of(result.signals.dark_labels, result)
    return _found_table(result.signals.dark_foci, ("Focus", "dark"), _DARK_FOCUS_NAMES, places)


def dropped_table(result: StudyResult) -> Table:
    """Make the table of what stood out on STIR and is no lesion; empty when nothing was dropped."""
    rows = tuple(
        (
            Cell(text=dropped.kind.replace("_", " ")),
            Cell(text=volume(dropped.volume_ml), number=True),
            Cell(text=dropped.region_name),
            Cell(text=patient_point(dropped.centroid_lps_mm), jump=_slice_at(dropped.centroid_lps_mm, result)),
            Cell(text=dropped.reason),
        )
        for dropped in result.signals.dropped
    )
    return Table(head=("Taken for", "Volume (mL)", "Region", "Centroid (mm)", "Why"), rows=rows)


def _slice_at(point_lps_mm: tuple[float, float, float], result: StudyResult) -> str:
    geometry = result.pair.t1.geometry
    index = round(float(geometry.to_index(np.asarray(point_lps_mm))[0]))
    return f"slice-{index}" if 0 <= index < geometry.shape[0] else ""


def _parts_of(labels: LabelVolume | None, result: StudyResult) -> dict[int, str]:
    """Name the part of a bone that holds most of each lesion; without parts there is none."""
    cells = result.regions.part_labels
    if labels is None or cells is None:
        return {}
    inside = (labels.array > 0) & (cells.array > 0)
    base = int(cells.array.max()) + 1
    pairs = labels.array[inside].astype(np.int64) * base + cells.array[inside]
    found, counts = np.unique(pairs, return_counts=True)
    fewest_first = found[np.argsort(counts, kind="stable")]
    names = dict(cells.names)
    return {int(pair // base): names.get(int(pair % base), "") for pair in fewest_first}


def _found_table(
    lesions: tuple[Lesion, ...] | None, words: tuple[str, str], names: frozenset[str], places: Mapping[int, str]
) -> Table:
    if not lesions:
        return Table(head=(), rows=())
    notes = Notes()
    kept = tuple(named(lesion.measurements, names) for lesion in lesions)
    shown = measured_names(kept)
    rows = tuple(
        (
            *_lesion_facts(lesion, f"{words[1]}-{lesion.label}", places.get(lesion.label, "")),
            *(measured_cell(m, notes, jump=f"{words[1]}-{lesion.label}") for m in measurements if m.name in shown),
        )
        for lesion, measurements in zip(lesions, kept, strict=True)
    )
    head = (
        words[0],
        "Volume (mL)",
        "Side",
        "Region",
        "Slices (from 1)",
        "Centroid (mm)",
        *(column_title(m) for m in kept[0] if m.name in shown),
    )
    return Table(head=head, rows=rows, notes=unmeasured_notes(notes, kept[0], shown))


def _lesion_facts(lesion: Lesion, jump: str, place: str) -> tuple[Cell, ...]:
    first, last = lesion.first_slice + 1, lesion.last_slice + 1
    return (
        Cell(text=str(lesion.label), jump=jump),
        Cell(text=volume(lesion.volume_ml), number=True, jump=jump),
        Cell(text=_SIDES[lesion.side]),
        Cell(text=lesion.region_name, small="" if place == lesion.region_name else place),
        Cell(text=f"{first} to {last}" if last > first else str(first)),
        Cell(text=patient_point(lesion.centroid_lps_mm), jump=jump),
    )
