"""A block of marrow in muscle, with references of known level, into which foci are planted."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from marrowsignal.alignment.records import AlignedPair
from marrowsignal.geometry import LabelVolume, SignalVolume
from marrowsignal.geometry.acquisition import AcquisitionFacts
from marrowsignal.intensity import References, ReferenceTissue, ReferenceVerdict
from marrowsignal.protocol import load_protocol
from marrowsignal.regions import Midline, Region, RegionMap, Side
from marrowsignal.signals.lesions.excess import marrow_excess
from marrowsignal.signals.lesions.find import FoundLesions, find_lesions
from marrowsignal.signals.lesions.scene import LesionScene
from marrowsignal.signals.records import LesionProposal
from tests.signals.scene import box_geometry

SHAPE = (12, 64, 96)
SPACING = (4.0, 1.0, 1.0)
PROTOCOL = load_protocol("pelvis_sij")
T1 = {"marrow": 200.0, "muscle": 120.0, "fat": 400.0}
STIR = {"marrow": 80.0, "muscle": 80.0, "fat": 90.0}
STIR_FACTS = AcquisitionFacts(
    repetition_time_ms=4000.0, echo_time_ms=50.0, inversion_time_ms=150.0, magnetic_field_strength_t=1.5
)


def block(slices: tuple[int, int], rows: tuple[int, int], columns: tuple[int, int]) -> NDArray[np.bool_]:
    mask = np.zeros(SHAPE, bool)
    mask[slice(*slices), slice(*rows), slice(*columns)] = True
    return mask


MARROW = block((2, 10), (8, 56), (8, 88))


@dataclass(kw_only=True)
class Bench:
    """Marrow with 5 % of noise in muscle without; `plant` changes it."""

    marrow: NDArray[np.bool_] = field(default_factory=MARROW.copy)
    facts: AcquisitionFacts = field(default_factory=AcquisitionFacts)
    midline_mm: float = 48.0
    t1: NDArray[np.float32] = field(init=False)
    stir: NDArray[np.float32] = field(init=False)

    def __post_init__(self) -> None:
        noise = 1 + 0.05 * np.random.default_rng(5).standard_normal((2, *SHAPE))
        levels = (np.where(self.marrow, s["marrow"], s["muscle"]) for s in (T1, STIR))
        self.t1, self.stir = ((level * part).astype(np.float32) for level, part in zip(levels, noise, strict=True))

    def plant(self, mask: NDArray[np.bool_], *, stir: float = 1.0, t1: float = 1.0) -> Bench:
        self.t1[mask] *= t1
        self.stir[mask] *= stir
        return self

    def scene(
        self, gains: tuple[float, float] = (1.0, 1.0), *, spacing: tuple[float, float, float] = SPACING
    ) -> LesionScene:
        geometry = box_geometry(SHAPE, spacing)
        images = [np.float32(g) * image for g, image in zip(gains, (self.t1, self.stir), strict=True)]
        pair = AlignedPair(
            t1=SignalVolume(array=images[0], geometry=geometry, acquisition=AcquisitionFacts()),
            stir=SignalVolume(array=images[1], geometry=geometry, acquisition=self.facts),
            covered_mask=np.ones(SHAPE, bool),
            body_mask=np.ones(SHAPE, bool),
            t1_to_stir_lps=np.eye(4),
            quality=None,
        )
        labels = LabelVolume(array=self.marrow.astype(np.uint16), geometry=geometry)
        region = Region(label=1, key="all", name="the block", side=Side.NONE, code=None, voxels=1, volume_ml=1.0)
        midline = Midline(normal_lps=(1.0, 0.0, 0.0), offset_mm=self.midline_mm, symmetry=None, source="paired_bones")
        excess = marrow_excess(pair, self.marrow, PROTOCOL)
        assert excess is not None
        return LesionScene(
            pair=pair,
            marrow=self.marrow,
            regions=RegionMap(labels=labels, regions=(region,), midline=midline, joint_mask=None, joint_source="none"),
            references=References(
                **{key: _reference(key, gains) for key in ("muscle", "fat")},
                normal_marrow=_reference("marrow", gains),
                labels=labels,
                noise_t1=None,
                noise_stir=None,
                t1_residual_bias_fraction=None,
                stir_residual_bias_fraction=None,
            ),
            excess=excess,
            protocol=PROTOCOL,
        )

    def found(self, proposal: LesionProposal | None = None) -> FoundLesions:
        return find_lesions(self.scene(), proposal)


def kinds(found: FoundLesions) -> list[str]:
    return [one.kind for one in found.dropped]


def _reference(key: str, gains: tuple[float, float]) -> ReferenceTissue:
    return ReferenceTissue(
        key=key,
        t1=gains[0] * T1[key],
        stir=gains[1] * STIR[key],
        t1_spread_fraction=0.0,
        stir_spread_fraction=0.0,
        voxels=1,
        volume_ml=1.0,
        verdict=ReferenceVerdict.PASS,
        reason="known",
    )
