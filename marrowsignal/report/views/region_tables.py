"""Further descriptors of regions and of parts of bones, beside those that are set left against right."""

from __future__ import annotations

from marrowsignal.report.views.table_cells import (
    Cell,
    Table,
    column_title,
    measured_cell,
    measured_names,
    named,
    unmeasured_notes,
)
from marrowsignal.report.views.wording import Notes, volume
from marrowsignal.results.study_result import StudyResult
from marrowsignal.signals.records import RegionSignals

__all__ = ["bone_table", "part_table", "region_table"]

_NAMES = frozenset(
    {
        "t1_marrow_to_fat",
        "stir_marrow_to_normal",
        "excess_index",
        "fat_water_ratio",
        "red_like_extent",
    }
)


def region_table(result: StudyResult) -> Table:
    """Make the table of regions; the first row is the whole marrow without lesions, where they were looked for."""
    whole, regions = result.signals.whole, result.signals.regions
    return _signal_table(((whole, ""), *((region, f"region-{region.region_label}") for region in regions)))


def part_table(result: StudyResult) -> Table:
    """Make the table of parts of bones; empty where none was divided."""
    if not result.signals.parts:
        return Table(head=(), rows=())
    return _signal_table(tuple((part, f"part-{part.region_label}") for part in result.signals.parts))


def _signal_table(signals: tuple[tuple[RegionSignals, str], ...]) -> Table:
    notes = Notes()
    kept = tuple(named(region.measurements, _NAMES) for region, _ in signals)
    shown = measured_names(kept)
    rows = tuple(
        (
            Cell(text=region.name, jump=jump),
            Cell(text=volume(region.core_volume_ml), number=True),
            Cell(text=str(region.slices), number=True),
            *(measured_cell(m, notes) for m in measurements if m.name in shown),
        )
        for (region, jump), measurements in zip(signals, kept, strict=True)
    )
    head = ("Region", "Core (mL)", "Slices", *(column_title(m) for m in kept[0] if m.name in shown))
    return Table(head=head, rows=rows, notes=unmeasured_notes(notes, kept[0], shown))


def bone_table(result: StudyResult) -> Table:
    """Make the table of bones with an epiphysis or a head; empty where nothing of them was measured."""
    notes = Notes()
    titles = {
        m.name: column_title(m) for bone in result.signals.bones for m in bone.measurements if m.value is not None
    }
    rows = []
    for bone in result.signals.bones:
        found = {m.name: m for m in bone.measurements}
        cells = (measured_cell(found[name], notes) if name in found else Cell(text="–") for name in titles)
        rows.append((Cell(text=bone.name), *cells))
    return Table(head=("Bone", *titles.values()), rows=tuple(rows) if titles else (), notes=notes.listed())
