"""Read our own segmentations again, by other means than those that wrote them, and refuse what differs."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.dataset import Dataset
from scipy.ndimage import find_objects

from marrowsignal.errors import OutputError
from marrowsignal.exports.dicom_objects.records import SegmentedObject, SegmentEntry
from marrowsignal.geometry.volume import VolumeGeometry

__all__ = ["check_segmentation", "object_bytes"]

_STAGE = "write_dicom"
_MOST_OFF_VOXELS = 0.5
_MOST_OFF_FRACTION = 1e-3  # of a volume: decimal strings hold 16 digits, so anything else is no rounding


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Frame:
    """One frame of a segmentation: its segment, its set pixels, and where a pixel lies."""

    segment: int
    pixels: NDArray[np.intp]  # row and column of each, shape (n, 2)
    to_patient: NDArray[np.float64]  # takes (row, column, 1) to LPS mm, shape (3, 3)
    voxel_ml: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Truth:
    """Voxels of a segment in the labels it was made from: in a box, and where that begins."""

    mask: NDArray[np.bool_]
    first: NDArray[np.intp]


def object_bytes(dataset: Dataset) -> bytes:
    """Return a DICOM object as the bytes of its file."""
    stream = io.BytesIO()
    dataset.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def check_segmentation(data: bytes, made: SegmentedObject) -> None:
    """Compare a written segmentation with the labels it was made from.

    Position, orientation and spacing of every frame are taken from the file alone. Volumes must be the same, centroids
    lie within half a voxel of each other in every direction of the grid, and each set pixel fall into its own region.

    Parameters
    ----------
    data : bytes
        The file.
    made : SegmentedObject
        What it should say.

    Raises
    ------
    OutputError
        If a segment is missing, empty, mirrored, displaced or of another size.
    """
    frames = list(_frames(dcmread(io.BytesIO(data))))
    boxes = find_objects(made.labels.array)
    for entry in made.segments:
        own = [frame for frame in frames if frame.segment == entry.number and len(frame.pixels)]
        if not own:
            raise _refused(f"segment {entry.number} is empty in it")
        _check_segment(own, _truth(made, entry, boxes), made.labels.geometry, entry.number)
    if {frame.segment for frame in frames} - {entry.number for entry in made.segments}:
        raise _refused("it holds a segment that nothing was measured in")


def _truth(made: SegmentedObject, entry: SegmentEntry, boxes: Sequence[tuple[slice, ...] | None]) -> _Truth:
    """Voxels of a segment in the labels, in the box around them: volumes are large and segments are not."""
    box = boxes[entry.value - 1] if entry.value <= len(boxes) else None
    if box is None:
        raise _refused(f"segment {entry.number} is empty in the labels")
    return _Truth(mask=made.labels.array[box] == entry.value, first=np.array([part.start for part in box]))


def _check_segment(frames: list[_Frame], truth: _Truth, grid: VolumeGeometry, number: int) -> None:
    written_ml = sum(len(frame.pixels) * frame.voxel_ml for frame in frames)
    true_ml = int(truth.mask.sum()) * grid.voxel_ml
    if abs(written_ml - true_ml) > _MOST_OFF_FRACTION * true_ml:
        raise _refused(f"segment {number} has {written_ml:.3f} mL in it and {true_ml:.3f} mL in the labels")
    middle = np.mean(np.unravel_index(np.flatnonzero(truth.mask), truth.mask.shape), axis=1) + truth.first
    indices = np.concatenate([_indices(frame, grid) for frame in frames])
    off = indices.mean(axis=0) - middle
    if not np.all(np.abs(off) <= _MOST_OFF_VOXELS):
        apart = float(np.linalg.norm(grid.affine_lps[:3, :3] @ off))
        raise _refused(f"the centroid of segment {number} lies {apart:.1f} mm from that of the labels")
    # A mirrored segment may keep its centroid.
    if not _all_inside(indices, truth):
        raise _refused(f"segment {number} covers other voxels than in the labels")


def _indices(frame: _Frame, grid: VolumeGeometry) -> NDArray[np.float64]:
    """Where in the labels' grid the set pixels of a frame lie: fractional (slice, row, column), shape (n, 3)."""
    inverse = np.linalg.inv(grid.affine_lps[:3, :3])
    steps = inverse @ frame.to_patient[:, :2]
    corner = inverse @ (frame.to_patient[:, 2] - grid.affine_lps[:3, 3])
    return np.asarray(frame.pixels @ steps.T + corner)


def _all_inside(indices: NDArray[np.float64], truth: _Truth) -> bool:
    nearest = np.rint(indices).astype(np.intp) - truth.first
    if np.any(nearest < 0) or np.any(nearest >= truth.mask.shape):
        return False
    return bool(truth.mask[tuple(nearest.T)].all())


def _frames(stored: Dataset) -> Iterator[_Frame]:
    shape = (int(stored.NumberOfFrames), int(stored.Rows), int(stored.Columns))
    bits = np.unpackbits(np.frombuffer(stored.PixelData, np.uint8), bitorder="little", count=int(np.prod(shape)))
    masks = bits.view(bool).reshape(shape[0], -1)
    shared = stored.SharedFunctionalGroupsSequence[0]
    for mask, group in zip(masks, stored.PerFrameFunctionalGroupsSequence, strict=True):
        spacing = _group(group, shared, "PixelMeasuresSequence")
        rows_mm, columns_mm = (float(v) for v in spacing.PixelSpacing)
        cosines = np.array(_group(group, shared, "PlaneOrientationSequence").ImageOrientationPatient, float)
        position = np.array(_group(group, shared, "PlanePositionSequence").ImagePositionPatient, float)
        yield _Frame(
            segment=int(_group(group, shared, "SegmentIdentificationSequence").ReferencedSegmentNumber),
            pixels=np.column_stack(np.divmod(np.flatnonzero(mask), shape[2])),
            # The row index grows along the second direction, the column index along the first.
            to_patient=np.column_stack([cosines[3:] * rows_mm, cosines[:3] * columns_mm, position]),
            voxel_ml=rows_mm * columns_mm * float(spacing.SpacingBetweenSlices) / 1000,
        )


def _group(frame: Dataset, shared: Dataset, keyword: str) -> Dataset:
    item: Dataset = (frame.get(keyword) or shared[keyword].value)[0]
    return item


def _refused(problem: str) -> OutputError:
    return OutputError(
        f"a DICOM object does not say what was measured: {problem}",
        code="dicom_object_differs",
        stage=_STAGE,
        hint="it was not written; the label maps among the images hold the same",
    )
