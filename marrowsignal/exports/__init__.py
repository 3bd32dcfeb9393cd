"""What a study leaves behind on disk: tables, images with label tables, and the case folder."""

from marrowsignal.exports.case_folder import (
    CaseOptions,
    Layout,
    WrittenCase,
    check_case_name,
    write_case,
    write_whole_case,
)
from marrowsignal.exports.images.nifti import write_images
from marrowsignal.exports.tables.study_tables import write_tables

__all__ = [
    "CaseOptions",
    "Layout",
    "WrittenCase",
    "check_case_name",
    "write_case",
    "write_images",
    "write_tables",
    "write_whole_case",
]
