"""The way to and from a PACS: studies in by DICOMweb or C-STORE, finished DICOM objects out by DICOMweb.

What this room stands on comes with the extra ``pacs``. Its names are loaded when they are first used; where the extra
is not installed that raises a `UsageError` that says how to install it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from marrowsignal.errors import UsageError

if TYPE_CHECKING:
    from marrowsignal.pacs.dicomweb import Pacs
    from marrowsignal.pacs.fetch import fetch_study
    from marrowsignal.pacs.listener import listen
    from marrowsignal.pacs.push import push_cases
    from marrowsignal.pacs.records import Analysis, ListenSettings, Patience

__all__ = ["Analysis", "ListenSettings", "Pacs", "Patience", "fetch_study", "listen", "push_cases"]

_HOME = {
    "Analysis": "marrowsignal.pacs.records",
    "ListenSettings": "marrowsignal.pacs.records",
    "Pacs": "marrowsignal.pacs.dicomweb",
    "Patience": "marrowsignal.pacs.records",
    "fetch_study": "marrowsignal.pacs.fetch",
    "listen": "marrowsignal.pacs.listener",
    "push_cases": "marrowsignal.pacs.push",
}
_EXTRA = ("dicomweb_client", "pynetdicom", "requests")


def __getattr__(name: str) -> object:
    """Load a public name when it is first used (PEP 562)."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return getattr(import_module(_HOME[name]), name)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in _EXTRA:
            raise
        raise UsageError(
            "what speaks to a PACS is not installed",
            code="pacs_extra_missing",
            stage="pacs",
            hint='install it: pip install "marrowsignal[pacs]"',
        ) from None


def __dir__() -> list[str]:
    return __all__
