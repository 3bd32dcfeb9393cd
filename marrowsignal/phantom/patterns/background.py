"""What marrow is like all over the body: normal for age and sex, red, patchy, replaced or depleted.

Every state is a fat fraction (share of the soft part) at each point of a bone, and a share of tumor water;
focal findings come on top of it (`findings`).
"""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from marrowsignal.phantom.scene import Bone, Marrow, Place
from marrowsignal.phantom.solids import Points, ramp
from marrowsignal.phantom.subject import Subject

__all__ = ["Background", "background_marrow", "normal_fat_fraction"]

Array = NDArray[np.float64]

# PDFF of L1-L4 by age: 20s and 30s Baum, Front Endocrinol 2018; after 60 Griffith, JMRI 2012; between them straight
_AGE_Y = (15.0, 25.0, 35.0, 50.0, 60.0, 70.0, 85.0)
_VERTEBRA = {"M": (0.25, 0.32, 0.353, 0.42, 0.45, 0.48, 0.52), "F": (0.22, 0.272, 0.273, 0.38, 0.50, 0.58, 0.62)}
# what other bones have more than the spine: SCIENCE 8.2; sacrum and ilium are patchy, red over yellow
_MORE = {"vertebra": 0.0, "sacrum": 0.14, "flat": 0.14, "long": 0.38, "sesamoid": 0.50}
# the share of a long bone's metaphysis that reconversion reaches first, and how willingly a bone turns red
_READY = {"vertebra": 1.0, "sacrum": 1.0, "flat": 0.95, "long": 0.8, "sesamoid": 0.0}
# haematopoietic marrow is about 40 % fat by volume (reviews, SCIENCE 1.2), vertebrae of young women hold 27 %
# (Baum 2018); stimulated marrow less
_RED_FAT = 0.24
# at the knee the femur turns red first; the tibia stayed yellow in 20 of 20 (Shellock, AJR 1992)
_LATER = {"tibia": 0.5, "fibula": 0.4}
_EPIPHYSIS_FAT = 0.93
_SHAFT_FAT = 0.92


@dataclass(frozen=True, slots=True, kw_only=True, config=ConfigDict(extra="forbid", allow_inf_nan=False))
class Background:
    """Marrow all over the body.

    Attributes
    ----------
    state : str
        ``normal``; ``reconversion`` (symmetric, by the order of conversion, epiphyses spared); ``patchy_red``
        (islands of red marrow, more on one side); ``infiltration`` (tumor water in place of marrow);
        ``depleted`` (fat in place of red marrow).
    extent : float
        0 for hardly any, 1 for all that the state can reach.
    side : str
        Side that ``patchy_red`` favours: ``left``, ``right`` or ``both``.
    """

    state: Literal["normal", "reconversion", "patchy_red", "infiltration", "depleted"] = "normal"
    extent: Annotated[float, Field(ge=0.0, le=1.0)] = 0.7
    side: Literal["left", "right", "both"] = "both"


def normal_fat_fraction(kind: str, *, sex: str, age_years: float) -> float:
    """Mean fat fraction of adult marrow of a kind of bone, epiphyses and shafts aside.

    Parameters
    ----------
    kind : str
        ``vertebra``, ``sacrum``, ``flat``, ``long`` or ``sesamoid``.
    sex : str
        ``F`` or ``M``.
    age_years : float
        Age; held at 15 below and at 85 above.

    Returns
    -------
    float
        0 to 1.

    Examples
    --------
    >>> round(normal_fat_fraction("vertebra", sex="M", age_years=25.0), 2)
    0.32
    """
    return float(min(np.interp(age_years, _AGE_Y, _VERTEBRA[sex]) + _MORE[kind], _EPIPHYSIS_FAT))


def _noise(subject: Subject, p: Points, name: str, low_mm: float, high_mm: float) -> Array:
    return subject.field(name, wavelength_mm=(low_mm, high_mm), count=48).on(p.sheet)


def _normal(subject: Subject, bone: Bone, p: Points, place: Place) -> Array:
    mean = normal_fat_fraction(bone.kind, sex=subject.sex, age_years=subject.age_years)
    mean += subject.normal("marrow_fat", 0.0, 0.03)
    # red and yellow marrow lie in patches of a few mm to cm, and trabeculae make a grain
    patches = 0.05 * _noise(subject, p, "marrow patches", 14.0, 50.0)
    grain = 0.045 * _noise(subject, p, "marrow islets", 4.5, 13.0)
    grain += 0.03 * _noise(subject, p, "marrow grain", 1.6, 4.5)
    # marrow next to a joint or endplate is fattier in adults (Dawson, Skeletal Radiol 1992)
    rim = 0.06 * np.exp(-place.joint_mm / 6.0)
    fat = mean + patches * (1.0 if bone.kind != "sesamoid" else 0.3) + grain + rim
    if bone.kind == "long":
        shaft = ramp(place.shaft_mm, 15.0, 90.0)
        fat = fat + (_SHAFT_FAT - mean) * shaft
    yellow = _EPIPHYSIS_FAT + 0.4 * grain
    return fat + (yellow - fat) * place.epiphysis


