"""Add-ons: what is told beside a class and never makes one (SCIENCE 4.4)."""

from __future__ import annotations

from dataclasses import dataclass

from marrowsignal.alignment.records import AlignedPair
from marrowsignal.patterns.groups import ADD_ON
from marrowsignal.patterns.lesion_evidence import deep_state, edema_state, line_lesion
from marrowsignal.patterns.records import Criterion, CriterionState
from marrowsignal.patterns.state import Question, above, all_of, any_of, below, criterion, measured
from marrowsignal.patterns.time_evidence import TimeEvidence
from marrowsignal.protocol.schema import EvidenceCuts, Protocol
from marrowsignal.signals.records import Lesion, Measurement, Signals

__all__ = ["add_on_criteria", "add_ons"]

_EDEMA = "edema"
_POSITIVE = CriterionState.POSITIVE
# Criteria of other groups that name an add-on when they are met.
_BY_CRITERION = (
    ("D35.edema", "FRACTURE_LINE_CANDIDATE"),
    ("D37.edema", "OSTEONECROSIS_LIKE"),
    ("D31.edema", "DEEP_SIJ_EDEMA"),
    ("D41.edema", "INFECTION_CONTEXT"),
    ("D42.edema", "CHARCOT_LIKE"),
    ("D43.edema", "TRANSIENT_EDEMA_LIKE"),
    ("D03.high", "HIGH_FAT"),
    ("D54.change", "PRIOR_CHANGE"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Study:
    """What the questions are put to."""

    signals: Signals
    protocol: Protocol
    error_mm: float | None

    @property
    def cuts(self) -> EvidenceCuts:
        """Cuts."""
        return self.protocol.evidence


def add_on_criteria(
    signals: Signals, pair: AlignedPair, protocol: Protocol, time: TimeEvidence | None
) -> tuple[Criterion, ...]:
    """Rows of the group ``"add-on"`` that could be asked in this study.

    Parameters
    ----------
    signals : Signals
        What was measured and not withheld.
    pair : AlignedPair
        For voxel size and the registration's error, which a depth carries.
    protocol : Protocol
        Cuts.
    time : TimeEvidence or None
        Of a comparison with an earlier examination.
    """
    quality = pair.quality
    error = None if quality is None or quality.estimated_error_mm is None else quality.estimated_error_mm
    voxel = max(pair.t1.geometry.spacing_mm[1:])
    # Error of a depth: position within the voxel at both ends, and registration (SCIENCE D31).
    depth_error = None if error is None else (2 * voxel**2 / 12 + error**2) ** 0.5
    study = _Study(signals=signals, protocol=protocol, error_mm=depth_error)
    return (
        *_deep(study),
        *_soft_tissue(study),
        *_necrosis(study),
        *_transient(study),
        *_charcot(study),
        *_changed(time),
    )


def add_ons(criteria: tuple[Criterion, ...]) -> tuple[str, ...]:
    """Name the add-ons whose criteria are met; dark foci first, since they are to be reviewed."""
    met = [c.id for c in criteria if c.state is _POSITIVE]
    review = ("LOW_T1_FOCUS_REVIEW",) if {"D51.infiltration", "D51.sclerosis"} & set(met) else ()
    named = (word for prefix, word in _BY_CRITERION if any(found.startswith(prefix) for found in met))
    return (*named, *review)


def _asked(descriptor: str, statement: str) -> Question:
    return Question(id=f"{descriptor}.edema", group=ADD_ON, direction=_EDEMA, statement=statement)


def _who(lesion: Lesion) -> str:
    return f"lesion {lesion.label} ({lesion.region_name}, {lesion.volume_ml:.1f} mL)"


def _deep(study: _Study) -> tuple[Criterion, ...]:
    if not study.protocol.deep_lesion_rule or study.error_mm is None:
        return ()
    settings = study.protocol.lesions
    states = [
        (x, all_of(edema_state(x, study.cuts), deep_state(x, settings, study.error_mm)))
        for x in study.signals.lesions or ()
    ]
    deep = [x for x, state in states if state is _POSITIVE]
    if not deep:
        return ()
    deepest = max(deep, key=lambda x: x.measurement("depth_from_joint").value or 0.0)
    question = _asked("D31", f"depth that {_who(deepest)} reaches from the joint surface, homogeneous")
    cut = f"beyond {settings.deep_distance.value:g} mm by more than the error of the depth"
    return (criterion(question, deepest.measurement("depth_from_joint"), cut, _POSITIVE, settings.deep_distance),)


def _soft_tissue(study: _Study) -> tuple[Criterion, ...]:
    cuts = study.cuts
    made = []
    for lesion in study.signals.lesions or ():
        share = measured(lesion.measurements, "D41", "soft_tissue_share")
        more = measured(lesion.measurements, "D41", "soft_tissue_asymmetry")
        state = all_of(
            edema_state(lesion, cuts),
            above(share, cuts.soft_tissue_share.value),
            above(more, cuts.soft_tissue_asymmetry.value),
        )
        if state is _POSITIVE:
            question = _asked("D41", f"share of soft tissue bright on STIR next to {_who(lesion)}")
            cut = f"at least {cuts.soft_tissue_share.value:g} percent, and {cuts.soft_tissue_asymmetry.value:g} beyond "
            made.append(criterion(question, share, f"{cut}the other side", state, cuts.soft_tissue_share))
    return tuple(made[:1])


def _necrosis(study: _Study) -> tuple[Criterion, ...]:
    heads = [b for b in study.signals.bones if b.key == "femoral_head"]
    cuts = study.cuts
    made: list[Criterion] = []
    for head in heads:
        rim = measured(head.measurements, "D37", "necrosis_rim")
        if rim.value is None:
            continue
        state = above(rim, study.protocol.shapes.rim_min_share.value)
        volume = measured(head.measurements, "D38", "necrotic_volume_share")
        angle = measured(head.measurements, "D39", "combined_necrotic_angle")
        made += [
            criterion(
                Question(id=f"{d}.edema.{head.side}", group=ADD_ON, direction=_EDEMA, statement=f"{text} {head.name}"),
                found,
                cut,
                found_state,
                source,
            )
            for d, text, found, cut, found_state, source in (
                (
                    "D37",
                    "share of a dark rim around a subchondral area of",
                    rim,
                    "to be confirmed by a reader",
                    state,
                    "SCIENCE D37",
                ),
                (
                    "D38",
                    "enclosed share of",
                    volume,
                    f"up to {cuts.necrotic_volume.low:g}, to {cuts.necrotic_volume.high:g}, beyond",
                    above(volume, cuts.necrotic_volume.high),
                    cuts.necrotic_volume.source,
                ),
                (
                    "D39",
                    "combined necrotic angle of",
                    angle,
                    f"up to {cuts.necrotic_angle.low:g}, to {cuts.necrotic_angle.high:g}, beyond",
                    above(angle, cuts.necrotic_angle.high),
                    cuts.necrotic_angle.source,
                ),
            )
        ]
    return tuple(made)


def _transient(study: _Study) -> tuple[Criterion, ...]:
    cut, texture = study.cuts.head_and_neck_share, study.cuts.reticulated_share
    if line_lesion(study.signals, study.protocol) is not None:
        return ()
    for head in (b for b in study.signals.bones if b.key == "femoral_head"):
        inside = [measured(head.measurements, "D43", f"{part}_lesion_share") for part in ("head", "neck")]
        rim = measured(head.measurements, "D37", "necrosis_rim")
        if above(rim, study.protocol.shapes.rim_min_share.value) is not CriterionState.NEGATIVE:
            continue
        of_head = [x for x in study.signals.lesions or () if x.side is head.side and _is_edema(x, study)]
        textures = [below(x.measurement("t1_dark_share"), texture.high) for x in of_head]
        if all_of(*(above(m, cut.value) for m in inside), *textures, _some(of_head)) is _POSITIVE:
            question = _asked("D43", f"share of {head.name} that is edema-like, neck too, without rim or line")
            return (criterion(question, inside[0], f"at least {cut.value:g} percent of both", _POSITIVE, cut),)
    return ()


def _is_edema(lesion: Lesion, study: _Study) -> bool:
    return edema_state(lesion, study.cuts) is _POSITIVE


def _some(lesions: list[Lesion]) -> CriterionState:
    return _POSITIVE if lesions else CriterionState.NEGATIVE


def _charcot(study: _Study) -> tuple[Criterion, ...]:
    bones = measured(study.signals.distribution, "D42", "charcot_bones")
    joints = measured(study.signals.distribution, "D42", "charcot_joints")
    cuts = study.cuts
    state = all_of(above(bones, cuts.charcot_bones.value), above(joints, cuts.charcot_joints.value))
    if bones.value is None:
        return ()
    question = _asked("D42", "bones of the midfoot with periarticular lesions")
    cut = f"at least {cuts.charcot_bones.value:g} bones and {cuts.charcot_joints.value:g} joints"
    return (criterion(question, bones, cut, state, cuts.charcot_bones),)


def _changed(time: TimeEvidence | None) -> tuple[Criterion, ...]:
    if time is None:
        return ()
    state = any_of(time.marrow_changed, time.lesion_changed)
    if state is CriterionState.NOT_EVALUABLE:
        return ()
    question = Question(
        id="D54.change", group=ADD_ON, direction=_EDEMA, statement="marrow or a lesion changed beyond repeatability"
    )
    value = Measurement(id="D54", name="changed", value=float(state is _POSITIVE), unit="1 changed, 0 not")
    return (criterion(question, value, time.reason, state, "SCIENCE 7.4"),)
