"""Requests that are made again when the trouble may pass, and end in one clear error when it does not."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar

import requests
from requests.exceptions import ChunkedEncodingError, ContentDecodingError, SSLError

from marrowsignal.errors import PacsError
from marrowsignal.pacs.address import PASSWORD_VARIABLE, TOKEN_VARIABLE, USER_VARIABLE
from marrowsignal.pacs.records import Patience
from marrowsignal.pacs.session import ElsewhereError, TooLongError

__all__ = ["NOT_FOUND", "OF_THE_PACS", "attempt"]

# Codes of errors that every further request would meet too.
OF_THE_PACS = frozenset(
    {
        "pacs_busy",
        "pacs_certificate",
        "pacs_not_dicomweb",
        "pacs_refuses_us",
        "pacs_sends_elsewhere",
        "pacs_timeout",
        "pacs_unreachable",
    }
)
NOT_FOUND = "pacs_not_found"

_PASSING_STATUS = frozenset({408, 425, 429, 500, 502, 503, 504})
_DROPPED = (requests.ConnectionError, requests.Timeout, ChunkedEncodingError, ContentDecodingError)

_T = TypeVar("_T")


def attempt(call: Callable[[], _T], patience: Patience, *, stage: str) -> _T:
    """Call until it succeeds, the trouble is one that stays, or patience ends.

    Parameters
    ----------
    call : callable
        Makes one whole request, reading of the answer included; may be made again.
    patience : Patience
        How often, and how long to wait between.
    stage : str
        Named in the error.

    Raises
    ------
    PacsError
        In our words: those of the HTTP library hold addresses and UIDs.
    """
    for wait_s in patience.waits_s():
        try:
            return call()
        except requests.RequestException as error:
            if wait_s is None or not _may_pass(error):
                raise _told(error, stage) from None
            asked_s = _retry_after_s(error.response)
        time.sleep(min(max(wait_s, asked_s), patience.longest_wait_s))
    raise AssertionError("waits_s ends with None")


def _may_pass(error: requests.RequestException) -> bool:
    if error.response is not None and isinstance(error, requests.HTTPError):
        return error.response.status_code in _PASSING_STATUS
    return isinstance(error, _DROPPED) and not isinstance(error, SSLError)


def _retry_after_s(response: requests.Response | None) -> float:
    """Seconds that the PACS asks to wait (RFC 9110, 10.2.3); 0 where it asks for none."""
    asked = "" if response is None else response.headers.get("Retry-After", "")
    if asked.isdecimal():
        return float(asked)
    try:
        return max(0.0, (parsedate_to_datetime(asked) - datetime.now(UTC)).total_seconds())
    except (TypeError, ValueError):
        return 0.0


def _told(error: requests.RequestException, stage: str) -> PacsError:
    if isinstance(error, requests.HTTPError) and error.response is not None:
        message, code, hint = _told_of_status(error.response.status_code)
    elif isinstance(error, SSLError):
        message, code = "the PACS's certificate is not to be trusted", "pacs_certificate"
        hint = "give the file of your site's authority with --ca or REQUESTS_CA_BUNDLE; checking cannot be switched off"
    elif isinstance(error, ElsewhereError):
        message, code = "the PACS sends us to another host, port or scheme", "pacs_sends_elsewhere"
        hint = "if that is right, give that address; nothing was sent there"
    elif isinstance(error, TooLongError):
        message, code, hint = "the PACS's answer does not end", "pacs_too_long", "ask who runs it"
    elif isinstance(error, requests.Timeout) and not isinstance(error, requests.ConnectionError):
        message, code, hint = "the PACS did not answer in time", "pacs_timeout", "try again later"
    elif isinstance(error, _DROPPED):
        message, code = "the PACS cannot be reached, or drops the connection", "pacs_unreachable"
        hint = "check the address and the network; proxies are not used"
    else:
        message, code = "what answers at this address does not speak DICOMweb", "pacs_not_dicomweb"
        hint = "give the root of its DICOMweb service, for example https://pacs/dicom-web"
    return PacsError(message, code=code, stage=stage, hint=hint)


def _told_of_status(status: int) -> tuple[str, str, str]:
    if status in (401, 403):
        what = "does not know us" if status == 401 else "does not allow this"
        hint = f"check {USER_VARIABLE} and {PASSWORD_VARIABLE}, {TOKEN_VARIABLE}, or ~/.netrc"
        return f"the PACS {what} (HTTP {status})", "pacs_refuses_us", hint
    if status in (404, 410):
        return f"the PACS has no such thing (HTTP {status})", NOT_FOUND, "check the address and the UID"
    if status in _PASSING_STATUS - {500}:
        return f"the PACS is busy or down (HTTP {status})", "pacs_busy", "try again later"
    if status in _PASSING_STATUS:
        return f"the PACS fails (HTTP {status})", "pacs_fails", "try again later, or ask who runs it"
    return f"the PACS refuses the request (HTTP {status})", "pacs_refuses_request", "ask who runs it"
