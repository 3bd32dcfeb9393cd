"""From any way's labels to the marrow mask that is measured."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from marrowsignal.alignment.records import AlignedPair
from marrowsignal.errors import MaskError
from marrowsignal.geometry.volume import LabelVolume
from marrowsignal.marrow.check import check_mask
from marrowsignal.marrow.core import core_of
from marrowsignal.marrow.peel import peel_to_marrow
from marrowsignal.marrow.records import MarrowMask, MarrowSource, MaskKind, Segmentation, labels_sha256
from marrowsignal.marrow.ways import AUTOMATIC_WAY, find_bones
from marrowsignal.protocol.schema import PeelSettings, Protocol

__all__ = ["mask_sha256", "segment_marrow"]

_STAGE = "segment_marrow"
_GRID_TOLERANCE_MM = 0.05


def segment_marrow(
    pair: AlignedPair,
    *,
    protocol: Protocol,
    supplied: Segmentation | LabelVolume | None = None,
    way: str = AUTOMATIC_WAY,
) -> MarrowMask:
    """Say where marrow is, and where in it signals are measured.

    Parameters
    ----------
    pair : AlignedPair
        Bias-corrected.
    protocol : Protocol
        Settings of the segmentation, the peeling of whole bones, the core and the checks.
    supplied : Segmentation or LabelVolume, optional
        Labels on the T1 grid from `read_supplied`, or marrow labels of your own.
    way : str
        Without `supplied`: ``"automatic"``, ``"atlas:FOLDER"`` or ``"external:NAME"``.

    Returns
    -------
    MarrowMask
        Labels and the core where signals are measured.

    Raises
    ------
    MaskError
        If the labels are on another grid.
    """
    segmentation = _given(supplied) if supplied is not None else find_bones(pair, way, protocol=protocol)
    labels = segmentation.labels
    if not pair.t1.geometry.difference(labels.geometry).within(_GRID_TOLERANCE_MM):
        raise MaskError("the marrow labels are not on the T1 grid", code="mask_other_grid", stage=_STAGE)
    settings = protocol.marrow
    if segmentation.kind is MaskKind.BONE:
        labels = _peeled(labels, pair, settings.peel)
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
        source=segmentation.source,
        made_by=segmentation.made_by,
        probability=segmentation.probability,
        check=check_mask(segmentation, labels, pair, protocol=protocol),
        edit=segmentation.edit,
        findings=segmentation.findings,
    )


def mask_sha256(marrow: MarrowMask) -> str:
    """Hash of the labels on the T1 grid."""
    return labels_sha256(marrow.labels)


def _given(supplied: Segmentation | LabelVolume) -> Segmentation:
    if isinstance(supplied, Segmentation):
        return supplied
    return Segmentation(labels=supplied, kind=MaskKind.MARROW, source=MarrowSource.SUPPLIED)


def _peeled(bones: LabelVolume, pair: AlignedPair, settings: PeelSettings) -> LabelVolume:
    spacing = bones.geometry.spacing_mm
    array = peel_to_marrow(bones.array, pair.t1.array, spacing_mm=spacing, settings=settings, names=bones.names)
    return replace(bones, array=array)


def _middle(t1: NDArray[np.float32], mask: NDArray[np.bool_]) -> float:
    return float(np.median(t1[mask])) if mask.any() else 0.0
