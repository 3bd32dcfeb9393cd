"""A synthetic result whose T1 and STIR lie on disk as a scanner writes them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from pydicom import dcmread
from pydicom.config import disable_value_validation
from pydicom.dataset import Dataset

from marrowsignal.dicom import find_series
from marrowsignal.dicom.records import Series, SeriesIdentity, SeriesPair
from marrowsignal.geometry.volume import LabelVolume, VolumeGeometry
from marrowsignal.phantom.dicom_files import SeriesKind, VendorName, write_series
from marrowsignal.regions.records import Region, RegionMap, Side
from marrowsignal.results.study_result import StudyResult
from tests.phantom.dicom_kinds import STIR, header_of
from tests.report.study_builder import build_result, coronal_geometry

Edit = Callable[[Dataset], None]


def stored_result(
    folder: Path, *, vendor: VendorName = "siemens", enhanced: bool = False, edit: Edit | None = None
) -> StudyResult:
    """Write the series of `build_result` below `folder`, each file changed by `edit`, and find them again."""
    grid = coronal_geometry()
    write_pair(folder, grid, vendor=vendor, enhanced=enhanced)
    for path in sorted(folder.rglob("*.dcm")) if edit else ():
        change_file(path, edit)
    return result_on(found_pair(folder))


def write_pair(folder: Path, grid: VolumeGeometry, *, vendor: VendorName = "siemens", enhanced: bool = False) -> None:
    """Write a T1 and a STIR series on one grid, each in a folder of its own."""
    signal = np.full(grid.shape, 100.0)
    options = {"enhanced": enhanced, "by_the_standard": True}
    t1 = header_of(vendor, series_number=3, **options)
    stir = header_of(vendor, series_number=4, kind=SeriesKind.STIR, sequence=STIR, **options)
    write_series(signal, grid, header=t1, folder=folder / "t1")
    write_series(signal, grid, header=stir, folder=folder / "stir")


def change_file(path: Path, edit: Edit) -> None:
    """Change one file as no writer that keeps to the standard would let us."""
    with disable_value_validation():
        dataset = dcmread(path)
        edit(dataset)
        dataset.save_as(path)


def found_pair(folder: Path) -> SeriesPair:
    """Find the two series as an analysis does."""
    series = {one.identity: one for one in find_series(folder).series}
    return SeriesPair(t1=series[SeriesIdentity.T1], stir=series[SeriesIdentity.STIR], reasons=())


def result_on(pair: SeriesPair) -> StudyResult:
    """Put the synthetic regions and lesions on the grid of the stored T1; the left ilium has two overlapping parts."""
    result = build_result(series=pair)
    labels, lesions = (_on(pair.t1, map_) for map_ in (result.regions.labels, result.signals.lesion_labels))
    return replace(
        result,
        marrow=replace(result.marrow, labels=_on(pair.t1, result.marrow.labels)),
        regions=_with_parts(replace(result.regions, labels=labels)),
        signals=replace(result.signals, lesion_labels=lesions),
    )


def _on(series: Series, labels: LabelVolume) -> LabelVolume:
    """Order the slices of a label map as the reader orders those of the series."""
    grid = series.geometry
    assert grid is not None
    backwards = grid.difference(labels.geometry).max_corner_mm > 1
    array = labels.array[::-1] if backwards else labels.array
    assert np.allclose(grid.origin_lps_mm, labels.geometry.to_patient([len(array) - 1 if backwards else 0, 0, 0]))
    return LabelVolume(array=array, geometry=grid, names=labels.names)


def _with_parts(regions: RegionMap) -> RegionMap:
    bone = regions.regions[0]
    inside = regions.labels.array == bone.label
    upper = np.zeros_like(inside)
    upper[:, : int(np.argwhere(inside)[:, 1].mean())] = True
    cells = np.where(inside & upper, 1, np.where(inside, 2, 0)).astype(np.uint16)
    parts = tuple(
        Region(
            label=number,
            key=key,
            name=f"{key}, left",
            side=Side.LEFT,
            code=None,
            voxels=int(np.isin(cells, values).sum()),
            volume_ml=1.0,
            parent=bone.key,
            cells=values,
        )
        for number, (key, values) in enumerate((("wing", (1, 2)), ("crest", (1,))), start=1)
    )
    return replace(regions, parts=parts, part_labels=LabelVolume(array=cells, geometry=regions.labels.geometry))
