"""The form of ``atlas.json``, the page of contents of an atlas folder."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt, model_validator

from marrowsignal.protocol.schema import AtlasSettings

__all__ = ["AtlasDocument", "FileEntry", "LeftOutEntry", "SubjectEntry", "TemplateEntry"]

Hash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Three = tuple[float, float, float]
Shape = tuple[PositiveInt, PositiveInt, PositiveInt]
Spacing = tuple[PositiveFloat, PositiveFloat, PositiveFloat]
Label = Annotated[int, Field(ge=1, le=65535)]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class FileEntry(_Model):
    """A file of the folder; `name` is one of those an atlas has, never a path."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9_]+\.(npz|json)$")]
    sha256: Hash


class SubjectEntry(_Model):
    """One subject; its arrays are in ``<name>.npz``."""

    name: Annotated[str, Field(pattern=r"^atlas_[0-9]+$")]
    shape: Shape
    spacing_mm: Spacing
    has_stir: bool


class TemplateEntry(_Model):
    """Where the template lies; its arrays are in ``template.npz``. `to_subject` holds 12 numbers each."""

    shape: Shape
    spacing_mm: Spacing
    origin_mm: Three
    near_mm: float
    transverse_axis: Literal[0, 1, 2]
    to_subject: tuple[tuple[float, ...], ...]


class LeftOutEntry(_Model):
    """One row of the leave-one-out table."""

    name: str
    votes_dice: float
    dice: float
    expected_dice: float
    placed: float
    label_dice: tuple[tuple[Label, float], ...]


class AtlasDocument(_Model):
    """Everything of an atlas but its arrays and trees."""

    schema_version: Literal[1]
    created_with: str
    encloses: Literal["marrow", "bone"]
    subjects: Annotated[tuple[SubjectEntry, ...], Field(min_length=3)]
    directions_lps: tuple[Three, Three, Three]
    label_names: tuple[tuple[Label, str], ...]
    template: TemplateEntry
    leave_one_out: tuple[LeftOutEntry, ...]
    settings: AtlasSettings
    files: tuple[FileEntry, ...]

    @model_validator(mode="after")
    def _whole(self) -> Self:
        count = len(self.subjects)
        if len(self.leave_one_out) != count or len(self.template.to_subject) != count:
            raise ValueError("not one row for each subject")
        return self
