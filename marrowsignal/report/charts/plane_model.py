"""What the signal model says of one patient: its lines in the plane of T1 and STIR over muscle."""

from __future__ import annotations

from dataclasses import dataclass

from marrowsignal.alignment.records import AlignedPair
from marrowsignal.intensity.records import ReferenceTissue
from marrowsignal.protocol.added_water import added_water_tables
from marrowsignal.results.study_result import StudyResult
from marrowsignal.signals.statistics.excess_water import constants_for_field
from marrowsignal.signals.statistics.signal_plane import MarrowModel, PlaneLine, PlanePoint, mixing_line, water_line

__all__ = ["ModelLine", "PatientPlane", "patient_plane"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ModelLine:
    """One line: `kind` is ``predicted``, ``mixing``, ``excess``, ``edema`` or ``tumor``."""

    kind: str
    line: PlaneLine


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PatientPlane:
    """Reference tissues of a patient in the plane, and the lines that start from them.

    Attributes
    ----------
    fat, normal : PlanePoint or None
        Subcutaneous fat and own normal marrow; None where not measured.
    lines : tuple of ModelLine
        Empty where the model cannot be asked.
    reason : str
        Why lines are missing; empty where all are there.
    conditions : str
        Field strength and times that the model was asked for; empty without lines.
    """

    fat: PlanePoint | None
    normal: PlanePoint | None
    lines: tuple[ModelLine, ...]
    reason: str
    conditions: str


def patient_plane(result: StudyResult) -> PatientPlane:
    """Ask the model for one study.

    Parameters
    ----------
    result : StudyResult
        One analyzed study.
    """
    references = result.references
    fat, normal = (_over_muscle(tissue, references.muscle) for tissue in (references.fat, references.normal_marrow))
    lines, reason = _lines(result, fat, normal)
    conditions = _conditions(result.pair) if lines else ""
    return PatientPlane(fat=fat, normal=normal, lines=lines, reason=reason, conditions=conditions)


def _conditions(pair: AlignedPair) -> str:
    field = None if pair.stir is None else pair.stir.acquisition.magnetic_field_strength_t
    told = [] if field is None else [f"{field:g} T"]
    for name, volume in (("T1", pair.t1), ("STIR", pair.stir)):
        facts = None if volume is None else volume.acquisition
        if facts is None or facts.repetition_time_ms is None or facts.echo_time_ms is None:
            continue
        inversion = "" if facts.inversion_time_ms is None else f", TI {facts.inversion_time_ms:g}"
        told.append(f"{name} TR {facts.repetition_time_ms:g}, TE {facts.echo_time_ms:g}{inversion} ms")
    return "; ".join(told)


def _lines(result: StudyResult, fat: PlanePoint | None, normal: PlanePoint | None) -> tuple[tuple[ModelLine, ...], str]:
    pair, settings = result.pair, result.protocol.signals
    if pair.stir is None or fat is None:
        return (), "the model needs muscle and subcutaneous fat on T1 and STIR"
    facts, t1_facts = pair.stir.acquisition, pair.t1.acquisition
    constants = constants_for_field(facts.magnetic_field_strength_t, settings.tissue_constants)
    if constants is None:
        return (), "there are no tissue constants for this field strength"
    if None in (facts.repetition_time_ms, facts.echo_time_ms, facts.inversion_time_ms):
        return (), "TR, TE or TI of the STIR series is not known"
    model = MarrowModel(t1=t1_facts, stir=facts, constants=constants, fit=settings.fat_fraction_fit)
    predicted = ModelLine(kind="predicted", line=mixing_line(model, fat=fat))
    if normal is None:
        return (predicted,), "lines from own normal marrow are missing: it was not measured"
    cut = result.protocol.evidence.excess_water_edema_min.value
    own = (
        ModelLine(kind="mixing", line=mixing_line(model, fat=fat, normal=normal)),
        ModelLine(kind="excess", line=mixing_line(model, fat=fat, normal=normal, times=cut)),
    )
    water = constants_for_field(facts.magnetic_field_strength_t, added_water_tables())
    if water is None or None in (t1_facts.repetition_time_ms, t1_facts.echo_time_ms):
        return (predicted, *own), "lines of added water are missing: TR or TE of T1, or constants of the field, unknown"
    added = tuple(
        ModelLine(
            kind="tumor" if tumor else "edema",
            line=water_line(model, fat=fat, normal=normal, water=water, of_tumor=tumor),
        )
        for tumor in (False, True)
    )
    return (predicted, *own, *added), ""


def _over_muscle(tissue: ReferenceTissue, muscle: ReferenceTissue) -> PlanePoint | None:
    levels = (tissue.t1, tissue.stir, muscle.t1, muscle.stir)
    if any(level is None or level <= 0 for level in levels):
        return None
    t1, stir, muscle_t1, muscle_stir = (float(level) for level in levels if level is not None)
    return PlanePoint(t1_to_muscle=t1 / muscle_t1, stir_to_muscle=stir / muscle_stir)
