"""Stored values of one frame: from the file's bytes, or decoded where they are compressed."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate, get_frame
from pydicom.uid import UID, MRImageStorage, RLELossless

from marrowsignal.dicom.codestream import codestream_size
from marrowsignal.dicom.header_scan import DEFLATED, inflated
from marrowsignal.dicom.pixel_layout import PixelLayout, SliceSource

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

    def stored_values(self, source: SliceSource) -> NDArray[np.int32]:
        """Return the stored values of a frame.

        Parameters
        ----------
        source : SliceSource
            A frame without `pixel_problem`.

        Returns
        -------
        ndarray of int32, shape (row, column)
            Bits above BitsStored are cut off (older files keep overlays there) and signs extended.

        Raises
        ------
        Exception
            Any of `marrowsignal.dicom.header_values.UNREADABLE` when the pixels are damaged.
        """
        layout = source.layout
        if not layout.native:
            return self._decoded(source)
        if layout.transfer_syntax == DEFLATED:
            return stored_bits(self._from_inflated(source), layout)
        stream = self._open(source)
        stream.seek(layout.offset + source.frame * layout.frame_bytes)
        return stored_bits(stream.read(layout.frame_bytes), layout)

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

    def _decoded(self, source: SliceSource) -> NDArray[np.int32]:
        layout = source.layout
        stream = self._open(source)
        stream.seek(layout.offset)
        frame = get_frame(stream, source.frame, number_of_frames=layout.frames)
        if layout.transfer_syntax == _ENCAPSULATED_UNCOMPRESSED:
            return stored_bits(frame[: layout.frame_bytes], layout)
        size = codestream_size(frame)
        if size is not None and size != (layout.rows, layout.columns):
            raise ValueError("the compressed image has another size than the header says")
        single = _single_frame(frame, layout)
        values = single.pixel_array if layout.transfer_syntax == RLELossless else self._by_gdcm(single)
        if values.shape != (layout.rows, layout.columns):
            raise ValueError("the compressed image has another size than the header says")
        return np.asarray(values, dtype=np.int32)

    def _by_gdcm(self, single: Dataset) -> NDArray[np.int32]:
        # SimpleITK takes 0.2 s to import; most studies need no decoder.
        from marrowsignal.geometry.itk_bridge import decode_dicom_frame  # noqa: PLC0415

        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="marrowsignal-")
        path = Path(self._folder.name, "frame.dcm")
        single.save_as(path, enforce_file_format=True)
        return decode_dicom_frame(path)


def stored_bits(data: bytes, layout: PixelLayout) -> NDArray[np.int32]:
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
    if above or layout.bits_stored < layout.bits_allocated:
        # The shift up drops what lies above HighBit, the shift down extends the sign.
        cells = (cells << above) >> (layout.bits_allocated - layout.bits_stored)
    return cells.astype(np.int32, copy=False)


def _single_frame(frame: bytes, layout: PixelLayout) -> Dataset:
    """Return one compressed frame as the simplest object a decoder takes, without any rescale."""
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = MRImageStorage, "2.25.1"
    dataset.Rows, dataset.Columns, dataset.SamplesPerPixel = layout.rows, layout.columns, 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored = layout.bits_allocated, layout.bits_stored
    dataset.HighBit, dataset.PixelRepresentation = layout.bits_stored - 1, int(layout.signed)
    dataset.PixelData = encapsulate([frame])
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = UID(layout.transfer_syntax)
    return dataset
