"""A small synthetic study as real records, for tests of what comes after the measurements."""

from __future__ import annotations

import types
import typing
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from marrowsignal.alignment.records import AlignedPair, AlignmentQuality, AlignmentVerdict, BiasModel
from marrowsignal.dicom.headers.pixel_layout import PixelLayout, SliceSource
from marrowsignal.dicom.records import Series, SeriesIdentity, SeriesPair
from marrowsignal.findings import Finding, Severity
from marrowsignal.geometry.acquisition import AcquisitionFacts
from marrowsignal.geometry.volume import GridDifference, LabelVolume, SignalVolume, VolumeGeometry
from marrowsignal.intensity.records import References, ReferenceTissue, ReferenceVerdict
from marrowsignal.marrow.records import MarrowMask
from marrowsignal.patterns.records import (
    Confidence,
    Criterion,
    CriterionState,
    EvidenceGroup,
    PatternCall,
    PatternClass,
    RegionCall,
    Sentence,
)
from marrowsignal.protocol.schema import Protocol, Quantity, Range, RegionSpec
from marrowsignal.quality.records import Consequence, GateState, QualityGate, QualityReport
from marrowsignal.regions.records import Midline, Region, RegionMap, Side
from marrowsignal.results.descriptors import LESION_DESCRIPTORS, REGION_DESCRIPTORS, SYMMETRY_DESCRIPTORS
from marrowsignal.results.provenance import Provenance, StepTime
from marrowsignal.results.study_result import StudyResult
from marrowsignal.signals.records import Lesion, Measurement, MeasurementStatus, RegionSignals, Signals, Symmetry

SHAPE = (12, 96, 80)
SPACING = (4.0, 2.0, 2.5)  # slices, rows, columns
HOSTILE = '<script>alert(1)</script> & "T1"'
P, N, STRADDLES, X = (
    CriterionState.POSITIVE,
    CriterionState.NEGATIVE,
    CriterionState.INDETERMINATE,
    CriterionState.NOT_EVALUABLE,
)


def build_result(**changes: Any) -> StudyResult:
    """A coronal pelvis with a bright STIR focus in the patient's left ilium."""
    t1, stir, labels, lesion, tissue, body = _anatomy()
    geometry = coronal_geometry()
    regions = _regions(labels, geometry)
    lesion_volume = LabelVolume(array=lesion, geometry=geometry, names=((1, "lesion 1"),))
    result = StudyResult(
        case="case-0001",
        protocol=build_protocol(),
        series=_series(),
        pair=_pair(t1, stir, geometry, body),
        marrow=MarrowMask(
            labels=LabelVolume(array=labels > 0, geometry=geometry, names=((1, "marrow"),)),
            core_mask=labels > 0,
            source="supplied",
        ),
        regions=RegionMap(
            labels=LabelVolume(array=labels, geometry=geometry),
            regions=regions,
            midline=Midline(normal_lps=(1.0, 0.0, 0.0), offset_mm=0.0, symmetry=0.91, source="image_symmetry"),
            joint_mask=None,
            joint_source="the protocol names no joint",
        ),
        references=_references(t1, stir, tissue, geometry),
        signals=_signals(t1, stir, labels, lesion_volume, regions),
        quality=build_quality(),
        call=_call(),
        provenance=Provenance(
            version="0.1.0",
            libraries=(("numpy", "2.0"), ("scipy", "1.14")),
            python="3.11.7",
            series_rules_sha256="d" * 64,
            protocol_sha256="a" * 64,
            input_sha256="b" * 64,
            mask_sha256="c" * 64,
            finished_at="2026-01-02T03:04:05+00:00",
            step_times=(StepTime(step="find_series", seconds=0.25),),
        ),
    )
    return replace(result, **changes)


