"""Whom the listener lets in, what it answers, and that nobody can hold it up."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
from contextlib import ExitStack
from pathlib import Path

import pydicom
import pytest

from marrowsignal.errors import UsageError
from marrowsignal.pacs.records import TlsFiles
from tests.pacs.conftest import wait_for
from tests.pacs.listening import NO_ROOM, NOT_THE_INSTANCE, SUCCESS, Listener, association, names_of, send


def test_without_room_the_sender_is_told_and_keeps_the_study(listener: Listener, studies: list[list[Path]]) -> None:
    with listener(min_free_bytes=1 << 60) as running, association(running.port) as opened:
        assert send(opened, studies[0][:2]) == [NO_ROOM] * 2
    assert running.names() == set()


def test_what_is_not_the_announced_instance_is_refused(listener: Listener, studies: list[list[Path]]) -> None:
    stranger = pydicom.dcmread(studies[0][0])
    del stranger.StudyInstanceUID
    with listener() as running, association(running.port) as opened:
        assert opened.send_c_store(stranger).Status == NOT_THE_INSTANCE
        assert send(opened, studies[0][:1]) == [SUCCESS]
    assert len(running.names()) == 1


@pytest.mark.parametrize(("called", "calling"), [("OTHER", "SCANNER"), ("MARROWSIGNAL", "STRANGER")])
def test_who_calls_another_or_is_not_let_in_is_rejected(listener: Listener, called: str, calling: str) -> None:
    with (
        listener(allowed_ae_titles=("SCANNER",)) as running,
        association(running.port, called=called, calling=calling) as opened,
    ):
        assert opened.is_rejected


def test_a_port_in_use_is_a_usage_error(listener: Listener) -> None:
    with (
        listener() as running,
        pytest.raises(UsageError, match="not possible to listen"),
        listener(port=running.port, inbox=running.settings.out / "inbox"),
    ):
        pass


def test_senders_that_fall_silent_keep_no_place_and_hold_up_no_end(
    listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("marrowsignal.pacs.storage_server._SILENCE_S", 0.2)
    with ExitStack() as opened, listener() as running:
        for _ in range(10):
            opened.enter_context(socket.create_connection(("127.0.0.1", running.port))).sendall(b"\x01\x00\x00")

        def let_in() -> bool:
            with association(running.port) as one:
                return one.is_established

        wait_for(let_in, seconds=20)
        monkeypatch.setattr("marrowsignal.pacs.storage_server._SILENCE_S", 600.0)
        opened.enter_context(socket.create_connection(("127.0.0.1", running.port))).sendall(b"\x01\x00\x00")


def test_files_that_are_no_certificate_are_a_usage_error(listener: Listener, tmp_path: Path) -> None:
    (tmp_path / "a.pem").write_text("no certificate")
    files = TlsFiles(certificate=tmp_path / "a.pem", key=tmp_path / "a.pem")
    with pytest.raises(UsageError, match="TLS certificate"), listener(tls=files):
        pass


def test_with_tls_only_senders_that_are_proven_get_in(
    listener: Listener, studies: list[list[Path]], certificate: tuple[Path, Path]
) -> None:
    cert, key = certificate
    stranger, proven = ssl.create_default_context(cafile=cert), ssl.create_default_context(cafile=cert)
    proven.load_cert_chain(cert, key)
    with (
        listener(tls=TlsFiles(certificate=cert, key=key, client_authority=cert)) as running,
        socket.create_connection(("127.0.0.1", running.port)),  # and says nothing
    ):
        with association(running.port) as plain:
            assert not plain.is_established
        with association(running.port, tls=stranger) as unproven:
            assert not unproven.is_established
        with association(running.port, tls=proven) as opened:
            assert send(opened, studies[0][:1]) == [SUCCESS]


def test_dcmtk_is_understood(listener: Listener, studies: list[list[Path]]) -> None:
    program = shutil.which("storescu")
    if program is None:
        pytest.skip("storescu (dcmtk) is not installed")
    with listener() as running:
        line = [program, "-aec", "MARROWSIGNAL", "127.0.0.1", str(running.port), *map(str, studies[0])]
        done = subprocess.run(line, capture_output=True, check=False, timeout=20)
        assert done.returncode == 0, done.stderr
        wait_for(running.outcomes)
    assert running.analyzed == [names_of(studies[0])]
