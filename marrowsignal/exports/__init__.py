"""What a study leaves behind on disk: tables, images with label tables, and the case folder.

A name is loaded when it is first used: who asks for the layout of a folder alone needs none of the writers.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
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

_HOME = {
    "CaseOptions": "layout",
    "Layout": "layout",
    "WrittenCase": "case_folder",
    "check_case_name": "layout",
    "write_case": "case_folder",
    "write_images": "images.nifti",
    "write_tables": "tables.study_tables",
    "write_whole_case": "case_folder",
}


def __getattr__(name: str) -> object:
    """Load a public name when it is first used (PEP 562)."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value
