"""How the folder of a case is named, what it holds and where: our own way, or that of BIDS derivatives."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from marrowsignal.errors import UsageError

__all__ = ["CaseOptions", "Layout", "check_case_name", "subject_label"]

_STAGE = "write_case"
_CASE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,63}")
_RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?|cohort|private", re.IGNORECASE)

_NOT_ALPHANUMERIC = re.compile(r"[^A-Za-z0-9]")
# STIR is written on the grid of T1, the images that say so are of the participant's own space (BIDS, derivatives).
_BIDS_NAMES = {
    "t1": "desc-preproc_T1w",
    "stir_on_t1": "acq-STIR_space-individual_desc-preproc_T2w",
    "fat_signal_index": "desc-fatSignalIndex_T1w",
    "marrow": "seg-marrow_dseg",
    "regions": "seg-regions_dseg",
    "parts": "seg-parts_dseg",
    "lesions": "seg-lesions_dseg",
    "dark_foci": "seg-darkFoci_dseg",
}


class Layout(StrEnum):
    """Names of files and folders in an output folder."""

    CASE = "case"
    BIDS = "bids"

    @property
    def image_folder(self) -> str:
        """Name of the folder of images in that of the case."""
        return "anat" if self is Layout.BIDS else "images"

    def folder_name(self, case: str) -> str:
        """Return the name of the folder of a case.

        Raises
        ------
        UsageError
            If the case name leaves no subject label for BIDS.
        """
        return f"sub-{subject_label(case)}" if self is Layout.BIDS else case

    def image_name(self, folder_name: str, key: str) -> str:
        """Return the name of an image without its ending; `key` is that of `CaseImage`.

        >>> Layout.BIDS.image_name("sub-0a1b", "stir_on_t1")
        'sub-0a1b_acq-STIR_space-individual_desc-preproc_T2w'
        """
        return f"{folder_name}_{_BIDS_NAMES[key]}" if self is Layout.BIDS else key


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseOptions:
    """What a case folder holds.

    Attributes
    ----------
    dicom : bool
        Whether it holds DICOM objects. They name the patient, as a PACS asks; nothing else in the folder does.
    layout : Layout
        Names of the folder and of its images.
    """

    dicom: bool = True
    layout: Layout = Layout.CASE


def check_case_name(case: str) -> str:
    """Return `case` if it can name a folder on every system.

    Parameters
    ----------
    case : str
        1 to 64 characters out of letters, digits, dot, underscore and dash; no leading dot or dash, no
        trailing dot, none of Windows' device names, and neither ``cohort`` nor ``private``, which lie beside cases.

    Raises
    ------
    UsageError
        If it cannot.
    """
    if not _CASE_NAME.fullmatch(case) or case.endswith(".") or _RESERVED.fullmatch(case):
        raise UsageError(
            "the case name cannot name a folder",
            code="case_name_invalid",
            stage=_STAGE,
            hint="use 1 to 64 letters, digits, dots, underscores or dashes, beginning with a letter or digit; "
            "nul, cohort, private and the like are taken",
        )
    return case


def subject_label(case: str) -> str:
    """Return the letters and digits of a case name: BIDS allows no others.

    Raises
    ------
    UsageError
        If there are none.

    Examples
    --------
    >>> subject_label("0a1b2c-left_hip")
    '0a1b2clefthip'
    """
    label = _NOT_ALPHANUMERIC.sub("", case)
    if not label:
        raise UsageError(
            "the case name leaves no subject label for BIDS",
            code="bids_label_empty",
            stage=_STAGE,
            hint="use a name with letters or digits",
        )
    return label
