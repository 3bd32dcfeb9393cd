"""Real studies: two patients are never compared by mistake."""

from __future__ import annotations

from pathlib import Path

import pytest

from marrowsignal.comparison.dates import check_one_patient
from marrowsignal.comparison.drift import closed_by, protocol_drift
from marrowsignal.comparison.records import DriftState, Scope
from marrowsignal.dicom import find_series, select_pair
from marrowsignal.errors import UsageError
from marrowsignal.protocol import load_protocol


def test_two_patients_of_one_protocol_are_refused(real_data: Path) -> None:
    pairs = [select_pair(find_series(real_data / "sij" / name / "dicom")) for name in ("1013", "1016")]
    with pytest.raises(UsageError, match="different patients"):
        check_one_patient(*pairs, other_patient=False)
    assert check_one_patient(pairs[0], pairs[0], other_patient=False) == ()


def test_a_sacroiliac_and_a_lumbar_protocol_have_drifted_apart(real_data: Path) -> None:
    protocol = load_protocol("pelvis_sij")
    sacroiliac = select_pair(find_series(real_data / "sij" / "1013" / "dicom"))
    lumbar = select_pair(find_series(real_data / "lumbar" / "taichi"))
    assert closed_by(protocol_drift(sacroiliac, lumbar, protocol=protocol), Scope.ALL)
    same = protocol_drift(sacroiliac, sacroiliac, protocol=protocol)
    assert {item.state for item in same} <= {DriftState.SAME, DriftState.NOT_KNOWN}
