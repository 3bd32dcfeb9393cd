"""A real PACS on this machine, a study in it, a wire that breaks on demand, and a case to push."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
import requests

from marrowsignal.dicom import find_series, select_pair
from marrowsignal.errors import MarrowSignalError
from marrowsignal.exports.dicom_objects import write_dicom_objects
from marrowsignal.pacs import Analysis, ListenSettings, Pacs, Patience, listen
from marrowsignal.pacs.records import ArrivedStudy
from tests.dicom.dicom_builder import SeriesSpec, stir_spec, write_series
from tests.pacs.listening import QUIET_S, Listener, Running
from tests.report.study_builder import SHAPE, SPACING, build_result

USER, PASSWORD = "reader", "pässwörd 4711"
AUTH = (USER.encode(), PASSWORD.encode())
# No test waits for long: what fails here fails at once.
HASTY = Patience(attempts=4, first_wait_s=0.01, longest_wait_s=0.05, connect_s=2.0, read_s=10.0)
_PLUGINS = ("/usr/share/orthanc/plugins/libOrthancDicomWeb.so", "/usr/lib/orthanc/libOrthancDicomWeb.so")
# Takes an instance with this description and does not keep it, without telling so.
FORGOTTEN = "not to be kept"
_LUA = f'function ReceivedInstanceFilter(dicom) return dicom["SeriesDescription"] ~= "{FORGOTTEN}" end'


def wait_for(condition: Callable[[], object], *, seconds: float = 60.0) -> None:
    """Return as soon as the condition holds; fail when it does not in time."""
    moment = threading.Event()
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        moment.wait(0.02)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True, kw_only=True)
class Orthanc:
    """A running Orthanc.

    Attributes
    ----------
    port : int
        Of HTTP.
    """

    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def dicomweb(self) -> str:
        return f"{self.url}/dicom-web"

    def get(self, path: str) -> requests.Response:
        return requests.get(self.url + path, auth=AUTH, timeout=10)

    def put_in(self, file: Path) -> None:
        answer = requests.post(f"{self.url}/instances", data=file.read_bytes(), auth=AUTH, timeout=10)
        answer.raise_for_status()

    def count(self) -> int:
        return int(self.get("/statistics").json()["CountInstances"])

    def delete(self, sop_instance_uid: str) -> None:
        """Delete one instance where it is there."""
        found = requests.post(f"{self.url}/tools/lookup", data=sop_instance_uid, auth=AUTH, timeout=10).json()
        for one in found:
            requests.delete(f"{self.url}{one['Path']}", auth=AUTH, timeout=10).raise_for_status()


@pytest.fixture(scope="session")
def orthanc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    """An Orthanc with DICOMweb and a user, whose storage goes with the tests."""
    program = shutil.which("Orthanc") or shutil.which("Orthanc", path="/usr/sbin")
    plugin = next((path for path in _PLUGINS if Path(path).is_file()), None)
    if program is None or plugin is None:
        pytest.skip(f"{'Orthanc' if program is None else 'its DICOMweb plugin'} is not installed")
    root = tmp_path_factory.mktemp("orthanc")
    (root / "filter.lua").write_text(_LUA)
    settings = {
        "StorageDirectory": str(root / "storage"),
        "IndexDirectory": str(root / "storage"),
        "HttpPort": free_port(),
        "DicomServerEnabled": False,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": True,
        "RegisteredUsers": {USER: PASSWORD},
        "OverwriteInstances": False,
        "HttpCompressionEnabled": False,  # so that a count of bytes says how much came
        "Plugins": [plugin],
        "LuaScripts": [str(root / "filter.lua")],
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
    }
    (root / "orthanc.json").write_text(json.dumps(settings, ensure_ascii=False), encoding="utf-8")
    with (root / "log").open("wb") as log:
        process = subprocess.Popen([program, str(root / "orthanc.json")], cwd=root, stdout=log, stderr=log)
    running = Orthanc(port=settings["HttpPort"])

    def answers() -> bool:
        assert process.poll() is None, (root / "log").read_text(errors="replace")[-2000:]
        try:
            return running.get("/system").ok
        except requests.ConnectionError:
            return False

    try:
        wait_for(answers)
        yield running
    finally:
        # Nothing of it is needed any more, and a clean end takes seconds.
        process.kill()
        process.wait()


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch, unknown: None) -> None:
    """Credentials that Orthanc accepts, in the environment."""
    monkeypatch.setenv("MARROWSIGNAL_DICOMWEB_USER", USER)
    monkeypatch.setenv("MARROWSIGNAL_DICOMWEB_PASSWORD", PASSWORD)


@pytest.fixture(autouse=True)
def unknown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No credentials, no proxy and no authority of whoever runs the tests."""
    for name in tuple(os.environ):
        if name.startswith("MARROWSIGNAL_DICOMWEB") or name.upper().endswith(("_PROXY", "_CA_BUNDLE")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("NETRC", str(tmp_path / "no-netrc"))


@dataclass(frozen=True, kw_only=True)
class Study:
    """A study that lies in the PACS, and its files here."""

    uid: str
    files: tuple[Path, ...]


@pytest.fixture(scope="session")
def study(orthanc: Orthanc, sample_data: Path) -> Study:
    """The synthetic study of sample_data, stored in Orthanc."""
    return _stored(orthanc, sample_data / "focal_edema_like" / "dicom")


def _stored(orthanc: Orthanc, folder: Path) -> Study:
    files = tuple(sorted(folder.rglob("*.dcm")))
    for file in files:
        orthanc.put_in(file)
    return Study(uid=pydicom.dcmread(files[0], stop_before_pixels=True).StudyInstanceUID, files=files)


@pytest.fixture(scope="session")
def small_series(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A T1 and a STIR of 12 small slices each, on the grid of the synthetic result."""
    root = tmp_path_factory.mktemp("small")
    extent = (np.asarray(SHAPE) - 1) * SPACING / 2
    origin = (-extent[2], -extent[0], extent[1])
    for spec in (SeriesSpec(), stir_spec()):
        write_series(root / spec.name, spec.but(shape=SHAPE, spacing_mm=SPACING, origin_mm=origin))
    return root


@pytest.fixture(scope="session")
def small_study(orthanc: Orthanc, small_series: Path) -> Study:
    """The same, stored in Orthanc."""
    return _stored(orthanc, small_series)


@pytest.fixture(scope="session")
def case_folder(small_series: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A case folder's DICOM objects, made of the small series."""
    folder = tmp_path_factory.mktemp("out") / "case"
    result = replace(build_result(), series=select_pair(find_series(small_series)))
    picture = np.arange(40 * 60 * 3, dtype=np.uint8).reshape(40, 60, 3)
    written = write_dicom_objects(result, folder / "dicom", first_screen=picture)
    assert {"first_screen_sc.dcm", "marrow_seg.dcm", "measurements_sr.dcm"} <= set(written.files), written.findings
    return folder


class Wire:
    """A TCP connection to a server that breaks on demand.

    Attributes
    ----------
    connections : int
        How many were opened.
    refuse : int
        So many of the next connections are closed at once.
    budget : int or None
        After so many bytes, both ways and over all connections, every connection breaks.
    """

    def __init__(self, port: int) -> None:
        self._target = ("127.0.0.1", port)
        self.connections, self.refuse, self.budget = 0, 0, None
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        # Wakes the thread that waits in accept; closing alone does not.
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            if self.refuse > 0:
                self.refuse -= 1
                near.close()
                continue
            far = socket.create_connection(self._target)
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=self._copy, args=(source, sink), daemon=True).start()

    def _copy(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(8192):
                if not self._may_pass(len(data)):
                    break
                sink.sendall(data)
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _may_pass(self, size: int) -> bool:
        with self._lock:
            if self.budget is None:
                return True
            self.budget -= size
            return self.budget >= 0


@pytest.fixture
def wire(orthanc: Orthanc) -> Iterator[Wire]:
    """A breakable connection to Orthanc."""
    made = Wire(orthanc.port)
    yield made
    made.close()


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate that nobody signed, and its key."""
    program = shutil.which("openssl")
    if program is None:
        pytest.skip("openssl is not installed")
    folder = tmp_path_factory.mktemp("tls")
    cert, key = folder / "cert.pem", folder / "key.pem"
    line = [program, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    line += ["-days", "2", "-subj", "/CN=test", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run([*line, "-keyout", str(key), "-out", str(cert)], check=True, capture_output=True)
    return cert, key


@pytest.fixture
def pacs(orthanc: Orthanc, known: None) -> Iterator[Pacs]:
    """Orthanc, as we see it."""
    with Pacs(orthanc.dicomweb, patience=HASTY) as ours:
        yield ours


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
