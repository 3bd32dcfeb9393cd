"""A lesion model as files of an atlas folder: numbers and trees as text."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

from pydantic import ValidationError

from marrowsignal.errors import MaskError
from marrowsignal.learned_lesions.document import LeftOutLesionsEntry, LesionModelDocument, MuscleEntry
from marrowsignal.learned_lesions.records import LeftOutLesions, LesionModel
from marrowsignal.learned_lesions.view import MuscleLevels
from marrowsignal.marrow.atlas.storage import read_beside
from marrowsignal.marrow.atlas.trees import Trees

__all__ = ["StoredModel", "model_files", "read_lesion_contents", "read_lesion_model", "require_lesions"]

_CONTENTS = "lesions.json"
_FIRST, _SECOND = "lesion_trees_first.json", "lesion_trees_second.json"
_STAGE = "read_atlas"
_AGAIN = "build it again from its manifest, or copy the whole folder again"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StoredModel:
    """A lesion model and the atlas it was read from.

    Attributes
    ----------
    model : LesionModel
        The model.
    sha256 : str
        Of the atlas, lesion model included.
    version : str
        Of the program that made it.
    """

    model: LesionModel
    sha256: str
    version: str


def model_files(model: LesionModel) -> dict[str, bytes]:
    """Return the files of a model, by name."""
    document = LesionModelDocument(
        schema_version=1,
        cut=model.cut,
        muscle=MuscleEntry(**asdict(model.muscle)),
        leave_one_out=tuple(LeftOutLesionsEntry(**asdict(row)) for row in model.left_out),
        settings=model.settings,
    )
    return {
        _CONTENTS: (document.model_dump_json(indent=1) + "\n").encode(),
        _FIRST: model.first.to_text(),
        _SECOND: model.second.to_text(),
    }


def read_lesion_contents(folder: Path) -> LesionModelDocument | None:
    """Read what an atlas says of its lesion model, without the trees; None where it has none.

    Raises
    ------
    MaskError
        If the folder is no atlas, is damaged, or was made by a newer version.
    """
    found = read_beside(folder, (_CONTENTS,))
    return None if _CONTENTS not in found.files else _document(found.files[_CONTENTS])


def require_lesions(folder: Path) -> None:
    """Refuse an atlas without a lesion model.

    Raises
    ------
    MaskError
        If it has none, or the folder is no atlas.
    """
    if read_lesion_contents(folder) is None:
        raise MaskError(
            "the atlas holds no lesion model",
            code="atlas_no_lesions",
            stage=_STAGE,
            hint="build it from a manifest with a column lesions, or leave --lesions-from out",
        )


def read_lesion_model(folder: Path) -> StoredModel:
    """Read the lesion model of an atlas.

    Raises
    ------
    MaskError
        If the folder is no atlas, holds no lesion model, is damaged, or was made by a newer version.
    """
    require_lesions(folder)
    found = read_beside(folder, (_CONTENTS, _FIRST, _SECOND))
    document = _document(found.files[_CONTENTS])
    try:
        first, second = (Trees.from_text(found.files[name]) for name in (_FIRST, _SECOND))
    except (LookupError, ValueError, TypeError) as error:
        raise _damaged("its lesion trees are malformed") from error
    model = LesionModel(
        first=first,
        second=second,
        cut=document.cut,
        muscle=MuscleLevels(t1=document.muscle.t1, stir=document.muscle.stir),
        left_out=tuple(LeftOutLesions(**row.model_dump()) for row in document.leave_one_out),
        settings=document.settings,
    )
    return StoredModel(model=model, sha256=found.sha256, version=found.version)


def _document(raw: bytes) -> LesionModelDocument:
    try:
        return LesionModelDocument.model_validate_json(raw)
    except (ValidationError, RecursionError) as error:
        raise _damaged("its lesions.json is malformed") from error


def _damaged(problem: str) -> MaskError:
    return MaskError(f"the atlas is damaged: {problem}", code="atlas_damaged", stage=_STAGE, hint=_AGAIN)
