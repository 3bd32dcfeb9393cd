"""What an atlas is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marrowsignal.marrow.atlas.template import Template
from marrowsignal.marrow.atlas.trees import Trees
from marrowsignal.marrow.records import MaskKind
from marrowsignal.protocol.schema import AtlasSettings

__all__ = ["Atlas", "AtlasSubject", "LeftOut"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AtlasSubject:
    """One labelled study, on the atlas' axes and without anything that tells whose it is.

    Attributes
    ----------
    name : str
        ``"atlas_1"`` and so on, in the order of the manifest.
    t1 : ndarray of uint16, shape (slice, row, column)
        Signal as acquired, scaled to 0-65535.
    stir : ndarray of uint16, same shape, or None
        STIR over T1, where every subject has one.
    labels : ndarray of uint16, same shape
        The expert's.
    spacing_mm : tuple of float
        Between slices, rows, columns.
    """

    name: str
    t1: NDArray[np.uint16]
    stir: NDArray[np.uint16] | None
    labels: NDArray[np.uint16]
    spacing_mm: tuple[float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """How well a subject was segmented by the others.

    Attributes
    ----------
    name : str
        Of the subject.
    votes_dice : float
        Dice of the weighted votes against the expert's labels.
    dice : float
        Dice after the trees, which were trained on the others too.
    expected_dice : float
        What the probabilities say of themselves, uncalibrated.
    placed : float
        Correlation with the template.
    label_dice : tuple of (int, float)
        Dice of each label that the subject has.
    """

    name: str
    votes_dice: float
    dice: float
    expected_dice: float
    placed: float
    label_dice: tuple[tuple[int, float], ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Atlas:
    """Labelled studies, where each lies, and what was learnt from them.

    Attributes
    ----------
    subjects : tuple of AtlasSubject
        Three or more.
    directions_lps : ndarray of float64, shape (3, 3)
        Slice, row and column axis of all subjects, as columns; those of the first subject.
    names : tuple of (int, str)
        Region key of each label value whose bone is known.
    kind : MaskKind
        Whether labels enclose marrow or whole bones.
    template : Template
        Mean of the subjects.
    trees : Trees
        What decides undecided voxels, from T1.
    stir_trees : Trees or None
        The same from T1 and STIR, where every subject has STIR.
    left_out : tuple of LeftOut
        Leave-one-out quality, one row a subject.
    settings : AtlasSettings
        How it was made and is used.
    version : str
        Of the program that made it.
    sha256 : str
        Of its parts; ``""`` before it was written.
    """

    subjects: tuple[AtlasSubject, ...]
    directions_lps: NDArray[np.float64]
    names: tuple[tuple[int, str], ...]
    kind: MaskKind
    template: Template
    trees: Trees
    stir_trees: Trees | None
    left_out: tuple[LeftOut, ...]
    settings: AtlasSettings
    version: str
    sha256: str = ""
