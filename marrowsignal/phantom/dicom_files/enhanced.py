"""Enhanced MR Image Storage: one multi-frame file a series."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.tag import Tag
from pydicom.uid import EnhancedMRImageStorage

from marrowsignal.errors import UsageError
from marrowsignal.geometry import VolumeGeometry
from marrowsignal.phantom.dicom_files.enhanced_contrast import describe_contrast, describe_pulse_sequence, frame_type
from marrowsignal.phantom.dicom_files.functional_groups import code_item, frame_groups, item, shared_groups
from marrowsignal.phantom.dicom_files.identity import STUDY_DATE, clock, decimal, derived_uid, identity, series_key
from marrowsignal.phantom.dicom_files.records import SeriesHeader
from marrowsignal.phantom.dicom_files.stored import describe_pixels, stored_image
from marrowsignal.phantom.dicom_files.transfer_syntax import save
from marrowsignal.phantom.dicom_files.vendor import Vendor
from marrowsignal.phantom.dicom_files.vendors import VENDORS

__all__ = ["write_enhanced"]


def write_enhanced(
    signal: NDArray[np.floating], geometry: VolumeGeometry, *, header: SeriesHeader, folder: Path
) -> Path:
    """Write one Enhanced MR file.

    Parameters
    ----------
    signal : ndarray of float64, shape (slice, row, column)
        Image in display units.
    geometry : VolumeGeometry
        Its grid.
    header : SeriesHeader
        Identity, timing and file options.
    folder : Path
        Must exist.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    UsageError
        If the vendor writes no Enhanced MR.
    """
    vendor = VENDORS[header.options.vendor]
    if not vendor.enhanced_manufacturer:
        raise UsageError(
            f"{vendor.manufacturer} writes no Enhanced MR",
            code="vendor_without_enhanced",
            stage="phantom",
            hint="choose one of: " + ", ".join(name for name, v in VENDORS.items() if v.enhanced_manufacturer),
        )
    images = [stored_image(signal, index, header) for index in range(geometry.shape[0])]
    order = range(len(images))[:: -1 if header.options.reverse_slices else 1]
    ds = _root(header, geometry, vendor)
    describe_pixels(ds, header, rows=geometry.shape[1], columns=geometry.shape[2])
    ds.NumberOfFrames = len(images)
    ds.SharedFunctionalGroupsSequence = [shared_groups(header, geometry, images)]
    ds.PerFrameFunctionalGroupsSequence = [
        frame_groups(header, geometry, images[index], index=index, number=number)
        for number, index in enumerate(order, start=1)
    ]
    pixels = np.stack([images[index].pixels for index in order])
    return save(ds, pixels, folder / "IM0001.dcm", header.options.transfer_syntax_uid)


def _root(header: SeriesHeader, geometry: VolumeGeometry, vendor: Vendor) -> Dataset:
    ds = identity(header, geometry)
    ds.Manufacturer = vendor.enhanced_manufacturer
    ds.ManufacturerModelName = vendor.model_at(header.sequence.magnetic_field_strength_t, enhanced=True)
    ds.SoftwareVersions = list(vendor.enhanced_software)
    ds.SOPClassUID = EnhancedMRImageStorage
    ds.SOPInstanceUID = derived_uid(*series_key(header), "enhanced")
    ds.ImageType = frame_type(header)
    ds.InstanceNumber, ds.AcquisitionNumber = 1, 1
    ds.ContentDate, ds.ContentTime = STUDY_DATE, clock(header.series_number)
    ds.AcquisitionDateTime = STUDY_DATE + clock(header.series_number)
    ds.AcquisitionDuration = 180.0
    ds.ContentQualification = "PRODUCT"
    ds.ResonantNucleus, ds.KSpaceFiltering = "1H", "NONE"
    ds.MagneticFieldStrength = decimal(header.sequence.magnetic_field_strength_t)
    ds.ApplicableSafetyStandardAgency = "IEC"
    ds.BurnedInAnnotation, ds.LossyImageCompression = "NO", "00"
    ds.PresentationLUTShape = "IDENTITY"
    ds.AcquisitionContextSequence = []
    describe_contrast(ds, header)
    describe_pulse_sequence(ds, header)
    _dimensions(ds, header)
    if header.contrast_agent:
        ds.ContrastBolusAgentSequence = [_agent()]
    if header.options.vendor == "philips":
        _philips_classic_keywords(ds, header)
    return ds


def _dimensions(ds: Dataset, header: SeriesHeader) -> None:
    uid = derived_uid(*series_key(header), "dimensions")
    ds.DimensionOrganizationSequence = [item(DimensionOrganizationUID=uid)]
    ds.DimensionIndexSequence = [
        item(
            DimensionIndexPointer=Tag(keyword),
            FunctionalGroupPointer=Tag("FrameContentSequence"),
            DimensionOrganizationUID=uid,
            DimensionDescriptionLabel=label,
        )
        for keyword, label in (("StackID", "Stack ID"), ("InStackPositionNumber", "In-Stack Position Number"))
    ]


def _agent() -> Dataset:
    gadolinium = ("58281002", "Gadolinium")
    agent = code_item(*gadolinium)
    agent.ContrastBolusAgentNumber = 1
    agent.ContrastBolusAdministrationRouteSequence = [code_item("47625008", "Intravenous route")]
    agent.ContrastBolusIngredientCodeSequence = [code_item(*gadolinium)]
    agent.ContrastBolusVolume = "10"
    agent.ContrastBolusIngredientConcentration = "1"
    agent.ContrastBolusIngredientOpaque = "NO"
    return agent


def _philips_classic_keywords(ds: Dataset, header: SeriesHeader) -> None:
    """Repeat some classic elements at the root, as Philips does; InversionTime is 0 where nothing is inverted."""
    ds.ScanOptions = "OTHER"
    ds.InversionTime = decimal(header.sequence.inversion_time_ms or 0.0)
    ds.EchoTrainLength = header.sequence.echo_train_length
