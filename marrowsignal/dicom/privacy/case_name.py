"""Names that tell cases and inputs apart without telling who the patient is."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import stat
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from marrowsignal.dicom.records import SeriesPair
from marrowsignal.errors import DicomError, OutputError
from marrowsignal.findings import Finding, Severity

__all__ = ["CASE_KEY_VARIABLE", "KEY_FILE", "CaseKey", "case_key", "case_name", "input_sha256", "pair_case_name"]

CASE_KEY_VARIABLE = "MARROWSIGNAL_CASE_KEY"
KEY_FILE = ".marrowsignal-key"

_STAGE = "name_case"
_KEY_BYTES = 32
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseKey:
    """The secret that case names are made with: who has it can check which study a case is.

    Attributes
    ----------
    secret : bytes
        Key of the HMAC.
    findings : tuple of Finding
        What weakens it, for example a key file that others can read.
    """

    secret: bytes = field(repr=False)
    findings: tuple[Finding, ...] = ()

    @classmethod
    def random(cls) -> CaseKey:
        """Return a new key that is kept nowhere: names made with it come once."""
        return cls(secret=secrets.token_bytes(_KEY_BYTES))


def case_name(study_instance_uid: str, *, key: CaseKey) -> str:
    """Return the name of a study: 12 hex digits of HMAC-SHA256 of its StudyInstanceUID.

    Parameters
    ----------
    study_instance_uid : str
        StudyInstanceUID.
    key : CaseKey
        From `case_key`, so that a study has one name in one output folder and another name in every other.

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
            stage=_STAGE,
            hint="give a name with --case",
        )
    return hmac.new(key.secret, uid.encode(), hashlib.sha256).hexdigest()[:12]


def pair_case_name(pair: SeriesPair, *, key: CaseKey) -> str:
    """Return the name of one pair of a study: the study's, and the pair's label where it has one.

    Raises
    ------
    DicomError
        If the study has no StudyInstanceUID.
    """
    name = case_name(pair.t1.study_instance_uid, key=key)
    return f"{name}-{pair.label}" if pair.label else name


def case_key(out: Path) -> CaseKey:
    """Return the key of an output folder, made when there is none yet.

    The key is the environment variable ``MARROWSIGNAL_CASE_KEY`` where that is set: a site that needs the same names
    in every folder. Else it is the content of ``.marrowsignal-key`` in `out`: 32 random bytes in hexadecimal,
    readable by the owner only. Of two processes that make it at once both get the same.

    Parameters
    ----------
    out : Path
        Folder of cases; made when missing.

    Raises
    ------
    OutputError
        If the key can be neither read nor made, or is no key.
    """
    given = os.environ.get(CASE_KEY_VARIABLE)
    if given:
        return CaseKey(secret=given.encode())
    file = out / KEY_FILE
    try:
        if not os.path.lexists(file):
            out.mkdir(parents=True, exist_ok=True)
            _make(file)
        return _read(file)
    except OSError as error:
        raise OutputError(
            f"the key file {KEY_FILE} of the output folder cannot be read or made ({error.strerror})",
            code="case_key_unreadable",
            stage=_STAGE,
            hint=f"let its owner run this, give a name with --case, or set {CASE_KEY_VARIABLE}",
        ) from error


def _make(file: Path) -> None:
    # Written whole beside it first: no reader may find half a key.
    handle, name = tempfile.mkstemp(prefix=KEY_FILE, dir=file.parent)
    fresh = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="ascii") as stream:
            stream.write(secrets.token_hex(_KEY_BYTES) + "\n")
            stream.flush()
            os.fsync(stream.fileno())
        _put_in_place(fresh, file)
    finally:
        fresh.unlink(missing_ok=True)


def _put_in_place(fresh: Path, file: Path) -> None:
    """Give `fresh` its name unless another process was first; its key counts then."""
    try:
        os.link(fresh, file)
    except FileExistsError:
        return
    except OSError:
        # Without hard links (FAT, some network drives): on Windows a rename never overwrites.
        if not file.exists():
            fresh.rename(file)


def _read(file: Path) -> CaseKey:
    text = file.read_bytes()[: 4 * _KEY_BYTES].decode("ascii", "replace").strip()
    try:
        secret = bytes.fromhex(text)
    except ValueError:
        secret = b""
    if len(secret) != _KEY_BYTES:
        raise OutputError(
            f"{KEY_FILE} in the output folder holds no key",
            code="case_key_damaged",
            stage=_STAGE,
            hint="put back the file from a copy; without it, delete it: new cases then get other names than old ones",
        )
    return CaseKey(secret=secret, findings=_exposure(file))


def _exposure(file: Path) -> tuple[Finding, ...]:
    # Windows has no such bits: there the folder's own rights count.
    if os.name != "posix" or not stat.S_IMODE(file.stat().st_mode) & 0o077:
        return ()
    message = f"Others can read {KEY_FILE} in the output folder: with it they can check which study a case is."
    return (Finding(code="case_key_exposed", stage=_STAGE, severity=Severity.INFO, message=message),)


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
        raise DicomError(
            "a file of the study can no longer be read",
            code="file_unreadable",
            stage="find_series",
            hint="check that the study's folder is still there and readable",
        ) from error
    return digest.digest()
