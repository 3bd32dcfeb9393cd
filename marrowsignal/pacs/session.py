"""One HTTP session with a PACS: who we are, whom we trust, how long we wait."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase, HTTPBasicAuth
from requests.utils import get_netrc_auth

from marrowsignal import __version__
from marrowsignal.errors import UsageError
from marrowsignal.pacs.address import credentials

__all__ = ["open_session"]

# curl's and requests' own names for a site's bundle of authorities.
_AUTHORITIES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


class _Bearer(AuthBase):
    """Sends a token; a redirect to another host loses it, as requests takes this header off."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


class _Adapter(HTTPAdapter):
    """Leaves ``Host`` to the HTTP library: dicomweb-client sets it without the port and keeps it on redirects."""

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
        return super().send(request, stream, timeout, verify, cert, dict(proxies or {}))


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
    session = requests.Session()
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
