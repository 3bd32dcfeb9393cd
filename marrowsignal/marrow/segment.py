"""Where marrow is: a supplied label map, or the automatic first version."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from marrowsignal.alignment.records import AlignedPair
from marrowsignal.errors import MaskError
from marrowsignal.findings import Finding, Severity
from marrowsignal.geometry.itk_bridge import read_label_volume
from marrowsignal.geometry.volume import LabelVolume, VolumeGeometry
from marrowsignal.marrow.automatic import AUTOMATIC_CONFIDENCE, segment_automatic
from marrowsignal.marrow.core import core_of
from marrowsignal.marrow.records import MarrowMask
from marrowsignal.protocol.schema import Protocol

__all__ = ["mask_sha256", "read_supplied_marrow", "segment_marrow"]

_STAGE = "segment_marrow"
_GRID_TOLERANCE_MM = 0.05


def read_supplied_marrow(path: Path, grid: VolumeGeometry) -> LabelVolume:
    """Read a marrow label map in patient space, any grid and slice order, onto `grid`.

    Raises
    ------
    MaskError
        If it cannot be read, holds no labels, or lies outside `grid`.
    """
    return read_label_volume(path, grid)


def segment_marrow(pair: AlignedPair, *, protocol: Protocol, supplied: LabelVolume | None = None) -> MarrowMask:
    """Say where marrow is.

    Parameters
    ----------
    pair : AlignedPair
        Bias-corrected.
    protocol : Protocol
        Settings of the core and of the automatic segmentation.
    supplied : LabelVolume, optional
        Marrow on the T1 grid; without it marrow is segmented automatically.

    Returns
    -------
    MarrowMask
        Labels and the core where signals are measured.

    Raises
    ------
    MaskError
        If a supplied map is on another grid.
    """
    settings = protocol.marrow
    source = "automatic" if supplied is None else "supplied"
    if supplied is None:
        found = segment_automatic(pair, settings=settings, tissues=protocol.references).astype(np.uint16)
        labels = LabelVolume(array=found, geometry=pair.t1.geometry, names=((1, "marrow"),))
    elif not pair.t1.geometry.difference(supplied.geometry).within(_GRID_TOLERANCE_MM):
        raise MaskError("the marrow labels are not on the T1 grid", code="mask_other_grid", stage=_STAGE)
    else:
        labels = supplied
    core = core_of(
        labels.mask,
        pair.t1.array,
        spacing_mm=pair.t1.geometry.spacing_mm,
        erosion_mm=settings.core_erosion.value,
        void_below=settings.core_void_to_marrow.value * _middle(pair.t1.array, labels.mask),
    )
    return MarrowMask(
        labels=labels,
        core_mask=core & pair.measurable_mask,
        source=source,
        confidence=AUTOMATIC_CONFIDENCE if supplied is None else None,
        findings=_findings(labels, source, with_stir=pair.comparable_stir is not None),
    )


def mask_sha256(marrow: MarrowMask) -> str:
    """Hash of the labels on the T1 grid."""
    return hashlib.sha256(marrow.labels.array.tobytes()).hexdigest()


def _middle(t1: NDArray[np.float32], mask: NDArray[np.bool_]) -> float:
    return float(np.median(t1[mask])) if mask.any() else 0.0


def _findings(labels: LabelVolume, source: str, *, with_stir: bool) -> tuple[Finding, ...]:
    if source == "supplied":
        return ()
    if not labels.array.any():
        text = "No marrow was found automatically; give a mask with --marrow."
        return (Finding(code="no_marrow_found", stage=_STAGE, severity=Severity.FAIL, message=text),)
    text = (
        "Marrow was segmented by signal alone, which overlaps an expert's mask by about half on real studies: "
        "look at the outline, and give a mask with --marrow for numbers to rely on."
    )
    first = Finding(code="marrow_automatic_first_version", stage=_STAGE, severity=Severity.WARN, message=text)
    if with_stir:
        return (first,)
    text = (
        "Without STIR marrow as dark as muscle on T1 cannot be told from muscle: the automatic mask leaves it out, "
        "so that edema and infiltration are missed; give a mask with --marrow to measure them on T1."
    )
    return (first, Finding(code="dark_marrow_left_out", stage=_STAGE, severity=Severity.WARN, message=text))
