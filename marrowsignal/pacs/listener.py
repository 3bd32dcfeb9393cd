"""Studies that a PACS sends by C-STORE, each analyzed when it is complete."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from marrowsignal.dicom.headers.header_values import quiet_pydicom
from marrowsignal.dicom.privacy.case_name import case_key
from marrowsignal.errors import MarrowSignalError, OutputError, PacsError
from marrowsignal.pacs.inbox import Delivery, Inbox, StudyState, StudyStatus
from marrowsignal.pacs.inbox_lock import only_listener
from marrowsignal.pacs.records import Analysis, ArrivedStudy, ListenSettings
from marrowsignal.pacs.storage_server import StorageServer

__all__ = ["Interrupted", "listen"]

_LOOK_EACH_S = 0.5
_TIDY_EACH_S = 600.0


class Interrupted(Exception):  # noqa: N818 - no error: the study is analyzed at the next start
    """Raised by `on_study` when it gave up because the listener stops."""


def listen(
    settings: ListenSettings,
    on_study: Callable[[ArrivedStudy], Analysis],
    *,
    deliver: Callable[[Path], None] | None = None,
    stop: threading.Event,
    tell: Callable[[str], None] = lambda _line: None,
    on_ready: Callable[[int], None] = lambda _port: None,
) -> None:
    """Take studies in and analyze each when it is complete, until told to stop.

    What was accepted is on the disk before its sender hears so. Studies are analyzed one at a time; those that wait
    are folders of the inbox, so a listener that is started again goes on with them. What became of a study stands in
    ``outcome.json`` beside its images; a study that fails stays and stops nothing, and one that gets further images is
    analyzed anew.

    Parameters
    ----------
    settings : ListenSettings
        Where to listen, whom to let in, when a study is complete.
    on_study : callable
        Analyzes one study; what it raises is kept as the study's failure.
    deliver : callable, optional
        Called with each case folder, for example to push it; tried again later where it raises `PacsError`.
    stop : threading.Event
        Ends the listener.
    tell : callable
        Gets lines for people; they hold no value of a header.
    on_ready : callable
        Called with the port once associations are accepted.

    Raises
    ------
    UsageError
        If it cannot listen there, or another listener uses the inbox.
    OutputError
        If the inbox cannot be written.
    """
    with only_listener(settings.inbox), quiet_pydicom():
        _take_in(settings, on_study, deliver=deliver, stop=stop, tell=tell, on_ready=on_ready)


def _take_in(
    settings: ListenSettings,
    on_study: Callable[[ArrivedStudy], Analysis],
    *,
    deliver: Callable[[Path], None] | None,
    stop: threading.Event,
    tell: Callable[[str], None],
    on_ready: Callable[[int], None],
) -> None:
    inbox = Inbox(settings.inbox, key=case_key(settings.out), min_free_bytes=settings.min_free_bytes)
    waiting = _Waiting(inbox.unfinished())
    with StorageServer(settings, inbox, on_study=waiting.add, tell=tell) as server:
        on_ready(server.port)
        work = _Work(settings=settings, inbox=inbox, on_study=on_study, deliver=deliver, tell=tell)
        while not stop.is_set():
            work.tidy()
            name = waiting.take(lambda study: server.settled(study) and work.is_due(study))
            if name is None:
                stop.wait(min(_LOOK_EACH_S, settings.quiet_s / 4))
                continue
            # Before the analysis: what comes during it has to become quiet anew.
            server.forget(name)
            if not work.do(name):
                waiting.add(name)


class _Waiting:
    """Names of the studies with which something is to be done, in the order they came."""

    def __init__(self, names: Iterable[str]) -> None:
        self._lock = threading.Lock()
        self._names = dict.fromkeys(names)

    def add(self, name: str) -> None:
        with self._lock:
            self._names.setdefault(name)

    def take(self, is_ready: Callable[[str], bool]) -> str | None:
        """Return the first that is ready, which then waits no more."""
        with self._lock:
            name = next((name for name in self._names if is_ready(name)), None)
            if name is not None:
                del self._names[name]
            return name


@dataclass(slots=True, kw_only=True)
class _Work:
    """What is done with studies that are complete, one at a time."""

    settings: ListenSettings
    inbox: Inbox
    on_study: Callable[[ArrivedStudy], Analysis]
    deliver: Callable[[Path], None] | None
    tell: Callable[[str], None]
    not_before_s: dict[str, float] = field(default_factory=dict)
    tidy_at_s: float = 0.0

    def is_due(self, name: str) -> bool:
        """Whether the study need not wait for another try."""
        return time.monotonic() >= self.not_before_s.get(name, 0.0)

    def do(self, name: str) -> bool:
        """Do what is to be done with a study; return whether that was all."""
        self.not_before_s.pop(name, None)
        try:
            status = self._next_status(name)
        except Interrupted:
            return False
        except FileNotFoundError:
            return True  # somebody removed the study from the inbox
        except (OSError, OutputError):
            self.tell(f"study {name}: the inbox cannot be read or written; tried again later")
            return self._later(name)
        return status.delivery is not Delivery.WAITING or self._later(name)

    def _later(self, name: str) -> bool:
        self.not_before_s[name] = time.monotonic() + self.settings.retry_s
        return False

    def _next_status(self, name: str) -> StudyStatus:
        """Analyze and deliver what is not yet, and keep what became of it."""
        images, status = self.inbox.images_hash(name), self.inbox.status(name)
        waits = status is not None and status.delivery is Delivery.WAITING
        if status is None or status.images != images or (status.state is StudyState.FAILED and not waits):
            status = self._analyzed(name, images)
            # Before the delivery, which may take long: what ends the listener then costs no second analysis.
            self.inbox.set_status(name, status)
        if status.delivery is Delivery.WAITING:
            status = self._delivered(name, status)
            self.inbox.set_status(name, status)
        return status

    def _analyzed(self, name: str, images: str) -> StudyStatus:
        self.tell(f"study {name}: complete, analyzing")
        try:
            made = self.on_study(self.inbox.study(name))
        except Interrupted:
            raise
        except MarrowSignalError as error:
            made = Analysis(cases=(), problem=str(error))
        except Exception as error:  # noqa: BLE001 - a bug that one study meets must not end the night's reception
            made = Analysis(cases=(), problem=f"a bug ({type(error).__name__})")
        told = f"failed: {made.problem}" if made.problem else f"analyzed, {len(made.cases)} case(s)"
        self.tell(f"study {name}: {told}")
        state = StudyState.FAILED if made.problem else StudyState.ANALYZED
        return StudyStatus(
            state=state,
            reason=made.problem,
            cases=made.cases,
            delivery=Delivery.WAITING if self.deliver is not None and made.cases else Delivery.NOT_ASKED,
            images=images,
            finished_s=time.time(),
        )

    def _delivered(self, name: str, status: StudyStatus) -> StudyStatus:
        if self.deliver is None:
            return status  # of a run that was asked to deliver
        try:
            for case in status.cases:
                self.deliver(self.settings.out / case)
        except MarrowSignalError as error:
            delivery = Delivery.WAITING if isinstance(error, PacsError) else Delivery.REFUSED
            return self._not_delivered(name, status, delivery, str(error))
        except Exception as error:  # noqa: BLE001 - as for the analysis
            return self._not_delivered(name, status, Delivery.REFUSED, f"a bug ({type(error).__name__})")
        self.tell(f"study {name}: delivered")
        return replace(status, delivery=Delivery.DONE, delivery_reason="", finished_s=time.time())

    def _not_delivered(self, name: str, status: StudyStatus, delivery: Delivery, reason: str) -> StudyStatus:
        self.tell(f"study {name}: delivery {delivery}: {reason}")
        return replace(status, delivery=delivery, delivery_reason=reason)

    def tidy(self) -> None:
        """Remove now and then what was kept long enough."""
        if time.monotonic() < self.tidy_at_s:
            return
        self.tidy_at_s = time.monotonic() + _TIDY_EACH_S
        with suppress(OSError):
            for name in self.inbox.remove_finished(keep_hours=self.settings.keep_hours):
                self.tell(f"study {name}: images removed from the inbox, its cases stay")