def without_lesions() -> StudyResult:
    """The same study with nothing found, no references, no midline and no estimated error."""
    result = build_result()
    empty = ReferenceTissue(
        key="fat", t1=None, stir=None, t1_spread_fraction=None, stir_spread_fraction=None, voxels=0,
        volume_ml=0.0, verdict=ReferenceVerdict.FAIL, reason="no subcutaneous fat in the field of view",
    )  # fmt: skip
    return replace(
        result,
        signals=replace(
            result.signals,
            lesions=(),
            lesion_labels=replace(result.signals.lesion_labels, array=np.zeros(SHAPE, np.uint16)),
            fat_signal_index=None,
            regions=tuple(
                replace(region, t1_median=None, stir_median=None, measurements=_missing(REGION_DESCRIPTORS))
                for region in result.signals.regions
            ),
        ),
        references=replace(
            result.references,
            muscle=replace(empty, key="muscle", reason="no lean muscle found"),
            fat=empty,
            normal_marrow=replace(empty, key="normal_marrow", reason="no marrow left"),
            t1_residual_bias_fraction=None,
            stir_residual_bias_fraction=None,
        ),
        regions=replace(result.regions, midline=None),
        pair=replace(
            result.pair,
            quality=replace(result.pair.quality, estimated_error_mm=None, verdict=AlignmentVerdict.FAIL),
            bias=None,
        ),
        call=replace(
            result.call,
            pattern_class=PatternClass.CANNOT_ASSESS,
            confidence=Confidence.NONE,
            criteria=(),
            groups=(),
            sentences=(Sentence(text="No lean muscle was found, so no ratio can be formed.", criteria=("gate",)),),
        ),
    )


def build_gate(key: str, state: GateState = GateState.PASS, **changes: Any) -> QualityGate:
    """One gate; what is not given fits its state."""
    holds = {GateState.WARN: Consequence.LOWERS_CONFIDENCE, GateState.FAIL: Consequence.NO_LESIONS}
    gate = QualityGate(
        key=key, name=f"{key.replace('_', ' ').capitalize()} in order", series="", state=state,
        value=None if state is GateState.NOT_EVALUABLE else 1.25, unit="mm", limit="warns above 1 mm; fails above 2 mm",
        consequence=holds.get(state, Consequence.NONE), reason=f"because of {key}", source="SCIENCE 6 [X]",
    )  # fmt: skip
    return replace(gate, **changes)


def build_quality() -> QualityReport:
    """One gate of every state, one of each series, one that reads words; told in no order of gravity."""
    return QualityReport(
        gates=(
            build_gate("coverage", value=97.5, unit="percent"),
            build_gate("contrast", value=None, unit="", series="T1"),
            build_gate("slice_gap", GateState.WARN, series="T1"),
            build_gate("slice_gap", GateState.WARN, series="STIR"),
            build_gate("age", GateState.NOT_EVALUABLE, unit="years"),
            build_gate("shading", GateState.NOT_EVALUABLE, consequence=Consequence.LOWERS_CONFIDENCE),
            build_gate("alignment", GateState.FAIL, value=2.4),
        )
    )


def build_protocol() -> Protocol:
    """A protocol with every quantity present and the cuts the page draws."""
    protocol = _filled(Protocol)
    quantity = lambda value: Quantity(value=value, unit="1", source="test")  # noqa: E731
    evidence = protocol.evidence.model_copy(
        update={
            "t1_muscle_red_flag": quantity(1.0),
            "t1_muscle_grey": Range(low=1.0, high=1.1, unit="1", source="test"),
            "stir_muscle_red_max": quantity(1.5),
            "stir_muscle_edema_min": quantity(1.6),
            "stir_muscle_edema_ci_low": quantity(1.5),
        }
    )
    return protocol.model_copy(
        update={
            "name": "pelvis_sij",
            "version": "1.0",
            "title": "Pelvis and sacroiliac joints",
            "limits": ("One scan cannot say whether a signal is transient.", "Absence of a line is no proof."),
            "evidence": evidence,
            "regions": (RegionSpec(key="ilium", name="ilium"), RegionSpec(key="sacrum", name="sacrum", paired=False)),
        }
    )


def coronal_geometry() -> VolumeGeometry:
    """Slices run to the back, rows to the feet, columns to the patient's left."""
    directions = np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])
    extent = (np.asarray(SHAPE) - 1) * SPACING / 2
    return VolumeGeometry.from_axes(
        origin_lps_mm=-directions @ extent, directions_lps=directions, spacing_mm=SPACING, shape=SHAPE
    )


