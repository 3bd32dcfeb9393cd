"""Table of the reference tissues that every ratio rests on."""

from __future__ import annotations

from marrowsignal.intensity.records import ReferenceTissue
from marrowsignal.quality.records import GateState
from marrowsignal.report.views.table_cells import Cell, Table
from marrowsignal.report.views.wording import GATE_WORDS, with_unit
from marrowsignal.results.study_result import StudyResult

__all__ = ["reference_table"]

_TISSUES = {"muscle": "Lean muscle", "fat": "Subcutaneous fat", "normal_marrow": "Own normal marrow"}


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
        Cell(text=str(tissue.voxels), number=True),
        Cell(text=with_unit(tissue.volume_ml, "ml")),
        t1,
        *((stir,) if with_stir else ()),
        Cell(text=" ".join(GATE_WORDS[GateState(tissue.verdict.value)])),
        Cell(text=tissue.reason),
    )


def _spread(spread: float | None, over_sectors: float | None) -> str:
    told = (("spread", spread), ("sectors", over_sectors))
    return ", ".join(f"{word} {with_unit(100 * share, 'percent')}" for word, share in told if share is not None)
