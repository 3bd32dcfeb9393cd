"""The editing loop: a finished case, and its mask as a person corrected it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from marrowsignal.alignment.records import AlignedPair
from marrowsignal.dicom.records import SeriesPair
from marrowsignal.errors import UsageError
from marrowsignal.exports.aligned_state import FinishedCase, read_finished_case
from marrowsignal.exports.layout import Layout
from marrowsignal.findings import Finding, Severity
from marrowsignal.marrow.editing import as_edit
from marrowsignal.marrow.records import Segmentation
from marrowsignal.protocol.schema import Protocol

__all__ = ["CorrectedCase", "take_over"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CorrectedCase:
    """A supplied mask, and what need not be done again for it.

    Attributes
    ----------
    supplied : Segmentation
        With the source ``edited`` where it corrects the mask of the finished case.
    pair : AlignedPair or None
        Aligned, bias-corrected, metal marked, from the finished case; None where that must be done anew.
    """

    supplied: Segmentation
    pair: AlignedPair | None


def take_over(out: Path, case: str, series: SeriesPair, supplied: Segmentation, *, protocol: Protocol) -> CorrectedCase:
    """Take over from a finished case what does not depend on the mask, where the mask given is a correction of its own.

    Parameters
    ----------
    out : Path
        Folder of cases.
    case : str
        Name of the case; there may be none yet, of either layout.
    series : SeriesPair
        The pair to be analyzed.
    supplied : Segmentation
        Labels on the T1 grid, from a file.
    protocol : Protocol
        The protocol to be used.

    Returns
    -------
    CorrectedCase
        With findings that say what was taken over, or why nothing could be.
    """
    finished = _finished(out, case, series, protocol=protocol)
    if isinstance(finished, Finding):
        return CorrectedCase(supplied=replace(supplied, findings=(*supplied.findings, finished)), pair=None)
    if finished is None or finished.own_mask is None:
        return CorrectedCase(supplied=supplied, pair=None)
    edited = as_edit(supplied, finished.own_mask, settings=protocol.marrow)
    if edited is None:
        return CorrectedCase(supplied=supplied, pair=None)
    return CorrectedCase(supplied=replace(edited, findings=(*edited.findings, _told(finished))), pair=finished.pair)


def _finished(out: Path, case: str, series: SeriesPair, *, protocol: Protocol) -> FinishedCase | Finding | None:
    """Read the case in the layout it was written in."""
    finished = read_finished_case(out / case, series, protocol=protocol)
    if finished is not None:
        return finished
    with suppress(UsageError):  # a name that BIDS cannot take has no subject either
        folder = out / Layout.BIDS.folder_name(case)
        return read_finished_case(folder, series, protocol=protocol, layout=Layout.BIDS)
    return None


def _told(finished: FinishedCase) -> Finding:
    what = "alignment, " if finished.pair.stir is not None else ""
    text = f"From the finished case: {what}coil shading and metal; computed anew: everything that depends on the mask."
    return Finding(code="pair_taken_over", stage="segment_marrow", severity=Severity.INFO, message=text)
