"""Which values of a source header go into our objects, and in which form: a list of what may, not of what may not."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from pydicom.charset import convert_encodings, decode_bytes, encode_string
from pydicom.dataset import Dataset

from marrowsignal.dicom.headers.header_values import UNREADABLE, RawValues, quiet_pydicom

__all__ = ["CARRIED_FROM_PATIENT_AND_STUDY", "CarriedHeader", "carried_header", "character_set_for"]

UTF_8 = "ISO_IR 192"

# By value representation, of the modules of patient and study and those of clinical trials.
_PATIENT_AND_STUDY = {
    "PN": ("PatientName", "ReferringPhysicianName"),
    "LO": (
        "PatientID",
        "IssuerOfPatientID",
        "DeidentificationMethod",
        "ClinicalTrialSponsorName",
        "ClinicalTrialProtocolID",
        "ClinicalTrialProtocolName",
        "ClinicalTrialSiteID",
        "ClinicalTrialSiteName",
        "ClinicalTrialSubjectID",
        "ClinicalTrialSubjectReadingID",
        "ClinicalTrialTimePointID",
        "StudyDescription",
    ),
    "SH": ("StudyID", "AccessionNumber"),
    "DA": ("PatientBirthDate", "StudyDate"),
    "TM": ("StudyTime",),
    "CS": ("PatientSex", "PatientIdentityRemoved"),
    "AS": ("PatientAge",),
    "DS": ("PatientSize", "PatientWeight"),
    "UI": ("StudyInstanceUID",),
}
_SERIES_AND_IMAGE = {
    "UI": ("SeriesInstanceUID", "FrameOfReferenceUID", "SOPClassUID", "SOPInstanceUID"),
    "DA": ("SeriesDate", "AcquisitionDate", "ContentDate"),
    "TM": ("SeriesTime", "AcquisitionTime", "ContentTime"),
    "CS": ("Modality", "LossyImageCompression"),
}
_CODED = ("DeidentificationMethodCodeSequence",)
_CODE = ("CodeValue", "CodingSchemeDesignator", "CodingSchemeVersion", "CodeMeaning")
_MOST_CODES = 16
_MAY_BE_EMPTY = (
    *("AccessionNumber", "PatientBirthDate", "PatientID", "PatientName", "PatientSex", "ReferringPhysicianName"),
    *("StudyDate", "StudyID", "StudyTime"),
)
CARRIED_FROM_PATIENT_AND_STUDY = frozenset(
    {*_CODED, *(keyword for keywords in _PATIENT_AND_STUDY.values() for keyword in keywords)}
)

_LONGEST = {"LO": 64, "SH": 16, "UI": 64, "PN": 64, "DS": 16}
_CS_VALUES = {
    "PatientSex": {"M", "F", "O"},
    "PatientIdentityRemoved": {"YES", "NO"},
    "LossyImageCompression": {"00", "01"},
}
_TIME = re.compile(r"([01]\d|2[0-3])([0-5]\d(([0-5]\d|60)(\.\d{1,6})?)?)?")
# A person's name goes back to the first character set at each of these.
_PIECES = re.compile(r"[\^=]")
_AGE = re.compile(r"\d{3}[DWMY]")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CarriedHeader:
    """What one source header gives.

    Attributes
    ----------
    dataset : Dataset
        Values that may be carried, texts as Unicode.
    emptied : tuple of str
        Keywords of values that are no valid ones and were left out.
    too_long : tuple of str
        Keywords of texts that are longer than the standard allows: kept, because archives file by them.
    character_set : str
        Declared by the header, the terms joined by a backslash; empty when it declares none.
    """

    dataset: Dataset
    emptied: tuple[str, ...]
    too_long: tuple[str, ...]
    character_set: str


def carried_header(values: RawValues) -> CarriedHeader:
    """Take from a header what may be carried, valid as far as it can be.

    Parameters
    ----------
    values : RawValues
        Raw elements of the header.
    """
    dataset = Dataset()
    emptied, too_long = [], []
    for keyword, representation in _carried():
        text = _text(values, keyword)
        valid = _VALID[representation](keyword, text) if text else ""
        if text and not valid:
            emptied.append(keyword)
        if valid and len(valid) > _LONGEST.get(representation, len(valid)):
            too_long.append(keyword)
        if valid or keyword in _MAY_BE_EMPTY:
            setattr(dataset, keyword, valid or None)
    for keyword in _CODED:
        items = [_code(item) for item in _items(values, keyword)]
        if items:
            setattr(dataset, keyword, items)
    return CarriedHeader(
        dataset=dataset,
        emptied=tuple(emptied),
        too_long=tuple(too_long),
        character_set="\\".join(values.parts("SpecificCharacterSet")),
    )


def character_set_for(declared: str, texts: Iterable[str]) -> str:
    r"""Return the character set to write texts in: the declared one where it is valid and holds them, else UTF-8.

    Parameters
    ----------
    declared : str
        Terms of SpecificCharacterSet, joined by a backslash; empty for the default repertoire.
    texts : iterable of str
        All texts of an object that no standard fixes.

    Examples
    --------
    >>> character_set_for("ISO_IR 100", ["Müller^Jörg"]), character_set_for("ISO_IR 100", ["山田^太郎"])
    ('ISO_IR 100', 'ISO_IR 192')
    >>> character_set_for("", ["Miller^Joan"]), character_set_for("", ["Müller^Jörg"])
    ('', 'ISO_IR 192')
    """
    # A first term left out stands for the default repertoire, which libraries want by its name.
    named = f"ISO 2022 IR 6{declared}" if declared.startswith("\\") else declared
    with quiet_pydicom():
        held = all(_held(named, piece) for text in texts for piece in _PIECES.split(text))
    return named if held else UTF_8


def _held(declared: str, text: str) -> bool:
    if text.isascii():
        return not declared or _encodings(declared) is not None
    encodings = _encodings(declared) if declared else None
    if encodings is None:
        return False
    try:
        return decode_bytes(encode_string(text, encodings), encodings, set()) == text
    except UNREADABLE:
        return False


def _encodings(declared: str) -> list[str] | None:
    from highdicom.enum import SpecificCharacterSetValues  # noqa: PLC0415 - a second of imports

    terms = declared.split("\\")
    known = {term.value for term in SpecificCharacterSetValues}
    extended = [term for term in terms if term.startswith("ISO 2022")]
    # Code extensions come in several, and all terms of several are extensions (PS3.3 C.12.1.1.2).
    if not known.issuperset(terms) or len(extended) != (len(terms) if len(terms) > 1 else 0):
        return None
    try:
        return convert_encodings(terms)
    except UNREADABLE:
        return None


def _carried() -> Iterator[tuple[str, str]]:
    for module in (_PATIENT_AND_STUDY, _SERIES_AND_IMAGE):
        for representation, keywords in module.items():
            for keyword in keywords:
                yield keyword, representation


def _text(values: RawValues, keyword: str) -> str:
    try:
        joined = "\\".join(values.parts(keyword))
    except UNREADABLE:
        return ""
    # Control characters and lone surrogates cannot be written.
    return "".join(letter if letter.isprintable() else " " for letter in joined).strip()


def _items(values: RawValues, keyword: str) -> tuple[RawValues, ...]:
    try:
        return values.items(keyword, most=_MOST_CODES)
    except UNREADABLE:
        return ()


def _code(item: RawValues) -> Dataset:
    code = Dataset()
    for keyword in _CODE:
        text = _text(item, keyword)
        if text:
            setattr(code, keyword, text)
    return code


def _as_is(_keyword: str, text: str) -> str:
    return text


def _one_line(_keyword: str, text: str) -> str:
    return text.replace("\\", " ")


def _date(_keyword: str, text: str) -> str:
    # ACR-NEMA wrote dots, which readers still have to accept (PS3.5 6.2).
    digits = text.replace(".", "")
    try:
        datetime.datetime.strptime(digits, "%Y%m%d")
    except ValueError:
        return ""
    return digits if len(digits) == 8 else ""


def _time(_keyword: str, text: str) -> str:
    digits = text.replace(":", "")
    return digits if _TIME.fullmatch(digits) else ""


def _term(keyword: str, text: str) -> str:
    term = text.upper()
    return term if term in _CS_VALUES.get(keyword, {term}) else ""


def _age(_keyword: str, text: str) -> str:
    return text if _AGE.fullmatch(text) else ""


def _decimal(_keyword: str, text: str) -> str:
    try:
        return text if 0 <= float(text) < float("inf") and len(text) <= _LONGEST["DS"] else ""
    except ValueError:
        return ""


_VALID: dict[str, Callable[[str, str], str]] = {
    "PN": _one_line,
    "LO": _one_line,
    "SH": _one_line,
    "UI": _as_is,
    "DA": _date,
    "TM": _time,
    "CS": _term,
    "AS": _age,
    "DS": _decimal,
}
