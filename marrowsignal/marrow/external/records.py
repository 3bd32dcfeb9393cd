"""The form of a segmenter's description: how it is called, and what its labels mean."""

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from marrowsignal.marrow.records import MaskKind

__all__ = ["PLACEHOLDERS", "LabelsBy", "OutputKind", "Segmenter", "SegmenterTask", "Shading"]

PLACEHOLDERS = ("t1", "stir", "inputs", "labels", "labels_folder", "here")
_OF_VERSION = ("here", "python")
_PLACEHOLDER = re.compile(r"\{([a-z0-9_]+)\}")

# What is told in results and messages: one line of words, nothing that looks like a path.
_Words = Annotated[str, StringConstraints(min_length=1, max_length=80, pattern=r"^[^\x00-\x1f/\\]+$")]
_Text = Annotated[str, StringConstraints(min_length=1)]
_RegionKey = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*(:(left|right))?$")]


def _pairs(table: object) -> object:
    return tuple((str(name), key) for name, key in table.items()) if isinstance(table, dict) else table


def _inside(path: str) -> str:
    parts = PurePosixPath(path).parts
    if not parts or ".." in parts or "\\" in path or ":" in path or PurePosixPath(path).is_absolute():
        raise ValueError("must be a path below the private folder, such as labels.nii.gz")
    return path


_Inside = Annotated[str, BeforeValidator(lambda value: _inside(value) if isinstance(value, str) else value)]


class OutputKind(StrEnum):
    """How a segmenter leaves its labels."""

    ONE_FILE = "one_file"
    FILE_PER_CLASS = "file_per_class"


class LabelsBy(StrEnum):
    """What a label is known by in a file that holds many."""

    NAME = "name"
    VALUE = "value"


class Shading(StrEnum):
    """Which T1 and STIR a segmenter is given."""

    ACQUIRED = "acquired"
    CORRECTED = "corrected"


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class SegmenterTask(_Model):
    """One call of the segmenter.

    Attributes
    ----------
    name : str
        What it does, told with the result.
    command : tuple of str
        Program and arguments; no shell reads them. ``{t1}``, ``{stir}`` are the images, ``{inputs}`` their folder,
        ``{labels}`` the path of `output`, ``{labels_folder}`` the task's own folder, ``{here}`` the folder of the
        description.
    output : str
        File, or folder of one file a class, that the call leaves in ``{labels_folder}``.
    output_kind : OutputKind
        One label map, or one file a class called by the class and ``.nii.gz``.
    labels_by : LabelsBy
        Whether `labels` of one file go by the names written in its NIfTI header extension, or by their values.
    labels : tuple of (str, str)
        Class name, or value, and the region it is, with ``:left`` or ``:right`` where the segmenter tells sides apart.
    ignored : tuple of int
        By value only: labels of other tissue.
    replaces : tuple of str
        Regions of earlier tasks that this one knows better; elsewhere the earlier task's labels stay.
    when : tuple of str
        Regions for which the call is worth its time: it is left out where the protocol has none of them.
    required : bool
        Whether the study fails where this call fails.
    """

    name: _Words
    command: Annotated[tuple[_Text, ...], Field(min_length=1)]
    output: _Inside
    output_kind: OutputKind = OutputKind.ONE_FILE
    labels_by: LabelsBy = LabelsBy.NAME
    labels: Annotated[tuple[tuple[_Text, _RegionKey], ...], BeforeValidator(_pairs), Field(min_length=1)]
    ignored: tuple[int, ...] = ()
    replaces: tuple[_RegionKey, ...] = ()
    when: tuple[_RegionKey, ...] = ()
    required: bool = True

    @model_validator(mode="after")
    def _sound(self) -> Self:
        _check_placeholders(self.command, PLACEHOLDERS)
        if not {"{t1}", "{inputs}"} & {f"{{{name}}}" for part in self.command for name in _PLACEHOLDER.findall(part)}:
            raise ValueError("the command takes neither {t1} nor {inputs}")
        by_value = self.output_kind is OutputKind.ONE_FILE and self.labels_by is LabelsBy.VALUE
        if by_value and not all(label.isascii() and label.isdigit() and int(label) > 0 for label, _ in self.labels):
            raise ValueError('labels by value are whole numbers above 0, such as 5 = "sacrum"')
        return self

    @property
    def keys(self) -> tuple[str, ...]:
        """Regions it may give, in the table's order, each once."""
        return tuple(dict.fromkeys(key for _, key in self.labels))


class Segmenter(_Model):
    """An installed program that labels bones or marrow on T1.

    Attributes
    ----------
    schema_version : int
        Form of the description.
    name : str
        What ``--marrow-from external:`` calls it.
    title : str
        What results call it.
    install : str
        What to do where it is missing.
    notes : str
        Licence, weights, time.
    kind : MaskKind
        Whether labels enclose marrow or the whole bone.
    shading : Shading
        As acquired, as most were trained on, or with the coils' shading removed, as this package writes images.
    t1_file, stir_file : str or None
        Names of the images in ``{inputs}``; with a `stir_file`, or ``{stir}`` in a command, STIR is needed.
    timeout_s : float
        Longest time of one call.
    version_command : tuple of str
        Prints the version on its last line; ``{python}`` is the interpreter beside the first task's program. Empty
        where nothing tells it.
    tasks : tuple of SegmenterTask
        Calls, in order.
    """

    schema_version: Literal[1]
    name: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]*$", max_length=40)]
    title: _Words
    install: _Text
    notes: str = ""
    kind: MaskKind
    shading: Shading = Shading.ACQUIRED
    t1_file: _Inside = "t1.nii.gz"
    stir_file: _Inside | None = None
    timeout_s: Annotated[float, Field(gt=0)]
    version_command: tuple[_Text, ...] = ()
    tasks: Annotated[tuple[SegmenterTask, ...], Field(min_length=1)]

    @model_validator(mode="before")
    @classmethod
    def _stir_named(cls, raw: Any) -> Any:
        if isinstance(raw, dict) and "stir_file" not in raw and "{stir}" in str(raw.get("tasks")):
            return {**raw, "stir_file": "stir.nii.gz"}
        return raw

    @model_validator(mode="after")
    def _sound(self) -> Self:
        _check_placeholders(self.version_command, _OF_VERSION)
        for file in (self.t1_file, self.stir_file):
            if file is not None and not file.endswith((".nii", ".nii.gz", ".nrrd", ".mha")):
                raise ValueError("images are written as .nii.gz, .nii, .nrrd or .mha")
        if self.t1_file == self.stir_file:
            raise ValueError("T1 and STIR have one name")
        if len({task.name for task in self.tasks}) != len(self.tasks):
            raise ValueError("two tasks have one name")
        return self


def _check_placeholders(command: tuple[str, ...], known: tuple[str, ...]) -> None:
    for part in command:
        for name in _PLACEHOLDER.findall(part):
            if name not in known:
                raise ValueError(f"{{{name}}} is no placeholder; there are {', '.join(f'{{{k}}}' for k in known)}")
