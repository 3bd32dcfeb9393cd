"""Functional groups of Enhanced MR: what all frames share, and what is each frame's own."""

from __future__ import annotations

from collections.abc import Sequence as SequenceOf

from pydicom.dataset import Dataset

from marrowsignal.geometry import VolumeGeometry
from marrowsignal.phantom.dicom_files.enhanced_contrast import describe_contrast, frame_type
from marrowsignal.phantom.dicom_files.identity import STUDY_DATE, clock, decimal
from marrowsignal.phantom.dicom_files.private import B_VALUE, philips_scale
from marrowsignal.phantom.dicom_files.records import Readout, SeriesHeader, SeriesKind
from marrowsignal.phantom.dicom_files.stored import StoredImage, display_slope, window
from marrowsignal.phantom.dicom_files.vendors import VENDORS

__all__ = ["code_item", "frame_groups", "item", "shared_groups"]

_PROTON_MHZ_PER_T = 42.577
_REGIONS = {
    "PELVIS": ("816092008", "Pelvis"),
    "LSPINE": ("122496007", "Lumbar spine"),
    "HIP": ("29836001", "Hip"),
    "KNEE": ("72696002", "Knee"),
}


def item(**elements: object) -> Dataset:
    """One item of a sequence, by keyword."""
    ds = Dataset()
    for keyword, value in elements.items():
        setattr(ds, keyword, value)
    return ds


def code_item(value: str, meaning: str, *, scheme: str = "SCT") -> Dataset:
    """One coded concept."""
    return item(CodeValue=value, CodingSchemeDesignator=scheme, CodeMeaning=meaning)


def shared_groups(header: SeriesHeader, geometry: VolumeGeometry, images: SequenceOf[StoredImage]) -> Dataset:
    """Functional groups that hold for all frames."""
    shared = Dataset()
    axes = geometry.directions_lps
    between, row_mm, column_mm = geometry.spacing_mm
    shared.PixelMeasuresSequence = [
        item(
            SliceThickness=decimal(between - header.slice_gap_mm),
            SpacingBetweenSlices=decimal(between),
            PixelSpacing=[decimal(row_mm), decimal(column_mm)],
        )
    ]
    shared.PlaneOrientationSequence = [
        item(ImageOrientationPatient=[decimal(v) for v in (*axes[:, 2], *axes[:, 1])]),
    ]
    region, meaning = _REGIONS.get(header.body_part, _REGIONS["PELVIS"])
    shared.FrameAnatomySequence = [
        item(FrameLaterality=header.laterality or "U", AnatomicRegionSequence=[code_item(region, meaning)])
    ]
    kind = item(FrameType=frame_type(header))
    describe_contrast(kind, header)
    shared.MRImageFrameTypeSequence = [kind]
    _acquisition(shared, header, geometry)
    _coils(shared, header)
    center, width = window(max(images, key=lambda image: image.signal_top))
    shared.FrameVOILUTSequence = [item(WindowCenter=center, WindowWidth=width)]
    if header.shown is SeriesKind.DWI_TRACE:
        shared.MRDiffusionSequence = [item(DiffusionBValue=float(B_VALUE), DiffusionDirectionality="ISOTROPIC")]
    if header.contrast_agent:
        shared.ContrastBolusUsageSequence = [
            item(
                ContrastBolusAgentNumber=1,
                ContrastBolusAgentAdministered="YES",
                ContrastBolusAgentDetected="YES",
                ContrastBolusAgentPhase="IMMEDIATE",
            )
        ]
    return shared


