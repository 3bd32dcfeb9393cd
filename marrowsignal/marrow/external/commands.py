"""What is called: a description's words with the files, programs and folders of this run in them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from marrowsignal.marrow.external.process import Workplace, run_program
from marrowsignal.marrow.external.tools import InstalledSegmenter

__all__ = ["ask_version", "filled_command"]

_VERSION_TIMEOUT_S = 120.0
_DOTTED = re.compile(r"\d+(?:\.\d+)+[A-Za-z0-9.+-]*")
_NUMBER = re.compile(r"\d[A-Za-z0-9.+-]*")


def filled_command(command: Sequence[str], tool: InstalledSegmenter, values: Sequence[tuple[str, str]]) -> list[str]:
    """Put files, programs and folders in place of a command's placeholders.

    Parameters
    ----------
    command : sequence of str
        As in the description.
    tool : InstalledSegmenter
        Whose programs were found.
    values : sequence of (str, str)
        Placeholders of this run without their braces, and what they stand for.

    Returns
    -------
    list of str
        Program and arguments; no word is split or joined.
    """
    known = {**dict(values), "here": str(tool.folder or Path()), "python": _python_beside(tool)}
    programs = dict(tool.programs)
    filled = [re.sub(r"\{([a-z0-9_]+)\}", lambda match: known[match.group(1)], part) for part in command]
    return [programs.get(command[0], filled[0]), *filled[1:]] if filled else []


def _python_beside(tool: InstalledSegmenter) -> str:
    # A program that pip installed lies beside the interpreter of its environment; any other would tell of its own.
    first = Path(tool.programs[0][1])
    beside = [path for name in ("python", "python3", "python.exe") if (path := first.parent / name).is_file()]
    return str(beside[0]) if beside else ""


def ask_version(tool: InstalledSegmenter, place: Workplace) -> str:
    """Ask the program for its version.

    Parameters
    ----------
    tool : InstalledSegmenter
        With the command that prints it.
    place : Workplace
        Where it is run.

    Returns
    -------
    str
        From the last line printed; ``""`` where there is no such command, or it fails or tells no number.
    """
    command = filled_command(tool.segmenter.version_command, tool, ())
    if not command or not command[0]:
        return ""
    try:
        ended = run_program(command, place=place, timeout_s=_VERSION_TIMEOUT_S)
    except OSError:
        return ""
    lines = [line for line in ended.printed.splitlines() if line.strip()] if ended.code == 0 else []
    match = (_DOTTED.search(lines[-1]) or _NUMBER.search(lines[-1])) if lines else None
    return match.group() if match else ""
