"""The form of a protocol: every clinical number with its unit and source.

A protocol is data, not code. `Protocol` is the frozen, validated form of one TOML file of
``protocol/data`` after its ``extends`` chain has been resolved.
"""

from __future__ import annotations

from marrowsignal.protocol.schema.added_water import AddedWater
from marrowsignal.protocol.schema.alignment import AlignmentSettings, BiasSettings
from marrowsignal.protocol.schema.calibration import (
    BandLine,
    CalibrationSettings,
    FatFractionFit,
    FieldTerm,
    FittedBand,
)
from marrowsignal.protocol.schema.change import ChangeSettings
from marrowsignal.protocol.schema.chemical_shift import ChemicalShiftSettings
from marrowsignal.protocol.schema.distribution import BoneEnd, ConversionZone, DistributionSettings
from marrowsignal.protocol.schema.evidence import EvidenceCuts, QualitySettings, SymmetryCuts
from marrowsignal.protocol.schema.lesion_model import LesionModelSettings
from marrowsignal.protocol.schema.marrow import (
    AtlasSettings,
    AutomaticSettings,
    BoneVolume,
    CortexThickness,
    MarrowSettings,
    MaskCheckSettings,
    PeelSettings,
    SegmenterSettings,
)
from marrowsignal.protocol.schema.protocol import Protocol
from marrowsignal.protocol.schema.quantities import Quantity, Range
from marrowsignal.protocol.schema.regions import (
    DivisionSettings,
    ExpectedFatSignal,
    JointSettings,
    PartSpec,
    RegionSpec,
)
from marrowsignal.protocol.schema.shapes import ShapeSettings
from marrowsignal.protocol.schema.signals import LesionSettings, ReferenceSettings, SignalSettings, TissueConstants

__all__ = [
    "AddedWater",
    "AlignmentSettings",
    "AtlasSettings",
    "AutomaticSettings",
    "BandLine",
    "BiasSettings",
    "BoneEnd",
    "BoneVolume",
    "CalibrationSettings",
    "ChangeSettings",
    "ChemicalShiftSettings",
    "ConversionZone",
    "CortexThickness",
    "DistributionSettings",
    "DivisionSettings",
    "EvidenceCuts",
    "ExpectedFatSignal",
    "FatFractionFit",
    "FieldTerm",
    "FittedBand",
    "JointSettings",
    "LesionModelSettings",
    "LesionSettings",
    "MarrowSettings",
    "MaskCheckSettings",
    "PartSpec",
    "PeelSettings",
    "Protocol",
    "QualitySettings",
    "Quantity",
    "Range",
    "ReferenceSettings",
    "RegionSpec",
    "SegmenterSettings",
    "ShapeSettings",
    "SignalSettings",
    "SymmetryCuts",
    "TissueConstants",
]
