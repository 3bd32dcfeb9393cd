"""What Enhanced MR says of contrast and pulse sequence in words of its own."""

from __future__ import annotations

from pydicom.dataset import Dataset

from marrowsignal.phantom.dicom_files.private import private_name
from marrowsignal.phantom.dicom_files.records import FatSuppression, Readout, SeriesHeader, SeriesKind
from marrowsignal.phantom.dicom_files.timing import sequence_name

__all__ = ["describe_contrast", "describe_pulse_sequence", "frame_type"]

_CONTRAST = {
    SeriesKind.T1: "T1",
    SeriesKind.T2: "T2",
    SeriesKind.PD: "PROTON_DENSITY",
    SeriesKind.STIR: "STIR",
    SeriesKind.FLAIR: "FLUID_ATTENUATED",
    SeriesKind.DWI_TRACE: "DIFFUSION",
}

_DERIVED = (SeriesKind.MPR, SeriesKind.DWI_TRACE, SeriesKind.FAT_FRACTION)


def frame_type(header: SeriesHeader) -> list[str]:
    """ImageType and FrameType: the contrast for Philips and GE, ``M`` for Siemens."""
    kind, contrast = header.shown, _acquisition_contrast(header)
    origin = ["DERIVED", "PRIMARY"] if kind in _DERIVED else ["ORIGINAL", "PRIMARY"]
    special = {
        SeriesKind.MPR: ["MPR", "RESAMPLED"],
        SeriesKind.DWI_TRACE: ["DIFFUSION", "NONE"],
        SeriesKind.LOCALIZER: ["LOCALIZER", "NONE"],
        SeriesKind.IN_PHASE: ["DIXON", "IN_PHASE"],
        SeriesKind.OPPOSED_PHASE: ["DIXON", "OPP_PHASE"],
        SeriesKind.FAT_FRACTION: ["FAT_FRACTION", "NONE"],
    }
    plain = ["M" if header.options.vendor == "siemens" else contrast, "NONE"]
    return origin + special.get(kind, plain)


def _acquisition_contrast(header: SeriesHeader) -> str:
    return _CONTRAST.get(header.shown, "T1")


def describe_contrast(ds: Dataset, header: SeriesHeader) -> None:
    """Write the common description of an MR image or of one frame."""
    ds.PixelPresentation = "MONOCHROME"
    ds.VolumetricProperties = "VOLUME"
    ds.VolumeBasedCalculationTechnique = "MPR" if header.shown is SeriesKind.MPR else "NONE"
    ds.ComplexImageComponent = "MAGNITUDE"
    ds.AcquisitionContrast = "UNKNOWN" if header.options.vendor == "siemens" else _acquisition_contrast(header)


def describe_pulse_sequence(ds: Dataset, header: SeriesHeader) -> None:
    """Write the MR pulse sequence module; derived images have none."""
    if frame_type(header)[0] == "DERIVED":
        return
    readout, echoes = header.shown.readout, header.sequence.echo_train_length
    spin = readout in (Readout.SPIN_ECHO, Readout.INVERSION, Readout.ECHO_PLANAR)
    planar = readout is Readout.ECHO_PLANAR
    ds.PulseSequenceName = sequence_name(header) or private_name(header)
    ds.MRAcquisitionType = "2D"
    ds.EchoPulseSequence = "SPIN" if spin else "GRADIENT"
    if spin:
        ds.MultipleSpinEcho = "YES" if echoes > 1 else "NO"
    ds.MultiPlanarExcitation = "NO"
    ds.PhaseContrast, ds.TimeOfFlightContrast = "NO", "NO"
    ds.SteadyStatePulseSequence = "NONE"
    ds.EchoPlanarPulseSequence = "YES" if planar else "NO"
    ds.SaturationRecovery = "NO"
    suppressed = planar or header.fat_suppression is not FatSuppression.NONE
    ds.SpectrallySelectedSuppression = "FAT" if suppressed else "NONE"
    ds.OversamplingPhase = "2D"
    ds.GeometryOfKSpaceTraversal = "RECTILINEAR"
    ds.RectilinearPhaseEncodeReordering = "LINEAR"
    ds.SegmentedKSpaceTraversal = "PARTIAL" if echoes > 1 else "SINGLE"
    ds.NumberOfKSpaceTrajectories = 1
