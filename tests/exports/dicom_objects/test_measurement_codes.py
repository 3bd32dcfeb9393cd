"""Codes of the report: valid, each with one meaning, and in the unit of what was measured."""

from __future__ import annotations

import pytest

from marrowsignal.exports.dicom_objects import measurement_codes as coded
from marrowsignal.results.descriptors import LESION_DESCRIPTORS, REGION_DESCRIPTORS, SYMMETRY_DESCRIPTORS


def test_our_codes_are_valid_and_mean_one_thing_each() -> None:
    catalogues = (coded.REGION_MEASUREMENTS, coded.LESION_MEASUREMENTS, coded.PAIR_MEASUREMENTS)
    concepts = [concept for catalogue in catalogues for concept in catalogue]
    codes = [code for c in concepts for code in (c.code, c.unit, c.method, *c.references)]
    codes += [*coded.PATTERNS.values(), *coded.FLAGS.values(), *coded.CONFIDENCES.values()]
    codes += [code for code in vars(coded).values() if type(code) is type(coded.PATTERN)]
    meanings: dict[tuple[str, str], set[str]] = {}
    for code in codes:
        assert len(code.value) <= 16
        assert len(code.meaning) <= 64
        assert "\\" not in code.value + code.meaning
        meanings.setdefault((code.scheme_designator, code.value), set()).add(code.meaning)
    assert {key: told for key, told in meanings.items() if len(told) > 1} == {}


@pytest.mark.parametrize(
    ("catalogue", "descriptors"),
    [
        (coded.REGION_MEASUREMENTS, REGION_DESCRIPTORS),
        (coded.LESION_MEASUREMENTS, LESION_DESCRIPTORS),
        (coded.PAIR_MEASUREMENTS, SYMMETRY_DESCRIPTORS),
    ],
)
def test_units_are_those_of_what_was_measured(catalogue: tuple[coded.ReportedMeasurement, ...], descriptors) -> None:  # type: ignore[no-untyped-def]
    units = {descriptor.name: descriptor.unit for descriptor in descriptors}
    ucum = {"1": {"1", "{ratio}"}, "percent": {"%"}, "mm": {"mm"}, "Dice": {"1"}}
    for concept in catalogue:
        assert concept.unit.value in ucum[units[concept.name]], concept.name
