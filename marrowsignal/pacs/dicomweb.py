"""A PACS by DICOMweb: ask what a study holds, bring an instance, store an instance."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import requests
from dicomweb_client import DICOMwebClient
from pydicom.dataset import Dataset
from pynetdicom.status import STORAGE_SERVICE_CLASS_STATUS
from requests.exceptions import InvalidJSONError

from marrowsignal.dicom.headers.header_values import UNREADABLE, quiet_pydicom
from marrowsignal.errors import PacsError, UsageError
from marrowsignal.findings import Finding
from marrowsignal.pacs.address import check_url
from marrowsignal.pacs.attempts import NOT_FOUND, attempt
from marrowsignal.pacs.multipart import one_part, write_one_part
from marrowsignal.pacs.records import InstanceAddress, Patience
from marrowsignal.pacs.session import open_session

__all__ = ["Pacs", "check_uid", "is_uid"]

_UID = re.compile(r"[0-9][0-9.]{0,63}")
_PAGE = 1000
_MOST_LISTED = 200_000
_INSTANCE = 'multipart/related; type="application/dicom"; transfer-syntax=*'
_ANSWERED = (200, 202, 409)  # stored, stored in part, none stored: each with a body that says what and why
_USUAL_PATIENCE = Patience()


def is_uid(text: str) -> bool:
    """Whether a text is a DICOM UID; what is none has no place in an address."""
    return _UID.fullmatch(text) is not None


def check_uid(uid: str, *, what: str) -> str:
    """Return a UID without spaces around it.

    Raises
    ------
    UsageError
        If it is none; it is not repeated, as it may be anything.
    """
    bare = uid.strip()
    if not is_uid(bare):
        raise UsageError(
            f"{what} is no DICOM UID", code="pacs_uid", stage="pacs", hint="digits and dots, at most 64 of them"
        )
    return bare


class Pacs:
    """A PACS that speaks DICOMweb (PS3.18): QIDO-RS, WADO-RS and STOW-RS.

    Use it as a context manager. Nothing is sent before the first question.

    Parameters
    ----------
    url : str
        Root of its DICOMweb service.
    ca_file : Path, optional
        PEM file of the authorities to trust.
    patience : Patience
        How long it is waited for, and how often it is asked again.

    Raises
    ------
    UsageError
        If the address or the credentials make no sense.
    """

    def __init__(self, url: str, *, ca_file: Path | None = None, patience: Patience = _USUAL_PATIENCE) -> None:
        self._url, self._findings = check_url(url)
        self._patience = patience
        self._session = open_session(self._url, ca_file)
        self._timeout = (patience.connect_s, patience.read_s)
        # Its own retries know neither a bound of time nor Retry-After.
        self._client = DICOMwebClient(self._url, session=self._session, permissive_uid=True, timeout=self._timeout)
        self._client.set_http_retry_params(retry=False)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What weakens the connection, for example that it is not encrypted."""
        return self._findings

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._session.close()

    def instances(self, study_instance_uid: str, series_instance_uid: str | None = None) -> tuple[InstanceAddress, ...]:
        """Ask which instances a study, or one series of it, holds (QIDO-RS), each once and in a fixed order.

        Raises
        ------
        PacsError
            If it cannot be asked, or has no such study or series.
        """
        found: dict[str, InstanceAddress] = {}
        for answer in self._pages(study_instance_uid, series_instance_uid):
            place = _address(answer, study_instance_uid)
            found[place.sop_instance_uid] = place
        if not found:
            raise PacsError(
                "the PACS has no such study" if series_instance_uid is None else "the study has no such series",
                code=NOT_FOUND,
                stage="find_instances",
                hint="check the UID, and that this user may see it",
            )
        return tuple(sorted(found.values(), key=lambda place: (place.series_instance_uid, place.sop_instance_uid)))

    def _pages(self, study: str, series: str | None) -> Iterator[Dataset]:
        """Every answer of a search; a PACS that knows no pages gives all at once, or the same again."""
        seen: set[str] = set()
        while True:
            offset = len(seen)
            page = attempt(
                lambda: self._page(study, series, offset),  # noqa: B023 - called at once
                self._patience,
                stage="find_instances",
            )
            answers = [_dataset(answer) for answer in page]
            fresh = [answer for answer in answers if str(answer.get("SOPInstanceUID", "")) not in seen]
            yield from fresh
            seen.update(str(answer.get("SOPInstanceUID", "")) for answer in fresh)
            if not fresh:
                return

    def _page(self, study: str, series: str | None, offset: int) -> list[object]:
        page: object = None
        with suppress(RecursionError):
            page = self._client.search_for_instances(study, series, limit=_PAGE, offset=offset)
        if not isinstance(page, list) or offset > _MOST_LISTED:
            raise InvalidJSONError("no list of instances")
        return page

    def retrieve(self, place: InstanceAddress, stream: BinaryIO) -> None:
        """Bring one instance as it is stored (WADO-RS), straight into a file.

        Parameters
        ----------
        place : InstanceAddress
            Which.
        stream : binary file
            Gets its bytes; is emptied before each attempt.

        Raises
        ------
        PacsError
            If it cannot be had whole.
        """
        url = (
            f"{self._url}/studies/{place.study_instance_uid}/series/{place.series_instance_uid}"
            f"/instances/{place.sop_instance_uid}"
        )

        def once() -> None:
            stream.seek(0)
            stream.truncate()
            # Not the client's own way, which holds an instance in memory several times and encodes it anew.
            with self._session.get(url, headers={"Accept": _INSTANCE}, stream=True, timeout=self._timeout) as response:
                response.raise_for_status()
                write_one_part(response, stream)

        attempt(once, self._patience, stage="retrieve_instance")

    def store(self, data: bytes) -> str:
        """Store one instance (STOW-RS) as its file is.

        Parameters
        ----------
        data : bytes
            A DICOM file.

        Returns
        -------
        str
            Why the PACS refused it; empty when it says that it did not.

        Raises
        ------
        PacsError
            If it cannot be reached or does not let us in.
        """
        body, kind = one_part(data)
        headers = {"Content-Type": kind, "Accept": "application/dicom+json"}

        def once() -> requests.Response:
            response = self._session.post(f"{self._url}/studies", data=body, headers=headers, timeout=self._timeout)
            if response.status_code not in _ANSWERED:
                response.raise_for_status()
            return response

        try:
            return _refusal(attempt(once, self._patience, stage="store_instance"))
        except PacsError as error:
            if error.code == "pacs_refuses_request":
                return error.message
            raise


