"""One HTTP session with a PACS: who we are, whom we trust, how long we wait."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase, HTTPBasicAuth
from requests.exceptions import InvalidURL
from requests.utils import get_netrc_auth
from urllib3.exceptions import LocationValueError

from marrowsignal import __version__
from marrowsignal.errors import UsageError
from marrowsignal.pacs.address import credentials

__all__ = ["ElsewhereError", "TooLongError", "open_session"]

# curl's and requests' own names for a site's bundle of authorities.
_AUTHORITIES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
# An element of DICOM holds less than 4 GiB; lists and replies are text, and held in memory.
_MOST_BYTES_OF_AN_INSTANCE = 1 << 32
_MOST_BYTES_OF_A_REPLY = 1 << 26


class ElsewhereError(requests.RequestException):
    """The PACS sends us on to another host, or to an unencrypted address."""


class TooLongError(requests.RequestException):
    """An answer does not end, or unpacks to more than anything that was asked for."""


class _Bearer(AuthBase):
    """Sends a token."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


class _Session(requests.Session):
    """Follows redirects within the PACS only: a POST that is sent on takes the patient's objects with it."""

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """Return where an answer sends us; None where it does not."""
        target = super().get_redirect_target(resp)
        if target is not None and not _is_same_origin(resp.url, target):
            resp.close()
            raise ElsewhereError(response=resp)
        return target


def _is_same_origin(url: str, target: str) -> bool:
    try:
        here, there = urlsplit(url), urlsplit(urljoin(url, target))
    except ValueError:
        return False
    return (here.scheme, here.netloc) == (there.scheme, there.netloc)


class _Adapter(HTTPAdapter):
    """Bounds answers, and leaves ``Host`` to the HTTP library: dicomweb-client sets it without the port."""

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: bool | str = True,
        cert: Any = None,
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """Send one request."""
        request.headers.pop("Host", None)
        try:
            response = super().send(request, stream, timeout, verify, cert, dict(proxies or {}))
        except LocationValueError:
            raise InvalidURL(request=request) from None
        _bound(response, _MOST_BYTES_OF_AN_INSTANCE if stream else _MOST_BYTES_OF_A_REPLY)
        return response


def _bound(response: requests.Response, most: int) -> None:
    """Have the reading of a body end with an error where it unpacks to more than `most` bytes."""
    unbounded = response.raw.stream

    def stream(amount: int, *, decode_content: bool) -> Iterator[bytes]:
        left = most
        for piece in unbounded(amount, decode_content=decode_content):
            left -= len(piece)
            if left < 0:
                response.close()
                raise TooLongError(response=response)
            yield piece

    response.raw.stream = stream


def open_session(url: str, ca_file: Path | None) -> requests.Session:
    """Return a session that knows who we are and whom to trust.

    Credentials come from the environment, else from ``~/.netrc``. Proxies of the environment are not used: images of
    patients go to the PACS and nowhere else.

    Parameters
    ----------
    url : str
        Address of the service.
    ca_file : Path or None
        PEM file of the authorities to trust; by default that of ``REQUESTS_CA_BUNDLE``, else the usual ones.

    Raises
    ------
    UsageError
        If the file of authorities is missing, or the credentials are given by half.
    """
    session = _Session()
    session.trust_env = False
    session.headers["User-Agent"] = f"marrowsignal/{__version__}"
    session.verify = _authorities(ca_file)
    session.auth = _auth(url)
    for scheme in ("http://", "https://"):
        session.mount(scheme, _Adapter())
    return session


def _auth(url: str) -> AuthBase | None:
    who = credentials()
    if who is not None and who.token:
        return _Bearer(who.token)
    pair = get_netrc_auth(url) if who is None else (who.user, who.password)
    # As bytes (RFC 7617, 2.1): the library would write text as Latin-1.
    return None if pair is None else HTTPBasicAuth(*(word.encode() for word in pair))


def _authorities(ca_file: Path | None) -> bool | str:
    given = str(ca_file) if ca_file else next((os.environ[name] for name in _AUTHORITIES if os.environ.get(name)), "")
    if not given:
        return True
    if not Path(given).exists():
        raise UsageError(
            "the file of authorities to trust is not there",
            code="pacs_ca_missing",
            stage="pacs",
            hint=f"check --ca, or the variable {_AUTHORITIES[0]}",
        )
    return given
