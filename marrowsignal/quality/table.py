"""Every quality gate, declared: what it checks, when it warns and fails, and what that forbids (SCIENCE 6).

Limits are named by where the protocol has them (``{p.quality.ghost_warn.value}``), so that this table and the numbers
in use cannot part.
"""

from __future__ import annotations

from marrowsignal.quality import fat_suppression, grid_checks, header_checks, mask_checks, motion, tissue_checks
from marrowsignal.quality.declaration import GateDeclaration
from marrowsignal.quality.outcome import STIR, T1
from marrowsignal.quality.records import Consequence

__all__ = ["GATES"]

NONE = Consequence.NONE
LOWERS = Consequence.LOWERS_CONFIDENCE
NO_LESIONS = Consequence.NO_LESIONS
NO_SYMMETRY = Consequence.NO_SYMMETRY
NO_STIR = Consequence.NO_STIR
NO_ASSESSMENT = Consequence.NO_ASSESSMENT
EACH = (T1, STIR)


_SUPPRESSION = (
    GateDeclaration(
        key="fat_suppression",
        name="Fat suppression: subcutaneous fat against muscle on STIR",
        check=fat_suppression.level,
        series=(STIR,),
        unit="1",
        warns="above {p.references.stir_fat_to_muscle_warn.value:g}",
        fails="above that where fat also exceeds {p.quality.fat_to_lesion_fail.value:g} of the lesions' level, "
        "or {p.quality.fat_contrast_fail.value:g} of fat over muscle on T1",
        on_fail=NO_STIR,
        source="SCIENCE 6, D08; 0.7-1.6 is usual",
        tells=("stir_suppression",),
    ),
    GateDeclaration(
        key="fat_suppression_evenness",
        name="Fat suppression: brightest against darkest sector of fat on STIR",
        check=fat_suppression.evenness,
        series=(STIR,),
        unit="1",
        warns="above {p.quality.fat_sector_ratio_warn.value:g}",
        fails="above {p.quality.fat_sector_ratio_fail.value:g}; warns where only one series is normalised",
        on_fail=NO_STIR,
        source="SCIENCE 6",
    ),
    GateDeclaration(
        key="inversion_time",
        name="Inversion time against the null of fat",
        check=header_checks.inversion_time,
        series=(STIR,),
        unit="1",
        warns="outside {p.quality.inversion_to_null.low:g}-{p.quality.inversion_to_null.high:g} of the null",
        source="SCIENCE 1.3, 5.1 and 6",
    ),
    GateDeclaration(
        key="nulled_fat",
        name="Fat or yellow marrow nulled on STIR, so that fat and water may cancel",
        check=fat_suppression.nulled,
        series=(STIR,),
        unit="times muscle",
        warns="below {p.quality.nulled_fat_min.value:g}",
        source="SCIENCE 6: yellow marrow S < 0.3 s_U",
    ),
)
_CONTRAST = (
    GateDeclaration(
        key="stir_series",
        name="STIR series there",
        check=header_checks.stir_present,
        fails="without a STIR series",
        source="SCIENCE 4.2",
        tells=("no_stir_series", "stir_missing"),
    ),
    GateDeclaration(
        key="one_person",
        name="One patient",
        check=header_checks.one_person,
        fails="when PatientID or PatientSex differs",
        source="two patients' signals cannot be compared",
        tells=("persons_differ",),
    ),
    GateDeclaration(
        key="contrast",
        name="No contrast medium on board",
        check=header_checks.contrast,
        series=EACH,
        warns="when only a text tells of it",
        fails="when a header or the order of the series tells of it",
        source="SCIENCE 6; Krinsky, AJR 1996: STIR nulls what enhances",
        tells=("post_contrast", "t1_after_contrast", "acquired_after_contrast", "maybe_after_contrast"),
    ),
    GateDeclaration(
        key="t1_fat_suppression",
        name="T1 without fat suppression",
        check=header_checks.t1_fat_suppression,
        series=(T1,),
        fails="when a header or a text tells of it",
        source="SCIENCE 4.2",
    ),
    GateDeclaration(
        key="field_strength",
        name="Field strength",
        check=header_checks.field_strength,
        unit="T",
        warns="when T1 and STIR differ, or there are no tissue constants for it",
        source="SCIENCE 6: choose constants, never mix cuts across field strengths",
        tells=("field_strength_differs",),
    ),
    GateDeclaration(
        key="age",
        name="Age",
        check=header_checks.age_known,
        unit="years",
        warns="below {p.evidence.adult_age.value:g}",
        on_warn=NONE,
        source="SCIENCE 6 and 8.2; the rules themselves hold the confidence down",
    ),
)
_MOTION = (
    GateDeclaration(
        key="ghosts",
        name="Motion: ghosts in the air",
        check=motion.ghosts,
        series=EACH,
        unit="percent of muscle",
        warns="above {p.quality.ghost_warn.value:.0%}",
        fails="above {p.quality.ghost_fail.value:.0%}",
        on_fail=NO_LESIONS,
        source="SCIENCE 6 [X]",
    ),
    GateDeclaration(
        key="edge_sharpness",
        name="Motion: width of edges on STIR against T1",
        check=motion.edge_sharpness,
        unit="1",
        warns="above {p.quality.edge_ratio_warn.value:g}",
        fails="above {p.quality.edge_ratio_fail.value:g}",
        on_fail=NO_LESIONS,
        source="SCIENCE 6; limits measured on the phantom [C]",
    ),
    GateDeclaration(
        key="slice_jumps",
        name="Motion: level of the tissue from slice to slice",
        check=motion.slice_jumps,
        series=EACH,
        unit="percent",
        warns="above {p.quality.slice_jump_warn.value:.0%} from slice to slice, "
        "or {p.quality.slice_step_warn.value:.0%} at once",
        fails="above {p.quality.slice_jump_fail.value:.0%}, or {p.quality.slice_step_fail.value:.0%} at once",
        on_fail=NO_LESIONS,
        source="SCIENCE 6 [X]",
    ),
    GateDeclaration(
        key="slice_shift",
        name="Motion: neighboring slices shifted against each other",
        check=motion.slice_shift,
        series=EACH,
        unit="mm",
        warns="above {p.alignment.pass_error.value:g} mm",
        fails="above {p.alignment.warn_error.value:g} mm",
        on_fail=NO_LESIONS,
        source="SCIENCE 6: as registration",
    ),
)
_SHADING = (
    GateDeclaration(
        key="residual_shading",
        name="Coil shading left after correction: muscle over sectors, on T1 fat too",
        check=tissue_checks.residual_shading,
        series=EACH,
        unit="percent",
        warns="above {p.bias.pass_residual.value:.0%}",
        fails="above {p.bias.warn_residual.value:.0%}; nothing is assessed where no left-right comparison cancels it",
        on_fail=LOWERS,
        on_unknown=LOWERS,
        source="SCIENCE 6 and 4.2",
        tells=("t1_residual_bias", "stir_residual_bias", "t1_residual_unknown", "stir_residual_unknown"),
    ),
    GateDeclaration(
        key="fat_to_muscle",
        name="T1 of fat over muscle",
        check=tissue_checks.fat_to_muscle,
        series=(T1,),
        unit="1",
        warns="outside {p.bias.fat_to_muscle_t1.low:g}-{p.bias.fat_to_muscle_t1.high:g}",
        source="SCIENCE 6: 2.40-2.84 seen [C]",
    ),
    GateDeclaration(
        key="normalization",
        name="Both series normalised by the scanner, or none",
        check=header_checks.normalization,
        warns="when only one is (ImageType NORM)",
        source="SCIENCE 5.2 and 6",
        tells=("normalisation_differs",),
    ),
)
_GRID = (
    GateDeclaration(
        key="slice_thickness",
        name="Slice thickness",
        check=grid_checks.slice_thickness,
        series=EACH,
        unit="mm",
        warns="from {p.quality.thickness_warn.value:g} mm",
        source="SCIENCE 6",
    ),
    GateDeclaration(
        key="slice_gap",
        name="Gap between slices",
        check=grid_checks.slice_gap,
        series=EACH,
        unit="percent of thickness",
        warns="above {p.quality.gap_warn.value:.0%}",
        fails="above {p.quality.gap_fail.value:.0%}: volumes do not hold",
        on_fail=NO_LESIONS,
        source="SCIENCE 6",
    ),
    GateDeclaration(
        key="alignment",
        name="STIR against T1: estimated error",
        check=tissue_checks.alignment,
        unit="mm",
        warns="above {p.alignment.pass_error.value:g} mm",
        fails="above {p.alignment.warn_error.value:g} mm for lesions; nothing is assessed "
        "above {p.alignment.region_only_error.value:g} mm or where it is not bounded",
        on_fail=NO_LESIONS,
        source="SCIENCE 6 and 0.6 [C]",
        tells=("alignment_warn", "alignment_region_only", "alignment_fail"),
    ),
    GateDeclaration(
        key="coverage",
        name="Marrow covered by STIR",
        check=grid_checks.coverage,
        unit="percent",
        warns="below {p.signals.min_coverage.value:.0%}, of all marrow or of a region",
        fails="below {p.quality.coverage_fail.value:.0%}",
        on_fail=NO_STIR,
        source="SCIENCE 6; share [X]",
        tells=("stir_covers_part", "region_not_covered"),
    ),
    GateDeclaration(
        key="both_sides",
        name="Both sides in view",
        check=grid_checks.both_sides,
        unit="percent",
        warns="when the smaller side holds below {p.quality.smaller_side_min.value:.0%} of the marrow",
        fails="without a midline, or with one side alone",
        on_fail=NO_SYMMETRY,
        source="SCIENCE 4.2; share [X]",
        tells=("no_midline",),
    ),
    GateDeclaration(
        key="laterality",
        name="Side by header against side by geometry",
        check=header_checks.laterality,
        fails="on contradiction",
        source="SCIENCE 6",
        tells=("laterality_contradiction", "sides_differ"),
    ),
    GateDeclaration(
        key="patient_position",
        name="Patient position of T1 and STIR",
        check=header_checks.patient_position,
        fails="on contradiction",
        on_fail=LOWERS,
        source="SCIENCE 6; the geometry is checked by registration",
        tells=("positions_differ",),
    ),
    GateDeclaration(
        key="marrow_mask",
        name="Marrow mask: what its own checks say",
        check=mask_checks.marrow_mask,
        unit="Dice",
        warns="when a check of the mask warns, its estimated Dice is below {p.mask_check.dice_warn.value:g}, or the "
        "interval of a mask of this program reaches below {p.mask_check.dice_fail.value:g}",
        fails="when a check of the mask fails, or its estimated Dice is below {p.mask_check.dice_fail.value:g}",
        source="measured on spoilt masks of the phantom [C]",
    ),
    GateDeclaration(
        key="marrow_volume",
        name="Marrow that could be measured",
        check=grid_checks.marrow_volume,
        unit="mL",
        warns="below {p.signals.full_volume.value:g} mL",
        fails="below {p.signals.exploratory_volume.value:g} mL",
        source="SCIENCE 7.3",
        tells=("no_core", "no_marrow_found"),
    ),
    GateDeclaration(
        key="slice_count",
        name="Slices with marrow",
        check=grid_checks.slice_count,
        unit="slices",
        warns="below {p.signals.full_slices.value:g}",
        fails="below {p.signals.exploratory_slices.value:g}",
        source="SCIENCE 4.2 and 7.3",
    ),
)
_TISSUE = (
    GateDeclaration(
        key="metal",
        name="Metal",
        check=tissue_checks.metal,
        unit="percent of a region",
        warns="when there is any, or what may be metal at the edge of the picture",
        fails="above {p.quality.metal_share_fail.value:.0%} of a region; of all marrow nothing is assessed",
        on_fail=NO_SYMMETRY,
        source="SCIENCE 6 and 4.2",
        tells=("void_at_edge",),
    ),
    GateDeclaration(
        key="muscle_reference",
        name="Lean-muscle reference",
        check=tissue_checks.muscle_reference,
        unit="mL",
        warns="when fatty",
        fails="below {p.references.muscle_min_volume.value:g} mL, or where T1 fat/muscle tells another tissue",
        source="SCIENCE 6 and 4.2",
        tells=("reference_muscle",),
    ),
    GateDeclaration(
        key="fat_reference",
        name="Subcutaneous-fat reference",
        check=tissue_checks.fat_reference,
        unit="mL",
        warns="when uneven",
        fails="below {p.references.fat_min_volume.value:g} mL",
        on_fail=LOWERS,
        source="SCIENCE 6",
        tells=("reference_fat",),
    ),
    GateDeclaration(
        key="normal_marrow_reference",
        name="Own normal marrow",
        check=tissue_checks.normal_marrow_reference,
        unit="mL",
        warns="when uneven",
        fails="below {p.references.normal_min_volume.value:g} mL",
        on_fail=LOWERS,
        source="SCIENCE 7.3",
        tells=("reference_normal_marrow",),
    ),
    GateDeclaration(
        key="normal_level",
        name="A normal STIR level to compare lesions with",
        check=tissue_checks.normal_level,
        series=(STIR,),
        fails="without one",
        source="SCIENCE D05, D06",
        tells=("no_normal_level",),
    ),
    GateDeclaration(
        key="low_signal_marrow",
        name="Marrow dark on both series (D09)",
        check=tissue_checks.low_signal_marrow,
        unit="1",
        warns="below {p.evidence.abundance_sum.low:g} with its whole interval",
        source="SCIENCE 6 and 1.6 [C]",
    ),
    GateDeclaration(
        key="noise",
        name="Signal to noise of muscle",
        check=tissue_checks.noise,
        series=EACH,
        unit="1",
        warns="below {p.quality.snr_warn.value:g}",
        fails="below {p.quality.snr_fail.value:g}",
        on_fail=NO_LESIONS,
        source="a lesion's seed has to exceed 5 SD of normal marrow (SCIENCE D06) [X]",
    ),
)
GATES: tuple[GateDeclaration, ...] = (*_CONTRAST, *_SUPPRESSION, *_MOTION, *_SHADING, *_GRID, *_TISSUE)
