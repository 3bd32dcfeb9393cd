"""What a file of one instance is called, and whether it is that instance."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import BinaryIO

from pydicom import dcmread
from pydicom.dataset import Dataset

from marrowsignal.dicom.headers.header_values import UNREADABLE

__all__ = ["file_name", "read_uids"]

_ASKED = ["SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID"]


def file_name(sop_instance_uid: str) -> str:
    """Return a name that is the same for the same instance and tells nothing of the patient."""
    return f"{hashlib.sha256(sop_instance_uid.encode()).hexdigest()[:24]}.dcm"


def read_uids(file: Path | BinaryIO) -> Dataset | None:
    """Return who an instance says it is; None when it cannot be read as DICOM.

    Parameters
    ----------
    file : Path or binary file
        A DICOM file, or a stream at its begin.
    """
    try:
        return dcmread(file, stop_before_pixels=True, specific_tags=list(_ASKED))
    except UNREADABLE:
        return None
