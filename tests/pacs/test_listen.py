"""What a sender was told is stored is on the disk, and each complete study is analyzed once for all its images."""

from __future__ import annotations

import json
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pydicom
import pytest
from pydicom.uid import ExplicitVRLittleEndian
from pynetdicom import AE
from pynetdicom.association import Association

from marrowsignal.errors import InputError, MarrowSignalError, OutputError, PacsError, UsageError
from marrowsignal.pacs import Analysis, ListenSettings, listen
from marrowsignal.pacs.instance_file import file_name
from marrowsignal.pacs.records import ArrivedStudy, TlsFiles
from tests.dicom.dicom_builder import SeriesSpec, stir_spec, write_series
from tests.pacs.conftest import wait_for

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


@pytest.fixture
def listener(tmp_path: Path) -> Listener:
    """Start a listener with `with listener(...) as running`; it has ended when the block has."""

    @contextmanager
    def start(
        *,
        on_study: Callable[[ArrivedStudy], Analysis] = lambda study: Analysis(cases=(study.name,)),
        deliver: Callable[[Path], None] | None = None,
        **changes: object,
    ) -> Iterator[Running]:
        usual = {"inbox": tmp_path / "inbox", "out": tmp_path / "out", "quiet_s": QUIET_S, "min_free_bytes": 0}
        settings = ListenSettings(**{**usual, "port": 0, **changes})
        running, stop, ready = Running(settings), threading.Event(), threading.Event()
        failed: list[MarrowSignalError] = []

        def analyze(study: ArrivedStudy) -> Analysis:
            running.analyzed.append(tuple(sorted(file.name for file in study.images.iterdir())))
            return on_study(study)

        def told_ready(port: int) -> None:
            running.port = port
            ready.set()

        def work() -> None:
            try:
                listen(settings, analyze, deliver=deliver, stop=stop, tell=running.lines.append, on_ready=told_ready)
            except MarrowSignalError as error:
                failed.append(error)
                ready.set()

        thread = threading.Thread(target=work)
        thread.start()
        ready.wait(10)
        try:
            if not failed:
                yield running
        finally:
            stop.set()
            thread.join(20)
            assert not thread.is_alive()
        if failed:
            raise failed[0]

    return start


@pytest.fixture(scope="session")
def studies(tmp_path_factory: pytest.TempPathFactory) -> list[list[Path]]:
    """Files of two studies, T1 before STIR."""
    root = tmp_path_factory.mktemp("studies")
    made = []
    for study in ("one", "two"):
        specs = [spec.but(study=study, shape=(5, 6, 5)) for spec in (SeriesSpec(), stir_spec())]
        made.append([file for spec in specs for file in write_series(root / study / spec.name, spec)])
    return made


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


def test_a_complete_study_is_analyzed_once(listener: Listener, studies: list[list[Path]]) -> None:
    with listener() as running:
        with association(running.port) as opened:
            assert opened.send_c_echo().Status == SUCCESS
            assert send(opened, studies[0]) == [SUCCESS] * 10
        wait_for(running.outcomes)
    assert running.analyzed == [names_of(studies[0])]
    (outcome,) = running.outcomes()
    assert outcome["state"] == "analyzed"
    for file in running.settings.inbox.glob("*/images/*"):
        sent = next(f for f in studies[0] if file_name(pydicom.dcmread(f).SOPInstanceUID) == file.name)
        assert pydicom.dcmread(file) == pydicom.dcmread(sent)


def test_two_senders_at_once_and_two_studies_each(listener: Listener, studies: list[list[Path]]) -> None:
    one, two = studies
    with listener() as running:
        with association(running.port) as left, association(running.port) as right:
            for a, b in zip(one, reversed(two), strict=True):
                assert send(left, [a]) + send(right, [b]) == [SUCCESS, SUCCESS]
        wait_for(lambda: len(running.outcomes()) == 2)
    assert sorted(running.analyzed) == sorted([names_of(one), names_of(two)])


def test_an_open_association_holds_its_study_back(listener: Listener, studies: list[list[Path]]) -> None:
    with listener() as running:
        with association(running.port) as slow:
            send(slow, studies[0][:5])
            with association(running.port) as other:
                send(other, studies[1])
            # The other study becomes quiet later than this one, and yet is analyzed before.
            wait_for(running.outcomes)
            assert running.analyzed == [names_of(studies[1])]
            send(slow, studies[0][5:])
        wait_for(lambda: len(running.outcomes()) == 2)
    assert running.analyzed[1:] == [names_of(studies[0])]


def test_an_aborted_association_loses_nothing_and_the_sender_sends_again(
    listener: Listener, studies: list[list[Path]]
) -> None:
    with listener() as running:
        with association(running.port) as opened:
            assert send(opened, studies[0][:4]) == [SUCCESS] * 4
            opened.abort()
        assert running.names() == set(names_of(studies[0][:4]))
        with association(running.port) as opened:
            assert send(opened, studies[0]) == [SUCCESS] * 10
        wait_for(lambda: running.analyzed and running.analyzed[-1] == names_of(studies[0]))


def test_a_connection_that_breaks_does_not_hold_its_study_back_for_ever(
    listener: Listener, studies: list[list[Path]]
) -> None:
    with listener() as running, association(running.port) as opened:
        send(opened, studies[0])
        opened.dul.socket.socket.shutdown(socket.SHUT_RDWR)
        wait_for(running.outcomes)


