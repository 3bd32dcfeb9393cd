"""Labelled lesions from the rows of a manifest, by the pipeline's own steps."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from marrowsignal.alignment import AlignedPair, align_pair
from marrowsignal.dicom import SeriesPair, find_series, read_volume, select_pair
from marrowsignal.errors import MarrowSignalError, MaskError, NoUsablePairError
from marrowsignal.geometry.label_files import read_labels
from marrowsignal.geometry.label_grid import labels_on_grid
from marrowsignal.geometry.volume import VolumeGeometry
from marrowsignal.intensity import References, correct_bias, find_references, mark_metal
from marrowsignal.learned_lesions.records import LabelledLesions
from marrowsignal.learned_lesions.view import LesionView, view_lesions
from marrowsignal.marrow import MarrowMask, segment_marrow
from marrowsignal.marrow.atlas.manifest import ManifestRow
from marrowsignal.marrow.hint import bone_hint
from marrowsignal.marrow.records import MaskKind, Segmentation
from marrowsignal.marrow.supplied import read_supplied
from marrowsignal.protocol.schema import Protocol
from marrowsignal.regions import RegionMap, label_regions

__all__ = ["PreparedStudy", "prepare_study", "subject_of"]

_STAGE = "build_atlas"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PreparedStudy:
    """A labelled study as the pipeline's steps leave it before signals are measured.

    Attributes
    ----------
    pair, marrow, regions, references
        Products of the steps, the marrow being the expert's.
    reads : ndarray of bool, shape (read, slice, row, column)
        Lesions on the T1 grid.
    subject : LabelledLesions
        The same as the model sees it.
    """

    pair: AlignedPair
    marrow: MarrowMask
    regions: RegionMap
    references: References
    reads: NDArray[np.bool_]
    subject: LabelledLesions


def prepare_study(row: ManifestRow, *, kind: MaskKind, protocol: Protocol) -> PreparedStudy:
    """Read one row of a manifest that has lesions, and take it as far as the model looks.

    Parameters
    ----------
    row : ManifestRow
        With one label map of lesions or several; STIR lies in its own folder or beside T1.
    kind : MaskKind
        Whether the marrow labels enclose marrow or whole bones.
    protocol : Protocol
        Settings of all steps.

    Raises
    ------
    MaskError
        If the row cannot be used; it says which and why.
    """
    try:
        return _prepared(row, kind, protocol)
    except MarrowSignalError as error:
        raise MaskError(
            f"row {row.number} of the manifest: {error.message}",
            code=error.code,
            stage=_STAGE,
            hint=error.hint or "correct the row, or leave its lesions out",
        ) from error


def _prepared(row: ManifestRow, kind: MaskKind, protocol: Protocol) -> PreparedStudy:
    pair, segmentation = _corrected(_series(row), row, kind, protocol)
    reads = np.stack([_read(path, pair.t1.geometry) for path in row.lesions])
    marrow = segment_marrow(pair, protocol=protocol, supplied=segmentation)
    regions = label_regions(pair, marrow, protocol=protocol, hint=bone_hint(pair, marrow, protocol=protocol))
    references = find_references(pair, marrow.labels, marrow.core_mask, protocol=protocol)
    view = view_lesions(pair, marrow, regions, references, protocol=protocol, settings=protocol.lesion_model)
    if view is None or not view.looked_at.any():
        reason = pair.no_lesions or "nothing in its marrow stands out on STIR"
        raise MaskError(f"lesions cannot be looked for in it: {reason}", code="lesions_no_level", stage=_STAGE)
    return PreparedStudy(
        pair=pair,
        marrow=marrow,
        regions=regions,
        references=references,
        reads=reads,
        subject=subject_of(f"atlas_{row.number}", view, reads, voxel_ml=pair.t1.geometry.voxel_ml),
    )


def subject_of(name: str, view: LesionView, reads: NDArray[np.bool_], *, voxel_ml: float) -> LabelledLesions:
    """Cut reads, shape (read, slice, row, column), to what is looked at."""
    return LabelledLesions(
        name=name,
        view=view,
        reads=np.stack([read[view.box][view.looked_at] for read in reads]),
        read_voxels=tuple(int(read.sum()) for read in reads),
        voxel_ml=voxel_ml,
    )


def _series(row: ManifestRow) -> SeriesPair:
    for path, what in ((row.t1, "T1 folder"), (row.stir, "STIR folder"), *((p, "lesion map") for p in row.lesions)):
        if path is not None and not path.exists():
            raise MaskError(f"its {what} is not there", code="atlas_row_missing", stage=_STAGE)
    sources = [row.t1] if row.stir is None else [row.t1, row.stir]
    try:
        return select_pair(find_series(sources), across_studies=row.stir is not None)
    except NoUsablePairError as error:
        raise MaskError(
            ": ".join((f"lesions need a STIR: {error.message}", *error.series_reasons)),
            code="lesions_no_stir",
            stage=_STAGE,
            hint="name the STIR folder in the column stir, or the study's folder, with both, in t1",
        ) from error


def _corrected(
    series: SeriesPair, row: ManifestRow, kind: MaskKind, protocol: Protocol
) -> tuple[AlignedPair, Segmentation]:
    t1 = read_volume(series.t1)
    stir = None if series.stir is None else read_volume(series.stir)
    specs = (*protocol.regions, *protocol.other_bones)
    labels = read_supplied(row.marrow, t1.geometry, kind=kind, table=row.labels, specs=specs)
    pair = align_pair(
        t1,
        stir,
        same_frame_of_reference=series.same_frame_of_reference,
        settings=protocol.alignment,
        focus=labels.labels,
        shading=protocol.bias,
    )
    return correct_bias(mark_metal(pair, protocol=protocol), settings=protocol.bias), labels


def _read(path: Path, grid: VolumeGeometry) -> NDArray[np.bool_]:
    """Voxels of the T1 grid that one read marked; a read may mark nothing."""
    try:
        labels = read_labels(path)
    except MaskError as error:
        if error.code == "mask_empty":
            return np.zeros(grid.shape, bool)
        raise MaskError(
            error.message.replace("the marrow map", "its lesion map"), code=error.code, stage=_STAGE, hint=error.hint
        ) from error
    found = labels_on_grid(labels, grid).mask
    if not found.any():
        raise MaskError(
            "no voxel of its lesion map lies inside the T1 series",
            code="mask_outside",
            stage=_STAGE,
            hint="check that the map belongs to this study and is in patient space",
        )
    return found
