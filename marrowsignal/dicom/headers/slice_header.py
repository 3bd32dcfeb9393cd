"""The header of one slice as a frozen record: everything later steps ask of it."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from marrowsignal.dicom.headers.acquisition_facts import (
    acquisition_facts,
    b_value,
    contrast_agent,
    moment,
    vendor_names,
)
from marrowsignal.dicom.headers.enhanced import (
    ENHANCED_SOP_CLASSES,
    CommonValues,
    FrameValues,
    frames_of,
    holds_classic_sequence,
)
from marrowsignal.dicom.headers.header_scan import header_bytes, scan_header
from marrowsignal.dicom.headers.header_values import HeaderValues, RawValues, Surroundings
from marrowsignal.dicom.headers.layout_values import pixel_layout
from marrowsignal.dicom.headers.pixel_layout import PixelLayout, SliceSource, syntax_name
from marrowsignal.dicom.headers.redacted_values import RedactedValues, secrets_of
from marrowsignal.dicom.privacy.person import person_mark
from marrowsignal.geometry.acquisition import AcquisitionFacts

__all__ = ["SliceHeader", "read_slice_headers"]

_PER_FRAME_GROUPS = 0x52009230

# Values of SpectrallySelectedSuppression; others tell nothing of fat.
_FAT_SUPPRESSED = {"FAT": True, "FAT_AND_WATER": True, "NONE": False, "WATER": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class SliceHeader:
    """One image plane, a file or a frame: facts for the identity, keys for the grouping, numbers for the geometry.

    Attributes
    ----------
    path : Path
        The file.
    frame : int
        Frame of a multi-frame file, counted from 0.
    layout : PixelLayout
        How its pixels lie in the file.
    sop_class_uid, sop_instance_uid, series_instance_uid, study_instance_uid, frame_of_reference_uid : str
        UIDs; empty when absent.
    transfer_syntax_name : str
        Name of the transfer syntax.
    series_number, instance_number, acquisition_number, temporal_position, echo_number : int or None
        SeriesNumber, InstanceNumber, AcquisitionNumber, TemporalPositionIdentifier or -Index, EchoNumbers.
    stack_id, image_component, acquisition_contrast : str
        StackID, ComplexImageComponent, AcquisitionContrast of Enhanced MR; empty in classic files.
    description, protocol_name, contrast_agent : str
        Free texts, control characters removed, names and numbers of the patient redacted.
    vendor_sequence_names : tuple of str
        Sequence names in the makers' private elements.
    person : str
        Mark of the PatientID that holds as long as the process; only compared, never goes to an output.
    laterality : str
        ``"L"``, ``"R"``, ``"B"``, ``"U"`` or empty: Laterality, ImageLaterality or FrameLaterality.
    acquired_at, contrast_started_at : str
        Times that order series.
    position_mm, row_direction, column_direction : tuple of float or None
        ImagePositionPatient; directions of increasing row and of increasing column index.
    pixel_spacing_mm : tuple of float or None
        Between rows, between columns.
    spacing_between_slices_mm : float or None
        SpacingBetweenSlices, else SliceThickness; used for single slices only.
    diffusion_b_value : float or None
        DiffusionBValue, or the maker's own element for it.
    lossy : bool
        LossyImageCompression is 01, or the transfer syntax loses by itself.
    burned_in : bool
        BurnedInAnnotation is YES: the pixels may tell who the patient is.
    inversion_recovery, fat_suppressed : bool or None
        What Enhanced MR says outright; None in classic files.
    enhanced : bool
        Enhanced multi-frame object.
    acquisition : AcquisitionFacts
        Contrast facts.
    """

    path: Path
    frame: int
    layout: PixelLayout
    sop_class_uid: str
    sop_instance_uid: str
    series_instance_uid: str
    study_instance_uid: str
    frame_of_reference_uid: str
    transfer_syntax_name: str
    series_number: int | None
    instance_number: int | None
    acquisition_number: int | None
    temporal_position: int | None
    echo_number: int | None
    stack_id: str
    image_component: str
    acquisition_contrast: str
    description: str
    protocol_name: str
    contrast_agent: str
    vendor_sequence_names: tuple[str, ...]
    person: str = field(repr=False)
    laterality: str
    acquired_at: str
    contrast_started_at: str
    position_mm: tuple[float, ...] | None
    row_direction: tuple[float, ...] | None
    column_direction: tuple[float, ...] | None
    pixel_spacing_mm: tuple[float, ...] | None
    spacing_between_slices_mm: float | None
    diffusion_b_value: float | None
    lossy: bool
    burned_in: bool = False
    inversion_recovery: bool | None
    fat_suppressed: bool | None
    enhanced: bool
    acquisition: AcquisitionFacts

    @property
    def rows(self) -> int:
        """Rows; 0 for objects that are no image."""
        return self.layout.rows

    @property
    def columns(self) -> int:
        """Columns; 0 for objects that are no image."""
        return self.layout.columns

    @property
    def source(self) -> SliceSource:
        """Where the pixels are."""
        return SliceSource(path=self.path, frame=self.frame, layout=self.layout)


def read_slice_headers(path: Path, stream: BinaryIO | None = None) -> tuple[SliceHeader, ...]:
    """Read the headers of one file, pixels left alone: one a frame for Enhanced MR, else one.

    Parameters
    ----------
    path : Path
        A DICOM file, with or without preamble.
    stream : file object, optional
        The same file, open already.

    Raises
    ------
    Exception
        Any of `marrowsignal.dicom.headers.header_values.UNREADABLE` when the file is damaged.
    """
    scanned = scan_header(path, stream)
    opened = functools.cache(lambda: header_bytes(path, scanned))
    root = RawValues(scanned.elements, Surroundings(window=opened, encoding=scanned.encoding))
    described: tuple[HeaderValues, ...] = (root,)
    frames = 1
    if _PER_FRAME_GROUPS in scanned.elements and root.text("Modality") == "MR":
        of_frames, frames = frames_of(root)
        described = of_frames or (root,)
    elif holds_classic_sequence(scanned.elements):
        described = (FrameValues(root, CommonValues(root)),)
    secrets = secrets_of(root)
    return tuple(
        _header(path, frame, RedactedValues(values, secrets), pixel_layout(values, scanned, max(1, frames)))
        for frame, values in enumerate(described)
    )


def _header(path: Path, frame: int, values: HeaderValues, layout: PixelLayout) -> SliceHeader:
    sop_class = values.text("SOPClassUID")
    enhanced = sop_class in ENHANCED_SOP_CLASSES
    directions = values.floats("ImageOrientationPatient", 6)
    inversion = values.text("InversionRecovery").upper()
    suppression = values.text("SpectrallySelectedSuppression").upper()
    return SliceHeader(
        path=path,
        frame=frame,
        layout=layout,
        sop_class_uid=sop_class,
        sop_instance_uid=values.text("SOPInstanceUID"),
        series_instance_uid=values.text("SeriesInstanceUID"),
        study_instance_uid=values.text("StudyInstanceUID"),
        frame_of_reference_uid=values.text("FrameOfReferenceUID"),
        transfer_syntax_name=syntax_name(layout.transfer_syntax),
        series_number=values.whole("SeriesNumber"),
        instance_number=values.whole("InstanceNumber"),
        acquisition_number=values.whole("AcquisitionNumber"),
        temporal_position=values.whole("TemporalPositionIdentifier"),
        echo_number=values.whole("EchoNumbers"),
        stack_id=values.text("StackID"),
        image_component=values.text("ComplexImageComponent").upper(),
        acquisition_contrast=values.text("AcquisitionContrast").upper(),
        description=values.text("SeriesDescription"),
        protocol_name=values.text("ProtocolName"),
        contrast_agent=contrast_agent(values),
        vendor_sequence_names=vendor_names(values),
        person=person_mark(values.text("PatientID")),
        laterality=(values.text("Laterality") or values.text("ImageLaterality")).upper()[:1],
        acquired_at=moment(values),
        contrast_started_at=values.text("ContrastBolusStartTime"),
        position_mm=values.floats("ImagePositionPatient", 3),
        # DICOM: the first three cosines point along a row, where the column index grows.
        row_direction=None if directions is None else directions[3:],
        column_direction=None if directions is None else directions[:3],
        pixel_spacing_mm=values.floats("PixelSpacing", 2),
        spacing_between_slices_mm=values.positive("SpacingBetweenSlices") or values.positive("SliceThickness"),
        diffusion_b_value=b_value(values),
        lossy=layout.lossy or values.text("LossyImageCompression") == "01",
        burned_in=values.text("BurnedInAnnotation").upper() == "YES",
        inversion_recovery={"YES": True, "NO": False}.get(inversion),
        fat_suppressed=_FAT_SUPPRESSED.get(suppression),
        enhanced=enhanced,
        acquisition=acquisition_facts(values, enhanced=enhanced),
    )
