"""How well a T1 and a STIR series fit each other in space."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from marrowsignal.dicom.pairing.overlap import CommonField, SampledGrid
from marrowsignal.dicom.pairing.side import sides_contradict
from marrowsignal.dicom.records import Series
from marrowsignal.protocol.series_rules import SeriesRules

__all__ = ["PairCandidate", "fitting_candidates", "insisted_candidates", "lone_t1_candidates", "persons_differ"]


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
    grids = _sampled((*t1s, *stirs))
    return [
        candidate
        for t1, stir in itertools.product(t1s, stirs)
        if t1 is not stir
        and (across_studies or t1.study_instance_uid == stir.study_instance_uid)
        and (candidate := _candidate(t1, stir, grids)).overlap_fraction >= rules.pairing.min_overlap_fraction.value
        and not sides_contradict(t1, stir, rules.side)
        and not persons_differ(t1, stir)
    ]


def persons_differ(t1: Series, stir: Series) -> bool:
    """Whether the headers are not of one person: they name different sexes or, in different studies, PatientIDs."""
    sexes = {s.acquisition.patient_sex for s in (t1, stir)} - {None}
    persons = {s.person for s in (t1, stir)} - {""}
    return len(sexes) > 1 or (len(persons) > 1 and t1.study_instance_uid != stir.study_instance_uid)


def insisted_candidates(t1s: Sequence[Series], stirs: Sequence[Series]) -> list[PairCandidate]:
    """Return each combination, little overlap and different studies notwithstanding."""
    grids = _sampled((*t1s, *stirs))
    return [_candidate(t1, stir, grids) for t1, stir in itertools.product(t1s, stirs) if t1 is not stir]


def lone_t1_candidates(t1s: Sequence[Series]) -> list[PairCandidate]:
    """Return each T1 on its own."""
    grids = _sampled(t1s)
    return [
        PairCandidate(
            t1=t1,
            stir=None,
            overlap_fraction=1.0,
            overlap_ml=grids[id(t1)].volume_ml,
            field=CommonField.around(grids[id(t1)].points),
            plane_angle_deg=0.0,
        )
        for t1 in t1s
    ]


def _sampled(series: Sequence[Series]) -> dict[int, SampledGrid]:
    return {id(one): SampledGrid(one.geometry) for one in series if one.geometry is not None}


def _candidate(t1: Series, stir: Series, grids: dict[int, SampledGrid]) -> PairCandidate:
    one, two = grids[id(t1)], grids[id(stir)]
    share, points = one.overlap(two)
    return PairCandidate(
        t1=t1,
        stir=stir,
        overlap_fraction=share,
        overlap_ml=share * min(one.volume_ml, two.volume_ml),
        field=CommonField.around(points if points.size else one.points),
        plane_angle_deg=one.angle_deg(two),
    )
