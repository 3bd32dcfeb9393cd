"""Run a program that may hang, fail or be interrupted, and leave nothing of it behind."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from marrowsignal.threads import environment_of_programs

__all__ = ["Finished", "Workplace", "run_program", "workplace"]

_GRACE_S = 3.0
_LINES = 4
_TAIL_BYTES = 8192
_LONGEST_LINE = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Workplace:
    """A private folder that goes when the work is done.

    Attributes
    ----------
    files : Path
        Where the program works: its images, its labels.
    scratch : Path
        Where its own temporary files go.
    """

    files: Path
    scratch: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """How a program ended.

    Attributes
    ----------
    code : int or None
        Exit code; None when it took too long and was ended.
    printed : str
        End of what it printed on stdout, as it is.
    told : str
        Last lines of what it printed, without paths.
    """

    code: int | None
    printed: str
    told: str


@contextlib.contextmanager
def workplace() -> Iterator[Workplace]:
    """Make a folder that only this user can read, and remove it whatever happens."""
    with TemporaryDirectory(prefix="marrowsignal-", ignore_cleanup_errors=True) as folder:
        place = Workplace(files=Path(folder) / "files", scratch=Path(folder) / "tmp")
        place.files.mkdir()
        place.scratch.mkdir()
        yield place


def run_program(command: Sequence[str], *, place: Workplace, timeout_s: float) -> Finished:
    """Run a program without a shell, in a process group of its own.

    Parameters
    ----------
    command : sequence of str
        The program's file and its arguments.
    place : Workplace
        Current folder of the program, and the folder of its temporary files.
    timeout_s : float
        After that time it is ended with all that it started.

    Returns
    -------
    Finished
        Its exit code and what it said. On Ctrl-C, or when this process is told to end, the program and all that it
        started are ended before the exception goes on.

    Raises
    ------
    OSError
        If it cannot be started.
    """
    out, err = place.scratch.parent / "stdout", place.scratch.parent / "stderr"
    # Files, not pipes: a grandchild that outlives the program would keep a pipe open.
    with out.open("wb") as stdout, err.open("wb") as stderr:
        process = _start(command, place, stdout.fileno(), stderr.fileno())
        try:
            code: int | None = process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            _end(process)
            code = None
        except BaseException:
            _end(process)
            raise
    printed, complained = _tail(out), _tail(err)
    told = [line for text in (printed, complained) for line in _shown_lines(text, place)]
    return Finished(code=code, printed=printed, told="\n".join(told))


def _start(command: Sequence[str], place: Workplace, stdout: int, stderr: int) -> subprocess.Popen[bytes]:
    scratch = str(place.scratch)
    # Its copies of the patient's images shall go with the private folder, even where it is killed.
    environment = {**environment_of_programs(), "TMPDIR": scratch, "TEMP": scratch, "TMP": scratch}
    windows_flags = 0
    if sys.platform == "win32":
        windows_flags = subprocess.CREATE_NEW_PROCESS_GROUP
    return subprocess.Popen(
        list(command),
        cwd=place.files,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=stderr,
        start_new_session=sys.platform != "win32",
        creationflags=windows_flags,
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a program and all that it started: asked first, forced after a grace."""
    if sys.platform == "win32":
        with contextlib.suppress(OSError):
            subprocess.run(
                ["taskkill", "/T", "/F", "/PID", str(process.pid)], check=False, capture_output=True, timeout=_GRACE_S
            )
        process.kill()
        process.wait()
        return
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(_GRACE_S)
    except subprocess.TimeoutExpired:
        pass
    finally:
        # The leader may be gone and its children not.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _tail(file: Path) -> str:
    with file.open("rb") as said:
        said.seek(max(0, file.stat().st_size - _TAIL_BYTES))
        return said.read().decode("utf-8", errors="replace")


def _shown_lines(text: str, place: Workplace) -> list[str]:
    """Last lines of a program's words that may be shown: no paths, no control characters, no progress bars."""
    for root in (str(place.files.parent), str(Path.home()), str(Path.cwd())):
        text = text.replace(root, "/")
    # A progress bar rewrites its line: what counts is its last state.
    lines = [line.rpartition("\r")[2] for line in text.replace("\r\n", "\n").split("\n")]
    cleaned = (" ".join(_shown(word) for word in line.split()) for line in lines)
    kept = [line[:_LONGEST_LINE] for line in cleaned if line]
    return kept[-_LINES:]


def _shown(word: str) -> str:
    # Where to get a licence is worth telling; an address with a login in it is not.
    if word.startswith(("https://", "http://")) and "@" not in word and "?" not in word:
        return word
    if "/" in word or "\\" in word:
        return "<path>"
    return "".join(letter for letter in word if letter.isprintable())
