"""Whether a PACS holds the object that it was sent."""

from __future__ import annotations

from pydicom.dataset import Dataset

from marrowsignal.dicom.headers.header_values import UNREADABLE

__all__ = ["changed_elements", "split_coerced"]

# What a PACS may bring into line with its own records of patient and order (PS3.4, B.4.1.3), and how it writes text.
_MAY_BE_COERCED = frozenset(
    {
        "AccessionNumber",
        "EthnicGroup",
        "InstitutionName",
        "IssuerOfPatientID",
        "OtherPatientIDsSequence",
        "PatientAge",
        "PatientBirthDate",
        "PatientID",
        "PatientName",
        "PatientSex",
        "ReferringPhysicianName",
        "StudyDate",
        "StudyDescription",
        "StudyID",
        "StudyTime",
    }
)
_WRITING = frozenset({"SpecificCharacterSet"})
_PIXELS = "PixelData"


def changed_elements(sent: Dataset, held: Dataset) -> tuple[str, ...]:
    """Return the keywords of what was sent and is not held as it was.

    What the PACS adds of its own does not count; neither do its transfer syntax and its character set.

    Parameters
    ----------
    sent, held : Dataset
        Both with their file meta information.
    """
    return tuple(
        element.keyword or str(element.tag)
        for element in sent
        if element.keyword not in _WRITING and not _same(element.keyword, sent, held, int(element.tag))
    )


def split_coerced(changed: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return first what a PACS may change of an object, then what it may not."""
    may = tuple(keyword for keyword in changed if keyword in _MAY_BE_COERCED)
    return may, tuple(keyword for keyword in changed if keyword not in _MAY_BE_COERCED)


def _same(keyword: str, sent: Dataset, held: Dataset, tag: int) -> bool:
    if tag not in held:
        return False
    if keyword == _PIXELS and sent.file_meta.TransferSyntaxUID != held.file_meta.TransferSyntaxUID:
        try:
            return bool((sent.pixel_array == held.pixel_array).all())
        except UNREADABLE:
            return False  # what cannot be decoded is not known to be the same
    mine, theirs = sent[tag].value, held[tag].value
    # An empty value is read as None or as nothing, depending on how it was written.
    return bool(mine == theirs) or (not mine and not theirs and mine != 0 and theirs != 0)
