"""Headers of the analyzed images: patient and study for what the PACS gets, and where each slice is stored."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterable
from pathlib import Path

from pydicom.dataset import Dataset
from pydicom.uid import MRImageStorage

from marrowsignal.dicom.headers.header_scan import header_bytes, scan_header
from marrowsignal.dicom.headers.header_values import UNREADABLE, RawValues, Surroundings
from marrowsignal.dicom.records import Series, SeriesPair
from marrowsignal.errors import DicomError
from marrowsignal.exports.dicom_objects.carried_values import CarriedHeader, carried_header, character_set_for
from marrowsignal.exports.dicom_objects.records import SliceReference, SourceImages
from marrowsignal.exports.dicom_objects.uids import uid_in_place_of
from marrowsignal.findings import Finding, Severity, listed

__all__ = ["read_source_images"]

_STAGE = "write_dicom"
_CHARACTER_SET = 0x00080005
_TEXTS = (0x00100010, 0x00100020, 0x00080090, 0x00081030)  # names, ID, description


def read_source_images(series: SeriesPair, *, texts: Iterable[str] = ()) -> SourceImages:
    """Read the headers of both series' files.

    Parameters
    ----------
    series : SeriesPair
        The pair that was analyzed; its files must still be there.
    texts : iterable of str
        What the objects will say beside the headers' values: where the source's character set cannot hold it, they
        are in UTF-8.

    Returns
    -------
    SourceImages
        Patient, study, frame of reference and references, and nothing else of the headers; private elements never.

    Raises
    ------
    DicomError
        If a file is gone, can no longer be read, or cannot be referred to.
    """
    t1 = _headers(series.t1, "T1")
    stir = () if series.stir is None else _headers(series.stir, "STIR")
    of = str(t1[0].dataset.SOPInstanceUID)
    findings = (*_completed(t1, "T1", of), *(_completed(stir, "STIR", of) if stir else ()))
    _set_character_set(t1, stir, tuple(texts))
    t1_datasets, stir_datasets = (tuple(header.dataset for header in headers) for headers in (t1, stir))
    return SourceImages(
        t1=t1_datasets,
        stir=stir_datasets,
        identity_sha256=_identity_sha256(t1_datasets, stir_datasets),
        t1_slices=_slices(series.t1, t1_datasets),
        findings=(*findings, *_value_findings(t1[0])),
    )


def _headers(series: Series, name: str) -> tuple[CarriedHeader, ...]:
    try:
        headers = tuple(_header(path) for path in series.files)
        if not headers:
            raise LookupError(name)
    except UNREADABLE as error:
        raise DicomError(
            f"a file of the {name} series is gone or can no longer be read",
            code="source_images_gone",
            stage=_STAGE,
            hint="keep the study where it is until its case folder is written",
        ) from error
    known = [header.dataset.get("SOPInstanceUID") for header in headers]
    if None in known or len(set(known)) < len(known):
        raise DicomError(
            f"files of the {name} series have no SOPInstanceUID of their own, so that no object can refer to them",
            code="source_images_ambiguous",
            stage=_STAGE,
            hint="export the series anew from the PACS",
        )
    return headers


def _header(path: Path) -> CarriedHeader:
    scanned = scan_header(path)
    held = [scanned.elements[tag].value or b"" for tag in _TEXTS if tag in scanned.elements]
    declared = _CHARACTER_SET in scanned.elements and bool(scanned.elements[_CHARACTER_SET].value)
    opened = functools.cache(lambda: header_bytes(path, scanned))
    undeclared = None if declared or all(value.isascii() for value in held) else [_guessed(held)]
    within = Surroundings(window=opened, encoding=scanned.encoding, character_set=undeclared)
    return carried_header(RawValues(scanned.elements, within))


def _guessed(held: Iterable[bytes]) -> str:
    """Codec of texts whose character set no element tells: what is UTF-8 by chance is nothing else."""
    try:
        for value in held:
            value.decode("utf-8")
    except UnicodeDecodeError:
        return "latin-1"
    return "utf-8"


def _completed(headers: tuple[CarriedHeader, ...], name: str, of: str) -> tuple[Finding, ...]:
    """Put UIDs that an object must name where a series has none, and say so."""
    findings = []
    own = str(headers[0].dataset.SOPInstanceUID)
    # Both series lie in one study, each in a series and, as far as is known, in a space of its own.
    for keyword, words, above in (
        ("StudyInstanceUID", "study", of),
        ("SeriesInstanceUID", "series", own),
        ("FrameOfReferenceUID", "frame of reference", own),
    ):
        named = [uid for header in headers if (uid := header.dataset.get(keyword))]
        if len(named) == len(headers):
            continue
        for header in headers:
            setattr(header.dataset, keyword, named[0] if named else uid_in_place_of(keyword, above))
        findings.append(_made(keyword, words, name))
    for header in headers:
        header.dataset.SOPClassUID = header.dataset.get("SOPClassUID") or MRImageStorage
        header.dataset.Modality = header.dataset.get("Modality") or "MR"
    return tuple(findings)


def _made(keyword: str, words: str, name: str) -> Finding:
    text = (
        f"The {name} series does not name its {words} ({keyword}) in every file; the DICOM objects name one that "
        "follows from the series, so that an archive or a viewer may not put them beside the images."
    )
    code = f"{words.replace(' ', '_')}_uid_made"
    return Finding(code=code, stage=_STAGE, severity=Severity.WARN, message=text)


def _set_character_set(t1: tuple[CarriedHeader, ...], stir: tuple[CarriedHeader, ...], texts: tuple[str, ...]) -> None:
    held = [str(element.value) for element in t1[0].dataset if element.VR in ("PN", "LO", "SH")]
    chosen = character_set_for(t1[0].character_set, (*held, *texts))
    for header in (*t1, *stir):
        if chosen:
            header.dataset.SpecificCharacterSet = chosen.split("\\") if "\\" in chosen else chosen


def _identity_sha256(*series: tuple[Dataset, ...]) -> str:
    """Hash the SOPInstanceUIDs, series apart: an archive or a transfer rewrites files and keeps these."""
    named = (" ".join(sorted(str(header.SOPInstanceUID) for header in headers)) for headers in series)
    return hashlib.sha256("\n".join(named).encode()).hexdigest()


def _slices(series: Series, headers: tuple[Dataset, ...]) -> tuple[SliceReference, ...]:
    of_file = dict(zip(series.files, headers, strict=True))
    return tuple(
        SliceReference(
            sop_class_uid=str(of_file[source.path].SOPClassUID),
            sop_instance_uid=str(of_file[source.path].SOPInstanceUID),
            frame_number=source.frame + 1 if source.layout.frames > 1 else None,
        )
        for source in series.sources
    )


def _value_findings(header: CarriedHeader) -> tuple[Finding, ...]:
    findings = []
    if header.emptied:
        text = f"Not valid in the source and therefore empty in the DICOM objects: {listed(header.emptied)}."
        findings.append(("source_values_emptied", text))
    if header.too_long:
        text = (
            f"Longer in the source than the standard allows, and kept so that the DICOM objects are filed with the "
            f"study: {listed(header.too_long)}."
        )
        findings.append(("source_values_too_long", text))
    return tuple(
        Finding(code=code, stage=_STAGE, severity=Severity.INFO, message=message) for code, message in findings
    )
