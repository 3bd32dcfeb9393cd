"""A phantom study whose every header, file and folder is full of what must not leave, and a search for it."""

from __future__ import annotations

import base64
import gzip
import re
import struct
import unicodedata
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pydicom
from pydicom.config import disable_value_validation
from pydicom.datadict import DicomDictionary, dictionary_keyword
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.uid import SecondaryCaptureImageStorage

from marrowsignal.dicom.privacy.allow_list import MAY_LEAVE
from marrowsignal.phantom import DicomOptions, StudyOptions, make_study
from marrowsignal.phantom.dicom_files import Identifiers
from marrowsignal.phantom.views import all_views

FAMILY, GIVEN, CHINESE = "Xqzvornik", "Wilhelmine", "曌龘"
BIRTH_DATE = "19470203"
PATIENT_ID, ACCESSION = "PIDQXJ-0088", "ACCQXJ4711"
PHYSICIAN = "Yrbqalsen"
# Begins the value of every other text element of the standard.
MARK = "ZQXJVK"
FOLDER = f"{FAMILY}, {GIVEN} 03.02.1947 {PATIENT_ID}"

WHO = Identifiers(
    patient_name=f"{FAMILY}^{GIVEN}={CHINESE}^曌",
    patient_birth_date=BIRTH_DATE,
    patient_id=PATIENT_ID,
    accession_number=ACCESSION,
    referring_physician_name=f"{PHYSICIAN}^Q",
    institution_name=f"{MARK} clinic",
    comments=f"{FAMILY} {BIRTH_DATE}",
)
_SAID = f" {FAMILY.upper()} {PATIENT_ID} 3.2.1947"
_TEXTS = {"LO": 64, "SH": 16, "ST": 1024, "LT": 1024, "UT": 1024, "UC": 1024, "CS": 16, "AE": 16, "PN": 64}
# They steer what the series is taken for; what they hold is never copied.
_STEERING = frozenset({
    "ContrastBolusStartTime", "EchoPlanarPulseSequence", "EchoPulseSequence", "FrameLaterality", "ImageLaterality",
    "InversionRecovery", "LossyImageCompression", "MRAcquisitionType", "SpectrallySelectedSuppression",
})  # fmt: skip


def write_marked_study(folder: Path, *, enhanced: bool) -> Path:
    """Write a small focal_edema phantom below a folder that is named after the patient; return that folder."""
    view = replace(all_views()["sij"], slices=10, matrix=(64, 64), pixel_mm=(3.1, 3.1), slice_distance_mm=8.0)
    options = StudyOptions(view=view, dicom=DicomOptions(enhanced=enhanced, identifiers=WHO))
    make_study("focal_edema", folder, seed=12, options=options)
    study = folder / FOLDER
    with disable_value_validation():
        _write_marked(folder / "dicom", study)
    return study


def _write_marked(plain: Path, study: Path) -> None:
    for number, file in enumerate(sorted(plain.rglob("*.dcm"))):
        target = study / f"{FAMILY}_{file.parent.name}" / f"{FAMILY}_{GIVEN}_{number:03d}.dcm"
        target.parent.mkdir(parents=True, exist_ok=True)
        dataset = pydicom.dcmread(file)
        mark(dataset)
        dataset.save_as(target)
    _add_screen_shot(dataset, study / f"{GIVEN}.jpg.dcm")


def _add_screen_shot(dataset: Dataset, file: Path) -> None:
    """Add an object that is no MR image, so that something is rejected and told."""
    dataset.SOPClassUID, dataset.Modality = SecondaryCaptureImageStorage, f"{FAMILY[:10].upper()}"
    dataset.SeriesInstanceUID = "1.2.826.0.1.3680043.8.498.1"
    dataset.BodyPartExamined = dataset.PatientPosition = GIVEN.upper()
    dataset.save_as(file)


