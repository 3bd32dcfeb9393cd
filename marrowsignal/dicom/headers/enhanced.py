"""Enhanced multi-frame MR: what the functional groups say, under the classic keywords, frame by frame."""

from __future__ import annotations

from collections.abc import Iterable

from marrowsignal.dicom.headers.header_values import HeaderValues, RawValues

__all__ = ["ENHANCED_SOP_CLASSES", "CommonValues", "FrameValues", "frames_of", "holds_classic_sequence"]

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
    "AcquisitionNumber": ("FrameContentSequence", "FrameAcquisitionNumber"),
    "FrameAcquisitionDateTime": ("FrameContentSequence", "FrameAcquisitionDateTime"),
    "Laterality": ("FrameAnatomySequence", "FrameLaterality"),
}

_MOST_FRAMES = 5_000
_PHILIPS_CLASSIC = "classic header of the frame"
_PHILIPS_FRAME = (0x2005, "Philips MR Imaging DD 005", 0x0F)


class CommonValues(HeaderValues):
    """Values that all frames share: the shared functional groups', then the root's; each is looked up once.

    Parameters
    ----------
    root : RawValues
        What stands beside the functional groups.
    """

    __slots__ = ("_known", "_private_known", "_root", "_shared")

    def __init__(self, root: RawValues) -> None:
        self._root, self._shared = root, root.item("SharedFunctionalGroupsSequence")
        self._known: dict[str, list[str]] = {}
        self._private_known: dict[tuple[int, str, int], list[str]] = {}

    def parts(self, keyword: str) -> list[str]:  # noqa: D102 - as inherited
        if keyword not in self._known:
            self._known[keyword] = _in_group(self._shared, keyword) or self._root.parts(keyword)
        return self._known[keyword]

    def private_parts(self, group: int, creator: str, element: int) -> list[str]:  # noqa: D102 - as inherited
        asked = group, creator, element
        if asked not in self._private_known:
            self._private_known[asked] = self._root.private_parts(*asked)
        return self._private_known[asked]

    def has(self, keyword: str) -> bool:  # noqa: D102 - as inherited
        return bool(self.parts(keyword)) or self._root.has(keyword)


class FrameValues(HeaderValues):
    """Values of one frame: its own functional groups, then what all frames share.

    Parameters
    ----------
    frame : RawValues
        Its functional groups.
    common : CommonValues
        Those of all frames.
    """

    __slots__ = ("_common", "_frame", "_groups")

    def __init__(self, frame: RawValues, common: CommonValues) -> None:
        self._frame, self._common = frame, common
        self._groups: dict[str, RawValues | None] = {}

    def parts(self, keyword: str) -> list[str]:  # noqa: D102 - as inherited
        if keyword in _IN_GROUPS:
            group, name = _IN_GROUPS[keyword]
            if group not in self._groups:
                self._groups[group] = self._frame.item(group)
            item = self._groups[group]
            own = [] if item is None else item.parts(name)
            if own:
                return own
        return self._common.parts(keyword)

    def private_parts(self, group: int, creator: str, element: int) -> list[str]:  # noqa: D102 - as inherited
        # Philips keeps the classic header of each frame in a private sequence.
        if _PHILIPS_CLASSIC not in self._groups:
            self._groups[_PHILIPS_CLASSIC] = self._frame.private_item(*_PHILIPS_FRAME)
        classic = self._groups[_PHILIPS_CLASSIC]
        own = [] if classic is None else classic.private_parts(group, creator, element)
        return own or self._common.private_parts(group, creator, element)

    def has(self, keyword: str) -> bool:  # noqa: D102 - as inherited
        return bool(self.parts(keyword)) or self._common.has(keyword)


def _in_group(groups: RawValues | None, keyword: str) -> list[str]:
    if groups is None or keyword not in _IN_GROUPS:
        return []
    group, name = _IN_GROUPS[keyword]
    item = groups.item(group)
    return [] if item is None else item.parts(name)


def holds_classic_sequence(tags: Iterable[int]) -> bool:
    """Whether one of `tags` may be the private sequence in which Philips keeps a frame's classic header."""
    return any(tag & 0xFFFF00FF == _PHILIPS_FRAME[0] << 16 | _PHILIPS_FRAME[2] for tag in tags)


def frames_of(root: RawValues) -> tuple[tuple[FrameValues, ...], int]:
    """Return the values of each frame, and how many the per-frame functional groups describe.

    Where they describe more than NumberOfFrames, or than any image has, only the first is returned: the header lies.

    Parameters
    ----------
    root : RawValues
        Top level of an Enhanced multi-frame file.

    Raises
    ------
    EOFError, ValueError
        If the file is damaged.
    """
    claimed = root.whole("NumberOfFrames") or 1
    found = root.items("PerFrameFunctionalGroupsSequence", most=min(claimed, _MOST_FRAMES) + 1)
    common = CommonValues(root)
    frames = found if len(found) <= min(claimed, _MOST_FRAMES) else found[:1]
    return tuple(FrameValues(frame, common) for frame in frames), len(found)
