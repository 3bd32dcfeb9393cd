"""How the pixels of one slice lie in their file and what turns a stored value into signal."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass, field
from pathlib import Path

from pydicom.config import IGNORE
from pydicom.uid import UID

__all__ = ["DECODED_BY_GDCM", "PixelLayout", "SliceSource", "pixel_problem", "syntax_name"]

_PIXEL_DATA = 0x7FE00010
_ENCAPSULATED_UNCOMPRESSED = "1.2.840.10008.1.2.1.98"
_NATIVE = frozenset(
    {
        "1.2.840.10008.1.2",  # Implicit VR Little Endian
        "1.2.840.10008.1.2.1",  # Explicit VR Little Endian
        "1.2.840.10008.1.2.1.99",  # Deflated Explicit VR Little Endian
        "1.2.840.10008.1.2.2",  # Explicit VR Big Endian
    }
)

# JPEG baseline, extended and lossless, JPEG-LS, JPEG 2000: SimpleITK brings GDCM.
DECODED_BY_GDCM = frozenset(
    {
        "1.2.840.10008.1.2.4.50",
        "1.2.840.10008.1.2.4.51",
        "1.2.840.10008.1.2.4.57",
        "1.2.840.10008.1.2.4.70",
        "1.2.840.10008.1.2.4.80",
        "1.2.840.10008.1.2.4.81",
        "1.2.840.10008.1.2.4.90",
        "1.2.840.10008.1.2.4.91",
    }
)
_RLE = "1.2.840.10008.1.2.5"
_ENCAPSULATED = DECODED_BY_GDCM | {_RLE, _ENCAPSULATED_UNCOMPRESSED}

_BIG_ENDIAN = "1.2.840.10008.1.2.2"
_GREY = ("MONOCHROME1", "MONOCHROME2")

# JPEG baseline and extended, near-lossless JPEG-LS: with loss, whatever LossyImageCompression says.
_LOSSY = frozenset({"1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51", "1.2.840.10008.1.2.4.81"})

# Twice the largest matrix any scanner makes; a file that claims more is damaged or hostile.
_LARGEST_SIDE = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class PixelLayout:
    """Pixel description of one slice, by DICOM keyword.

    Attributes
    ----------
    rows, columns, samples_per_pixel, frames : int
        Rows, Columns, SamplesPerPixel, NumberOfFrames of the file; 0 rows for objects that are no image.
    frames_described : int
        Frames whose place the header tells: as many as there are per-frame functional groups, else 1.
    bits_allocated, bits_stored, high_bit : int
        BitsAllocated, BitsStored, HighBit; 0 when absent.
    signed : bool
        PixelRepresentation is 1.
    photometric_interpretation : str
        PhotometricInterpretation; white is small in MONOCHROME1.
    slope, intercept : float
        RescaleSlope and RescaleIntercept of this slice; NaN when they are there but no usable numbers.
    scale_slope : float or None
        Philips' own scale slope (2005,100E); None when there is none.
    padding : tuple of float or None
        PixelPaddingValue and PixelPaddingRangeLimit, ordered.
    transfer_syntax : str
        Transfer syntax UID.
    pixel_tag : int or None
        Tag of the pixel element.
    offset : int
        Where the pixel element's value begins, bytes.
    claimed_bytes : int or None
        Length that the element claims; None when encapsulated.
    bytes_left : int
        Bytes the file holds from `offset` on.
    bytes_missing : int
        Bytes that compressed pixels claim beyond the end of the file.
    """

    rows: int
    columns: int
    samples_per_pixel: int
    frames: int
    frames_described: int
    bits_allocated: int
    bits_stored: int
    high_bit: int
    signed: bool
    photometric_interpretation: str
    slope: float
    intercept: float
    scale_slope: float | None
    padding: tuple[float, float] | None
    transfer_syntax: str
    pixel_tag: int | None
    offset: int
    claimed_bytes: int | None
    bytes_left: int
    bytes_missing: int

    @property
    def frame_bytes(self) -> int:
        """Bytes of one uncompressed frame."""
        return self.rows * self.columns * self.samples_per_pixel * self.bits_allocated // 8

    @property
    def native(self) -> bool:
        """Whether the pixels are uncompressed in the file."""
        return self.transfer_syntax in _NATIVE

    @property
    def stored_is_signal(self) -> bool:
        """Whether stored values are signal as they are: no rescale, scale, padding or mirroring."""
        rescaled = self.slope != 1.0 or self.intercept != 0.0 or self.scale_slope is not None
        return not rescaled and self.padding is None and self.photometric_interpretation == "MONOCHROME2"

    @property
    def lossy(self) -> bool:
        """Whether the transfer syntax always loses something."""
        return self.transfer_syntax in _LOSSY


@dataclass(frozen=True, slots=True, kw_only=True)
class SliceSource:
    """Where one slice's pixels are.

    Attributes
    ----------
    path : Path
        The file; never written to an output.
    frame : int
        Frame of a multi-frame file, counted from 0.
    layout : PixelLayout
        How they lie there.
    """

    path: Path = field(repr=False)
    frame: int
    layout: PixelLayout


def pixel_problem(layout: PixelLayout, frame: int) -> str:
    """Say why the pixels of a frame cannot be read, from the header alone; empty when they can.

    Parameters
    ----------
    layout : PixelLayout
        What the header claims and what the file holds.
    frame : int
        The frame, counted from 0.
    """
    checks = (
        (layout.pixel_tag is None, "its file has no pixels"),
        (layout.pixel_tag != _PIXEL_DATA, "its pixels are floating-point numbers"),
        (
            max(layout.rows, layout.columns) > _LARGEST_SIDE,
            f"its header claims {layout.rows} x {layout.columns} pixels",
        ),
        (
            layout.bits_allocated not in (8, 16, 32) or not 0 < layout.bits_stored <= layout.bits_allocated,
            f"its header claims {layout.bits_stored} bits stored in {layout.bits_allocated}",
        ),
        (
            not layout.bits_stored - 1 <= layout.high_bit < layout.bits_allocated,
            f"its header claims that bit {layout.high_bit} is the highest of {layout.bits_stored}",
        ),
        (
            not layout.native and layout.transfer_syntax not in _ENCAPSULATED,
            f"transfer syntax {syntax_name(layout.transfer_syntax)} cannot be decoded",
        ),
        (
            layout.frames != layout.frames_described,
            f"its file claims {layout.frames} frames and describes {layout.frames_described}",
        ),
        (
            not math.isfinite(layout.slope + layout.intercept),
            "its RescaleSlope or RescaleIntercept is no usable number",
        ),
        (layout.slope < 0, "its RescaleSlope is negative: more signal would be a smaller number"),
        (
            layout.transfer_syntax == _BIG_ENDIAN and layout.bits_allocated == 8,
            "its 8-bit pixels in big endian may be swapped in pairs",
        ),
        (
            layout.photometric_interpretation not in _GREY,
            f"its pixels are {layout.photometric_interpretation or 'of unnamed photometric interpretation'}, not grey",
        ),
        (
            layout.native == (layout.claimed_bytes is None),
            f"its pixels are not stored the way of transfer syntax {syntax_name(layout.transfer_syntax)}",
        ),
        (_missing_bytes(layout, frame) > 0, _truncated(layout, frame)),
    )
    return next((told for holds, told in checks if holds), "")


@functools.cache
def syntax_name(transfer_syntax_uid: str) -> str:
    """Return the name of a transfer syntax; "unknown" when it has none."""
    if not transfer_syntax_uid:
        return "unknown"
    uid = UID(transfer_syntax_uid, validation_mode=IGNORE)
    return uid.name if uid.name != uid else "unknown"


def _missing_bytes(layout: PixelLayout, frame: int) -> int:
    if not layout.native:
        return layout.bytes_missing or 1 - layout.bytes_left
    claimed = layout.bytes_left if layout.claimed_bytes is None else layout.claimed_bytes
    there = min(claimed, layout.bytes_left)
    return max(claimed - there, (frame + 1) * layout.frame_bytes - there)


def _truncated(layout: PixelLayout, frame: int) -> str:
    return f"its pixels are truncated: {max(0, _missing_bytes(layout, frame))} bytes are missing"
