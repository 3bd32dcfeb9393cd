"""Image library of the structured report (TID 1600): the two series and where their images lie."""

from __future__ import annotations

from collections.abc import Iterator

from highdicom.sr import (
    CodeContentItem,
    ContainerContentItem,
    ContentSequence,
    ImageContentItem,
    RelationshipTypeValues,
    UIDRefContentItem,
)
from highdicom.sr.value_types import ContentItem
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

from marrowsignal.dicom.records import Series
from marrowsignal.exports.dicom_objects.measurement_codes import CONTRAST, MILLIMETER, STIR_WEIGHTED, T1_WEIGHTED
from marrowsignal.exports.dicom_objects.records import SourceImages
from marrowsignal.exports.dicom_objects.report_content import number_item
from marrowsignal.results.study_result import StudyResult

__all__ = ["image_library"]

_CONTEXT = RelationshipTypeValues.HAS_ACQ_CONTEXT
_CONTAINS = RelationshipTypeValues.CONTAINS
_PIXELS = Code("{pixels}", "UCUM", "Pixels")
_SOURCE = Code("260753009", "SCT", "Source")


def image_library(result: StudyResult, source: SourceImages) -> ContainerContentItem:
    """List one group a series with what all its images share, then its images."""
    library = ContainerContentItem(
        name=codes.DCM.ImageLibrary, is_content_continuous=False, relationship_type=_CONTAINS
    )
    library.ContentSequence = ContentSequence([_group(result.series.t1, source.t1, T1_WEIGHTED)])
    if result.series.stir is not None and source.stir:
        library.ContentSequence.append(_group(result.series.stir, source.stir, STIR_WEIGHTED))
    return library


def _group(series: Series, images: tuple[Dataset, ...], contrast: Code) -> ContainerContentItem:
    # Continuous: viewers then put the images in one paragraph instead of a line each before the first measurement.
    group = ContainerContentItem(
        name=codes.DCM.ImageLibraryGroup, is_content_continuous=True, relationship_type=_CONTAINS
    )
    group.ContentSequence = ContentSequence([*_shared(series, images[0], contrast), *map(_image, images)])
    return group


def _shared(series: Series, image: Dataset, contrast: Code) -> Iterator[ContentItem]:
    yield CodeContentItem(name=codes.DCM.Modality, value=codes.cid29.MagneticResonance, relationship_type=_CONTEXT)
    yield CodeContentItem(name=CONTRAST, value=contrast, relationship_type=_CONTEXT)
    if frame_of_reference := image.get("FrameOfReferenceUID"):
        yield UIDRefContentItem(
            name=codes.DCM.FrameOfReferenceUID, value=frame_of_reference, relationship_type=_CONTEXT
        )
    yield number_item(codes.DCM.PixelDataRows, series.rows, _PIXELS, _CONTEXT)
    yield number_item(codes.DCM.PixelDataColumns, series.columns, _PIXELS, _CONTEXT)
    names = (codes.DCM.SpacingBetweenSlices, codes.DCM.VerticalPixelSpacing, codes.DCM.HorizontalPixelSpacing)
    for name, spacing in zip(names, series.spacing_mm or (), strict=False):
        yield number_item(name, spacing, MILLIMETER, _CONTEXT)


def _image(image: Dataset) -> ImageContentItem:
    return ImageContentItem(
        name=_SOURCE,
        referenced_sop_class_uid=image.SOPClassUID,
        referenced_sop_instance_uid=image.SOPInstanceUID,
        relationship_type=_CONTAINS,
    )
