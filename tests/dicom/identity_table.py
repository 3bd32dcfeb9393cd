"""Headers as makers write them, and what a radiologist with the scanner's manual would call each.

The table, ``identity_table.txt``, was written from knowledge of the makers' habits (SCIENCE 5.2), not copied;
``-`` means absent, ``D:`` a DERIVED, SECONDARY image type. GE's two names are its private pulse sequence names,
Philips' name is its private scanning technique, the others' is SequenceName.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from marrowsignal.dicom.records import SeriesIdentity

MAKERS = {
    "S": "SIEMENS",
    "G": "GE MEDICAL SYSTEMS",
    "P": "Philips Medical Systems",
    "C": "TOSHIBA",
    "H": "HITACHI",
    "U": "UIH",
    "E": "Esaote",
    "-": "",
}

TABLE = Path(__file__).with_suffix(".txt")


@dataclass(frozen=True, kw_only=True)
class Row:
    """One header and its identity."""

    number: int
    maker: str
    field_t: float | None
    codes: tuple[str, ...]
    tr: float | None
    te: float | None
    ti: float | None
    train: int | None
    names: tuple[str, ...]
    options: tuple[str, ...]
    image_type: tuple[str, ...]
    description: str
    identity: SeriesIdentity

    @property
    def label(self) -> str:
        """Short name of the row for a test report."""
        told = self.description or " ".join(self.names)
        return f"{self.number} {MAKERS[self.maker][:7]} {self.field_t} T {told} -> {self.identity}"


def _number(text: str) -> float | None:
    return None if text == "-" else float(text)


def _words(text: str) -> tuple[str, ...]:
    return () if text == "-" else tuple(text.split())


def _image_type(text: str) -> tuple[str, ...]:
    computed, _, flavours = text.rpartition(":")
    first = ("DERIVED", "SECONDARY") if computed else ("ORIGINAL", "PRIMARY")
    return (*first, *_words(flavours))


def rows() -> tuple[Row, ...]:
    """The table as records."""
    lines = [line for line in TABLE.read_text(encoding="utf-8").strip().splitlines()[1:] if not line.startswith("#")]
    found = []
    for number, line in enumerate(lines, start=1):
        maker, field, codes, tr, te, ti, train, names, options, kind, description, identity = (
            cell.strip() for cell in line.split("|")
        )
        found.append(
            Row(
                number=number,
                maker=maker,
                field_t=_number(field),
                codes=_words(codes),
                tr=_number(tr),
                te=_number(te),
                ti=_number(ti),
                train=None if train == "-" else int(train),
                names=_words(names),
                options=_words(options),
                image_type=_image_type(kind),
                description="" if description == "-" else description,
                identity=SeriesIdentity(identity),
            )
        )
    return tuple(found)
