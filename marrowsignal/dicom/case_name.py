"""Names that tell cases and inputs apart without telling who the patient is."""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Iterable
from pathlib import Path

from marrowsignal.errors import DicomError

__all__ = ["CASE_KEY_VARIABLE", "DEFAULT_CASE_KEY", "case_name", "input_sha256"]

CASE_KEY_VARIABLE = "MARROWSIGNAL_CASE_KEY"

# Public, so the default name only hides the UID from a glance; a site that shares outputs sets its own key.
DEFAULT_CASE_KEY = "marrowsignal-case-name-v1"

_CHUNK = 1 << 20


def case_name(study_instance_uid: str) -> str:
    """Return the name of a study: 12 hex digits of HMAC-SHA256 of its StudyInstanceUID.

    The key is the environment variable ``MARROWSIGNAL_CASE_KEY``, else `DEFAULT_CASE_KEY`.

    Raises
    ------
    DicomError
        If the UID is empty: all such studies would share one name.
    """
    uid = study_instance_uid.strip()
    if not uid:
        raise DicomError(
            "the study has no StudyInstanceUID to name the case by",
            code="study_uid_missing",
            stage="find_series",
            hint="give a name with --case",
        )
    key = os.environ.get(CASE_KEY_VARIABLE) or DEFAULT_CASE_KEY
    return hmac.new(key.encode(), uid.encode(), hashlib.sha256).hexdigest()[:12]


def input_sha256(files: Iterable[Path]) -> str:
    """Return one SHA-256 of the contents of `files`, whatever their order and names.

    Raises
    ------
    DicomError
        If a file cannot be read.
    """
    digests = sorted(_file_digest(file) for file in files)
    return hashlib.sha256(b"".join(digests)).hexdigest()


def _file_digest(file: Path) -> bytes:
    digest = hashlib.sha256()
    try:
        with file.open("rb") as stream:
            while chunk := stream.read(_CHUNK):
                digest.update(chunk)
    except OSError as error:
        raise DicomError(f"{file.name} cannot be read", code="file_unreadable", stage="find_series") from error
    return digest.digest()
