"""Enhanced multi-frame MR: bring what the functional groups say under the classic keywords."""

from __future__ import annotations

from pydicom.dataset import Dataset

from marrowsignal.dicom.header_values import first_item, float_value, text_value

__all__ = ["ENHANCED_SOP_CLASSES", "ENHANCED_TAGS", "flattened"]

ENHANCED_SOP_CLASSES = frozenset(
    {
        "1.2.840.10008.5.1.4.1.1.4.1",  # Enhanced MR Image Storage
        "1.2.840.10008.5.1.4.1.1.4.3",  # Enhanced MR Color Image Storage
        "1.2.840.10008.5.1.4.1.1.4.4",  # Legacy Converted Enhanced MR Image Storage
    }
)

ENHANCED_TAGS = (
    "AcquisitionContrast",
    "ComplexImageComponent",
    "EchoPlanarPulseSequence",
    "EchoPulseSequence",
    "PulseSequenceName",
    "SpectrallySelectedSuppression",
    "SharedFunctionalGroupsSequence",
    "PerFrameFunctionalGroupsSequence",
)

# (functional group, keyword in it, classic keyword)
_FROM_GROUPS = (
    ("MRTimingAndRelatedParametersSequence", "RepetitionTime", "RepetitionTime"),
    ("MRTimingAndRelatedParametersSequence", "RFEchoTrainLength", "EchoTrainLength"),
    ("MREchoSequence", "EffectiveEchoTime", "EchoTime"),
    ("MRModifierSequence", "InversionTimes", "InversionTime"),
    ("MRModifierSequence", "InversionRecovery", "InversionRecovery"),
    ("MRImageFrameTypeSequence", "FrameType", "ImageType"),
    ("MRDiffusionSequence", "DiffusionBValue", "DiffusionBValue"),
    ("PlanePositionSequence", "ImagePositionPatient", "ImagePositionPatient"),
    ("PlaneOrientationSequence", "ImageOrientationPatient", "ImageOrientationPatient"),
    ("PixelMeasuresSequence", "PixelSpacing", "PixelSpacing"),
    ("PixelMeasuresSequence", "SpacingBetweenSlices", "SpacingBetweenSlices"),
    ("PixelMeasuresSequence", "SliceThickness", "SliceThickness"),
)

_COMPONENTS = {"PHASE": "P", "REAL": "R", "IMAGINARY": "I", "MIXED": "P"}


def flattened(dataset: Dataset) -> Dataset:
    """Return a dataset with classic keywords filled from the shared groups and the first frame's groups."""
    flat = Dataset()
    flat.update(dataset)
    shared = first_item(dataset, "SharedFunctionalGroupsSequence")
    frame = first_item(dataset, "PerFrameFunctionalGroupsSequence")
    for group, keyword, classic in _FROM_GROUPS:
        for source in (frame, shared):
            item = first_item(source, group)
            if item is not None and text_value(item, keyword):
                setattr(flat, classic, item.get(keyword))
                break
    flat.ScanningSequence = _scanning_sequence(flat)
    component = _COMPONENTS.get(text_value(dataset, "ComplexImageComponent").upper())
    if component is not None:
        flat.ImageType = [*text_value(flat, "ImageType").split("\\"), component]
    return flat


def _scanning_sequence(flat: Dataset) -> list[str]:
    codes = {"SPIN": ["SE"], "GRADIENT": ["GR"], "BOTH": ["SE", "GR"]}
    found = list(codes.get(text_value(flat, "EchoPulseSequence").upper(), []))
    if text_value(flat, "EchoPlanarPulseSequence").upper() == "YES":
        found.append("EP")
    inverted = text_value(flat, "InversionRecovery").upper() == "YES"
    if inverted or (float_value(flat, "InversionTime") or 0) > 0:
        found.append("IR")
    return found
