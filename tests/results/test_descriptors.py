from __future__ import annotations

from marrowsignal.protocol import load_protocol
from marrowsignal.results.descriptors import (
    LESION_DESCRIPTORS,
    REGION_DESCRIPTORS,
    SYMMETRY_DESCRIPTORS,
    Descriptor,
)
from marrowsignal.signals import measure_signals
from marrowsignal.signals.records import Measurement
from tests.report.study_builder import build_result


def told(descriptors: tuple[Descriptor, ...]) -> set[tuple[str, str, str]]:
    return {(item.id, item.name, item.unit) for item in descriptors}


def taken(measurements: tuple[Measurement, ...]) -> set[tuple[str, str, str]]:
    return {(item.id, item.name, item.unit) for item in measurements}


def test_the_catalogue_names_what_is_measured_and_nothing_else() -> None:
    study = build_result()
    signals = measure_signals(
        study.pair, study.marrow, study.regions, study.references, protocol=load_protocol("pelvis_sij")
    )
    assert signals.lesions
    assert taken(signals.whole.measurements) == told(REGION_DESCRIPTORS)
    assert taken(signals.regions[0].measurements) == told(REGION_DESCRIPTORS)
    assert taken(signals.lesions[0].measurements) == told(LESION_DESCRIPTORS)
    assert taken(signals.symmetry[0].measurements) == told(SYMMETRY_DESCRIPTORS)


def test_names_are_unique_in_each_table() -> None:
    for table in (REGION_DESCRIPTORS, LESION_DESCRIPTORS, SYMMETRY_DESCRIPTORS):
        assert len({item.name for item in table}) == len(table)
