"""Stored values of one frame: from the file's bytes, or decoded where they are compressed."""

from __future__ import annotations

import dataclasses
import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate, get_frame
from pydicom.uid import UID, MRImageStorage, MultiFrameGrayscaleWordSecondaryCaptureImageStorage

from marrowsignal.dicom.headers.header_scan import DEFLATED, inflated
from marrowsignal.dicom.headers.header_values import UNREADABLE
from marrowsignal.dicom.headers.pixel_layout import DECODED_BY_GDCM, PixelLayout, SliceSource
from marrowsignal.dicom.pixels.codestream import codestream_size

__all__ = ["FrameReader"]

_BIG_ENDIAN = "1.2.840.10008.1.2.2"
_ENCAPSULATED_UNCOMPRESSED = "1.2.840.10008.1.2.1.98"


class FrameReader:
    """Reads frames one after another; keeps the last file open and one temporary folder for the decoder.

    Use as a context manager.
    """

    def __init__(self) -> None:
        self._path: Path | None = None
        self._stream: BinaryIO | None = None
        self._inflated: bytes = b""
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def __enter__(self) -> FrameReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()
        if self._folder is not None:
            self._folder.cleanup()

    def stored_values(self, source: SliceSource) -> NDArray[np.integer]:
        """Return the stored values of a frame.

        Parameters
        ----------
        source : SliceSource
            A frame without `pixel_problem`.

        Returns
        -------
        ndarray of integers, shape (row, column)
            Bits above BitsStored are cut off (older files keep overlays there) and signs extended.

        Raises
        ------
        Exception
            Any of `marrowsignal.dicom.headers.header_values.UNREADABLE` when the pixels are damaged.
        """
        layout = source.layout
        if not layout.native:
            return self._decoded(source)
        if layout.transfer_syntax == DEFLATED:
            return stored_bits(self._from_inflated(source), layout)
        stream = self._open(source)
        stream.seek(layout.offset + source.frame * layout.frame_bytes)
        return stored_bits(stream.read(layout.frame_bytes), layout)

    def several(self, sources: Sequence[SliceSource]) -> Iterator[NDArray[np.integer]]:
        """Give the stored values of one frame after the other; those for GDCM are decoded together where that works.

        Raises
        ------
        Exception
            As `stored_values`, when the guilty frame's turn has come.
        """
        together = self._together(sources)
        for index, source in enumerate(sources):
            yield self.stored_values(source) if together is None else together[index]

    def _together(self, sources: Sequence[SliceSource]) -> NDArray[np.integer] | None:
        layout = sources[0].layout
        if layout.transfer_syntax not in DECODED_BY_GDCM or len({_alike(source.layout) for source in sources}) > 1:
            return None
        try:
            return self._by_gdcm([self._codestream(source) for source in sources], layout)
        except UNREADABLE:
            return None

    def _open(self, source: SliceSource) -> BinaryIO:
        path, layout = source.path, source.layout
        if self._stream is None or self._path != path:
            self._close()
            self._stream, self._path = path.open("rb"), path
            if os.fstat(self._stream.fileno()).st_size != layout.offset + layout.bytes_left:
                raise ValueError("the file is not the one that was found")
        return self._stream

    def _close(self) -> None:
        if self._stream is not None:
            self._stream.close()
        self._stream, self._path, self._inflated = None, None, b""

    def _from_inflated(self, source: SliceSource) -> bytes:
        if self._path != source.path or not self._inflated:
            self._close()
            self._path, self._inflated = source.path, inflated(source.path)
        start = source.layout.offset + source.frame * source.layout.frame_bytes
        return self._inflated[start : start + source.layout.frame_bytes]

    def _decoded(self, source: SliceSource) -> NDArray[np.integer]:
        layout = source.layout
        frame = self._codestream(source)
        if layout.transfer_syntax == _ENCAPSULATED_UNCOMPRESSED:
            return stored_bits(frame[: layout.frame_bytes], layout)
        if layout.transfer_syntax in DECODED_BY_GDCM:
            return np.asarray(self._by_gdcm([frame], layout)[0])
        # RLE packs the cells as they would lie in the file: their bits are cut as there.
        whole = dataclasses.replace(layout, bits_stored=layout.bits_allocated, signed=False)
        cells = _encapsulated([frame], whole).pixel_array
        return stored_bits(cells.astype(cells.dtype.newbyteorder("<"), copy=False).tobytes(), layout)

    def _codestream(self, source: SliceSource) -> bytes:
        layout = source.layout
        stream = self._open(source)
        stream.seek(layout.offset)
        frame = get_frame(stream, source.frame, number_of_frames=layout.frames)
        size = codestream_size(frame) if layout.transfer_syntax in DECODED_BY_GDCM else None
        if size is not None and size != (layout.rows, layout.columns):
            raise ValueError("the compressed image has another size than the header says")
        return frame

    def _by_gdcm(self, frames: list[bytes], layout: PixelLayout) -> NDArray[np.integer]:
        # SimpleITK takes 0.2 s to import; most studies need no decoder.
        from marrowsignal.geometry.itk_bridge import decode_dicom_frames  # noqa: PLC0415

        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="marrowsignal-")
        path = Path(self._folder.name, "frames.dcm")
        _encapsulated(frames, layout).save_as(path, enforce_file_format=True)
        values = decode_dicom_frames(path)
        if values.shape != (len(frames), layout.rows, layout.columns):
            raise ValueError("the compressed image has another size than the header says")
        return values


