"""Images and label maps for viewers, in patient space, with their label tables."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from marrowsignal.exports.images.label_tables import LabelRow, label_tables
from marrowsignal.geometry.itk_bridge import write_nifti
from marrowsignal.geometry.volume import SignalVolume
from marrowsignal.results.study_result import StudyResult
from marrowsignal.signals.records import Lesion

__all__ = ["write_images"]


def write_images(result: StudyResult, folder: Path) -> None:
    """Write ``t1``, ``stir_on_t1``, ``fat_signal_index`` and the label maps of marrow, its regions and what is found.

    All are ``.nii.gz``; the label maps are ``marrow``, ``regions``, ``parts``, ``lesions``, ``dark_foci`` and get the
    tables of `label_tables` beside them. What was not measured has no file: no ``stir_on_t1`` without a STIR series, no
    ``parts`` where no bone was divided, no ``lesions`` or ``dark_foci`` where none were looked for, no
    ``fat_signal_index`` without reference tissues.

    Parameters
    ----------
    result : StudyResult
        One analyzed study; T1 and STIR are written bias-corrected, STIR on the T1 grid.
    folder : Path
        An existing folder.
    """
    write_nifti(folder / "t1.nii.gz", result.pair.t1)
    if result.pair.stir is not None:
        write_nifti(folder / "stir_on_t1.nii.gz", result.pair.stir)
    index = result.signals.fat_signal_index
    if index is not None:
        t1 = result.pair.t1
        volume = SignalVolume(array=index, geometry=t1.geometry, acquisition=t1.acquisition)
        write_nifti(folder / "fat_signal_index.nii.gz", volume)
    for name, labels, rows in (
        ("marrow", result.marrow.labels, _marrow_rows(result)),
        ("regions", result.regions.labels, _region_rows(result)),
        ("parts", result.regions.part_labels, _part_rows(result)),
        ("lesions", result.signals.lesion_labels, _found_rows(result.signals.lesions, "lesion")),
        ("dark_foci", result.signals.dark_labels, _found_rows(result.signals.dark_foci, "dark focus")),
    ):
        if labels is None:
            continue
        write_nifti(folder / f"{name}.nii.gz", labels)
        for ending, text in label_tables(rows):
            (folder / f"{name}{ending}").write_bytes(text.encode("utf-8"))


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
