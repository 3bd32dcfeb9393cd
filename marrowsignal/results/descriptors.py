"""The catalogue of descriptors: what each measured name means, for tables, pages and readers.

One record a descriptor and level, in the order of the tables. The order is frozen: new descriptors go to the end.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = [
    "BONE_DESCRIPTORS",
    "DISTRIBUTION_DESCRIPTORS",
    "LESION_DESCRIPTORS",
    "REGION_DESCRIPTORS",
    "SYMMETRY_DESCRIPTORS",
    "Descriptor",
    "descriptor_title",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Descriptor:
    """One descriptor of SCIENCE section 3.

    Attributes
    ----------
    id : str
        For example ``"D01"``.
    name : str
        `Measurement.name`.
    unit : str
        `Measurement.unit`; ``"1"`` for ratios.
    title : str
        Short heading for people.
    description : str
        One sentence: what is divided by what, and how to read it.
    """

    id: str
    name: str
    unit: str
    title: str
    description: str


def _d(id_: str, name: str, unit: str, title: str, description: str) -> Descriptor:
    return Descriptor(id=id_, name=name, unit=unit, title=title, description=description)


# One descriptor a line: id, name, unit, heading, meaning.
# fmt: off
_TISSUE = (
    _d("D01", "t1_marrow_to_muscle", "1", "T1 / muscle",
       "Median T1 signal divided by that of lean muscle; at or below 1 little fat is left."),
    _d("D02", "t1_marrow_to_fat", "1", "T1 / fat",
       "Median T1 signal divided by that of subcutaneous fat."),
    _d("D03", "fat_signal_index", "1", "Fat-signal index",
       "T1 between lean muscle (0) and subcutaneous fat (1); an index, not a fat fraction."),
    _d("D04", "stir_marrow_to_muscle", "1", "STIR / muscle",
       "Median STIR signal divided by that of lean muscle; the axis of water and edema."),
    _d("D05", "stir_marrow_to_normal", "1", "STIR / normal marrow",
       "Median STIR signal divided by that of the patient's own normal marrow."),
    _d("D06", "excess_index", "1", "Excess index d",
       "Median of STIR over a power of T1, relative to own normal marrow (1); shared shading cancels."),
    _d("D07", "excess_water", "1", "Excess water E",
       "STIR over what marrow of the same fat signal would show without edema: against muscle for regions, "
       "against own normal marrow for lesions."),
)
_CHECKS = (
    _d("D09", "abundance_sum", "1", "Abundance sum",
       "Sum of the fat and water shares of a two-channel unmixing; a check of the model, near 1 when it fits."),
)
_FAT_WATER = (
    _d("D13", "fat_water_ratio", "1", "Fat / water",
       "T1 / fat divided by STIR / muscle; low where water replaces fat."),
    _d("D14", "fat_water_ratio_to_normal", "1", "Fat / water to normal",
       "T1 / STIR divided by T1 / STIR of the patient's own normal marrow; needs no other tissue."),
)

_CHEMICAL_SHIFT = (
    _d("D11", "sir_raw", "1", "OP / IP",
       "Opposed-phase signal divided by in-phase signal; low where fat and water share voxels, high without fat "
       "and where fat outweighs water."),
    _d("D11", "sir_to_control", "1", "OP / IP to normal",
       "OP/IP divided by that of the patient's own normal marrow, the double ratio of Disler."),
    _d("D12", "pdff", "percent", "PDFF",
       "Median of the proton-density fat-fraction map."),
)

REGION_DESCRIPTORS = (
    *_TISSUE,
    _d("D08", "stir_fat_to_muscle", "1", "STIR fat / muscle",
       "STIR signal of subcutaneous fat divided by that of lean muscle; how well fat is suppressed."),
    *_CHECKS,
    *_FAT_WATER,
    _d("D24", "lesion_extent", "percent", "Lesion extent",
       "Lesion volume divided by the volume of the region's marrow mask."),
    _d("D24", "red_like_extent", "percent", "Red-like extent",
       "Share of the region's core whose fat-signal index is below the protocol's cut."),
    *_CHEMICAL_SHIFT,
    _d("D01", "t1_p10_to_muscle", "1", "T1 / muscle, 10th percentile",
       "A tenth of the region's core is darker than this on T1, relative to lean muscle."),
    _d("D01", "t1_p90_to_muscle", "1", "T1 / muscle, 90th percentile",
       "A tenth of the region's core is brighter than this on T1, relative to lean muscle."),
    _d("D01", "t1_spread", "1", "T1 spread",
       "Robust standard deviation (1.4826 MAD) of T1 divided by its median."),
    _d("D01", "t1_low_share", "percent", "Low T1 share",
       "Share of the region's core near or below muscle on T1, by the protocol's cut."),
    _d("D04", "stir_p90_to_muscle", "1", "STIR / muscle, 90th percentile",
       "A tenth of the region's core is brighter than this on STIR, relative to lean muscle."),
    _d("D04", "stir_p95_to_muscle", "1", "STIR / muscle, 95th percentile",
       "A twentieth of the region's core is brighter than this on STIR, relative to lean muscle."),
    _d("D04", "stir_spread", "1", "STIR spread",
       "Robust standard deviation (1.4826 MAD) of STIR divided by its median."),
    _d("D04", "stir_high_share", "percent", "High STIR share",
       "Share of the region's core as bright as edema on STIR relative to muscle, by the protocol's cut."),
    _d("D06", "excess_p95", "1", "Excess index d, 95th percentile",
       "A twentieth of the region's core has a larger excess index d than this."),
)

LESION_DESCRIPTORS = (
    *_TISSUE,
    *_CHECKS,
    _d("D10", "t1_to_surround", "1", "T1 / surround",
       "T1 of the lesion divided by T1 of the marrow around it."),
    *_FAT_WATER,
    _d("D30", "joint_distance", "mm", "To joint",
       "Smallest distance of the lesion from the joint surface."),
    _d("D30", "subchondral_share", "percent", "Near joint",
       "Share of the lesion inside the band below the joint surface."),
    _d("D31", "depth_from_joint", "mm", "Depth",
       "How far the lesion reaches from the joint surface, 95th percentile of distance."),
    _d("D31", "homogeneity", "fraction", "Homogeneity",
       "Lesion volume divided by that of its closing within marrow; 1 has no gaps."),
    _d("D33", "t1_dark_share", "fraction", "T1-dark share",
       "Share of the lesion's voxels near or below muscle on T1."),
    _d("D51", "sphere_diameter", "mm", "Diameter",
       "Diameter of the sphere of the same volume."),
    _d("D27", "flame_score", "1", "Flame signs",
       "How many of three signs of a flame hold: along the shaft, tapering away from the growth plate, feathery."),
    _d("D28", "bull_ratio", "1", "Bull's eye",
       "T1 of the focus' center divided by T1 of its middle shell; above 1 the center is fatty."),
    _d("D29", "halo_ratio", "1", "Halo",
       "STIR of the rim just outside divided by the brighter of the focus and the marrow farther out."),
    _d("D32", "edge_width_t1", "mm", "Margin on T1",
       "Median 10-90 % width of the margin on T1, of profiles along its normals."),
    _d("D32", "edge_width_stir", "mm", "Margin on STIR",
       "Median 10-90 % width of the margin on STIR, of profiles along its normals."),
    _d("D34", "fluid_share", "fraction", "Fluid share",
       "Share of the lesion's voxels as bright as fluid on STIR and at or below muscle on T1."),
    _d("D35", "line_length", "mm", "Line length",
       "Length of the longest dark sheet in or near the lesion; that none is found does not exclude a fracture."),
    _d("D35", "line_width", "mm", "Line width",
       "Width of that dark sheet on T1."),
    _d("D35", "line_aspect", "1", "Line aspect",
       "Length of that dark sheet divided by its width."),
    _d("D36", "stress_grade", "grade", "Stress grade",
       "2 signal on STIR only, 3 with lower T1 than around, 4 with a candidate for a fracture line."),
    _d("D40", "subplate_thickness", "mm", "Subplate thickness",
       "Thickness of the dark STIR band under the joint surface."),
    _d("D40", "subplate_length", "mm", "Subplate length",
       "Length of the dark STIR band under the joint surface."),
    _d("D41", "soft_tissue_share", "percent", "Soft tissue",
       "Share of the soft tissue next to the lesion's bone that is bright on STIR."),
    _d("D41", "soft_tissue_asymmetry", "percent", "Soft tissue asymmetry",
       "200 (own - other) / (own + other) of that share against the mirrored place, as D20."),
    *_CHEMICAL_SHIFT,
)

SYMMETRY_DESCRIPTORS = (
    _d("D20", "t1_asymmetry", "percent", "T1 asymmetry",
       "200 (L - R) / (L + R) of the T1 medians."),
    _d("D20", "stir_asymmetry", "percent", "STIR asymmetry",
       "200 (L - R) / (L + R) of the STIR medians."),
    _d("D21", "bias_cancelling_asymmetry", "percent", "STIR − T1 asymmetry",
       "STIR asymmetry minus T1 asymmetry; shading common to both series cancels."),
    _d("D22", "red_like_mirror_dice", "Dice", "Mirror overlap",
       "Overlap of red-marrow-like voxels, left against mirrored right, 0 to 1."),
    _d("D23", "lesion_volume_asymmetry", "percent", "Lesion asymmetry",
       "100 (L - R) / (L + R) of the lesion volumes."),
    _d("D20", "fat_signal_difference", "1", "Fat-signal difference",
       "Fat-signal index of the left side less that of the right; no percentage, since an index may be 0."),
)

DISTRIBUTION_DESCRIPTORS = (
    _d("D25", "conversion_order", "1", "Order of conversion",
       "Kendall's tau between the fat signal of the zones in view and the order in which red marrow leaves them; "
       "1 keeps the order, 0 and less breaks it."),
    _d("D25", "conversion_zones", "zones", "Zones in view",
       "How many zones of that order are in view and large enough."),
)

BONE_DESCRIPTORS = (
    _d("D26", "epiphysis_fat_signal", "1", "Fat signal of the epiphysis",
       "Fat-signal index of the epiphysis, lesions left out; adult epiphyses are yellow."),
    _d("D26", "metaphysis_fat_signal", "1", "Fat signal of the metaphysis",
       "Fat-signal index of the metaphysis next to it, lesions left out."),
    _d("D26", "epiphysis_metaphysis_difference", "1", "Epiphysis less metaphysis",
       "Fat-signal index of the epiphysis less that of the metaphysis; reconversion spares the epiphysis."),
    _d("D27", "flame_score", "1", "Flame signs of three",
       "How many of three signs of a flame the largest red-like patch of the bone shows; not reliable, shown only."),
    _d("D37", "necrosis_rim", "fraction", "Rim share",
       "Share of a dark rim about a subchondral area of the head; 0 means looked for and none found."),
    _d("D37", "necrosis_double_line", "1", "Double line",
       "1 where a STIR-bright band lies within the dark rim, else 0."),
    _d("D38", "necrotic_volume_share", "percent", "Enclosed share",
       "Share of the head that the dark rim encloses."),
    _d("D39", "combined_necrotic_angle", "deg", "Combined angle",
       "Arcs of the enclosed area on the middle coronal and sagittal planes through the head, added up."),
    _d("D43", "head_lesion_share", "percent", "Head in lesions",
       "Share of the head that lesions take."),
    _d("D43", "neck_lesion_share", "percent", "Neck in lesions",
       "Share of the neck that lesions take."),
)
# fmt: on

_ALL = (
    *REGION_DESCRIPTORS,
    *LESION_DESCRIPTORS,
    *SYMMETRY_DESCRIPTORS,
    *DISTRIBUTION_DESCRIPTORS,
    *BONE_DESCRIPTORS,
)
_TITLES = {item.name: item.title for item in _ALL}


def descriptor_title(name: str) -> str:
    """Heading for a measured name; an unknown name is spelled out.

    >>> descriptor_title("t1_marrow_to_muscle")
    'T1 / muscle'
    >>> descriptor_title("new_measure")
    'New measure'
    """
    return _TITLES.get(name) or name.replace("_", " ").capitalize()