def _filled(annotation: Any) -> Any:  # noqa: PLR0911
    origin = typing.get_origin(annotation)
    arguments = typing.get_args(annotation)
    if origin is tuple:
        return ()
    if origin is typing.Literal:
        return arguments[0]
    if origin is typing.Annotated:
        return _filled(arguments[0])
    if origin in (types.UnionType, typing.Union):
        return None
    if annotation is Range:
        return Range(low=0.5, high=1.5, unit="1", source="test")
    if annotation is Quantity:
        return Quantity(value=1.0, unit="1", source="test")
    if isinstance(annotation, type) and (issubclass(annotation, BaseModel) or is_dataclass(annotation)):
        hints = typing.get_type_hints(annotation, include_extras=True)
        names = [f.name for f in fields(annotation)] if is_dataclass(annotation) else annotation.model_fields
        return annotation(**{name: _filled(hints[name]) for name in names})
    return {str: "test", bool: True, float: 1.0, int: 1}[annotation]


def _ellipsoid(center: tuple[float, float, float], radii: tuple[float, float, float]) -> NDArray[np.bool_]:
    points = coronal_geometry()
    x, y, z = (points.patient_axis(axis) for axis in range(3))
    parts = ((x, 0), (y, 1), (z, 2))
    return sum(((a - center[i]) / radii[i]) ** 2 for a, i in parts) <= 1  # type: ignore[return-value]


def _anatomy() -> tuple[Any, ...]:
    body = _ellipsoid((0, 0, 0), (95, 60, 88))
    inner = _ellipsoid((0, 0, 0), (84, 50, 78))
    labels = np.zeros(SHAPE, np.uint16)
    labels[_ellipsoid((55, 0, 15), (18, 25, 38))] = 1
    labels[_ellipsoid((-55, 0, 15), (18, 25, 38))] = 2
    labels[_ellipsoid((0, 0, 20), (28, 22, 40))] = 3
    lesion = (_ellipsoid((45, 2, 20), (9, 12, 11)) & (labels == 1)).astype(np.uint16)
    t1 = np.where(body, 300.0, 0.0)
    stir = np.where(body, 130.0, 0.0)
    t1[inner], stir[inner] = 100.0, 100.0
    for value, level in ((1, 160.0), (2, 165.0), (3, 150.0)):
        t1[labels == value], stir[labels == value] = level, 125.0
    t1[lesion > 0], stir[lesion > 0] = 120.0, 240.0
    tissue = np.zeros(SHAPE, np.uint16)
    tissue[inner & (labels == 0) & _ellipsoid((0, 0, -45), (50, 30, 18))] = 1
    tissue[body & ~inner & ~_ellipsoid((0, 0, 0), (90, 55, 83))] = 2
    tissue[(labels == 2) & _ellipsoid((-55, 0, 15), (12, 16, 25))] = 3
    rng = np.random.default_rng(7)
    t1 = t1 + rng.normal(0, 4, SHAPE)
    stir = stir + rng.normal(0, 4, SHAPE)
    return t1.astype(np.float32), stir.astype(np.float32), labels, lesion, tissue, body


def _regions(labels: NDArray[np.uint16], geometry: VolumeGeometry) -> tuple[Region, ...]:
    rows = (
        (1, "ilium", "left ilium", Side.LEFT, "22356005"),
        (2, "ilium", "right ilium", Side.RIGHT, "22356005"),
        (3, "sacrum", "sacrum", Side.NONE, None),
    )
    counts = np.bincount(labels.ravel(), minlength=4)
    return tuple(
        Region(
            label=label, key=key, name=name, side=side, code=code, voxels=int(counts[label]),
            volume_ml=float(counts[label]) * geometry.voxel_ml,
        )
        for label, key, name, side, code in rows
    )  # fmt: skip


def _source(path: Path) -> SliceSource:
    return SliceSource(path=path, frame=0, layout=_filled(PixelLayout))


def _one_series(number: int, description: str, identity: SeriesIdentity, *, usable: bool = True) -> Series:
    stir = identity is SeriesIdentity.STIR
    return Series(
        series_instance_uid=f"1.2.3.{number}",
        study_instance_uid="1.2.3",
        frame_of_reference_uid="1.2.9",
        series_number=number,
        description=description,
        identity=identity,
        identity_score=0.9,
        usable=usable,
        reasons=("TR 550 ms and TE 10 ms are those of a T1-weighted spin echo.",) if usable else ("a localizer",),
        acquisition=AcquisitionFacts(
            modality="MR",
            repetition_time_ms=4000.0 if stir else 550.0,
            echo_time_ms=50.0 if stir else 10.0,
            inversion_time_ms=150.0 if stir else None,
            magnetic_field_strength_t=1.5,
            manufacturer="TESTMAKER",
            patient_age_y=44.0,
            patient_sex="F",
        ),
        rows=SHAPE[1],
        columns=SHAPE[2],
        slices=SHAPE[0],
        spacing_mm=SPACING,
        orientation="coronal",
        transfer_syntax="Explicit VR Little Endian",
        sources=(_source(Path("/secret/place/Doe^Jane/IM1")),),
    )


