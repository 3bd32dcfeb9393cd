"""A C-STORE and C-ECHO server (PS3.4, annex B) that says Success only of what the disk has."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from pynetdicom import AE, ALL_TRANSFER_SYNTAXES, AllStoragePresentationContexts, evt
from pynetdicom.association import Association
from pynetdicom.events import Event
from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]
from pynetdicom.transport import ThreadedAssociationServer

from marrowsignal.errors import UsageError
from marrowsignal.pacs.inbox import Inbox, NoRoomError, NotAnInstanceError
from marrowsignal.pacs.records import ListenSettings, TlsFiles

__all__ = ["StorageServer"]

_SUCCESS = 0x0000
_OUT_OF_RESOURCES = 0xA700
_NOT_THE_INSTANCE = 0xA900
_STAGE = "listen"
# Between two pieces of what a sender has begun to send.
_SILENCE_S = 30.0
_END_WITHIN_S = 5.0


class _Arrivals:
    """Which study got something when, and which open associations brought it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last_s: dict[str, float] = {}
        self._open: dict[Association, Counter[str]] = {}

    def stored(self, association: Association, study: str) -> None:
        with self._lock:
            self._last_s[study] = time.monotonic()
            self._open.setdefault(association, Counter())[study] += 1

    def ended(self, association: Association) -> Counter[str]:
        """Return how many instances of which study it brought; nothing when it is told a second time."""
        with self._lock:
            return self._open.pop(association, Counter())

    def settled(self, study: str, quiet_s: float) -> bool:
        with self._lock:
            # A connection that broke may end without any of its events.
            if any(study in brought for association, brought in self._open.items() if association.is_alive()):
                return False
            return time.monotonic() - self._last_s.get(study, float("-inf")) >= quiet_s

    def forget(self, study: str) -> None:
        with self._lock:
            self._last_s.pop(study, None)


class StorageServer:
    """Takes instances into an inbox. Use it as a context manager: it listens within.

    Parameters
    ----------
    settings : ListenSettings
        Where it listens and whom it lets in.
    inbox : Inbox
        Where instances go.
    on_study : callable
        Called with a study's name each time an instance of it was kept; from the threads of the associations.
    tell : callable
        Gets a line for people about each association.

    Raises
    ------
    UsageError
        If it cannot listen there, or its TLS files cannot be used.
    """

    def __init__(
        self, settings: ListenSettings, inbox: Inbox, *, on_study: Callable[[str], None], tell: Callable[[str], None]
    ) -> None:
        self._settings, self._inbox = settings, inbox
        self._on_study, self._tell = on_study, tell
        self._arrivals = _Arrivals()
        self._ae = AE(ae_title=settings.ae_title)
        self._ae.acse_timeout = _SILENCE_S
        self._ae.require_called_aet = True
        self._ae.require_calling_aet = list(settings.allowed_ae_titles)
        self._ae.add_supported_context(Verification)
        for context in AllStoragePresentationContexts:
            self._ae.add_supported_context(context.abstract_syntax or "", ALL_TRANSFER_SYNTAXES)
        self._server: ThreadedAssociationServer | None = None
        self.port = settings.port

    def __enter__(self) -> Self:
        ends = (evt.EVT_RELEASED, evt.EVT_ABORTED, evt.EVT_CONN_CLOSE)
        context = None if self._settings.tls is None else _tls_context(self._settings.tls)
        try:
            self._server = self._ae.start_server(
                (self._settings.host, self._settings.port),
                block=False,
                ssl_context=context,
                evt_handlers=[
                    (evt.EVT_CONN_OPEN, _bound_silence),
                    (evt.EVT_C_STORE, self._store),
                    *((end, self._ended) for end in ends),
                ],
            )
        except (OSError, OverflowError) as error:
            raise UsageError(
                f"it is not possible to listen at this host and port ({getattr(error, 'strerror', None) or 'no port'})",
                code="cannot_listen",
                stage=_STAGE,
                hint="give another --port, and with --host an address of this machine",
            ) from error
        if self._server is not None:  # None comes of a server that blocks
            self.port = int(self._server.server_address[1])
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.shutdown()
        # Not the library's way, which waits for ever for a sender that stopped amid a message.
        still_open = self._ae.active_associations
        busy = [association for association in still_open if association.is_established]
        for association in still_open:
            _cut(association)
        for association in busy:
            association.join(_END_WITHIN_S)
        for association in still_open:
            association.kill()

    def settled(self, study: str) -> bool:
        """Whether nothing of the study came for long enough, and nobody who brought part of it is still connected."""
        return self._arrivals.settled(study, self._settings.quiet_s)

    def forget(self, study: str) -> None:
        """Forget when something of the study came last."""
        self._arrivals.forget(study)

    def _store(self, event: Event) -> int:
        instance = getattr(event.request, "AffectedSOPInstanceUID", "")
        try:
            study = self._inbox.receive(event.encoded_dataset(), sop_instance_uid=instance)
        except NotAnInstanceError:
            self._tell("refused: what came is not the instance that was announced, or tells no study")
            return _NOT_THE_INSTANCE
        except NoRoomError:
            self._tell("refused: the inbox has no room; senders keep what they have")
            return _OUT_OF_RESOURCES
        self._arrivals.stored(event.assoc, study)
        self._on_study(study)
        return _SUCCESS

    def _ended(self, event: Event) -> None:
        for study, count in sorted(self._arrivals.ended(event.assoc).items()):
            self._tell(f"study {study}: {count} instances came")


def _bound_silence(event: Event) -> None:
    """Let no sender that stops amid a message keep its place for ever: the library's own times do not count then."""
    connection = event.assoc.dul.socket
    if connection is not None and connection.socket is not None:
        connection.socket.settimeout(_SILENCE_S)


def _cut(association: Association) -> None:
    connection = association.dul.socket
    with suppress(OSError):
        if connection is not None and connection.socket is not None:
            connection.socket.shutdown(socket.SHUT_RDWR)


class _LazyContext(ssl.SSLContext):
    """Shakes hands in the association's own thread: the library does it where it accepts, and holds up all others."""

    def wrap_socket(self, sock: socket.socket, server_side: bool = False, *_: Any, **_others: Any) -> ssl.SSLSocket:
        """Wrap a connection that was just accepted."""
        return super().wrap_socket(sock, server_side=server_side, do_handshake_on_connect=False)


def _tls_context(files: TlsFiles) -> ssl.SSLContext:
    context = _LazyContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(files.certificate, files.key)
        if files.client_authority is not None:
            context.load_verify_locations(files.client_authority)
            context.verify_mode = ssl.CERT_REQUIRED
    except (OSError, ssl.SSLError) as error:
        raise UsageError(
            "the TLS certificate, its key or the authority cannot be used",
            code="tls_files",
            stage=_STAGE,
            hint="--tls-cert, --tls-key and --tls-ca are PEM files; the key must fit the certificate",
        ) from error
    return context
