"""Images and label maps for viewers, in patient space, with their label tables."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from marrowsignal.exports.images.label_tables import LabelRow, label_tables
from marrowsignal.exports.images.nifti_files import write_nifti_files
from marrowsignal.geometry.volume import LabelVolume, SignalVolume
from marrowsignal.results.study_result import StudyResult
from marrowsignal.signals.records import Lesion

__all__ = ["CaseImage", "case_images", "write_images"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CaseImage:
    """One image of a case.

    Attributes
    ----------
    key : str
        ``"t1"``, ``"stir_on_t1"``, ``"fat_signal_index"``, ``"marrow"``, ``"regions"``, ``"parts"``, ``"lesions"`` or
        ``"dark_foci"``.
    volume : SignalVolume or LabelVolume
        On the T1 grid.
    rows : tuple of LabelRow
        What the values of a label map mean.
    """

    key: str
    volume: SignalVolume | LabelVolume
    rows: tuple[LabelRow, ...] = ()


def write_images(result: StudyResult, folder: Path) -> None:
    """Write the images of a case as ``.nii.gz``, and beside each label map the tables of `label_tables`.

    Parameters
    ----------
    result : StudyResult
        One analyzed study; T1 and STIR are written bias-corrected, STIR on the T1 grid.
    folder : Path
        An existing folder.
    """
    images = case_images(result)
    write_nifti_files([(folder / f"{image.key}.nii.gz", image.volume) for image in images])
    for image in images:
        if isinstance(image.volume, LabelVolume):
            for ending, text in label_tables(image.rows):
                (folder / f"{image.key}{ending}").write_bytes(text.encode("utf-8"))


def case_images(result: StudyResult) -> tuple[CaseImage, ...]:
    """Return the images of a case, signals first.

    What was not measured has none: no ``stir_on_t1`` without a STIR series, no ``parts`` where no bone was divided, no
    ``lesions`` or ``dark_foci`` where none were looked for, no ``fat_signal_index`` without reference tissues.
    """
    t1, stir, index = result.pair.t1, result.pair.stir, result.signals.fat_signal_index
    signals = [
        CaseImage(key=key, volume=volume) for key, volume in (("t1", t1), ("stir_on_t1", stir)) if volume is not None
    ]
    if index is not None:
        volume = SignalVolume(array=index, geometry=t1.geometry, acquisition=t1.acquisition)
        signals.append(CaseImage(key="fat_signal_index", volume=volume))
    maps = (
        ("marrow", result.marrow.labels, _marrow_rows(result)),
        ("regions", result.regions.labels, _region_rows(result)),
        ("parts", result.regions.part_labels, _part_rows(result)),
        ("lesions", result.signals.lesion_labels, _found_rows(result.signals.lesions, "lesion")),
        ("dark_foci", result.signals.dark_labels, _found_rows(result.signals.dark_foci, "dark focus")),
    )
    labels = (CaseImage(key=key, volume=volume, rows=rows) for key, volume, rows in maps if volume is not None)
    return (*signals, *labels)


def _marrow_rows(result: StudyResult) -> tuple[LabelRow, ...]:
    names = result.marrow.labels.names or ((1, "marrow"),)
    return tuple(LabelRow(index=value, name=name, key="marrow", side="none") for value, name in names)


def _region_rows(result: StudyResult) -> tuple[LabelRow, ...]:
    return tuple(
        LabelRow(
            index=region.label,
            name=region.name,
            key=region.key,
            side=region.side.value,
            code=region.code or "",
            volume_ml=region.volume_ml,
        )
        for region in result.regions.regions
    )


def _part_rows(result: StudyResult) -> tuple[LabelRow, ...]:
    """Cells of the part map; key, side and code are those of the smallest part that holds the cell."""
    cells = result.regions.part_labels
    if cells is None:
        return ()
    largest_first = sorted(result.regions.parts, key=lambda part: len(part.cells), reverse=True)
    smallest = {cell: part for part in largest_first for cell in part.cells}
    voxels = np.bincount(cells.array.ravel(), minlength=max((value for value, _ in cells.names), default=0) + 1)
    return tuple(
        LabelRow(
            index=value,
            name=name,
            key=smallest[value].key,
            side=smallest[value].side.value,
            code=smallest[value].code or "",
            volume_ml=float(voxels[value]) * cells.geometry.voxel_ml,
        )
        for value, name in cells.names
    )


def _found_rows(found: tuple[Lesion, ...] | None, word: str) -> tuple[LabelRow, ...]:
    return tuple(
        LabelRow(
            index=lesion.label,
            name=f"{word} {lesion.label}, {lesion.region_name}",
            key=lesion.region_key,
            side=lesion.side.value,
            volume_ml=lesion.volume_ml,
        )
        for lesion in found or ()
    )
