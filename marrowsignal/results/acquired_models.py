"""Sections of ``result.json`` that hold how the study was acquired, aligned and corrected."""

from __future__ import annotations

from typing import Literal

from marrowsignal.results.document_base import Matrix, Point, Section, Status, ValueDocument

__all__ = [
    "AcquisitionDocument",
    "AlignmentDocument",
    "BiasDocument",
    "GridDocument",
    "LibraryDocument",
    "MidlineDocument",
    "PieceDocument",
    "ProvenanceDocument",
    "SeriesChoiceDocument",
    "SeriesDocument",
]


class AcquisitionDocument(Section):
    """Header facts of a series; null means the header does not say."""

    modality: str | None
    scanning_sequence: tuple[str, ...]
    sequence_variant: tuple[str, ...]
    scan_options: tuple[str, ...]
    image_type: tuple[str, ...]
    sequence_name: str | None
    repetition_time_ms: float | None
    echo_time_ms: float | None
    inversion_time_ms: float | None
    echo_train_length: int | None
    magnetic_field_strength_t: float | None
    manufacturer: str | None
    body_part_examined: str | None
    patient_position: str | None
    patient_age_y: float | None
    patient_sex: str | None
    slice_thickness_mm: float | None
    post_contrast: bool
    fat_suppressed: bool


class SeriesDocument(Section):
    """One series: what it is, and why it was or was not used; no UID, which would name the study at its site."""

    series_number: int | None
    description: str
    identity: str
    identity_score: float
    usable: bool
    reasons: tuple[str, ...]
    orientation: str
    rows: int
    columns: int
    slices: int
    spacing_mm: Point | None
    transfer_syntax: str
    acquisition: AcquisitionDocument


class SeriesChoiceDocument(Section):
    """The pair that was measured and every series that was not.

    `label` tells the pairs of one study apart, for example ``left``; empty when there is only one. `stir` is null
    where a T1 alone was measured.
    """

    label: str
    reasons: tuple[str, ...]
    same_frame_of_reference: bool | None
    t1: SeriesDocument
    stir: SeriesDocument | None
    rejected: tuple[SeriesDocument, ...]


class GridDocument(Section):
    """The grid all arrays share: index (slice, row, column, 1) to patient point (x, y, z, 1), LPS mm."""

    shape: tuple[int, int, int]
    spacing_mm: Point
    index_to_lps: Matrix


class PieceDocument(Section):
    """A bone or slab that moved on its own; `t1_to_stir_lps` is its own transform, as that of the whole.

    `reach_mm` is the SD of the Gaussian by which its motion fades into that of its neighbours.
    """

    centre_lps_mm: Point
    t1_to_stir_lps: Matrix
    beyond_rigid_mm: float
    voxels: int
    reach_mm: float


class AlignmentDocument(Section):
    """Measures before and after registration.

    `t1_to_stir_lps` takes a patient point of the T1 series to the same tissue's point in the STIR series; `pieces` are
    parts for which that is not the whole truth. `overlap_fraction` is the share of T1 tissue that STIR covers,
    `covered_fraction` that of the T1 volume with its air. Without a STIR series `verdict` is ``not_evaluable`` and
    everything but statuses and reasons is null.
    """

    t1_to_stir_lps: Matrix | None
    verdict: Literal["pass", "warn", "region_only", "fail", "not_evaluable"]
    reason: str
    allows_lesions: bool | None
    allows_regions: bool | None
    estimated_error_mm: float | None
    estimated_error_status: Status
    estimated_error_reason: str
    error_source: str | None
    overlap_fraction: float | None
    overlap_status: Status
    overlap_reason: str
    forward_backward_mm: float | None
    forward_backward_status: Status
    forward_backward_reason: str
    jackknife_mm: float | None
    jackknife_status: Status
    jackknife_reason: str
    edge_distance_mm: float | None
    edge_distance_status: Status
    edge_distance_reason: str
    local_residual_mm: float | None
    local_residual_status: Status
    local_residual_reason: str
    displacement_mm: float | None
    rotation_deg: float | None
    mutual_information_before: float | None
    mutual_information_after: float | None
    interpolator: str | None
    pieces: tuple[PieceDocument, ...] | None
    same_frame_of_reference: bool | None
    acquired_grid_same_shape: bool | None
    acquired_grid_max_corner_mm: float | None
    acquired_grid_spacing_fraction: float | None
    covered_fraction: float | None


class BiasDocument(Section):
    """Shading removed from both series, as a range of the field in the body, and what remains of it."""

    corrected: bool
    t1_field_low: ValueDocument
    t1_field_high: ValueDocument
    stir_field_low: ValueDocument
    stir_field_high: ValueDocument
    t1_residual: ValueDocument
    stir_residual: ValueDocument


class MidlineDocument(Section):
    """The mid-sagittal plane: points p with dot(normal_lps, p) = offset_mm."""

    status: Status
    reason: str
    normal_lps: Point | None
    offset_mm: float | None
    symmetry: float | None
    source: str | None


class LibraryDocument(Section):
    """A library that can change a number."""

    name: str
    version: str


class ProvenanceDocument(Section):
    """What made the result."""

    tool: Literal["marrowsignal"]
    version: str
    python: str
    libraries: tuple[LibraryDocument, ...]
    protocol_sha256: str
    series_rules_sha256: str
    input_sha256: str
    mask_sha256: str | None
