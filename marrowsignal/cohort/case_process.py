"""``python -m marrowsignal.cohort.case_process SCRATCH``: analyzes study after study for the process that owns it.

Each line on stdin is a `CaseTask` in JSON, each line on stdout its `CaseAnswer`. When stdin ends the owner is gone, and
so is this process at once, with everything it started and its folder SCRATCH of temporary files.
"""

from __future__ import annotations

import os
import queue
import shutil
import signal
import sys
import threading
from typing import BinaryIO

import psutil

from marrowsignal.cohort.case_environment import give_memory_back
from marrowsignal.cohort.records import CaseTask

__all__ = ["main"]


def main(scratch: str) -> None:
    """Answer tasks until the owner is gone.

    Parameters
    ----------
    scratch : str
        Folder of the temporary files of this process, removed at its end.
    """
    # Who interrupts the run wants running studies to be finished; the owner ends them when it does not.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    lines, answers = _own_streams()
    tasks: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(lines, tasks, scratch), daemon=True).start()
    # Seconds of work, in which the owner may go.
    from marrowsignal.cohort.one_task import answer_task  # noqa: PLC0415

    while True:
        task = CaseTask.model_validate_json(tasks.get())
        answers.write(answer_task(task).model_dump_json().encode() + b"\n")
        answers.flush()
        give_memory_back()


def _own_streams() -> tuple[BinaryIO, BinaryIO]:
    """Take stdin and stdout away from libraries that print, and from programs that inherit them."""
    lines, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)
    return lines, answers


def _listen(lines: BinaryIO, tasks: queue.SimpleQueue[bytes], scratch: str) -> None:
    for line in lines:
        tasks.put(line)
    # A segmenter may have unpacked images of its own: what runs goes before the folder does.
    for child in psutil.Process().children(recursive=True):
        child.kill()
    shutil.rmtree(scratch, ignore_errors=True)
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1])