def _series() -> SeriesPair:
    return SeriesPair(
        t1=_one_series(3, HOSTILE, SeriesIdentity.T1),
        stir=_one_series(4, "=cmd|' /C calc'!A0", SeriesIdentity.STIR),
        reasons=("same orientation, same frame of reference",),
        rejected=(_one_series(1, "loc 3 plane", SeriesIdentity.LOCALIZER, usable=False),),
    )


def _pair(t1: Any, stir: Any, geometry: VolumeGeometry, body: NDArray[np.bool_]) -> AlignedPair:
    series = _series()
    shift = np.eye(4)
    shift[0, 3] = 1.25
    return AlignedPair(
        t1=SignalVolume(array=t1, geometry=geometry, acquisition=series.t1.acquisition),
        stir=SignalVolume(array=stir, geometry=geometry, acquisition=series.stir.acquisition),
        covered_mask=np.ones(SHAPE, bool),
        body_mask=body,
        t1_to_stir_lps=shift,
        quality=AlignmentQuality(
            grid_difference=GridDifference(same_shape=True, max_corner_mm=0.02, spacing_fraction=1e-4),
            same_frame_of_reference=True,
            mutual_information_before=0.71,
            mutual_information_after=0.78,
            displacement_mm=1.25,
            rotation_deg=0.2,
            estimated_error_mm=0.62,
            verdict=AlignmentVerdict.PASS,
            reason="registrations of disjoint slice halves agree within 0.6 mm",
        ),
        bias=BiasModel(t1_field=np.ones(SHAPE, np.float32), stir_field=np.ones(SHAPE, np.float32)),
        findings=(
            Finding(code="slices_thick", stage="align_pair", severity=Severity.WARN, message="Slices are 4 mm thick."),
        ),
    )


def _references(t1: Any, stir: Any, tissue: NDArray[np.uint16], geometry: VolumeGeometry) -> References:
    tissues = {}
    for label, key in ((1, "muscle"), (2, "fat"), (3, "normal_marrow")):
        inside = tissue == label
        tissues[key] = ReferenceTissue(
            key=key,
            t1=float(np.median(t1[inside])),
            stir=float(np.median(stir[inside])),
            t1_spread_fraction=0.05,
            stir_spread_fraction=0.07,
            voxels=int(inside.sum()),
            volume_ml=float(inside.sum()) * geometry.voxel_ml,
            verdict=ReferenceVerdict.PASS,
            reason="enough voxels with a narrow spread",
        )
    return References(
        **tissues,
        labels=LabelVolume(array=tissue, geometry=geometry),
        noise_t1=4.0,
        noise_stir=4.0,
        t1_residual_bias_fraction=0.03,
        stir_residual_bias_fraction=0.04,
    )


def _measured(descriptors: Any, values: dict[str, float]) -> tuple[Measurement, ...]:
    return tuple(
        Measurement(id=d.id, name=d.name, value=v, ci_low=v - 0.06, ci_high=v + 0.06, unit=d.unit)
        if (v := values.get(d.name)) is not None
        else Measurement(
            id=d.id, name=d.name, value=None, unit=d.unit, status=MeasurementStatus.NOT_EVALUABLE,
            reason="the protocol names no joint",
        )
        for d in descriptors
    )  # fmt: skip


def _missing(descriptors: Any) -> tuple[Measurement, ...]:
    return _measured(descriptors, {})


def _region_signals(t1: Any, stir: Any, inside: NDArray[np.bool_], region: Region, lesion_ml: float) -> RegionSignals:
    t, s = float(np.median(t1[inside])), float(np.median(stir[inside]))
    return RegionSignals(
        region_label=region.label,
        key=region.key,
        name=region.name,
        side=region.side,
        core_voxels=int(inside.sum()),
        slices=int(inside.any(axis=(1, 2)).sum()),
        core_volume_ml=float(inside.sum()) * 0.02,
        t1_median=t,
        stir_median=s,
        lesion_ml=lesion_ml,
        measurements=_measured(
            REGION_DESCRIPTORS,
            {REGION_DESCRIPTORS[0].name: t / 100, "fat_signal_index": 0.52, _STIR: s / 100},
        ),
    )


