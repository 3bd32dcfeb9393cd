"""A study from a PACS into a folder: each instance whole and once, however often the connection drops."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO

from pydicom import dcmread

from marrowsignal.dicom.headers.header_values import UNREADABLE, quiet_pydicom
from marrowsignal.errors import OutputError, PacsError, UsageError
from marrowsignal.pacs.attempts import OF_THE_PACS
from marrowsignal.pacs.dicomweb import Pacs, check_uid
from marrowsignal.pacs.instance_file import file_name, read_uids
from marrowsignal.pacs.records import FetchReport, InstanceAddress
from marrowsignal.pacs.whole_file import put_in_place

__all__ = ["fetch_study"]

_STAGE = "fetch"
_UNFINISHED = ".part"


def fetch_study(
    pacs: Pacs,
    study_instance_uid: str,
    folder: Path,
    *,
    series_instance_uids: Sequence[str] = (),
    on_instance: Callable[[int, int], None] = lambda _done, _all: None,
) -> FetchReport:
    """Bring every instance of a study that is not in the folder yet.

    An instance is written under a temporary name, read, compared with what was asked for, and only then gets its
    name, which is a hash of its SOPInstanceUID: a file that is there is whole, and a run that was cut off goes on
    where it ended. One run at a time in one folder.

    Parameters
    ----------
    pacs : Pacs
        Where from.
    study_instance_uid : str
        Which study.
    folder : Path
        Where to; made when missing. It may hold nothing of another study.
    series_instance_uids : sequence of str
        Only these series of it; empty for all.
    on_instance : callable
        Called with how many are there and how many there will be.

    Returns
    -------
    FetchReport
        All that the PACS lists is in the folder.

    Raises
    ------
    UsageError
        If a UID is none, or the folder holds another study.
    PacsError
        If the PACS cannot be asked, has no such study, or does not give all that it lists; what came stays.
    OutputError
        If the folder cannot be written.
    """
    study = check_uid(study_instance_uid, what="the study's UID")
    asked = dict.fromkeys(check_uid(uid, what="a series' UID") for uid in series_instance_uids)
    some = [place for series in asked for place in pacs.instances(study, series)]
    places = some if asked else pacs.instances(study)
    try:
        with quiet_pydicom():
            folder.mkdir(parents=True, exist_ok=True)
            _clear(folder)
            _refuse_another_study(folder, study)
            return _bring(pacs, places, folder, on_instance)
    except OSError as error:
        raise OutputError(
            f"the folder cannot be written ({error.strerror})",
            code="output_not_writable",
            stage=_STAGE,
            hint="check that it is writable and has space left; the same command goes on where it ended",
        ) from error


def _clear(folder: Path) -> None:
    for left_over in folder.glob(f".*{_UNFINISHED}"):
        left_over.unlink()


def _refuse_another_study(folder: Path, study: str) -> None:
    for file in folder.glob("*.dcm"):
        uids = read_uids(file)
        if uids is not None and uids.get("StudyInstanceUID") != study:
            raise UsageError(
                "the folder holds images of another study",
                code="several_studies",
                stage=_STAGE,
                hint="give each study a folder of its own with -o",
            )


def _bring(
    pacs: Pacs, places: Sequence[InstanceAddress], folder: Path, on_instance: Callable[[int, int], None]
) -> FetchReport:
    missing = [place for place in places if not _is_there(folder / file_name(place.sop_instance_uid), place)]
    there = len(places) - len(missing)
    fetched, last = 0, None
    for place in missing:
        try:
            _bring_one(pacs, place, folder)
        except PacsError as error:
            last = error
            if error.code in OF_THE_PACS:
                break
            continue
        fetched += 1
        on_instance(there + fetched, len(places))
    if last is not None:
        raise PacsError(
            f"{len(places) - there - fetched} of {len(places)} instances are missing: {last.message}",
            code=last.code,
            stage=_STAGE,
            hint=f"the same command goes on where this one ended; {last.hint}",
        )
    return FetchReport(folder=folder, fetched=fetched, already_there=there)


def _is_there(file: Path, place: InstanceAddress) -> bool:
    uids = read_uids(file) if file.is_file() else None
    return uids is not None and uids.get("SOPInstanceUID") == place.sop_instance_uid


def _bring_one(pacs: Pacs, place: InstanceAddress, folder: Path) -> None:
    file = folder / file_name(place.sop_instance_uid)
    fresh = folder / f".{file.stem}{_UNFINISHED}"
    try:
        with fresh.open("w+b") as stream:
            pacs.retrieve(place, stream)
            stream.seek(0)
            _check(stream, place)
            put_in_place(stream, fresh, file)
    finally:
        fresh.unlink(missing_ok=True)


def _check(stream: BinaryIO, place: InstanceAddress) -> None:
    """Refuse what cannot be read, or is another instance than the one asked for."""
    try:
        header = dcmread(stream)
    except UNREADABLE:
        header = None
    asked = (place.study_instance_uid, place.sop_instance_uid)
    if header is None or (header.get("StudyInstanceUID"), header.get("SOPInstanceUID")) != asked:
        what = "no DICOM file" if header is None else "another instance than the one asked for"
        raise PacsError(f"the PACS sent {what}", code="pacs_wrong_instance", stage=_STAGE, hint="ask who runs it")
