"""A listener that runs while tests send to it, and senders."""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pydicom
from pydicom.uid import ExplicitVRLittleEndian
from pynetdicom import AE
from pynetdicom.association import Association

from marrowsignal.pacs import ListenSettings
from marrowsignal.pacs.instance_file import file_name

__all__ = [
    "NOT_THE_INSTANCE",
    "NO_ROOM",
    "QUIET_S",
    "SUCCESS",
    "Listener",
    "Running",
    "association",
    "names_of",
    "send",
]

SUCCESS, NO_ROOM, NOT_THE_INSTANCE = 0x0000, 0xA700, 0xA900
QUIET_S = 0.2


@dataclass
class Running:
    """A listener in a thread, and what it was asked to analyze and deliver."""

    settings: ListenSettings
    port: int = 0
    analyzed: list[tuple[str, ...]] = field(default_factory=list)
    delivered: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)

    def outcomes(self) -> list[dict]:
        return [json.loads(file.read_text()) for file in sorted(self.settings.inbox.glob("*/outcome.json"))]

    def names(self) -> set[str]:
        return {file.name for file in self.settings.inbox.glob("*/images/*")}


Listener = Callable[..., "contextmanager[Running]"]


@contextmanager
def association(
    port: int, *, called: str = "MARROWSIGNAL", calling: str = "SCANNER", tls: ssl.SSLContext | None = None
) -> Iterator[Association]:
    ae = AE(ae_title=calling)
    ae.add_requested_context("1.2.840.10008.5.1.4.1.1.4", ExplicitVRLittleEndian)
    ae.add_requested_context("1.2.840.10008.1.1")
    opened = ae.associate("127.0.0.1", port, ae_title=called, tls_args=None if tls is None else (tls, "127.0.0.1"))
    try:
        yield opened
    finally:
        if opened.is_established:
            opened.release()
        ae.shutdown()
        # The library leaves it open where the other end broke off.
        if opened.dul.socket is not None and opened.dul.socket.socket is not None:
            opened.dul.socket.socket.close()


def send(opened: Association, files: list[Path]) -> list[int]:
    return [opened.send_c_store(pydicom.dcmread(file)).Status for file in files]


def names_of(files: list[Path]) -> tuple[str, ...]:
    return tuple(sorted(file_name(pydicom.dcmread(file).SOPInstanceUID) for file in files))
