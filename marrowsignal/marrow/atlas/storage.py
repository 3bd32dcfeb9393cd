"""An atlas as a folder: one page of contents, arrays without pickles, trees as text."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import tempfile
import zipfile
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from pydantic import ValidationError

from marrowsignal.errors import MaskError, OutputError
from marrowsignal.marrow.atlas.document import AtlasDocument, FileEntry, LeftOutEntry, SubjectEntry, TemplateEntry
from marrowsignal.marrow.atlas.records import Atlas, AtlasSubject, LeftOut
from marrowsignal.marrow.atlas.template import Template
from marrowsignal.marrow.atlas.trees import Trees
from marrowsignal.marrow.records import MaskKind

__all__ = ["Beside", "check_free", "read_atlas", "read_beside", "read_contents", "write_atlas"]

NOTHING_BESIDE: Mapping[str, bytes] = MappingProxyType({})
_CONTENTS = "atlas.json"
_VERSION = 1
_MOST_BYTES = 1 << 30  # of a subject's arrays in memory, or the template's
_STAGE = "read_atlas"
_OTHER = "give the folder that `marrowsignal atlas build -o` wrote"
_AGAIN = "build it again from its manifest, or copy the whole folder again"


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """Files that an atlas folder keeps for others.

    Attributes
    ----------
    files : Mapping of str to bytes
        Those of the names asked for that the atlas has.
    sha256 : str
        Of the atlas, these files included.
    version : str
        Of the program that made it.
    """

    files: Mapping[str, bytes]
    sha256: str
    version: str


def check_free(folder: Path) -> None:
    """Refuse a folder that is there already.

    Raises
    ------
    OutputError
        If it is.
    """
    if folder.exists():
        raise OutputError(
            "the output folder exists already", code="atlas_exists", stage="build_atlas", hint="choose another -o DIR"
        )


def write_atlas(atlas: Atlas, folder: Path, *, beside: Mapping[str, bytes] = NOTHING_BESIDE) -> None:
    """Write an atlas under a temporary name and rename it: a folder that exists is complete.

    Parameters
    ----------
    atlas : Atlas
        From `learn_atlas`.
    folder : Path
        Of the atlas.
    beside : Mapping of str to bytes, optional
        Further files, which are covered by its hash too.

    Raises
    ------
    OutputError
        If the folder exists already or cannot be written.
    """
    check_free(folder)
    staging: Path | None = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=".atlas.", suffix=".partial", dir=folder.parent))
        fresh = staging / "new"
        fresh.mkdir()
        for name, content in _files(atlas, beside).items():
            (fresh / name).write_bytes(content)
        fresh.rename(folder)
    except OSError as error:
        raise OutputError(
            f"the atlas cannot be written ({error.strerror})",
            code="output_not_writable",
            stage="build_atlas",
            hint="check that the output folder is writable and has space left",
        ) from error
    finally:
        if staging is not None:
            shutil.rmtree(staging, ignore_errors=True)


def read_contents(folder: Path) -> AtlasDocument:
    """Read what an atlas says of itself, without its arrays.

    Raises
    ------
    MaskError
        If the folder is no atlas, is damaged, or was made by a newer version.
    """
    return _contents(_bytes(folder, _CONTENTS, "atlas_missing", "the folder is no atlas: it holds no atlas.json"))


def read_atlas(folder: Path) -> Atlas:
    """Read an atlas.

    Parameters
    ----------
    folder : Path
        Written by `build_atlas`.

    Raises
    ------
    MaskError
        If the folder is no atlas, a file is missing or damaged, or it was made by a newer version.
    """
    raw = _bytes(folder, _CONTENTS, "atlas_missing", "the folder is no atlas: it holds no atlas.json")
    document = _contents(raw)
    try:
        return _atlas(document, {entry.name: _checked(folder, entry) for entry in document.files}, raw)
    except (
        LookupError,
        ValueError,
        TypeError,
        ArithmeticError,
        OSError,
        EOFError,
        RuntimeError,
        zipfile.BadZipFile,
    ) as error:
        raise _damaged("its files do not fit each other") from error


def read_beside(folder: Path, names: Collection[str]) -> Beside:
    """Read files that an atlas folder keeps for others.

    Raises
    ------
    MaskError
        If the folder is no atlas, a file is missing or damaged, or it was made by a newer version.
    """
    raw = _bytes(folder, _CONTENTS, "atlas_missing", "the folder is no atlas: it holds no atlas.json")
    document = _contents(raw)
    return Beside(
        files={entry.name: _checked(folder, entry) for entry in document.files if entry.name in names},
        sha256=hashlib.sha256(raw).hexdigest(),
        version=document.created_with,
    )


def _contents(raw: bytes) -> AtlasDocument:
    try:
        plain = json.loads(raw)
        version = plain["schema_version"]
        if isinstance(version, int) and version > _VERSION:
            raise MaskError(
                "the atlas was made by a newer version of marrowsignal",
                code="atlas_newer",
                stage=_STAGE,
                hint="update marrowsignal, or build the atlas again with this version",
            )
        return AtlasDocument.model_validate_json(raw)
    except (ValueError, KeyError, TypeError, ValidationError, RecursionError) as error:
        raise _damaged("its atlas.json is malformed") from error


def _files(atlas: Atlas, beside: Mapping[str, bytes]) -> dict[str, bytes]:
    files = {**beside, **{f"{s.name}.npz": _packed(**_arrays(s)) for s in atlas.subjects}}
    template = atlas.template
    files["template.npz"] = _packed(
        images=template.images.astype(np.float16),
        marrows=template.marrows.astype(np.float16),
        covers=template.covers.astype(np.float16),
    )
    files["trees.json"] = atlas.trees.to_text()
    if atlas.stir_trees is not None:
        files["stir_trees.json"] = atlas.stir_trees.to_text()
    entries = [FileEntry(name=n, sha256=hashlib.sha256(c).hexdigest()) for n, c in files.items()]
    document = AtlasDocument(
        schema_version=_VERSION,
        created_with=atlas.version,
        encloses=atlas.kind.value,
        subjects=tuple(
            SubjectEntry(name=s.name, shape=s.t1.shape, spacing_mm=s.spacing_mm, has_stir=s.stir is not None)
            for s in atlas.subjects
        ),
        directions_lps=tuple(tuple(row) for row in atlas.directions_lps.tolist()),
        label_names=atlas.names,
        template=_template_entry(template),
        leave_one_out=tuple(
            LeftOutEntry(
                name=row.name,
                votes_dice=row.votes_dice,
                dice=row.dice,
                expected_dice=row.expected_dice,
                placed=row.placed,
                label_dice=row.label_dice,
            )
            for row in atlas.left_out
        ),
        settings=atlas.settings,
        files=tuple(entries),
    )
    files[_CONTENTS] = (document.model_dump_json(indent=1) + "\n").encode()
    return files


def _atlas(document: AtlasDocument, files: dict[str, bytes], raw: bytes) -> Atlas:
    return Atlas(
        subjects=tuple(_subject(entry, files[f"{entry.name}.npz"]) for entry in document.subjects),
        directions_lps=np.asarray(document.directions_lps),
        names=document.label_names,
        kind=MaskKind(document.encloses),
        template=_template(document.template, files["template.npz"]),
        trees=Trees.from_text(files["trees.json"]),
        stir_trees=Trees.from_text(files["stir_trees.json"]) if "stir_trees.json" in files else None,
        left_out=tuple(LeftOut(**row.model_dump()) for row in document.leave_one_out),
        settings=document.settings,
        version=document.created_with,
        sha256=hashlib.sha256(raw).hexdigest(),
    )


def _arrays(subject: AtlasSubject) -> dict[str, NDArray[np.uint16]]:
    stir = {} if subject.stir is None else {"stir": subject.stir}
    return {"t1": subject.t1, "labels": subject.labels, **stir}


def _subject(entry: SubjectEntry, content: bytes) -> AtlasSubject:
    with _unpacked(content) as arrays:
        found = {name: np.asarray(arrays[name], np.uint16) for name in arrays.files}
    if any(array.shape != entry.shape for array in found.values()):
        raise ValueError("shape")
    return AtlasSubject(
        name=entry.name,
        t1=found["t1"],
        stir=found["stir"] if entry.has_stir else None,
        labels=found["labels"],
        spacing_mm=entry.spacing_mm,
    )


def _template_entry(template: Template) -> TemplateEntry:
    grid = template.grid
    return TemplateEntry(
        shape=grid.GetSize()[::-1],
        spacing_mm=grid.GetSpacing()[::-1],
        origin_mm=grid.GetOrigin()[::-1],
        near_mm=template.near_mm,
        transverse_axis=template.transverse_axis,
        to_subject=tuple((*t.GetMatrix(), *t.GetTranslation()) for t in template.to_subject),
    )


def _template(entry: TemplateEntry, content: bytes) -> Template:
    with _unpacked(content) as arrays:
        images, marrows, covers = (arrays[name].astype(np.float32) for name in ("images", "marrows", "covers"))
    if any(a.shape != (len(entry.to_subject), *entry.shape) for a in (images, marrows, covers)):
        raise ValueError("shape")
    grid = sitk.Image(entry.shape[::-1], sitk.sitkFloat32)
    grid.SetSpacing(entry.spacing_mm[::-1])
    grid.SetOrigin(entry.origin_mm[::-1])
    return Template(
        grid=grid,
        images=images,
        marrows=marrows,
        covers=covers,
        to_subject=tuple(_affine(numbers) for numbers in entry.to_subject),
        near_mm=entry.near_mm,
        transverse_axis=entry.transverse_axis,
    )


def _affine(numbers: tuple[float, ...]) -> sitk.AffineTransform:
    transform = sitk.AffineTransform(3)
    matrix, translation = numbers[:9], numbers[9:]
    if len(matrix) != 9 or len(translation) != 3:
        raise ValueError("transform")
    transform.SetMatrix(matrix)
    transform.SetTranslation(translation)
    return transform


def _packed(**arrays: NDArray[np.generic]) -> bytes:
    stream = io.BytesIO()
    np.savez_compressed(stream, **arrays)  # type: ignore[arg-type]  # no flag: older numpy would keep it as an array
    return stream.getvalue()


def _unpacked(content: bytes) -> np.lib.npyio.NpzFile:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        if sum(member.file_size for member in archive.infolist()) > _MOST_BYTES:
            raise ValueError("size")
    arrays: np.lib.npyio.NpzFile = np.load(io.BytesIO(content), allow_pickle=False)
    return arrays


def _checked(folder: Path, entry: FileEntry) -> bytes:
    content = _bytes(folder, entry.name, "atlas_damaged", f"the atlas lacks its file {entry.name}")
    if hashlib.sha256(content).hexdigest() != entry.sha256:
        raise _damaged(f"its file {entry.name} was changed")
    return content


def _bytes(folder: Path, name: str, code: str, missing: str) -> bytes:
    try:
        return (folder / name).read_bytes()
    except OSError as error:
        hint = _OTHER if code == "atlas_missing" else _AGAIN
        raise MaskError(missing, code=code, stage=_STAGE, hint=hint) from error


def _damaged(problem: str) -> MaskError:
    return MaskError(f"the atlas is damaged: {problem}", code="atlas_damaged", stage=_STAGE, hint=_AGAIN)
