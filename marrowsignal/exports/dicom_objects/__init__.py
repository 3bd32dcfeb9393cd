"""What a PACS takes in: segmentations, a structured report and a picture of the page's first screen."""

from marrowsignal.exports.dicom_objects.write import write_dicom_objects

__all__ = ["write_dicom_objects"]
