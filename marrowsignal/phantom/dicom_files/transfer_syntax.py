"""Save a dataset in any lossless transfer syntax for which an encoder is at hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.pixels.encoders.base import get_encoder
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from marrowsignal.errors import UsageError
from marrowsignal.phantom.dicom_files.identity import UID_ROOT
from marrowsignal.phantom.dicom_files.jpeg_lossless import encode_jpeg_lossless

__all__ = ["TRANSFER_SYNTAXES", "save"]

_NATIVE = (
    ImplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    DeflatedExplicitVRLittleEndian,
)
_JPEG_LOSSLESS = (JPEGLossless, JPEGLosslessSV1)
_PLUGIN_PACKAGES = {JPEGLSLossless: "pyjpegls", JPEG2000Lossless: "pylibjpeg-openjpeg"}

TRANSFER_SYNTAXES: tuple[str, ...] = tuple(str(uid) for uid in (*_NATIVE, RLELossless, *_JPEG_LOSSLESS))
"""Transfer syntaxes that are always at hand."""


def save(ds: Dataset, pixels: NDArray[np.generic], path: Path, transfer_syntax_uid: str) -> Path:
    """Put the pixels into a dataset and write it.

    Parameters
    ----------
    ds : Dataset
        Everything but the pixels; changed in place.
    pixels : ndarray, shape (frame, row, column)
        Stored values, unsigned 8 or 16 bits.
    path : Path
        Where.
    transfer_syntax_uid : str
        How.

    Returns
    -------
    Path
        `path`.

    Raises
    ------
    UsageError
        If the syntax is unknown, or its encoder is not installed.
    """
    syntax = UID(transfer_syntax_uid)
    ds.file_meta = FileMetaDataset()
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    ds.file_meta.ImplementationClassUID = UID(f"{UID_ROOT}1")
    ds.file_meta.ImplementationVersionName = "MARROWSIGNAL"
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    big_endian = syntax == ExplicitVRBigEndian
    _put_pixels(ds, pixels, syntax)
    ds.file_meta.TransferSyntaxUID = syntax
    ds.save_as(path, enforce_file_format=True, implicit_vr=syntax.is_implicit_VR, little_endian=not big_endian)
    return path


def _put_pixels(ds: Dataset, pixels: NDArray[np.generic], syntax: UID) -> None:
    wide = pixels.dtype.itemsize == 2
    if syntax in _NATIVE:
        order = ">" if syntax == ExplicitVRBigEndian else "<"
        raw = pixels.astype(f"{order}u{pixels.dtype.itemsize}").tobytes()
        ds.PixelData = raw + b"\x00" * (len(raw) % 2)
        ds["PixelData"].VR = "OW" if wide else "OB"
    elif syntax in _JPEG_LOSSLESS:
        frames = [encode_jpeg_lossless(frame, bits=ds.BitsStored) for frame in pixels]
        ds.PixelData = encapsulate(frames, has_bot=True)
        ds["PixelData"].VR, ds["PixelData"].is_undefined_length = "OB", True
    elif syntax == RLELossless or syntax in _PLUGIN_PACKAGES:
        _compress(ds, pixels, syntax)
    else:
        raise UsageError(
            f"pixels are not written in transfer syntax '{syntax.name}'",
            code="transfer_syntax_unknown",
            stage="phantom",
            hint="choose a lossless one: uncompressed, RLE, JPEG Lossless, JPEG-LS Lossless, JPEG 2000 Lossless",
        )


def _compress(ds: Dataset, pixels: NDArray[np.generic], syntax: UID) -> None:
    if syntax != RLELossless and not get_encoder(syntax).is_available:
        raise UsageError(
            f"no encoder for transfer syntax '{syntax.name}' is installed",
            code="encoder_missing",
            stage="phantom",
            hint=f"pip install {_PLUGIN_PACKAGES[syntax]}, or choose another transfer syntax",
        )
    ds.PixelData = pixels.astype(f"<u{pixels.dtype.itemsize}").tobytes()
    ds["PixelData"].VR = "OW"
    plugin = "pydicom" if syntax == RLELossless else ""
    try:
        ds.compress(syntax, encoding_plugin=plugin, generate_instance_uid=False)
    except RuntimeError as error:
        raise UsageError(
            f"an image of {ds.Rows} x {ds.Columns} cannot be encoded as '{syntax.name}'",
            code="encoder_failed",
            stage="phantom",
            hint="JPEG 2000 needs images of 32 x 32 or more; or choose another transfer syntax",
        ) from error
