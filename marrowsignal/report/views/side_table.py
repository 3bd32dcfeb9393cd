"""Left against right: one row a region or part, with both sides and their difference in each measure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from marrowsignal.regions.records import Region, Side
from marrowsignal.report.views.table_cells import Cell, column_title, measured_cell
from marrowsignal.report.views.wording import Notes, left_out, name_without_side, volume
from marrowsignal.results.study_result import StudyResult
from marrowsignal.signals.records import Measurement, RegionSignals, Symmetry

__all__ = ["SideColumn", "SideRow", "SideTable", "side_table"]

_MEASURES = ("t1_marrow_to_muscle", "stir_marrow_to_muscle", "fat_signal_index", "excess_water")
_COMPARISONS = {
    "t1_asymmetry": "T1 (%)",
    "stir_asymmetry": "STIR (%)",
    "bias_cancelling_asymmetry": "STIR − T1 (%)",
    "fat_signal_difference": "Fat-signal index",
    "lesion_volume_asymmetry": "Lesions (%)",
    "red_like_mirror_dice": "Red-like overlap (Dice)",
}
_DOES_NOT_APPLY = Cell(text="–", number=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class SideColumn:
    """One measure: its heading and the headings of the columns below it."""

    title: str
    below: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SideRow:
    """One region, or one pair.

    Attributes
    ----------
    name : str
        Without side where there are two.
    small : str
        How much of it was seen, where it is cut.
    jumps : tuple of (str, str)
        What the viewer can show: word of the side, key.
    cells : tuple of Cell
        In the order of the columns.
    """

    name: str
    small: str
    jumps: tuple[tuple[str, str], ...]
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SideTable:
    """Regions left against right, then parts of bones.

    Attributes
    ----------
    sided : bool
        False where nothing in view has two sides.
    left_out : str
        What the medians leave out; empty where nothing was told apart.
    columns : tuple of SideColumn
        Measures, then the comparison of both sides.
    regions, parts : tuple of SideRow
        Rows of two tables under the same headings.
    notes : tuple of (str, str)
        Mark and text of each.
    """

    sided: bool
    left_out: str
    columns: tuple[SideColumn, ...]
    regions: tuple[SideRow, ...]
    parts: tuple[SideRow, ...]
    notes: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pair:
    """What lies in one row: one place or two, and the comparison of both."""

    name: str
    jump_kind: str
    places: tuple[RegionSignals, ...]
    symmetry: Symmetry | None
    small: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Layout:
    """Columns worth their place: what any row has a value of."""

    sided: bool
    measures: tuple[Measurement, ...]
    lesions: bool
    comparisons: tuple[str, ...]


def side_table(result: StudyResult) -> SideTable:
    """Make the table of left against right.

    Parameters
    ----------
    result : StudyResult
        One analyzed study.
    """
    notes = Notes()
    compared = {item.key: item for item in result.signals.symmetry}
    if (single := _single_pair(result)) and "all" in compared:
        compared.setdefault(single, compared["all"])
    regions = (*_whole(result, compared), *_pairs(result.signals.regions, result.regions.regions, compared, "region"))
    parts = _pairs(result.signals.parts, result.regions.parts, compared, "part")
    layout = _layout((*regions, *parts))
    return SideTable(
        sided=layout.sided,
        left_out=left_out(result.signals),
        columns=_columns(layout),
        regions=tuple(_row(pair, layout, notes) for pair in regions),
        parts=tuple(_row(pair, layout, notes) for pair in parts),
        notes=notes.listed(),
    )


def _whole(result: StudyResult, compared: Mapping[str, Symmetry]) -> tuple[_Pair, ...]:
    background, everything = compared.get("background"), compared.get("all")
    place = result.signals.whole
    without = left_out(result.signals)
    if not without or background is None:
        return (_Pair(name="Whole marrow", jump_kind="", places=(place,), symmetry=everything),)
    first = _Pair(name=f"Whole marrow, without {without}", jump_kind="", places=(place,), symmetry=background)
    if everything is None or _single_pair(result):
        return (first,)
    return first, _Pair(name=f"Whole marrow, {without} included", jump_kind="", places=(), symmetry=everything)


def _single_pair(result: StudyResult) -> str:
    """Key of the only pair of regions; what is compared of the whole marrow is of that pair, and is told there."""
    pairs = {region.key for region in result.signals.regions if region.side is not Side.NONE}
    return pairs.pop() if len(pairs) == 1 else ""


def _pairs(
    signals: Iterable[RegionSignals], places: Iterable[Region], compared: Mapping[str, Symmetry], kind: str
) -> tuple[_Pair, ...]:
    known = {place.label: place for place in places}
    grouped: dict[tuple[str, str], list[RegionSignals]] = {}
    for item in signals:
        place = known.get(item.region_label)
        whose = place.parent if place is not None else ""
        alone = item.name if item.side is Side.NONE else ""
        grouped.setdefault((f"{whose}.{item.key}", alone), []).append(item)
    return tuple(
        _Pair(
            name=_common_name(items),
            jump_kind=kind,
            places=tuple(sorted(items, key=lambda item: item.side is not Side.LEFT)),
            symmetry=compared.get(items[0].key) if items[0].side is not Side.NONE else None,
            small=_cut([known[item.region_label] for item in items if item.region_label in known]),
        )
        for items in grouped.values()
    )


def _common_name(items: list[RegionSignals]) -> str:
    first = items[0]
    return first.name if len(items) == 1 else name_without_side(first.name, first.side)


def _cut(places: list[Region]) -> str:
    """Say how much of each side the picture holds, where it is cut."""
    shares = {
        place.side.value: "" if place.coverage_fraction is None else f"{place.coverage_fraction:.0%} seen"
        for place in places
        if place.cut_by_field_of_view
    }
    if not shares:
        return ""
    told = [f"{side} {share}".strip() if len(places) > 1 else share for side, share in shares.items()]
    both = len(shares) == len(places) and not any(shares.values())
    words = "" if both else ", ".join(text for text in told if text)
    return "cut by the field of view" + (f": {words}" if words else "")


def _layout(pairs: tuple[_Pair, ...]) -> _Layout:
    found = {m.name: m for pair in pairs for place in pair.places for m in place.measurements if m.value is not None}
    compared = {m.name for pair in pairs if pair.symmetry for m in pair.symmetry.measurements if m.value is not None}
    return _Layout(
        sided=bool(compared) or any(len(pair.places) > 1 for pair in pairs),
        measures=tuple(found[name] for name in _MEASURES if name in found),
        lesions=any(place.lesion_ml is not None for pair in pairs for place in pair.places),
        comparisons=tuple(name for name in _COMPARISONS if name in compared),
    )


def _columns(layout: _Layout) -> tuple[SideColumn, ...]:
    sides = ("left", "right") if layout.sided else ()
    titles = [column_title(item) for item in layout.measures] + ["Lesions (mL)"] * layout.lesions
    told = [SideColumn(title=title, below=sides) for title in titles]
    if layout.comparisons:
        below = tuple(_COMPARISONS[name] for name in layout.comparisons)
        told.append(SideColumn(title="Left − right, voxel against mirrored voxel", below=below))
    return tuple(told)


def _row(pair: _Pair, layout: _Layout, notes: Notes) -> SideRow:
    cells: list[Cell] = []
    for item in layout.measures:
        cells += _sides(pair, layout, {p.region_label: _value(p, item.name, notes) for p in pair.places})
    if layout.lesions:
        cells += _sides(pair, layout, {p.region_label: _volume(p) for p in pair.places})
    compared = {} if pair.symmetry is None else {m.name: m for m in pair.symmetry.measurements}
    for name in layout.comparisons:
        cells.append(measured_cell(compared[name], notes) if name in compared else _DOES_NOT_APPLY)
    return SideRow(name=pair.name, small=pair.small, jumps=_jumps(pair), cells=tuple(cells))


def _jumps(pair: _Pair) -> tuple[tuple[str, str], ...]:
    if not pair.jump_kind:
        return ()
    words = {place.region_label: place.side.value if len(pair.places) > 1 else "show" for place in pair.places}
    return tuple((word, f"{pair.jump_kind}-{label}") for label, word in words.items())


def _sides(pair: _Pair, layout: _Layout, cells: Mapping[int, Cell]) -> tuple[Cell, ...]:
    """Put one value a place below left and right; what has no side stands across both."""
    jumps = {p.region_label: f"{pair.jump_kind}-{p.region_label}" if pair.jump_kind else "" for p in pair.places}
    filled = {p.side: replace(cells[p.region_label], jump=jumps[p.region_label]) for p in pair.places}
    if not layout.sided:
        return tuple(filled.values()) or (_DOES_NOT_APPLY,)
    if set(filled) <= {Side.NONE}:
        return (replace(filled.get(Side.NONE, _DOES_NOT_APPLY), span=2),)
    return tuple(filled.get(side, _DOES_NOT_APPLY) for side in (Side.LEFT, Side.RIGHT))


def _value(place: RegionSignals, name: str, notes: Notes) -> Cell:
    item = next((m for m in place.measurements if m.name == name), None)
    return _DOES_NOT_APPLY if item is None else measured_cell(item, notes)


def _volume(place: RegionSignals) -> Cell:
    text = volume(place.lesion_ml)
    return Cell(text=text or "not measured", number=bool(text))
