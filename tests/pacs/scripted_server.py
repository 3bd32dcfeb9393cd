"""A web server that answers as it is told: what no PACS does when one wants it to."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

__all__ = ["Answer", "Asked", "serving"]


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One answer.

    Attributes
    ----------
    cut : int or None
        After so many bytes of the body the connection closes.
    """

    status: int = 200
    body: bytes = b"[]"
    kind: str = "application/dicom+json"
    headers: dict[str, str] = field(default_factory=dict)
    cut: int | None = None


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One request as it came."""

    line: str
    headers: dict[str, str]


@contextmanager
def serving(
    answer: Callable[[int], Answer], *, certificate: tuple[Path, Path] | None = None
) -> Iterator[tuple[int, list[Asked]]]:
    """Serve on loopback; gives the port and what was asked, in order.

    Parameters
    ----------
    answer : callable
        Gives the answer to request number n, from 0.
    certificate : tuple of Path
        Certificate and key: the server then speaks TLS.
    """
    asked: list[Asked] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            asked.append(Asked(line=self.requestline, headers=dict(self.headers)))
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            told = answer(len(asked) - 1)
            self.send_response(told.status)
            for name, value in {"Content-Type": told.kind, **told.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(told.body)))
            self.end_headers()
            self.wfile.write(told.body[: told.cut])
            self.close_connection = told.cut is not None

        do_POST = do_GET  # noqa: N815

        def log_message(self, *_words: object) -> None:
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_where: object) -> None:
            """A client that hangs up, as one does that trusts no stranger, is no news."""

    server = Server(("127.0.0.1", 0), Handler)
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server.server_address[1], asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
