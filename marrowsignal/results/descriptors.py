"""The catalogue of descriptors: what each measured name means, for tables, pages and readers.

One record a descriptor and level, in the order of the tables. The order is frozen: new descriptors go to the end.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = [
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


_T1_MUSCLE = _d(
    "D01", "t1_marrow_to_muscle", "1", "T1 / muscle",
    "Median T1 signal of the marrow divided by that of lean muscle; at or below 1 little fat is left.",
)  # fmt: skip
_T1_FAT = _d(
    "D02", "t1_marrow_to_fat", "1", "T1 / fat",
    "Median T1 signal of the marrow divided by that of subcutaneous fat.",
)  # fmt: skip
_FSI = _d(
    "D03", "fat_signal_index", "1", "Fat-signal index",
    "Estimated share of fat in the T1 signal, 0 like water-only marrow, 1 like fat; T1 only.",
)  # fmt: skip
_STIR_MUSCLE = _d(
    "D04", "stir_marrow_to_muscle", "1", "STIR / muscle",
    "Median STIR signal of the marrow divided by that of lean muscle; the axis of water and edema.",
)  # fmt: skip
_STIR_NORMAL = _d(
    "D05", "stir_marrow_to_normal", "1", "STIR / normal marrow",
    "Median STIR signal divided by that of the patient's own normal marrow.",
)  # fmt: skip
_EXCESS = _d(
    "D06", "excess_index", "1", "Excess index d",
    "STIR divided by the square root of T1, relative to the patient's own normal marrow; shared shading cancels.",
)  # fmt: skip
_EXCESS_WATER = _d(
    "D07", "excess_water", "1", "Excess water E",
    "STIR / muscle divided by what the fat-signal index predicts for red and yellow marrow without edema.",
)  # fmt: skip
_ABUNDANCE = _d(
    "D09", "abundance_sum", "1", "Abundance sum",
    "Sum of the fat and water shares of a two-channel unmixing; a check of the model, near 1 when it fits.",
)  # fmt: skip
_FAT_WATER = _d(
    "D13", "fat_to_water", "1", "Fat / water ratio",
    "T1 / fat divided by STIR / muscle; low where water replaces fat.",
)  # fmt: skip
_FAT_WATER_NORMAL = _d(
    "D14", "fat_to_water_to_normal", "1", "Fat / water to normal",
    "T1 / STIR of the marrow divided by T1 / STIR of the patient's own normal marrow; needs no other tissue.",
)  # fmt: skip

REGION_DESCRIPTORS = (
    _T1_MUSCLE,
    _T1_FAT,
    _FSI,
    _STIR_MUSCLE,
    _STIR_NORMAL,
    _EXCESS,
    _EXCESS_WATER,
    _ABUNDANCE,
    _FAT_WATER,
    _FAT_WATER_NORMAL,
    _d("D24", "lesion_extent", "percent", "Lesion extent", "Lesion volume divided by the region's volume."),
)

LESION_DESCRIPTORS = (
    _T1_MUSCLE,
    _STIR_MUSCLE,
    _STIR_NORMAL,
    _EXCESS,
    _EXCESS_WATER,
    _d("D10", "t1_lesion_to_shell", "1", "T1 / shell", "T1 of the lesion divided by T1 of the marrow around it."),
    _d("D30", "subchondral_distance", "mm", "To joint", "Smallest distance of the lesion from the joint surface."),
    _d("D31", "depth", "mm", "Depth", "How far the lesion reaches from the joint surface, 95th percentile."),
)

SYMMETRY_DESCRIPTORS = (
    _d("D20", "asymmetry_t1", "percent", "T1 asymmetry", "200 (L - R) / (L + R) of the T1 medians."),
    _d("D20", "asymmetry_stir", "percent", "STIR asymmetry", "200 (L - R) / (L + R) of the STIR medians."),
    _d(
        "D21", "asymmetry_bias_cancelling", "percent", "STIR - T1 asymmetry",
        "STIR asymmetry minus T1 asymmetry; shading common to both series cancels.",
    ),
    _d("D22", "mirror_dice", "1", "Mirror overlap", "Dice of red-marrow-like voxels, left against mirrored right."),
    _d("D23", "lesion_asymmetry", "percent", "Lesion asymmetry", "100 (L - R) / (L + R) of the lesion volumes."),
)  # fmt: skip

_TITLES = {item.name: item.title for item in (*REGION_DESCRIPTORS, *LESION_DESCRIPTORS, *SYMMETRY_DESCRIPTORS)}


def descriptor_title(name: str) -> str:
    """Heading for a measured name; an unknown name is spelled out.

    >>> descriptor_title("t1_marrow_to_muscle")
    'T1 / muscle'
    >>> descriptor_title("new_measure")
    'New measure'
    """
    return _TITLES.get(name) or name.replace("_", " ").capitalize()