def mark(dataset: Dataset) -> None:
    """Put the patient into the free texts, and a mark into every element of text that may not leave."""
    for keyword in ("SeriesDescription", "ProtocolName", "SequenceName", "PulseSequenceName", "Manufacturer"):
        if keyword in dataset:
            dataset[keyword].value = f"{dataset[keyword].value}{_SAID}"
    for keyword in ("ScanOptions", "ImageType"):
        held = dataset.get(keyword) or []
        held = [held] if isinstance(held, str) else list(held)
        dataset[keyword] = DataElement(keyword, "CS", [*held, f"DR {PHYSICIAN.upper()}"])
    for tag, (vr, *_) in DicomDictionary.items():
        keyword = dictionary_keyword(tag)
        free = not keyword or keyword in dataset or keyword in MAY_LEAVE or keyword in _STEERING
        if free or tag >> 16 in (0x0000, 0x0002, 0x0004, 0x0018 if dataset.get("NumberOfFrames") else 0, 0xFFFC):
            continue
        if vr in _TEXTS:
            setattr(dataset, keyword, f"{MARK}{tag:08X}"[: _TEXTS[vr]])
        elif vr == "DA":
            setattr(dataset, keyword, BIRTH_DATE)
        elif vr == "DT":
            setattr(dataset, keyword, f"{BIRTH_DATE}031415")
    dataset.PatientComments = dataset.ImageComments = f"{FAMILY} {GIVEN}, {BIRTH_DATE}"
    block = dataset.private_block(0x0099, f"{MARK} {FAMILY}", create=True)
    block.add_new(0x01, "LO", f"{FAMILY} {GIVEN}")
    dataset.add(DataElement(0x60004000, "LT", f"{FAMILY} {BIRTH_DATE}"))
    dataset.add(DataElement(0x60001500, "LO", f"{MARK} {GIVEN}"))


def leaks_in(name: str, data: bytes) -> list[str]:
    """Return what of the patient stands in a file or a stream, in any usual encoding."""
    return sorted({f"{name}: {found}" for part in _opened(data) for found in _found(part)})


_WORDS = (FAMILY, GIVEN, CHINESE, PHYSICIAN, MARK, PATIENT_ID, "PIDQXJ", ACCESSION, "ACCQXJ")
_D, _M = rb"0?3", rb"0?2"
_S = rb"[-./ ]"
_DATES = re.compile(
    rb"(?<![\d.])(?:19470203|03021947|1947" + _S + _M + _S + _D + rb"|" + _D + _S + _M + _S + rb"(?:19)?47|"
    + _M + _S + _D + _S + rb"(?:19)?47)(?!\d)"
)  # fmt: skip


def _found(data: bytes) -> Iterator[str]:
    low = data.lower()
    for word in _WORDS:
        for form in _forms(word):
            if form in low:
                yield f"{word} as {form!r}"
    for hit in _DATES.findall(data):
        yield hit.decode()


def _forms(word: str) -> Iterator[bytes]:
    for spelled in {word.lower(), unicodedata.normalize("NFD", word.lower())}:
        for encoding in ("utf-8", "utf-16-le", "utf-16-be"):
            yield spelled.encode(encoding)
    yield word.encode("unicode_escape").lower()
    # In base64 a text looks different at each of three offsets; the letters that its neighbours change are cut off.
    for spelled in (word, word.upper(), word.lower()):
        for offset in range(3):
            coded = base64.b64encode(b" " * offset + spelled.encode()).rstrip(b"=")
            yield coded[-(-offset * 8 // 6) : -1].lower()


def _opened(data: bytes) -> Iterator[bytes]:
    """The bytes themselves, and what is packed in them."""
    if data[:2] == b"\x1f\x8b":
        # A gzip header may hold a file name.
        yield data
        data = gzip.decompress(data)
    pictures = re.findall(rb"data:image/png;base64,([A-Za-z0-9+/=]+)", data)
    yield re.sub(rb"(data:image/png;base64,)[A-Za-z0-9+/=]+", rb"\1", data)
    for picture in pictures:
        yield from _chunks(base64.b64decode(picture))


def _chunks(png: bytes) -> Iterator[bytes]:
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    at = 8
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        kind = png[at + 4 : at + 8]
        # No chunk that holds text, packed text or a time.
        assert kind in {b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"sRGB", b"gAMA", b"pHYs"}, kind
        if kind != b"IDAT":
            yield png[at + 8 : at + 8 + length]
        at += 12 + length
