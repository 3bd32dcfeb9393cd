"""One listener an inbox: a second one would throw away what the first is just receiving."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from marrowsignal.errors import OutputError, UsageError

__all__ = ["only_listener"]

_LOCK = ".lock"


@contextmanager
def only_listener(inbox: Path) -> Iterator[None]:
    """Hold an inbox; the system lets go of it when the process ends, however it ends.

    Parameters
    ----------
    inbox : Path
        Made when missing, readable by its owner only: it holds images with the patient's name.

    Raises
    ------
    UsageError
        If another listener holds it.
    OutputError
        If it cannot be made or written.
    """
    try:
        inbox.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (inbox / _LOCK).open("wb") as lock:
            _hold(lock.fileno())
            yield
    except BlockingIOError as error:
        raise UsageError(
            "another listener uses this inbox",
            code="inbox_in_use",
            stage="listen",
            hint="end that one, or give this one another folder with --inbox",
        ) from error
    except OSError as error:
        raise OutputError(
            f"the inbox cannot be written ({error.strerror})",
            code="output_not_writable",
            stage="listen",
            hint="give another folder with --inbox",
        ) from error


def _hold(descriptor: int) -> None:
    if os.name == "posix":  # elsewhere the port alone tells that a listener runs
        import fcntl  # noqa: PLC0415 - only there is it

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
