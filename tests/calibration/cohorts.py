"""Cohorts of invented people whose true cuts, bands and lines are known."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

from marrowsignal.calibration.records import CohortCase, Label, MeasuredRegion
from marrowsignal.protocol import load_protocol, protocol_sha256

__all__ = ["PROTOCOL", "Study", "cases", "write_cohort"]

PROTOCOL = load_protocol("pelvis_sij")


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """One invented study."""

    name: str
    label: Label | None = None
    group: str = ""
    site: str = ""
    age_y: float | None = 40.0
    sex: str | None = "F"
    field_t: float | None = 1.5
    whole: dict[str, float] = field(default_factory=dict)
    ilium: dict[str, float] = field(default_factory=dict)
    lesion: dict[str, float] = field(default_factory=dict)


def _region(key: str, values: dict[str, float], side: str = "none") -> tuple[MeasuredRegion, ...]:
    if not values:
        return ()
    return (MeasuredRegion(key=key, side=side, volume_ml=5.0, values=tuple(values.items())),)


def cases(studies: list[Study]) -> tuple[CohortCase, ...]:
    """The records that `read_cohort` would make of them."""
    return tuple(
        CohortCase(
            case=s.name,
            label=s.label,
            person=s.group or s.name,
            site=s.site,
            age_y=s.age_y,
            sex=s.sex,
            field_t=s.field_t,
            protocol_name=PROTOCOL.name,
            protocol_sha256=protocol_sha256(PROTOCOL),
            input_sha256=s.name,
            whole=MeasuredRegion(key="all", side="none", volume_ml=100.0, values=tuple(s.whole.items())),
            regions=_region("ilium", s.ilium, "left"),
            parts=(),
            lesions=_region("ilium", s.lesion, "left"),
            symmetry=(),
        )
        for s in sorted(studies, key=lambda s: s.name)
    )


def write_cohort(studies: list[Study], folder: Path) -> Path:
    """Write what calibration asks of each study's ``result.json``."""
    for s in studies:
        content = {
            "schema_version": "0",
            "case": s.name,
            "protocol": {"name": PROTOCOL.name, "sha256": protocol_sha256(PROTOCOL)},
            "series": {
                "t1": {
                    "acquisition": {
                        "patient_age_y": s.age_y,
                        "patient_sex": s.sex,
                        "magnetic_field_strength_t": s.field_t,
                    }
                }
            },
            "provenance": {"input_sha256": s.name},
            "whole": {"key": "all", "core_volume_ml": 100.0, "measurements": _written(s.whole)},
            "regions": [{"key": "ilium", "side": "left", "measurements": _written(s.ilium)}] if s.ilium else [],
            "parts": [],
            "lesions": [{"region_key": "ilium", "volume_ml": 2.0, "measurements": _written(s.lesion)}]
            if s.lesion
            else [],
            "symmetry": [],
        }
        place = folder / s.name
        place.mkdir(parents=True)
        (place / "result.json").write_text(json.dumps(content), encoding="utf-8")
    return folder


def _written(values: dict[str, float]) -> list[dict[str, object]]:
    return [{"name": name, "value": value, "status": "measured"} for name, value in values.items()]
