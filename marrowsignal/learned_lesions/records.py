"""What labelled lesions teach, and what was learnt from them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marrowsignal.learned_lesions.view import LesionView, MuscleLevels
from marrowsignal.marrow.atlas.trees import Trees
from marrowsignal.protocol.schema import LesionModelSettings

__all__ = ["LabelledLesions", "LeftOutLesions", "LesionModel"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LabelledLesions:
    """One study with one read of its lesions or several.

    Attributes
    ----------
    name : str
        ``"atlas_1"`` and so on, in the order of the manifest.
    view : LesionView
        The study.
    reads : ndarray of bool, shape (read, voxel)
        What each read marked of `view.looked_at`.
    read_voxels : tuple of int
        What each read marked in the whole study.
    voxel_ml : float
        Volume of one voxel.
    """

    name: str
    view: LesionView
    reads: NDArray[np.bool_]
    read_voxels: tuple[int, ...]
    voxel_ml: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOutLesions:
    """How well a subject's lesions were found by a model of the others, the cut chosen on the others too.

    Attributes
    ----------
    name : str
        Of the subject.
    dice : float
        Mean Dice against its reads.
    reads_dice : float or None
        Mean Dice of its reads with each other; None with one read.
    found_ml, read_ml : float
        Volume found, and mean volume of the reads.
    lesions : int
        Components marked by half of the reads or more, of the least size of a lesion.
    lesions_found : int
        How many of them were touched.
    """

    name: str
    dice: float
    reads_dice: float | None
    found_ml: float
    read_ml: float
    lesions: int
    lesions_found: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LesionModel:
    """A voxel model of lesions.

    Attributes
    ----------
    first : Trees
        Judges a voxel by itself and what lies around.
    second : Trees
        Judges it again, knowing what the first said of its surroundings.
    cut : float
        Probability from which a voxel is taken for lesion.
    muscle : MuscleLevels
        Usual level of muscle, for a study without a muscle reference.
    left_out : tuple of LeftOutLesions
        Leave-one-out quality, one row a subject; empty where it was not measured.
    settings : LesionModelSettings
        How it was made and is used.
    """

    first: Trees
    second: Trees
    cut: float
    muscle: MuscleLevels
    left_out: tuple[LeftOutLesions, ...]
    settings: LesionModelSettings

    @property
    def left_out_dice(self) -> float:
        """Mean of the left-out Dice."""
        return float(np.mean([row.dice for row in self.left_out]))
