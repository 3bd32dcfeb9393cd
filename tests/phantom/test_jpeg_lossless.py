"""JPEG Lossless is lossless in the eyes of another decoder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pydicom.encaps import encapsulate
from pydicom.uid import JPEGLosslessSV1

from marrowsignal.geometry.itk_bridge import decode_dicom_frames
from marrowsignal.phantom.dicom_files.jpeg_lossless import encode_jpeg_lossless


@settings(max_examples=40)
@given(st.integers(0, 2**32 - 1), st.integers(1, 9), st.integers(1, 9), st.sampled_from([8, 12, 16]))
def test_jpeg_lossless_is_lossless(
    tmp_path_factory: pytest.TempPathFactory, seed: int, rows: int, columns: int, bits: int
) -> None:
    rng = np.random.default_rng(seed)
    extremes = np.array([0, 1, 2 ** (bits - 1), 2**bits - 1])
    noise = rng.integers(0, 2**bits, (rows, columns))
    pixels = np.where(rng.random((rows, columns)) < 0.5, rng.choice(extremes, (rows, columns)), noise)
    path = tmp_path_factory.mktemp("jpeg") / "IM.dcm"
    _save_as_is(pixels.astype(np.uint16), bits, path)
    np.testing.assert_array_equal(np.asarray(decode_dicom_frames(path)).reshape(pixels.shape), pixels)


def _save_as_is(pixels: NDArray[np.uint16], bits: int, path: Path) -> None:
    ds = pydicom.Dataset()
    ds.SOPClassUID, ds.SOPInstanceUID, ds.Modality = "1.2.840.10008.5.1.4.1.1.4", "1.2.3", "MR"
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.Rows, ds.Columns = pixels.shape
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, bits, bits - 1, 0
    ds.file_meta = pydicom.dataset.FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = JPEGLosslessSV1
    ds.PixelData = encapsulate([encode_jpeg_lossless(pixels, bits=bits)])
    ds["PixelData"].VR, ds["PixelData"].is_undefined_length = "OB", True
    ds.save_as(path, enforce_file_format=True)
