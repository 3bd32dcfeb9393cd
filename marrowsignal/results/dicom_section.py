"""Section of ``result.json`` that holds which DICOM objects were made."""

from __future__ import annotations

from collections.abc import Sequence

from marrowsignal.results.document_models import DicomDocument

__all__ = ["dicom_section"]


def dicom_section(files: Sequence[str], *, reason: str = "") -> DicomDocument:
    """Return which DICOM objects a case holds.

    Parameters
    ----------
    files : sequence of str
        Their names.
    reason : str
        Why some, or all, are missing; empty where none is.
    """
    return DicomDocument(status="written" if files else "not_written", files=tuple(files), reason=reason)
