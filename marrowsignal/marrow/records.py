"""What segmentation hands on."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from marrowsignal.findings import Finding
from marrowsignal.geometry.volume import LabelVolume

__all__ = [
    "MarrowMask",
    "MarrowSource",
    "MaskCheck",
    "MaskCheckItem",
    "MaskEdit",
    "MaskKind",
    "MaskVerdict",
    "Segmentation",
    "ToolMask",
    "labels_sha256",
]


def labels_sha256(labels: LabelVolume) -> str:
    """Hash of label values on their grid's voxels, in array order."""
    return hashlib.sha256(labels.array.tobytes()).hexdigest()


class MarrowSource(StrEnum):
    """Who says where marrow is."""

    SUPPLIED = "supplied"
    EDITED = "edited"
    AUTOMATIC = "automatic"
    ATLAS = "atlas"
    EXTERNAL = "external"


class MaskKind(StrEnum):
    """What a label encloses."""

    MARROW = "marrow"
    BONE = "bone"


class MaskVerdict(StrEnum):
    """What a mask is good for."""

    PASS = "pass"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ToolMask:
    """A mask that this program made, before any person corrected it.

    Attributes
    ----------
    labels : LabelVolume
        Marrow on the T1 grid.
    source : MarrowSource
        Which way made it.
    made_by : str
        Tool or atlas and its version, ``""`` when not known.
    """

    labels: LabelVolume
    source: MarrowSource
    made_by: str

    @property
    def sha256(self) -> str:
        """Hash of the labels on the T1 grid."""
        return labels_sha256(self.labels)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MaskEdit:
    """What a person changed in a mask of this program.

    Attributes
    ----------
    edited_from : ToolMask
        The mask before any correction.
    added_voxels, removed_voxels, renamed_voxels : int
        Marrow now and not then, then and not now, and of another bone.
    voxel_ml : float
        Volume of one voxel.
    """

    edited_from: ToolMask
    added_voxels: int
    removed_voxels: int
    renamed_voxels: int
    voxel_ml: float

    @property
    def added_ml(self) -> float:
        """Volume added, mL."""
        return self.added_voxels * self.voxel_ml

    @property
    def removed_ml(self) -> float:
        """Volume removed, mL."""
        return self.removed_voxels * self.voxel_ml

    @property
    def renamed_ml(self) -> float:
        """Volume that went to another bone, mL."""
        return self.renamed_voxels * self.voxel_ml


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Segmentation:
    """What one way to a mask gives, before it is peeled, checked and split.

    Attributes
    ----------
    labels : LabelVolume
        On the T1 grid. `names` holds, for each value whose bone is known, the key of a region of the protocol
        (``"sacrum"``), with ``:left`` or ``:right`` where the source tells sides apart (``"ilium:left"``).
    kind : MaskKind
        Whether labels enclose marrow or the whole bone with its cortex.
    source : MarrowSource
        Who says so.
    made_by : str
        Tool or atlas and its version, ``""`` when not known; never a path.
    probability : ndarray of float32 or None, shape (slice, row, column)
        Of being inside any label, 0 to 1.
    estimate : tuple of float or None
        Estimated Dice against an expert's mask, and the low and high end of its 90 % interval, when the source can
        tell from itself.
    edit : MaskEdit or None
        What a person changed, where the source is ``edited``.
    findings : tuple of Finding
        What weakens it.
    """

    labels: LabelVolume
    kind: MaskKind
    source: MarrowSource
    made_by: str = ""
    probability: NDArray[np.float32] | None = None
    estimate: tuple[float, float, float] | None = None
    edit: MaskEdit | None = None
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskCheckItem:
    """One thing looked at.

    Attributes
    ----------
    key : str
        Stable identifier, for example ``"fragments"``.
    verdict : MaskVerdict or None
        None when it could not be looked at.
    value : float or None
        What was measured.
    unit : str
        Of the value; ``"1"`` for ratios.
    words : str
        What was seen, or why it could not be looked at.
    """

    key: str
    verdict: MaskVerdict | None
    value: float | None
    unit: str
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskCheck:
    """Whether a mask can be trusted.

    Attributes
    ----------
    verdict : MaskVerdict
        The worst of the items.
    estimated_dice, dice_low, dice_high : float or None
        Estimated Dice against an expert's mask and its 90 % interval; None when nothing tells.
    dice_reason : str
        How it was estimated, or why not.
    items : tuple of MaskCheckItem
        Everything looked at.
    """

    verdict: MaskVerdict
    estimated_dice: float | None
    dice_low: float | None
    dice_high: float | None
    dice_reason: str
    items: tuple[MaskCheckItem, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MarrowMask:
    """Where marrow is.

    Attributes
    ----------
    labels : LabelVolume
        Marrow on the T1 grid; `names` as in `Segmentation`.
    core_mask : ndarray of bool, shape (slice, row, column)
        Marrow without its rim, cortex, joint space and other signal voids: where signals are measured.
    source : MarrowSource
        Who says so.
    made_by : str
        Tool or atlas and its version, ``""`` when not known.
    probability : ndarray of float32 or None, shape (slice, row, column)
        Of being marrow, where the source gives one.
    check : MaskCheck or None
        What the mask looks like; None before it was checked.
    edit : MaskEdit or None
        What a person changed, where the source is ``edited``.
    findings : tuple of Finding
        What weakens the mask.
    """

    labels: LabelVolume
    core_mask: NDArray[np.bool_]
    source: MarrowSource
    made_by: str = ""
    probability: NDArray[np.float32] | None = None
    check: MaskCheck | None = None
    edit: MaskEdit | None = None
    findings: tuple[Finding, ...] = ()
