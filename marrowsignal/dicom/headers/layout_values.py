"""The pixel description of one slice, from its header."""

from __future__ import annotations

import math

from marrowsignal.dicom.headers.header_scan import ScannedHeader
from marrowsignal.dicom.headers.header_values import HeaderValues
from marrowsignal.dicom.headers.pixel_layout import PixelLayout

__all__ = ["pixel_layout"]

_PHILIPS_MR_IMAGING = "Philips MR Imaging DD 001"


def pixel_layout(values: HeaderValues, scanned: ScannedHeader, frames_described: int) -> PixelLayout:
    """Gather what turns the stored values of one slice into signal; NaN where a rescale is no usable number."""
    allocated = values.whole("BitsAllocated") or 0
    stored = values.whole("BitsStored") or allocated
    scale = values.private_number(0x2005, _PHILIPS_MR_IMAGING, 0x0E)
    return PixelLayout(
        rows=max(0, values.whole("Rows") or 0),
        columns=max(0, values.whole("Columns") or 0),
        samples_per_pixel=values.whole("SamplesPerPixel") or 1,
        frames=max(1, values.whole("NumberOfFrames") or 1),
        frames_described=frames_described,
        bits_allocated=allocated,
        bits_stored=stored,
        high_bit=values.whole("HighBit") or stored - 1,
        signed=values.whole("PixelRepresentation") == 1,
        photometric_interpretation=values.text("PhotometricInterpretation").upper(),
        slope=_rescale(values, "RescaleSlope", absent=1.0) or 1.0,
        intercept=_rescale(values, "RescaleIntercept", absent=0.0),
        scale_slope=scale if scale is not None and scale > 0 else None,
        padding=_padding(values),
        transfer_syntax=scanned.transfer_syntax,
        pixel_tag=scanned.pixel_tag,
        offset=scanned.pixel_offset,
        claimed_bytes=scanned.pixel_bytes,
        bytes_left=scanned.bytes_left,
        bytes_missing=scanned.bytes_missing,
    )


def _rescale(values: HeaderValues, keyword: str, *, absent: float) -> float:
    number = values.number(keyword)
    if number is not None:
        return number
    return math.nan if values.text(keyword) else absent


def _padding(values: HeaderValues) -> tuple[float, float] | None:
    first = values.number("PixelPaddingValue")
    if first is None:
        return None
    last = values.number("PixelPaddingRangeLimit")
    ends = [first, first if last is None else last]
    if values.whole("PixelRepresentation") == 1:
        # "US or SS": without a VR, or with the wrong one, a negative number is read as a large one.
        allocated = values.whole("BitsAllocated") or 16
        ends = [end - 2**allocated if end >= 2 ** (allocated - 1) else end for end in ends]
    return min(ends), max(ends)