def test_duplicates_are_kept_once_and_not_analyzed_again(listener: Listener, studies: list[list[Path]]) -> None:
    with listener() as running:
        for _ in range(2):
            with association(running.port) as opened:
                assert send(opened, studies[0] + studies[0][:3]) == [SUCCESS] * 13
            wait_for(running.outcomes)
        with association(running.port) as opened:
            send(opened, studies[1])
        wait_for(lambda: len(running.outcomes()) == 2)
    assert running.analyzed == [names_of(studies[0]), names_of(studies[1])]


def test_a_study_that_gets_further_images_is_analyzed_anew(listener: Listener, studies: list[list[Path]]) -> None:
    with listener() as running:
        for part in (studies[0][:5], studies[0][5:]):
            before = len(running.analyzed)
            with association(running.port) as opened:
                send(opened, part)
            wait_for(lambda before=before: len(running.analyzed) > before)
    assert running.analyzed == [names_of(studies[0][:5]), names_of(studies[0])]


def test_a_failure_stops_nothing_and_is_kept_with_its_reason(listener: Listener, studies: list[list[Path]]) -> None:
    def analyze(study: ArrivedStudy) -> Analysis:
        if len(running.analyzed) == 1:
            raise InputError("no use", code="no_use", stage="find_series")
        if len(running.analyzed) == 2:
            raise ZeroDivisionError("Hidden^Name")
        return Analysis(cases=(study.name,))

    with listener(on_study=analyze) as running:
        for files, count in ((studies[0], 1), (studies[1], 2), (studies[0], 3)):
            with association(running.port) as opened:
                send(opened, files)
            wait_for(lambda count=count: len(running.analyzed) == count)
        wait_for(lambda: {told["state"] for told in running.outcomes()} == {"analyzed", "failed"})
    (failed,) = [told for told in running.outcomes() if told["state"] == "failed"]
    assert "ZeroDivisionError" in failed["reason"]
    assert any("no use" in line for line in running.lines)
    assert not any("Hidden" in line for line in [*running.lines, failed["reason"]])


def test_a_restart_goes_on_with_what_lies_in_the_inbox(listener: Listener, studies: list[list[Path]]) -> None:
    with listener(quiet_s=3600.0) as running, association(running.port) as opened:
        send(opened, studies[0])
    assert running.analyzed == []
    with listener() as running:
        wait_for(running.outcomes)
    assert running.analyzed == [names_of(studies[0])]
    with listener() as running:
        assert running.analyzed == []


def test_a_delivery_that_fails_is_tried_again_without_a_new_analysis(
    listener: Listener, studies: list[list[Path]]
) -> None:
    tried = []

    def deliver(case: Path) -> None:
        tried.append(case)
        if len(tried) < 3:
            raise PacsError("not there", code="pacs_unreachable", stage="push")

    with listener(deliver=deliver, retry_s=0.05) as running:
        with association(running.port) as opened:
            send(opened, studies[0])
        wait_for(lambda: [told["delivery"] for told in running.outcomes()] == ["done"])
    assert len(running.analyzed) == 1
    assert tried == [running.settings.out / running.outcomes()[0]["cases"][0]] * 3


def test_a_delivery_that_is_refused_is_told_and_not_tried_again(listener: Listener, studies: list[list[Path]]) -> None:
    def deliver(case: Path) -> None:
        raise OutputError("refused", code="pacs_refused_objects", stage="push")

    with listener(deliver=deliver, retry_s=0.05) as running:
        with association(running.port) as opened:
            send(opened, studies[0])
        wait_for(lambda: [told["delivery"] for told in running.outcomes()] == ["refused"])
    assert running.outcomes()[0]["delivery_reason"].startswith("push: refused")


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


def test_images_are_removed_when_all_is_done_and_failures_stay(listener: Listener, studies: list[list[Path]]) -> None:
    def analyze(study: ArrivedStudy) -> Analysis:
        return Analysis(cases=(), problem="" if len(running.analyzed) == 1 else "no use")

    with listener(on_study=analyze) as running:
        for count, files in enumerate(studies, start=1):
            with association(running.port) as opened:
                send(opened, files)
            wait_for(lambda count=count: len(running.outcomes()) == count)
    with listener(keep_hours=0.0) as running:
        wait_for(lambda: len(running.outcomes()) == 1)
    assert running.names() == set(names_of(studies[1]))


def test_a_port_in_use_is_a_usage_error(listener: Listener) -> None:
    with (
        listener() as running,
        pytest.raises(UsageError, match="not possible to listen"),
        listener(port=running.port, inbox=running.settings.out / "inbox"),
    ):
        pass


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
    with listener(tls=TlsFiles(certificate=cert, key=key, client_authority=cert)) as running:
        with association(running.port) as plain:
            assert not plain.is_established
        with association(running.port, tls=stranger) as unproven:
            assert not unproven.is_established
        with association(running.port, tls=proven) as opened:
            assert send(opened, studies[0][:1]) == [SUCCESS]


def test_a_study_that_somebody_removes_is_let_go(listener: Listener, studies: list[list[Path]]) -> None:
    with listener(quiet_s=0.5) as running:
        with association(running.port) as opened:
            send(opened, studies[0])
            shutil.rmtree(next(running.settings.inbox.glob("*/images")).parent)
        with association(running.port) as opened:
            send(opened, studies[1])
        wait_for(running.outcomes)
    assert running.analyzed == [names_of(studies[1])]


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