def _address(answer: Dataset, study: str) -> InstanceAddress:
    series, instance = (str(answer.get(keyword, "")) for keyword in ("SeriesInstanceUID", "SOPInstanceUID"))
    if not (is_uid(series) and is_uid(instance)):
        raise PacsError(
            "the PACS lists an instance without its UIDs",
            code="pacs_not_dicomweb",
            stage="find_instances",
            hint="its search does not follow PS3.18, 10.6.3.3: ask who runs it",
        )
    return InstanceAddress(study_instance_uid=study, series_instance_uid=series, sop_instance_uid=instance)


def _dataset(answer: object) -> Dataset:
    try:
        with quiet_pydicom():
            # A dictionary of DICOM's JSON model.
            return Dataset.from_json(answer)  # type: ignore[arg-type]
    except UNREADABLE:
        return Dataset()


def _refusal(response: requests.Response) -> str:
    """Words of the first failure that a STOW answer tells (PS3.18, 10.5.3.1)."""
    # What follows no standard says nothing; whether the object is there is looked at in any case.
    with suppress(*UNREADABLE):
        answer = _dataset(response.json())
        for failed in (*answer.get("FailedSOPSequence", ()), *answer.get("OtherFailuresSequence", ())):
            code = int(failed.get("FailureReason", 0) or 0)
            words = STORAGE_SERVICE_CLASS_STATUS.get(code, ("", "no known reason"))[1]
            return f"{words} ({code:04X}H)"
    return "the PACS does not say why (HTTP 409)" if response.status_code == 409 else ""