def _acquisition(shared: Dataset, header: SeriesHeader, geometry: VolumeGeometry) -> None:
    sequence, vendor = header.sequence, VENDORS[header.options.vendor]
    echoes = sequence.echo_train_length if header.shown.readout in (Readout.SPIN_ECHO, Readout.INVERSION) else 0
    planar = header.shown.readout is Readout.ECHO_PLANAR
    shared.MRTimingAndRelatedParametersSequence = [
        item(
            RepetitionTime=decimal(sequence.repetition_time_ms),
            FlipAngle=decimal(vendor.readouts[header.shown.readout].flip_angle_deg),
            EchoTrainLength=sequence.echo_train_length,
            RFEchoTrainLength=echoes,
            GradientEchoTrainLength=64 if planar else int(echoes == 0),
            GradientOutputType="DB_DT",
            GradientOutput=40.0,
            SpecificAbsorptionRateSequence=[
                item(SpecificAbsorptionRateDefinition="IEC_WHOLE_BODY", SpecificAbsorptionRateValue=0.9)
            ],
            OperatingModeSequence=[item(OperatingModeType="GRADIENT", OperatingMode="IEC_NORMAL")],
        )
    ]
    shared.MREchoSequence = [item(EffectiveEchoTime=float(sequence.echo_time_ms))]
    shared.MRModifierSequence = [_modifier(header)]
    shared.MRImagingModifierSequence = [
        item(
            MagnetizationTransfer="NONE",
            BloodSignalNulling="NO",
            Tagging="NONE",
            TransmitterFrequency=_PROTON_MHZ_PER_T * sequence.magnetic_field_strength_t,
            PixelBandwidth=decimal(header.pixel_bandwidth_hz or vendor.pixel_bandwidth_hz or 200.0),
        )
    ]
    shared.MRFOVGeometrySequence = [
        item(
            InPlanePhaseEncodingDirection="ROW",
            MRAcquisitionFrequencyEncodingSteps=geometry.shape[1],
            MRAcquisitionPhaseEncodingStepsInPlane=geometry.shape[2],
            PercentSampling="100",
            PercentPhaseFieldOfView="100",
        )
    ]
    shared.MRAveragesSequence = [item(NumberOfAverages="1")]


def _modifier(header: SeriesHeader) -> Dataset:
    inversion = header.sequence.inversion_time_ms
    modifier = item(
        InversionRecovery="NO" if inversion is None else "YES",
        FlowCompensation="NONE",
        Spoiling="RF" if header.shown.readout is Readout.GRADIENT_ECHO else "NONE",
        T2Preparation="NO",
        SpectrallySelectedExcitation="NONE",
        SpatialPresaturation="NONE",
        PartialFourier="NO",
        ParallelAcquisition="NO",
    )
    if inversion is not None:
        modifier.InversionTimes = [float(inversion)]
    return modifier


def _coils(shared: Dataset, header: SeriesHeader) -> None:
    shared.MRReceiveCoilSequence = [
        item(
            ReceiveCoilName="BODY_18",
            ReceiveCoilManufacturerName="",
            ReceiveCoilType="MULTICOIL",
            QuadratureReceiveCoil="NO",
            MultiCoilDefinitionSequence=[item(MultiCoilElementName="E1", MultiCoilElementUsed="YES")],
        )
    ]
    shared.MRTransmitCoilSequence = [
        item(TransmitCoilName="BODY", TransmitCoilManufacturerName="", TransmitCoilType="BODY")
    ]


def frame_groups(
    header: SeriesHeader, geometry: VolumeGeometry, image: StoredImage, *, index: int, number: int
) -> Dataset:
    """Functional groups of one frame.

    Parameters
    ----------
    header : SeriesHeader
        The series.
    geometry : VolumeGeometry
        Grid of the stack.
    image : StoredImage
        The frame's pixels.
    index, number : int
        Its place in the array, and in the file from 1.
    """
    moment = STUDY_DATE + clock(header.series_number)
    frame = Dataset()
    frame.FrameContentSequence = [
        item(
            FrameAcquisitionNumber=1,
            FrameReferenceDateTime=moment,
            FrameAcquisitionDateTime=moment,
            FrameAcquisitionDuration=180000.0,
            StackID="1",
            InStackPositionNumber=number,
            DimensionIndexValues=[1, number],
        )
    ]
    frame.PlanePositionSequence = [
        item(ImagePositionPatient=[decimal(v) for v in geometry.to_patient([index, 0, 0])]),
    ]
    philips = VENDORS[header.options.vendor].private_scale
    slope = display_slope(header) if philips else image.step
    frame.PixelValueTransformationSequence = [
        item(RescaleIntercept="0", RescaleSlope=decimal(slope), RescaleType="normalized" if philips else "US")
    ]
    if philips:
        frame.RealWorldValueMappingSequence = [_real_world(image)]
        scale = Dataset()
        philips_scale(scale, image)
        # the fifth of its blocks, so that the sequence is the (2005,140F) which others look for
        blocks = [frame.private_block(0x2005, f"Philips MR Imaging DD {n:03d}", create=True) for n in range(1, 6)]
        blocks[-1].add_new(0x0F, "SQ", [scale])
    return frame


def _real_world(image: StoredImage) -> Dataset:
    return item(
        RealWorldValueFirstValueMapped=0,
        RealWorldValueLastValueMapped=4095,
        RealWorldValueIntercept=0.0,
        RealWorldValueSlope=float(image.step),
        LUTLabel="Philips",
        LUTExplanation="signal",
        MeasurementUnitsCodeSequence=[code_item("1", "no units", scheme="UCUM")],
    )
