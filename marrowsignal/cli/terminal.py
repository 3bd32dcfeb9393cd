"""What reaches the terminal: no control characters, and no values of headers in logs and tracebacks."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterator
from pathlib import Path

import typer

from marrowsignal.errors import MarrowSignalError

__all__ = ["QuietFormatter", "printable", "say"]

_OURS = "marrowsignal"


def say(text: str, *, err: bool = False) -> None:
    """Print lines of text; what could steer a terminal or turn the reading direction becomes a space.

    Parameters
    ----------
    text : str
        Lines, which may hold strings of a header or of a user's file.
    err : bool
        To stderr instead of stdout.
    """
    typer.echo(printable(text), err=err)


def printable(text: str) -> str:
    """Return lines of text with a space for each character that could steer a terminal."""
    return "".join(c if c.isprintable() or c == "\n" else " " for c in text)


class QuietFormatter(logging.Formatter):
    """Tells where a record comes from, and its words only when they are ours.

    Libraries quote header values and file names in their messages and exceptions, and both may name the patient.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return one line, and the frames of an exception below it."""
        ours = record.name.split(".")[0] == _OURS
        told = record.getMessage() if ours else "a message that is not shown: it may quote the header"
        lines = [f"{record.levelname} {record.name}: {told}"]
        if record.exc_info and record.exc_info[1] is not None:
            lines += _frames(record.exc_info[1])
        return "\n".join(lines)


def _frames(error: BaseException) -> Iterator[str]:
    """Lines of a traceback with modules, functions and source lines, but without words and values."""
    for link in _chain(error):
        yield "Traceback (innermost call last):"
        for frame in traceback.extract_tb(link.__traceback__):
            yield f"  {_module_path(frame.filename)}:{frame.lineno} in {frame.name}: {frame.line}"
        told = (
            str(link) if isinstance(link, MarrowSignalError) else "its words are not shown: they may quote the header"
        )
        yield f"{type(link).__name__}: {told}"


def _chain(error: BaseException) -> list[BaseException]:
    links: list[BaseException] = []
    link: BaseException | None = error
    while link is not None and link not in links:
        links.append(link)
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)
    return links[::-1]


def _module_path(file: str) -> str:
    # From the package on: what lies above is the machine's, and may be named after its user.
    parts = Path(file).parts
    tops = [n for n, part in enumerate(parts) if part in ("site-packages", "dist-packages", "lib")]
    if _OURS in parts:
        return "/".join(parts[len(parts) - 1 - parts[::-1].index(_OURS) :])
    return "/".join(parts[tops[-1] + 1 :] if tops else parts[-1:])