def _alike(layout: PixelLayout) -> tuple[object, ...]:
    """Return what must be the same for frames to be decoded together."""
    bits = layout.bits_allocated, layout.bits_stored, layout.signed
    return layout.transfer_syntax, layout.rows, layout.columns, *bits


def stored_bits(data: bytes, layout: PixelLayout) -> NDArray[np.integer]:
    """Return whole numbers from the BitsStored bits below HighBit of each pixel.

    Parameters
    ----------
    data : bytes
        One frame, `layout.frame_bytes` long.
    layout : PixelLayout
        Bits, sign, byte order and matrix.

    Raises
    ------
    ValueError
        If `data` is too short.
    """
    order = ">" if layout.transfer_syntax == _BIG_ENDIAN else "<"
    kind = "i" if layout.signed else "u"
    cells = np.frombuffer(data, dtype=f"{order}{kind}{layout.bits_allocated // 8}")
    cells = cells.reshape(layout.rows, layout.columns).astype(cells.dtype.newbyteorder("="), copy=False)
    above = layout.bits_allocated - 1 - layout.high_bit
    if not layout.signed and layout.high_bit == layout.bits_stored - 1:
        return np.asarray(cells & (2**layout.bits_stored - 1), dtype=cells.dtype)
    if above or layout.bits_stored < layout.bits_allocated:
        # The shift up drops what lies above HighBit, the shift down extends the sign.
        cells = (cells << above) >> (layout.bits_allocated - layout.bits_stored)
    return cells


def _encapsulated(frames: list[bytes], layout: PixelLayout) -> Dataset:
    """Return compressed frames as the simplest object a decoder takes, without any rescale."""
    dataset = Dataset()
    several = len(frames) > 1
    dataset.SOPClassUID = MultiFrameGrayscaleWordSecondaryCaptureImageStorage if several else MRImageStorage
    dataset.SOPInstanceUID = "2.25.1"
    if several:
        dataset.NumberOfFrames = len(frames)
    dataset.Rows, dataset.Columns, dataset.SamplesPerPixel = layout.rows, layout.columns, 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored = layout.bits_allocated, layout.bits_stored
    dataset.HighBit, dataset.PixelRepresentation = layout.bits_stored - 1, int(layout.signed)
    dataset.PixelData = encapsulate(frames)
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = UID(layout.transfer_syntax)
    return dataset
