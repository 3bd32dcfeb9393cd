"""What a finished case keeps so that a corrected mask needs nothing before it done again.

``state/aligned_pair.npz`` holds the aligned, corrected pair without its two images, which lie beside it in
the folder of images and are bound to it by their hashes. No pickle, no UID, no date, nothing of the patient.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError

from marrowsignal import __version__
from marrowsignal.alignment.records import AlignedPair, AlignmentQuality, BiasModel, PieceMotion
from marrowsignal.dicom.privacy.case_name import input_sha256
from marrowsignal.dicom.records import SeriesPair
from marrowsignal.errors import GeometryError
from marrowsignal.exports.layout import Layout
from marrowsignal.exports.packed_arrays import packed_field, packed_mask, unpacked_field, unpacked_mask
from marrowsignal.findings import Finding, Severity
from marrowsignal.geometry.itk_bridge import read_image
from marrowsignal.geometry.volume import LabelVolume, SignalVolume, VolumeGeometry
from marrowsignal.marrow.records import MarrowSource, ToolMask
from marrowsignal.protocol.loader import protocol_sha256
from marrowsignal.protocol.schema import Protocol
from marrowsignal.results.provenance import library_versions
from marrowsignal.results.study_result import StudyResult

__all__ = ["FinishedCase", "read_finished_case", "write_aligned_state"]

_FORMAT = 1
_FOLDER, _FILE = "state", "aligned_pair.npz"
_T1_IMAGE, _STIR_IMAGE = "t1", "stir_on_t1"
_MOST_BYTES = 1 << 28
_UNREADABLE = (OSError, EOFError, LookupError, TypeError, ValueError, RuntimeError, ValidationError, GeometryError)
_DAMAGED = (zipfile.BadZipFile, zlib.error, MemoryError)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FinishedCase:
    """What an earlier analysis of the same study has done already.

    Attributes
    ----------
    pair : AlignedPair
        Aligned, bias-corrected, metal marked; equal bit by bit to the one that was measured.
    own_mask : ToolMask or None
        The mask the program made, before any correction; None where the mask was a person's from the start.
    """

    pair: AlignedPair
    own_mask: ToolMask | None


def write_aligned_state(result: StudyResult, folder: Path) -> None:
    """Write ``state/aligned_pair.npz`` into a case folder whose images are written.

    Parameters
    ----------
    result : StudyResult
        One analyzed study.
    folder : Path
        Its case folder.
    """
    pair = result.pair
    own = _own_mask(result)
    header = {
        "format": _FORMAT,
        "made_from": {
            "version": result.provenance.version,
            "libraries": [list(one) for one in result.provenance.libraries],
            "protocol_sha256": result.provenance.protocol_sha256,
            "input_sha256": result.provenance.input_sha256,
            "roles_sha256": _roles_sha256(result.series),
        },
        "t1_sha256": _array_sha256(pair.t1.array),
        "stir_sha256": None if pair.stir is None else _array_sha256(pair.stir.array),
        "shape": pair.t1.geometry.shape,
        "quality": None if pair.quality is None else asdict(pair.quality),
        "findings": [asdict(finding) for finding in pair.findings],
        "pieces": [(piece.centre_lps_mm, piece.beyond_rigid_mm, piece.voxels, piece.reach_mm) for piece in pair.pieces],
        "own_mask": None if own is None else {"names": own.labels.names, "source": own.source, "made_by": own.made_by},
    }
    arrays: dict[str, NDArray[np.generic]] = {
        "header": np.frombuffer(json.dumps(header, sort_keys=True, default=_plain).encode(), np.uint8),
        "affine_lps": pair.t1.geometry.affine_lps,
        "covered": packed_mask(pair.covered_mask),
        "body": packed_mask(pair.body_mask),
        "pieces_lps": np.array([piece.t1_to_stir_lps for piece in pair.pieces], np.float64).reshape(-1, 4, 4),
    }
    if pair.t1_to_stir_lps is not None:
        arrays["t1_to_stir_lps"] = pair.t1_to_stir_lps
    if pair.metal_mask is not None:
        arrays["metal"] = packed_mask(pair.metal_mask)
    if pair.bias is not None:
        arrays["t1_field"] = packed_field(pair.bias.t1_field)
        if pair.bias.stir_field is not None:
            arrays["stir_field"] = packed_field(pair.bias.stir_field)
    if own is not None:
        arrays["own_mask"] = own.labels.array
    target = folder / _FOLDER
    target.mkdir()
    _save(target / _FILE, arrays)


def _save(file: Path, arrays: Mapping[str, NDArray[np.generic]]) -> None:
    # numpy's own writer packs at level 6, which takes twice as long and makes no smaller file of these.
    with zipfile.ZipFile(file, "w") as archive:
        for name, array in arrays.items():
            stream = io.BytesIO()
            np.lib.format.write_array(stream, array, allow_pickle=False)
            entry = zipfile.ZipInfo(f"{name}.npy")  # dated 1980, so that the same arrays give the same bytes
            archive.writestr(entry, stream.getbuffer(), compress_type=zipfile.ZIP_DEFLATED, compresslevel=1)


def read_finished_case(
    folder: Path, series: SeriesPair, *, protocol: Protocol, layout: Layout = Layout.CASE
) -> FinishedCase | Finding | None:
    """Read back what an earlier analysis of the same pair by the same protocol has done.

    Parameters
    ----------
    folder : Path
        Case folder of that analysis.
    series : SeriesPair
        The pair to be analyzed now.
    protocol : Protocol
        The protocol to be used now.
    layout : Layout
        How its files are named.

    Returns
    -------
    FinishedCase, Finding or None
        A finding that says why it must be done anew; None where there is no such case, or it kept no state.

    Raises
    ------
    DicomError
        If a file of the series can no longer be read.
    """
    path = folder / _FOLDER / _FILE
    if not path.is_file():
        return None
    try:
        arrays = _loaded(path)
        header = json.loads(arrays["header"].tobytes())
        differs = _difference(header, series, protocol)
        return _anew(differs) if differs else _case_of(header, arrays, series, images=partial(_image, folder, layout))
    except (*_UNREADABLE, *_DAMAGED):
        return _anew("its state cannot be read")


def _loaded(path: Path) -> dict[str, NDArray[np.generic]]:
    content = path.read_bytes()
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        if sum(entry.file_size for entry in archive.infolist()) > _MOST_BYTES:
            raise ValueError
    with np.load(io.BytesIO(content), allow_pickle=False) as stored:
        return {key: stored[key] for key in stored.files}


def _difference(header: Mapping[str, object], series: SeriesPair, protocol: Protocol) -> str:
    """In words, what the finished case was made from or with that is not so now."""
    now = {
        "version": __version__,
        "libraries": [list(one) for one in library_versions()],
        "protocol_sha256": protocol_sha256(protocol),
        "input_sha256": input_sha256((*series.t1.files, *(series.stir.files if series.stir else ()))),
        "roles_sha256": _roles_sha256(series),
    }
    words = {
        "version": "another version of marrowsignal wrote it",
        "libraries": "other versions of the libraries wrote it",
        "protocol_sha256": "another protocol was used",
        "input_sha256": "it was made from other files",
        "roles_sha256": "it was made from another pair of series",
    }
    then = header["made_from"] if header["format"] == _FORMAT else None
    if not isinstance(then, dict):
        return words["version"]
    return next((text for key, text in words.items() if then.get(key) != now[key]), "")


def _roles_sha256(series: SeriesPair) -> str:
    """Hash of how each series was acquired, by which T1 and STIR of the same files are told apart."""
    facts = (series.t1.acquisition, None if series.stir is None else series.stir.acquisition)
    return hashlib.sha256(repr(facts).encode()).hexdigest()


def _image(folder: Path, layout: Layout, key: str) -> Path:
    return folder / layout.image_folder / f"{layout.image_name(folder.name, key)}.nii.gz"


def _case_of(
    header: Mapping[str, object],
    arrays: Mapping[str, NDArray[np.generic]],
    series: SeriesPair,
    *,
    images: Callable[[str], Path],
) -> FinishedCase | Finding:
    shape = TypeAdapter(tuple[int, int, int]).validate_python(header["shape"])
    grid = VolumeGeometry(affine_lps=np.asarray(arrays["affine_lps"], np.float64), shape=shape)
    volumes = []
    for name, key, one in ((_T1_IMAGE, "t1_sha256", series.t1), (_STIR_IMAGE, "stir_sha256", series.stir)):
        if one is None or header[key] is None:
            continue
        array, _ = read_image(images(name))
        if _array_sha256(array) != header[key]:
            return _anew("its images have been changed")
        volumes.append(SignalVolume(array=np.asarray(array, np.float32), geometry=grid, acquisition=one.acquisition))
    quality = header["quality"]
    pair = AlignedPair(
        t1=volumes[0],
        stir=volumes[1] if len(volumes) > 1 else None,
        covered_mask=unpacked_mask(arrays["covered"], shape),
        body_mask=unpacked_mask(arrays["body"], shape),
        t1_to_stir_lps=np.asarray(arrays["t1_to_stir_lps"], np.float64) if "t1_to_stir_lps" in arrays else None,
        quality=None if quality is None else TypeAdapter(AlignmentQuality).validate_python(quality),
        pieces=_pieces(header, arrays),
        bias=_bias(arrays, shape),
        metal_mask=unpacked_mask(arrays["metal"], shape) if "metal" in arrays else None,
        findings=TypeAdapter(tuple[Finding, ...]).validate_python(header["findings"]),
    )
    return FinishedCase(pair=pair, own_mask=_kept_mask(header, arrays, grid))


def _pieces(header: Mapping[str, object], arrays: Mapping[str, NDArray[np.generic]]) -> tuple[PieceMotion, ...]:
    kept = TypeAdapter(list[tuple[tuple[float, float, float], float, int, float]]).validate_python(header["pieces"])
    matrices = np.asarray(arrays["pieces_lps"], np.float64)
    return tuple(
        PieceMotion(centre_lps_mm=centre, t1_to_stir_lps=matrix, beyond_rigid_mm=beyond, voxels=voxels, reach_mm=reach)
        for (centre, beyond, voxels, reach), matrix in zip(kept, matrices, strict=True)
    )


def _bias(arrays: Mapping[str, NDArray[np.generic]], shape: tuple[int, int, int]) -> BiasModel | None:
    if "t1_field" not in arrays:
        return None
    stir = unpacked_field(arrays["stir_field"], shape) if "stir_field" in arrays else None
    return BiasModel(t1_field=unpacked_field(arrays["t1_field"], shape), stir_field=stir)


def _own_mask(result: StudyResult) -> ToolMask | None:
    mask = result.marrow
    if mask.edit is not None:
        return mask.edit.edited_from
    if mask.source is MarrowSource.SUPPLIED:
        return None
    return ToolMask(labels=mask.labels, source=mask.source, made_by=mask.made_by)


def _kept_mask(
    header: Mapping[str, object], arrays: Mapping[str, NDArray[np.generic]], grid: VolumeGeometry
) -> ToolMask | None:
    told = header["own_mask"]
    if not isinstance(told, dict):
        return None
    names = TypeAdapter(tuple[tuple[int, str], ...]).validate_python(told["names"])
    labels = LabelVolume(array=np.asarray(arrays["own_mask"], np.uint16), geometry=grid, names=names)
    return ToolMask(labels=labels, source=MarrowSource(told["source"]), made_by=str(told["made_by"]))


def _anew(why: str) -> Finding:
    text = f"The finished case of this name could not be built upon, as {why}: everything was computed anew."
    return Finding(code="finished_case_not_used", stage="align_pair", severity=Severity.INFO, message=text)


def _array_sha256(array: NDArray[np.generic]) -> str:
    return hashlib.sha256(np.ascontiguousarray(array, np.float32).data).hexdigest()


def _plain(value: object) -> object:
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError
