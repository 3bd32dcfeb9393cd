"""One anatomy's protocol as a whole."""

from __future__ import annotations

from typing import Literal, Self, TypeVar

from pydantic import model_validator

from marrowsignal.protocol.schema.alignment import AlignmentSettings, BiasSettings
from marrowsignal.protocol.schema.calibration import CalibrationSettings
from marrowsignal.protocol.schema.change import ChangeSettings
from marrowsignal.protocol.schema.chemical_shift import ChemicalShiftSettings
from marrowsignal.protocol.schema.distribution import DistributionSettings
from marrowsignal.protocol.schema.evidence import EvidenceCuts, QualitySettings, SymmetryCuts
from marrowsignal.protocol.schema.lesion_model import LesionModelSettings
from marrowsignal.protocol.schema.marrow import (
    AtlasSettings,
    AutomaticSettings,
    MarrowSettings,
    MaskCheckSettings,
    SegmenterSettings,
)
from marrowsignal.protocol.schema.quantities import ProtocolModel, Range, Text
from marrowsignal.protocol.schema.regions import DivisionSettings, JointSettings, PartSpec, RegionSpec
from marrowsignal.protocol.schema.shapes import ShapeSettings
from marrowsignal.protocol.schema.signals import LesionSettings, ReferenceSettings, SignalSettings

__all__ = ["Protocol"]

_Spec = TypeVar("_Spec", RegionSpec, PartSpec)


class Protocol(ProtocolModel):
    """One anatomy's settings, cuts, regions and words."""

    schema_version: Literal[1]
    name: Text
    version: Text
    title: Text
    body_parts: tuple[str, ...]
    symmetric_anatomy: bool
    joint_from_dark_ridge: bool
    deep_lesion_rule: bool
    background_prevalence: str
    limits: tuple[str, ...]
    alignment: AlignmentSettings
    bias: BiasSettings
    marrow: MarrowSettings
    automatic: AutomaticSettings
    atlas: AtlasSettings
    mask_check: MaskCheckSettings
    segmenter: SegmenterSettings
    references: ReferenceSettings
    signals: SignalSettings
    chemical_shift: ChemicalShiftSettings
    calibration: CalibrationSettings
    lesions: LesionSettings
    lesion_model: LesionModelSettings
    shapes: ShapeSettings
    joints: JointSettings
    symmetry: SymmetryCuts
    distribution: DistributionSettings
    evidence: EvidenceCuts
    quality: QualitySettings
    change: ChangeSettings
    divisions: DivisionSettings
    whole: RegionSpec
    regions: tuple[RegionSpec, ...] = ()
    other_bones: tuple[RegionSpec, ...] = ()
    parts: tuple[PartSpec, ...] = ()

    def spec(self, key: str) -> RegionSpec | None:
        """Return the region called `key`, the whole and other bones included, or None."""
        return next((spec for spec in (self.whole, *self.regions, *self.other_bones) if spec.key == key), None)

    def part(self, key: str) -> PartSpec | None:
        """Return the part called `key`, or None."""
        return next((part for part in self.parts if part.key == key), None)

    def expected_band(self, key: str, age_y: float | None) -> Range | None:
        """Return the FSI band of a region (SCIENCE 8.2); None for children and where there is none."""
        spec = self.spec(key) or self.part(key)
        child = age_y is not None and age_y < self.evidence.adult_age.value
        if child or spec is None or spec.expected_fat_signal is None:
            return None
        older = age_y is not None and age_y > self.evidence.old_age.value
        return spec.expected_fat_signal.older if older else spec.expected_fat_signal.adult

    def for_person(self, *, age_y: float | None, sex: str | None, field_t: float | None) -> Protocol:
        """Return the protocol with the expected bands of one person, where a cohort gave them by age, sex and field."""

        def own(spec: _Spec) -> _Spec:
            bands = spec.expected_fat_signal
            if bands is None or bands.fitted is None:
                return spec
            mine = bands.for_person(age_y=age_y, sex=sex, field_t=field_t)
            return spec.model_copy(update={"expected_fat_signal": mine})

        return self.model_copy(
            update={
                "whole": own(self.whole),
                "regions": tuple(own(spec) for spec in self.regions),
                "other_bones": tuple(own(spec) for spec in self.other_bones),
                "parts": tuple(own(part) for part in self.parts),
            }
        )

    @model_validator(mode="after")
    def _regions_distinct(self) -> Self:
        keys = [(r.key, r.side) for r in self.regions]
        if len(set(keys)) != len(keys):
            raise ValueError("two regions share key and side")
        labels = [label for r in self.regions for label in r.labels]
        if len(set(labels)) != len(labels):
            raise ValueError("two regions claim one label value")
        return self
