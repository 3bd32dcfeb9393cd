"""What the values of a label map mean, in the forms that programs read."""

from __future__ import annotations

import colorsys
import json
from collections.abc import Sequence
from dataclasses import dataclass

from marrowsignal.exports.tables.csv_text import one_line, safe_text

__all__ = ["LabelRow", "label_colour", "label_tables"]

_GOLDEN_ANGLE = 0.61803398875  # of the hue circle: neighbours in a label table differ in colour
_SNAP_HEADER = """################################################
# ITK-SnAP Label Description File
# File format:
# IDX   -R-  -G-  -B-  -A--  VIS MSH  LABEL
################################################
    0     0    0    0        0  0  0    "Clear Label"
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelRow:
    """One value of a label map.

    Attributes
    ----------
    index : int
        Value in the image.
    name : str
        Words, with side.
    key : str
        Region without side.
    side : str
        The patient's side.
    code : str
        SNOMED CT code, empty when there is none.
    volume_ml : float or None
        Volume.
    """

    index: int
    name: str
    key: str
    side: str
    code: str = ""
    volume_ml: float | None = None


def label_tables(rows: Sequence[LabelRow]) -> tuple[tuple[str, str], ...]:
    """Return ending and text of each table of a label map.

    Parameters
    ----------
    rows : sequence of LabelRow
        What its values mean.

    Returns
    -------
    tuple of (str, str)
        ``.json``; ``.tsv`` in the form of BIDS; ``.label.txt``, label descriptions of ITK-SNAP; ``.ctbl``, color table
        of 3D Slicer. Names and colors are the same in all.
    """
    return ((".json", _json(rows)), (".tsv", _tsv(rows)), (".label.txt", _itk_snap(rows)), (".ctbl", _slicer(rows)))


def label_colour(index: int) -> tuple[int, int, int]:
    """Return red, green and blue (0 to 255) of a value of a label map, the same in every format."""
    red, green, blue = colorsys.hsv_to_rgb((index * _GOLDEN_ANGLE) % 1.0, 0.75, 0.95)
    return round(red * 255), round(green * 255), round(blue * 255)


def _hex(index: int) -> str:
    return "#{:02X}{:02X}{:02X}".format(*label_colour(index))


def _json(rows: Sequence[LabelRow]) -> str:
    labels = [
        {
            "index": row.index,
            "name": row.name,
            "key": row.key,
            "side": row.side,
            "code": row.code or None,
            "coding_scheme": "SCT" if row.code else None,
            "volume_ml": row.volume_ml,
            "color": _hex(row.index),
        }
        for row in rows
    ]
    return json.dumps({"background": 0, "labels": labels}, indent=2, ensure_ascii=False) + "\n"


def _tsv(rows: Sequence[LabelRow]) -> str:
    lines = ["index\tname\tkey\tside\tcode\tvolume_ml\tcolor"]
    for row in rows:
        volume = "n/a" if row.volume_ml is None else repr(float(row.volume_ml))
        cells = (str(row.index), row.name, row.key, row.side, row.code or "n/a", volume, _hex(row.index))
        lines.append("\t".join(safe_text(cell) for cell in cells))
    return "\n".join(lines) + "\n"


def _itk_snap(rows: Sequence[LabelRow]) -> str:
    lines = []
    for row in rows:
        red, green, blue = label_colour(row.index)
        name = one_line(row.name.replace('"', "'"))
        lines.append(f'{row.index:5d} {red:5d} {green:4d} {blue:4d}        1  1  1    "{name}"\n')
    return _SNAP_HEADER + "".join(lines)


def _slicer(rows: Sequence[LabelRow]) -> str:
    # Slicer splits lines at blanks, so that a name must have none.
    lines = ["# Color table file", f"# {len(rows) + 1} values", "0 Background 0 0 0 0"]
    for row in rows:
        name = one_line(row.name.replace('"', "").replace("'", "")).replace(" ", "_") or f"label_{row.index}"
        lines.append(" ".join((str(row.index), name, *(str(part) for part in label_colour(row.index)), "255")))
    return "\n".join(lines) + "\n"
