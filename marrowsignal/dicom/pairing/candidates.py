"""How well a T1 and a STIR series fit each other in space."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from marrowsignal.dicom.pairing.overlap import CommonField, SampledGrid
from marrowsignal.dicom.pairing.side import sides_contradict
from marrowsignal.dicom.records import Series
from marrowsignal.protocol.series_rules import SeriesRules, SideWords

__all__ = [
    "PairCandidate",
    "fitting_candidates",
    "header_misfit",
    "insisted_candidates",
    "lone_t1_candidates",
    "persons_differ",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class PairCandidate:
    """One T1 + STIR combination and how well they fit; without a STIR, a T1 on its own.

    Attributes
    ----------
    t1 : Series
        The T1.
    stir : Series or None
        The STIR.
    overlap_fraction, overlap_ml : float
        Share of the smaller volume that the other covers, and the same in mL; of a lone T1, 1 and its volume.
    field : CommonField
        What both cover.
    plane_angle_deg : float
        Angle between the slices of the two.
    """

    t1: Series
    stir: Series | None
    overlap_fraction: float
    overlap_ml: float
    field: CommonField
    plane_angle_deg: float

    @property
    def series(self) -> tuple[Series, ...]:
        """The T1 and the STIR if there is one."""
        return (self.t1,) if self.stir is None else (self.t1, self.stir)

    @property
    def same_frame(self) -> bool:
        """Whether both name one frame of reference."""
        return self.frame_named and len({s.frame_of_reference_uid for s in self.series}) == 1

    @property
    def frame_named(self) -> bool:
        """Whether each names a frame of reference; of a lone T1 none is asked."""
        return self.stir is None or all(s.frame_of_reference_uid for s in self.series)

    @property
    def common_frame(self) -> str:
        """The frame of reference that all of them name; empty when there is none."""
        frames = {s.frame_of_reference_uid for s in self.series}
        return frames.pop() if len(frames) == 1 else ""

    @property
    def frame_in_words(self) -> str:
        """What the headers say about the frame of reference."""
        if not self.frame_named:
            return "frame of reference not stated"
        return f"{'same' if self.same_frame else 'different'} frame of reference"


def fitting_candidates(
    t1s: Sequence[Series], stirs: Sequence[Series], rules: SeriesRules, *, across_studies: bool
) -> list[PairCandidate]:
    """Return each combination of one study, or of any, that covers enough of the same anatomy.

    Parameters
    ----------
    t1s, stirs : sequence of Series
        What may serve; all with a geometry.
    rules : SeriesRules
        Least overlap; words for the sides.
    across_studies : bool
        Whether the two may come from different studies.
    """
    grids = _Grids((*t1s, *stirs))
    return [
        candidate
        for t1, stir in itertools.product(t1s, stirs)
        if t1 is not stir
        and (across_studies or t1.study_instance_uid == stir.study_instance_uid)
        and not header_misfit(t1, stir, rules.side)
        and (candidate := grids.candidate(t1, stir)).overlap_fraction >= rules.pairing.min_overlap_fraction.value
    ]


def header_misfit(t1: Series, stir: Series, words: SideWords) -> str:
    """Say by which header elements two series are not of one person or one joint; nothing when they may be."""
    if _sexes_differ(t1, stir):
        return "they name different sexes (PatientSex)"
    if _patient_ids_differ(t1, stir):
        return "they name different persons (PatientID)"
    frame = t1.frame_of_reference_uid
    if not (frame and frame == stir.frame_of_reference_uid) and sides_contradict(t1, stir, words):
        return "they name different sides of the body (Laterality, SeriesDescription, BodyPartExamined)"
    return ""


def persons_differ(t1: Series, stir: Series) -> bool:
    """Whether the headers are not of one person: they name different sexes or, in different studies, PatientIDs."""
    return _sexes_differ(t1, stir) or _patient_ids_differ(t1, stir)


def _sexes_differ(t1: Series, stir: Series) -> bool:
    one, two = t1.acquisition.patient_sex, stir.acquisition.patient_sex
    return bool(one and two) and one != two


def _patient_ids_differ(t1: Series, stir: Series) -> bool:
    named = bool(t1.person and stir.person)
    return named and t1.person != stir.person and t1.study_instance_uid != stir.study_instance_uid


def insisted_candidates(t1s: Sequence[Series], stirs: Sequence[Series]) -> list[PairCandidate]:
    """Return each combination, little overlap and different studies notwithstanding."""
    grids = _Grids((*t1s, *stirs))
    return [grids.candidate(t1, stir) for t1, stir in itertools.product(t1s, stirs) if t1 is not stir]


def lone_t1_candidates(t1s: Sequence[Series]) -> list[PairCandidate]:
    """Return each T1 on its own."""
    grids = _Grids(t1s)
    return [
        PairCandidate(
            t1=t1,
            stir=None,
            overlap_fraction=1.0,
            overlap_ml=grids.of(t1).volume_ml,
            field=grids.of(t1).field,
            plane_angle_deg=0.0,
        )
        for t1 in t1s
    ]


class _Grids:
    """The grid of each series; of series on one grid, as repeats are, the same, and compared with another only once."""

    def __init__(self, series: Sequence[Series]) -> None:
        self._of: dict[int, SampledGrid] = {}
        self._compared: dict[tuple[int, int], tuple[float, CommonField, float]] = {}
        known: dict[tuple[bytes, tuple[int, ...]], SampledGrid] = {}
        for one in series:
            if one.geometry is not None:
                key = (one.geometry.affine_lps.tobytes(), tuple(one.geometry.shape))
                self._of[id(one)] = known.setdefault(key, SampledGrid(one.geometry))

    def of(self, series: Series) -> SampledGrid:
        """Return the grid of a series."""
        return self._of[id(series)]

    def candidate(self, t1: Series, stir: Series) -> PairCandidate:
        """Return how well two series fit."""
        one, two = self.of(t1), self.of(stir)
        key = (id(one), id(two))
        if key not in self._compared:
            self._compared[key] = (*one.overlap(two), one.angle_deg(two))
        share, field, angle = self._compared[key]
        return PairCandidate(
            t1=t1,
            stir=stir,
            overlap_fraction=share,
            overlap_ml=share * min(one.volume_ml, two.volume_ml),
            field=field,
            plane_angle_deg=angle,
        )