def _reach(subject: Subject, bone: Bone, p: Points, place: Place, extent: float) -> Array:
    """How red a point of a bone turns at this extent: 0 not at all, 1 wholly."""
    if bone.kind == "long":
        # red marrow grows from the metaphysis into the shaft in flames: ragged across, long along the bone
        flames = subject.field("flames", wavelength_mm=(7.0, 20.0), count=24, stretch=(1.0, 1.0, 5.0)).on(p.sheet)
        extent = extent * _LATER.get(bone.name, 1.0)
        front = 110.0 * extent**1.5 - 12.0 + 14.0 * flames + 0.6 * place.axis_mm
        red = ramp(front - place.shaft_mm, -4.0, 10.0) * _READY[bone.kind]
    else:
        islands = _noise(subject, p, "islands", 10.0, 26.0)
        red = ramp(islands + 5.0 * (extent - 0.45), -1.2, 1.2) * _READY[bone.kind]
    return np.asarray(red * (1.0 - place.epiphysis))


def _patchy(subject: Subject, bone: Bone, p: Points, place: Place, background: Background) -> Array:
    favoured = {"left": p.x > 0.0, "right": p.x < 0.0, "both": np.ones(p.x.shape, bool)}[background.side]
    islands = _noise(subject, p, "islands", 12.0, 30.0)
    ready = _READY[bone.kind] * (1.0 - place.epiphysis) * (1.0 - ramp(place.shaft_mm, 30.0, 70.0))
    level = np.where(favoured, background.extent, 0.25 * background.extent)
    return np.asarray(ramp(islands + 2.2 * (level - 0.55), -0.25, 0.35) * ready)


def background_marrow(
    background: Background, *, subject: Subject, bone: Bone, p: Points, place: Place, depth_mm: Array
) -> Marrow:
    """Marrow at points of a bone before any focal finding.

    Parameters
    ----------
    background : Background
        State and extent.
    subject : Subject
        The person.
    bone : Bone
        The bone.
    p : Points
        Where.
    place : Place
        Where in the bone.
    depth_mm : ndarray of float64
        Depth below the inner side of the cortex.

    Returns
    -------
    Marrow
        Shares, each of the shape of the points.
    """
    fat = _normal(subject, bone, p, place)
    none = np.zeros_like(fat)
    tumor = none
    if background.state == "reconversion":
        red = _RED_FAT + 0.4 * (fat - normal_fat_fraction(bone.kind, sex=subject.sex, age_years=subject.age_years))
        fat = fat + (red - fat) * _reach(subject, bone, p, place, background.extent)
    elif background.state == "patchy_red":
        fat = fat + (0.10 - fat) * _patchy(subject, bone, p, place, background)
    elif background.state == "infiltration":
        tumor = np.clip(0.35 + 0.6 * background.extent + 0.06 * _noise(subject, p, "islands", 8.0, 30.0), 0.0, 0.97)
        tumor = tumor * (1.0 - 0.4 * place.epiphysis)
        fat = fat * (1.0 - tumor)
    elif background.state == "depleted":
        share = background.extent * (1.0 - 0.25 * np.clip(_noise(subject, p, "islands", 12.0, 30.0), -1.0, 1.0))
        fat = fat + (0.95 - fat) * np.clip(share, 0.0, 1.0)
    # trabecular bone: denser under joint surfaces and endplates, sparse in shafts and with age
    mineral = 0.14 + 0.03 * _noise(subject, p, "trabeculae", 1.5, 5.0) + 0.10 * np.exp(-depth_mm / 1.5)
    mineral = mineral * (1.0 - 0.5 * ramp(place.shaft_mm, 10.0, 80.0)) * (1.15 - 0.0035 * subject.age_years)
    return Marrow(
        fat=np.clip(fat, 0.02, 0.97),
        edema=none,
        tumor=tumor,
        fluid=none,
        fibrous=none,
        mineral=np.clip(mineral, 0.04, 0.45),
        lesion=none,
    )
