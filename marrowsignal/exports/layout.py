"""How the folder of a case is named and where its images lie: our own way, or that of BIDS derivatives."""

from __future__ import annotations

import re
from enum import StrEnum

from marrowsignal.errors import UsageError

__all__ = ["Layout", "subject_label"]

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
            stage="write_case",
            hint="use a name with letters or digits",
        )
    return label
