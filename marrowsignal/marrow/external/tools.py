"""Find and read the descriptions of segmenters: those shipped, and a site's own."""

from __future__ import annotations

import shutil
import sys
import tomllib
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from pydantic import ValidationError

from marrowsignal.errors import MaskError, UsageError
from marrowsignal.marrow.external.records import Segmenter
from marrowsignal.protocol.problems import first_problem

__all__ = [
    "InstalledSegmenter",
    "ToolState",
    "find_segmenter",
    "list_tools",
    "read_segmenter",
    "read_segmenter_text",
    "segmenter_names",
]

_STAGE = "segment_marrow"
_SHIPPED = ("mrsegmentator", "totalsegmentator", "totalspineseg")


@dataclass(frozen=True, slots=True, kw_only=True)
class InstalledSegmenter:
    """A segmenter whose programs are on this machine.

    Attributes
    ----------
    segmenter : Segmenter
        Its description.
    programs : tuple of (str, str)
        First word of each command, and the file that it starts.
    folder : Path or None
        Folder of the description, None for a shipped one.
    """

    segmenter: Segmenter
    programs: tuple[tuple[str, str], ...]
    folder: Path | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolState:
    """One line of the list of segmenters.

    Attributes
    ----------
    segmenter : Segmenter
        Its description.
    installed : bool
        Whether all its programs are found.
    """

    segmenter: Segmenter
    installed: bool


def segmenter_names() -> tuple[str, ...]:
    """Names of the shipped descriptions, sorted."""
    return _SHIPPED


def list_tools(extra_tools: Path | None = None) -> tuple[ToolState, ...]:
    """Tell which segmenters are known, and which of them are installed; nothing is started.

    Parameters
    ----------
    extra_tools : Path, optional
        Folder of descriptions of your own (.toml).

    Returns
    -------
    tuple of ToolState
        Shipped ones first, then your own, by file name.

    Raises
    ------
    UsageError
        If a description of your own is malformed.
    """
    own = sorted(extra_tools.glob("*.toml")) if extra_tools else []
    known = [(read_segmenter(name), None) for name in _SHIPPED] + [(read_segmenter(str(p)), p.parent) for p in own]
    return tuple(
        ToolState(segmenter=segmenter, installed=all(_program(word, folder) for word in _words(segmenter)))
        for segmenter, folder in known
    )


def find_segmenter(name: str, *, extra_tools: Path | None = None) -> InstalledSegmenter:
    """Read a segmenter's description and find its programs, before any long work.

    Parameters
    ----------
    name : str
        Name of a shipped description or of one in `extra_tools`, or the path of a .toml file.
    extra_tools : Path, optional
        Folder of descriptions of your own.

    Returns
    -------
    InstalledSegmenter
        Ready to be run.

    Raises
    ------
    UsageError
        If there is no such description, or it is malformed.
    MaskError
        If a program of it is not installed.
    """
    own = None if extra_tools is None else extra_tools / f"{name}.toml"
    if name not in _SHIPPED and own is not None and own.is_file():
        name = str(own)
    segmenter = read_segmenter(name)
    folder = None if name in _SHIPPED else Path(name).expanduser().absolute().parent
    programs = []
    for word in _words(segmenter):
        program = _program(word, folder)
        if program is None:
            raise MaskError(
                f"{segmenter.title} is not installed: its program was not found",
                code="segmenter_missing",
                stage=_STAGE,
                hint=f"{segmenter.install}; or take another --marrow-from",
            )
        programs.append((word, program))
    return InstalledSegmenter(segmenter=segmenter, programs=tuple(programs), folder=folder)


def read_segmenter(name_or_file: str) -> Segmenter:
    """Read and check a description.

    Parameters
    ----------
    name_or_file : str
        One of `segmenter_names`, or a path that ends in ``.toml``.

    Raises
    ------
    UsageError
        If there is none of that name, or the TOML is malformed.
    """
    shipped = name_or_file in _SHIPPED
    text = read_segmenter_text(name_or_file) if shipped else _own_text(name_or_file)
    try:
        return Segmenter.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise _malformed(f"is not TOML: {error}") from error
    except ValidationError as error:
        raise _malformed(first_problem(error, "description")) from error


def read_segmenter_text(name: str) -> str:
    """Return the TOML text of a shipped description, comments included: a start for one of your own.

    Raises
    ------
    UsageError
        If there is none of that name.
    """
    if name not in _SHIPPED:
        raise UsageError(
            "there is no segmenter of that name",
            code="segmenter_unknown",
            stage=_STAGE,
            hint=f"one of {', '.join(_SHIPPED)}, or the path of a .toml file; see marrowsignal segmenters list",
        )
    return (files("marrowsignal.marrow.external") / "data" / f"{name}.toml").read_text(encoding="utf-8")


def _own_text(file: str) -> str:
    if not file.endswith(".toml"):
        return read_segmenter_text(file)
    try:
        return Path(file).expanduser().read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            "the segmenter's description cannot be read", code="segmenter_unreadable", stage=_STAGE
        ) from error


def _malformed(problem: str) -> UsageError:
    return UsageError(
        f"the segmenter's description is malformed: {problem}",
        code="segmenter_invalid",
        stage=_STAGE,
        hint="compare with `marrowsignal segmenters show totalsegmentator`",
    )


def _words(segmenter: Segmenter) -> tuple[str, ...]:
    # The program of the version may be missing: the result then says that the version is not known.
    return tuple(dict.fromkeys(task.command[0] for task in segmenter.tasks))


def _program(word: str, folder: Path | None) -> str | None:
    word = word.replace("{here}", str(folder or Path()))
    # A segmenter in this package's own environment is found where that environment is not active.
    return shutil.which(word) or shutil.which(word, path=str(Path(sys.executable).parent))