_STIR = next(d.name for d in REGION_DESCRIPTORS if d.id == "D04")


def _signals(t1: Any, stir: Any, labels: Any, lesion: LabelVolume, regions: tuple[Region, ...]) -> Signals:
    whole = Region(label=0, key="all", name="all marrow", side=Side.NONE, code=None, voxels=1, volume_ml=1.0)
    clear = lesion.array == 0
    where = np.argwhere(lesion.array > 0)
    slices = np.unique(where[:, 0])
    center = lesion.geometry.to_patient(where.mean(axis=0))
    volume = len(where) * lesion.geometry.voxel_ml
    return Signals(
        whole=_region_signals(t1, stir, (labels > 0) & clear, whole, volume),
        regions=tuple(
            _region_signals(t1, stir, (labels == r.label) & clear, r, volume if r.label == 1 else 0.0) for r in regions
        ),
        lesions=(
            Lesion(
                label=1, region_key="ilium", region_name="left ilium", side=Side.LEFT, volume_ml=volume,
                voxels=len(where), slices=len(slices), first_slice=int(slices[0]), last_slice=int(slices[-1]),
                centroid_lps_mm=(float(center[0]), float(center[1]), float(center[2])),
                measurements=_measured(LESION_DESCRIPTORS, {d.name: 1.9 for d in LESION_DESCRIPTORS[:6]}),
            ),
        ),
        symmetry=tuple(
            Symmetry(
                key=key, name=name,
                measurements=_measured(SYMMETRY_DESCRIPTORS, {d.name: 3.0 for d in SYMMETRY_DESCRIPTORS[:3]}),
            )
            for key, name in (("all", "all marrow"), ("ilium", "ilium"))
        ),
        lesion_labels=lesion,
        fat_signal_index=np.where(labels > 0, 0.5, np.nan).astype(np.float32),
        excess_index=np.where(labels > 0, 1.0, np.nan).astype(np.float32),
    )  # fmt: skip


def _call() -> PatternCall:
    def criterion(id_: str, words: str, value: float | None, state: CriterionState, direction: str) -> Criterion:
        low, high = (None, None) if value is None else (value - 0.1, value + 0.1)
        return Criterion(
            id=id_, group="G2", direction=direction, statement=words, value=value, ci_low=low, ci_high=high,
            unit="1", cut=">= 1.60, interval from 1.50", state=state, source="SCIENCE 0.3 [C]",
        )  # fmt: skip

    return PatternCall(
        pattern_class=PatternClass.FOCAL_EDEMA_LIKE,
        confidence=Confidence.MODERATE,
        sentences=(
            Sentence(text="One focus of 9 mL in the left ilium with STIR 2.4 times muscle.", criteria=("D04.edema",)),
            Sentence(text="The rest is symmetric.", criteria=("D01.red_flag",)),
        ),
        reasons=("The focus is 2.4 times muscle on STIR.", "Confidence is no higher because slices are thick."),
        criteria=(
            criterion("D04.edema", "STIR of the largest lesion is at least 1.6 times muscle", 2.4, P, "edema"),
            criterion("D01.red_flag", "T1 of the marrow is at or below muscle", 1.55, N, "infiltration"),
            criterion("D07.edema", "Water beyond what fat explains", 1.3, STRADDLES, "edema"),
            criterion("D30", "The lesion lies below the joint surface", None, X, "edema"),
        ),
        groups=(
            EvidenceGroup(
                id="G2", name="STIR level", reconversion=N, edema=P, infiltration=STRADDLES, score_reconversion=0.0,
                score_edema=0.3, score_infiltration=0.0,
            ),
        ),
        regions=(
            RegionCall(
                region_label=1, key="ilium", name="ilium, left", side=Side.LEFT, low_fat=N, high_fat=N, low_t1=N,
                excess_water=STRADDLES, lesion=P, words="edema-like lesion",
            ),
        ),
        add_ons=("DEEP_SIJ_EDEMA",),
        confidence_probability=0.9,
        confidence_source="phantom cohort [C]",
        background_prevalence="Of healthy volunteers 23.4 % show the like in the sacroiliac joints.",
    )  # fmt: skip
