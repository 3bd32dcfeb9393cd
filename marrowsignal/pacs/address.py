"""Where a PACS is and who we are to it; neither is ever repeated in a message."""

from __future__ import annotations

import ipaddress
import os
from dataclasses import dataclass, field
from urllib.parse import SplitResult, urlsplit

from marrowsignal.errors import UsageError
from marrowsignal.findings import Finding, Severity

__all__ = [
    "PASSWORD_VARIABLE",
    "TOKEN_VARIABLE",
    "USER_VARIABLE",
    "Credentials",
    "check_url",
    "credentials",
    "is_loopback",
]

USER_VARIABLE = "MARROWSIGNAL_DICOMWEB_USER"
PASSWORD_VARIABLE = "MARROWSIGNAL_DICOMWEB_PASSWORD"
TOKEN_VARIABLE = "MARROWSIGNAL_DICOMWEB_TOKEN"

_STAGE = "pacs"


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """Who we are to a PACS: a user and a password, or a token."""

    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)


def check_url(url: str) -> tuple[str, tuple[Finding, ...]]:
    """Return the address of a DICOMweb service without a slash at its end, and what weakens it.

    Raises
    ------
    UsageError
        If it is no http(s) address, or holds a user, a password, a query or a fragment.
    """
    try:
        parts = urlsplit(url.strip())
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        valid = False
    if not valid:
        raise _usage(
            "the DICOMweb address is not of the form https://HOST[:PORT]/PATH", "for example https://pacs/dicom-web"
        )
    if parts.username is not None or parts.password is not None:
        raise _usage(
            "the DICOMweb address holds a user or a password, where every user of this machine can read them",
            f"set {USER_VARIABLE} and {PASSWORD_VARIABLE}, or use ~/.netrc",
        )
    if parts.query or parts.fragment:
        raise _usage(
            "the DICOMweb address holds a query", f"leave out what follows the path; a token goes into {TOKEN_VARIABLE}"
        )
    return parts.geturl().rstrip("/"), _unencrypted(parts)


def _unencrypted(parts: SplitResult) -> tuple[Finding, ...]:
    if parts.scheme == "https" or is_loopback(parts.hostname or ""):
        return ()
    message = "The connection to the PACS is not encrypted: others on the network can read images and passwords."
    return (Finding(code="pacs_unencrypted", stage=_STAGE, severity=Severity.WARN, message=message),)


def is_loopback(host: str) -> bool:
    """Whether only this machine is reached at `host`."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def credentials() -> Credentials | None:
    """Return what the environment says of who we are; None where it says nothing, and ``~/.netrc`` counts.

    Raises
    ------
    UsageError
        If it says it by half, twice, or in letters that no header can carry.
    """
    user, password, token = (os.environ.get(name, "") for name in (USER_VARIABLE, PASSWORD_VARIABLE, TOKEN_VARIABLE))
    if token and (user or password):
        raise _usage(f"{TOKEN_VARIABLE} and {USER_VARIABLE} are both set", "unset one of them")
    if bool(user) != bool(password):
        raise _usage(f"one of {USER_VARIABLE} and {PASSWORD_VARIABLE} is not set", "set both")
    if not (token or user):
        return None
    if not (token.isascii() and token.isprintable()) or " " in token:
        raise _usage(f"{TOKEN_VARIABLE} holds something that is no token", "give the token alone, without Bearer")
    return Credentials(user=user, password=password, token=token)


def _usage(message: str, hint: str) -> UsageError:
    return UsageError(message, code="pacs_address", stage=_STAGE, hint=hint)
