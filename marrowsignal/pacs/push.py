"""Finished DICOM objects of cases into a PACS, and a look whether they are there."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from pydicom import dcmread
from pydicom.dataset import Dataset

from marrowsignal.dicom.headers.header_values import UNREADABLE, quiet_pydicom
from marrowsignal.errors import InputError, PacsError
from marrowsignal.pacs.attempts import NOT_FOUND
from marrowsignal.pacs.dicomweb import Pacs, is_uid
from marrowsignal.pacs.records import InstanceAddress, PushedObject, PushOutcome, PushReport
from marrowsignal.pacs.same_object import changed_elements, split_coerced

__all__ = ["push_cases"]

_STAGE = "push"
_UIDS = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")
_KEPT_ITS_OWN = (
    "the PACS holds another object under this UID and keeps it: delete that one there, or let it be overwritten"
)


def push_cases(
    pacs: Pacs, case_folders: Sequence[Path], *, on_object: Callable[[PushedObject], None] = lambda _sent: None
) -> PushReport:
    """Store the DICOM objects of finished cases, and read each back.

    An object that is there already, the same in every value, is not sent again: a push that was cut off, or is made
    twice, leaves each object once.

    Parameters
    ----------
    pacs : Pacs
        Where to.
    case_folders : sequence of Path
        Folders that `marrowsignal.exports.write_case` has written.
    on_object : callable
        Called with each object as soon as its outcome is known.

    Returns
    -------
    PushReport
        What became of each; that the PACS refused one is no error here.

    Raises
    ------
    InputError
        If a case has no DICOM objects, before anything is sent.
    PacsError
        If the PACS cannot be asked or does not let us in; what was stored stays.
    """
    found = [(number, file) for number, case in enumerate(case_folders, start=1) for file in _objects(case, number)]
    sent = []
    with quiet_pydicom():
        for number, file in found:
            outcome, reason, coerced = _push(pacs, _read(file, number))
            sent.append(PushedObject(case=number, file=file.name, outcome=outcome, reason=reason, coerced=coerced))
            on_object(sent[-1])
    return PushReport(objects=tuple(sent))


def _objects(case: Path, number: int) -> Iterator[Path]:
    files = sorted((case / "dicom").glob("*.dcm"))
    if not files:
        raise InputError(
            f"case folder {number} holds no DICOM objects",
            code="no_dicom_objects",
            stage=_STAGE,
            hint="give the folder that holds report.html; objects are in its folder dicom unless they were left out",
        )
    yield from files


def _read(file: Path, number: int) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise InputError(
            f"{file.name} of case folder {number} cannot be read ({error.strerror})",
            code="input_unreadable",
            stage=_STAGE,
        ) from error


def _push(pacs: Pacs, data: bytes) -> tuple[PushOutcome, str, tuple[str, ...]]:
    """Return the outcome of one object, why, and what of patient and study the PACS holds otherwise."""
    sent = _dataset(data)
    if sent is None:
        return PushOutcome.REFUSED, "it is no DICOM object", ()
    place = InstanceAddress(
        study_instance_uid=str(sent.StudyInstanceUID),
        series_instance_uid=str(sent.SeriesInstanceUID),
        sop_instance_uid=str(sent.SOPInstanceUID),
    )
    before = _held(pacs, place)
    if before is not None:
        coerced, changed = _compare(data, before)
        if not changed:
            return PushOutcome.ALREADY_THERE, "", coerced
    refusal = pacs.store(data)
    # Looked at even then: what was stored and not answered, and is sent again, some refuse as a duplicate.
    after = _held(pacs, place)
    if after is None:
        return PushOutcome.REFUSED, refusal or "the PACS took it and does not give it back", ()
    coerced, changed = _compare(data, after)
    if not changed:
        return PushOutcome.STORED, "", coerced
    reason = _KEPT_ITS_OWN if before is not None else f"the PACS changed {', '.join(changed)}"
    return PushOutcome.REFUSED, refusal or reason, ()


def _held(pacs: Pacs, place: InstanceAddress) -> bytes | None:
    """Bytes that the PACS gives for an instance; None where it has none."""
    stream = io.BytesIO()
    try:
        pacs.retrieve(place, stream)
    except PacsError as error:
        if error.code == NOT_FOUND:
            return None
        raise
    return stream.getvalue()


def _compare(sent: bytes, held: bytes) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the keywords that the PACS coerced, and those that it may not have changed."""
    mine, theirs = (None, None) if sent == held else (_dataset(sent), _dataset(held))
    if mine is None:
        return (), ()
    return split_coerced(changed_elements(mine, theirs)) if theirs is not None else ((), ("everything",))


def _dataset(data: bytes) -> Dataset | None:
    """One DICOM object with the UIDs that say where it belongs; None where it is none."""
    try:
        dataset = dcmread(io.BytesIO(data))
    except UNREADABLE:
        return None
    return dataset if all(is_uid(str(dataset.get(keyword, ""))) for keyword in _UIDS) else None
