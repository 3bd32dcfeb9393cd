"""Leave out what a map of labels holds beside bones."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from functools import cache
from importlib.resources import files

import numpy as np

from marrowsignal.errors import MaskError
from marrowsignal.findings import Finding, Severity, listed
from marrowsignal.geometry.volume import LabelVolume
from marrowsignal.marrow.supplied.bone_names import (
    BoneNames,
    bare_name,
    names_any_bone,
    plain_words,
    tells_bone,
)
from marrowsignal.marrow.supplied.records import DrawnLabels, NamedLabel

__all__ = ["bones_only", "names_soft_tissue"]

_STAGE = "segment_marrow"


def bones_only(drawn: DrawnLabels, bones: BoneNames) -> DrawnLabels:
    """Return drawn labels without organs, muscles and other bones.

    A value that a program named by its own list is left out unless its name or code is a region, a bone that any
    protocol knows, or says no more than marrow or bone. Of what a person named, only soft tissue is.

    Parameters
    ----------
    drawn : DrawnLabels
        As read.
    bones : BoneNames
        Names of the protocol's regions.

    Returns
    -------
    DrawnLabels
        With a finding that names what was left out.

    Raises
    ------
    MaskError
        If nothing remains.
    """
    foreign = {label.value: label for label in drawn.named if not _may_be_bone(label, bones)}
    there = [int(value) for value in np.unique(drawn.labels.array) if int(value) in foreign]
    if not there:
        return drawn
    kept = np.where(np.isin(drawn.labels.array, there), 0, drawn.labels.array)
    told = listed([bare_name(foreign[value].name) or f"value {value}" for value in there])
    if not kept.any():
        raise MaskError(
            f"the marrow map holds no bone: {told}",
            code="mask_no_bone",
            stage=_STAGE,
            hint="give labels of marrow or bones, or their names by --label-table",
        )
    text = f"Labels that are no bone of any protocol were left out: {told}."
    finding = Finding(code="labels_left_out", stage=_STAGE, severity=Severity.WARN, message=text)
    return replace(
        drawn,
        labels=LabelVolume(array=kept, geometry=drawn.labels.geometry, names=drawn.labels.names),
        findings=(*drawn.findings, finding),
    )


def names_soft_tissue(name: str) -> bool:
    """Whether a name holds a word for muscle, vessel, organ or the like.

    Examples
    --------
    >>> names_soft_tissue("gluteus_maximus_left"), names_soft_tissue("fatty marrow")
    (True, False)
    """
    return not _soft_words().isdisjoint(plain_words(name).split())


def _may_be_bone(label: NamedLabel, bones: BoneNames) -> bool:
    if bones.region_of(label) is not None or not tells_bone(label.name):
        return True
    if names_soft_tissue(label.name):
        return False
    return not label.by_program or names_any_bone(label.name)


@cache
def _soft_words() -> frozenset[str]:
    text = files(__package__).joinpath("data", "soft_tissue.toml").read_text(encoding="utf-8")
    return frozenset(word for words in tomllib.loads(text).values() for word in words)
