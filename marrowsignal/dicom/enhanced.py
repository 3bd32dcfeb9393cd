"""Enhanced multi-frame MR: what the functional groups say, under the classic keywords, frame by frame."""

from __future__ import annotations

from pathlib import Path

import pydicom
from pydicom.dataset import Dataset

from marrowsignal.dicom.header_values import DatasetValues, HeaderValues

__all__ = ["ENHANCED_SOP_CLASSES", "FrameValues", "frames_of"]

ENHANCED_SOP_CLASSES = frozenset(
    {
        "1.2.840.10008.5.1.4.1.1.4.1",  # Enhanced MR Image Storage
        "1.2.840.10008.5.1.4.1.1.4.3",  # Enhanced MR Color Image Storage
        "1.2.840.10008.5.1.4.1.1.4.4",  # Legacy Converted Enhanced MR Image Storage
    }
)

# Classic keyword: functional group, keyword in it.
_IN_GROUPS = {
    "RepetitionTime": ("MRTimingAndRelatedParametersSequence", "RepetitionTime"),
    "EchoTrainLength": ("MRTimingAndRelatedParametersSequence", "RFEchoTrainLength"),
    "EchoTime": ("MREchoSequence", "EffectiveEchoTime"),
    "InversionTime": ("MRModifierSequence", "InversionTimes"),
    "InversionRecovery": ("MRModifierSequence", "InversionRecovery"),
    "ImageType": ("MRImageFrameTypeSequence", "FrameType"),
    "ComplexImageComponent": ("MRImageFrameTypeSequence", "ComplexImageComponent"),
    "AcquisitionContrast": ("MRImageFrameTypeSequence", "AcquisitionContrast"),
    "DiffusionBValue": ("MRDiffusionSequence", "DiffusionBValue"),
    "ImagePositionPatient": ("PlanePositionSequence", "ImagePositionPatient"),
    "ImageOrientationPatient": ("PlaneOrientationSequence", "ImageOrientationPatient"),
    "PixelSpacing": ("PixelMeasuresSequence", "PixelSpacing"),
    "SpacingBetweenSlices": ("PixelMeasuresSequence", "SpacingBetweenSlices"),
    "SliceThickness": ("PixelMeasuresSequence", "SliceThickness"),
    "RescaleSlope": ("PixelValueTransformationSequence", "RescaleSlope"),
    "RescaleIntercept": ("PixelValueTransformationSequence", "RescaleIntercept"),
    "StackID": ("FrameContentSequence", "StackID"),
    "TemporalPositionIdentifier": ("FrameContentSequence", "TemporalPositionIndex"),
    "FrameAcquisitionDateTime": ("FrameContentSequence", "FrameAcquisitionDateTime"),
    "Laterality": ("FrameAnatomySequence", "FrameLaterality"),
}

_PHILIPS_FRAME = (0x2005, "Philips MR Imaging DD 005", 0x0F)


class FrameValues(HeaderValues):
    """Values of one frame: its own functional groups, then the shared ones, then the root.

    Parameters
    ----------
    root : HeaderValues
        What stands beside the functional groups.
    frame, shared : DatasetValues
        Functional groups.
    """

    __slots__ = ("_frame", "_groups", "_root", "_shared")

    def __init__(self, root: HeaderValues, *, frame: DatasetValues, shared: DatasetValues) -> None:
        self._root, self._frame, self._shared = root, frame, shared
        self._groups: dict[str, tuple[DatasetValues, ...]] = {}

    def parts(self, keyword: str) -> list[str]:  # noqa: D102 - as inherited
        if keyword in _IN_GROUPS:
            group, name = _IN_GROUPS[keyword]
            for item in self._items(group):
                values = item.parts(name)
                if values:
                    return values
        return self._root.parts(keyword)

    def private_parts(self, group: int, creator: str, element: int) -> list[str]:  # noqa: D102 - as inherited
        # Philips keeps the classic header of each frame in a private sequence.
        classic = self._frame.private_item(*_PHILIPS_FRAME)
        own = [] if classic is None else classic.private_parts(group, creator, element)
        return own or self._root.private_parts(group, creator, element)

    def has(self, keyword: str) -> bool:  # noqa: D102 - as inherited
        return bool(self.parts(keyword)) or self._root.has(keyword)

    def _items(self, group: str) -> tuple[DatasetValues, ...]:
        if group not in self._groups:
            found = (self._frame.item(group), self._shared.item(group))
            self._groups[group] = tuple(item for item in found if item is not None)
        return self._groups[group]


def frames_of(path: Path, root: HeaderValues) -> tuple[FrameValues, ...]:
    """Return the values of every frame that the per-frame functional groups describe.

    Parameters
    ----------
    path : Path
        An Enhanced multi-frame file.
    root : HeaderValues
        Values of its top level.

    Raises
    ------
    Exception
        Any of `marrowsignal.dicom.header_values.UNREADABLE` when the file is damaged.
    """
    groups: Dataset = pydicom.dcmread(
        path,
        stop_before_pixels=True,
        force=True,
        specific_tags=["SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"],
    )
    shared = DatasetValues(groups).item("SharedFunctionalGroupsSequence") or DatasetValues(None)
    frames = groups.get("PerFrameFunctionalGroupsSequence") or ()
    return tuple(FrameValues(root, frame=DatasetValues(frame), shared=shared) for frame in frames)
