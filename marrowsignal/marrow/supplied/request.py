"""What a user asks for with a mask of their own, and where the study lies that it must fit."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from marrowsignal.dicom.records import Series, SeriesPair
from marrowsignal.geometry.volume import VolumeGeometry
from marrowsignal.marrow.records import MaskKind, Segmentation
from marrowsignal.marrow.supplied.place import drawn_on_stir, place_labels
from marrowsignal.marrow.supplied.read import read_drawn_labels
from marrowsignal.marrow.supplied.records import DrawnLabels, SeriesReference, StudySpace
from marrowsignal.protocol.schema import Protocol, RegionSpec

__all__ = ["MarrowRequest", "SuppliedMask", "open_supplied", "study_space"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MarrowRequest:
    """A mask of the user's.

    Attributes
    ----------
    path : Path
        The file of labels.
    kind : MaskKind
        Whether they enclose marrow or whole bones.
    table : Path or None
        Its label table.
    """

    path: Path
    kind: MaskKind = MaskKind.MARROW
    table: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SuppliedMask:
    """A user's mask that was read, and the study it must fit.

    Attributes
    ----------
    drawn : DrawnLabels
        As read.
    space : StudySpace
        Where the series lie.
    kind : MaskKind
        What labels enclose.
    specs : tuple of RegionSpec
        Regions and other bones of the protocol.
    """

    drawn: DrawnLabels
    space: StudySpace
    kind: MaskKind
    specs: tuple[RegionSpec, ...]

    @property
    def on_stir(self) -> bool:
        """Whether it was drawn on STIR, so that it must be placed anew once the registration is known."""
        return drawn_on_stir(self.drawn, self.space)

    def on_t1(self, t1_to_stir_lps: NDArray[np.float64] | None = None) -> Segmentation:
        """Place it on the T1 grid.

        Parameters
        ----------
        t1_to_stir_lps : ndarray of float64, shape (4, 4), optional
            Registration, when it is known.

        Raises
        ------
        MaskError
            If it belongs to another person or place.
        """
        space = replace(self.space, t1_to_stir_lps=t1_to_stir_lps)
        return place_labels(self.drawn, space, kind=self.kind, specs=self.specs)


def open_supplied(request: MarrowRequest, space: StudySpace, *, protocol: Protocol) -> SuppliedMask:
    """Read a user's mask.

    Raises
    ------
    MaskError
        If the file or its table cannot be read.
    """
    drawn = _undivided(read_drawn_labels(request.path, table=request.table), protocol)
    specs = (*protocol.regions, *protocol.other_bones)
    return SuppliedMask(drawn=drawn, space=space, kind=request.kind, specs=specs)


def _undivided(drawn: DrawnLabels, protocol: Protocol) -> DrawnLabels:
    """Make one label of those that all bear the name of the protocol's undivided marrow, as our own objects do."""
    names = {label.name.rpartition(",")[0] or label.name for label in drawn.named}
    present = set(np.unique(drawn.labels.array).tolist()) - {0}
    if names != {protocol.whole.name} or present - {label.value for label in drawn.named}:
        return drawn
    # A number that stands for no bone.
    value = 1 + max((number for spec in protocol.regions for number in spec.labels), default=0)
    array = np.where(drawn.labels.array > 0, value, 0).astype(np.uint16)
    return replace(drawn, labels=replace(drawn.labels, array=array), named=())


def study_space(series: SeriesPair, t1: VolumeGeometry, stir: VolumeGeometry | None = None) -> StudySpace:
    """Gather where the series of a pair lie and what they are, before registration.

    Parameters
    ----------
    series : SeriesPair
        The pair.
    t1, stir : VolumeGeometry
        Acquired grids of its volumes.
    """
    return StudySpace(
        t1=t1,
        stir=stir,
        t1_reference=_reference(series.t1),
        stir_reference=None if series.stir is None else _reference(series.stir),
    )


def _reference(series: Series) -> SeriesReference:
    return SeriesReference(
        frame_of_reference_uid=series.frame_of_reference_uid,
        series_instance_uids=(series.series_instance_uid,),
        person=series.person,
    )
