"""Enhanced MR: every frame in its place, with its scale, and a contrast that the reader understands."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.uid import EnhancedMRImageStorage, ExplicitVRLittleEndian, RLELossless

import marrowsignal as ms
from marrowsignal.phantom.dicom_files import VENDORS, VendorName, pixel_values, write_series
from tests.phantom.dicom_kinds import ENHANCED_MAKERS, KINDS, STIR, header_of, oblique_grid, signal_on, write_kinds


@pytest.mark.parametrize("vendor", ENHANCED_MAKERS)
def test_the_reader_tells_the_enhanced_kinds_apart(tmp_path: Path, vendor: VendorName) -> None:
    write_kinds(vendor, tmp_path, oblique_grid((8, 4, 3)), enhanced=True)
    found = {series.series_number: series.identity for series in ms.find_series(tmp_path).series}
    assert all(found[n] in expected.identities for n, expected in enumerate(KINDS, start=1))


@pytest.mark.parametrize("vendor", ENHANCED_MAKERS)
@pytest.mark.parametrize("syntax", [str(ExplicitVRLittleEndian), str(RLELossless)])
def test_enhanced_frames_hold_the_series(tmp_path: Path, vendor: VendorName, syntax: str) -> None:
    grid = oblique_grid()
    signal, slopes = signal_on(grid), (1.5, 0.8)
    header = header_of(vendor, sequence=STIR, enhanced=True, transfer_syntax_uid=syntax, rescale_slopes=slopes)
    ds = pydicom.dcmread(write_series(signal, grid, header=header, folder=tmp_path)[0])
    assert (ds.SOPClassUID, ds.NumberOfFrames) == (EnhancedMRImageStorage, grid.shape[0])
    shared, frames = ds.SharedFunctionalGroupsSequence[0], ds.PerFrameFunctionalGroupsSequence
    assert shared.MRModifierSequence[0].InversionTimes == 150.0
    for index, frame in enumerate(frames):
        position = np.array(frame.PlanePositionSequence[0].ImagePositionPatient, float)
        np.testing.assert_allclose(position, grid.to_patient([index, 0, 0]), atol=1e-6)
        assert list(frame.FrameContentSequence[0].DimensionIndexValues) == [1, index + 1]
        step = slopes[index % 2]
        mapped = frame.PixelValueTransformationSequence[0].RescaleSlope
        if vendor == "philips":
            mapped = frame.RealWorldValueMappingSequence[0].RealWorldValueSlope
            private = frame[0x2005, 0x140F].value[0]
            assert private[0x2005, 0x100E].value == pytest.approx(1.0 / step)
        assert float(mapped) == pytest.approx(step)
        stored = pixel_values(signal[index], rescale_slope=step, bits_stored=VENDORS[vendor].bits_stored)
        np.testing.assert_array_equal(ds.pixel_array[index], stored)
