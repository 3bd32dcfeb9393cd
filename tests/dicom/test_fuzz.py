"""Mutated files end in a reason, never in a foreign exception; `make fuzz` runs thousands of them."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.dicom.mutations import KINDS, SCOPES, Case, Mutation, write_case
from tests.dicom.sample_studies import SAMPLES, sample_study
from tests.dicom.whole_way import go, inspect

SEEDS = st.integers(0, 2**31 - 1)
CASES = st.builds(
    Case,
    sample=st.sampled_from(tuple(SAMPLES)),
    scope=st.sampled_from(SCOPES),
    mutations=st.lists(st.builds(Mutation, kind=st.sampled_from(KINDS), seed=SEEDS), min_size=1, max_size=3).map(tuple),
    seed=SEEDS,
)


@pytest.mark.parametrize("sample", SAMPLES)
def test_what_is_not_mutated_is_read(tmp_path: Path, sample: str) -> None:
    write_case(Case(sample=sample, scope="study", mutations=()), tmp_path)
    ending = go(tmp_path)
    assert (ending.code, ending.volumes, ending.files) == ("pair read", 2, len(sample_study(sample)))
    assert inspect(tmp_path) == 0


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_case_is_the_same_bytes_and_differs_from_the_sample(tmp_path: Path, kind: str) -> None:
    changed = 0
    for seed in range(8):
        case = Case(sample="classic explicit", scope="file", mutations=(Mutation(kind=kind, seed=seed),), seed=seed)
        changed += write_case(case, tmp_path / "a")
        write_case(case, tmp_path / "b")
        for name in sample_study(case.sample):
            assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    assert changed >= 4


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(case=CASES)
def test_mutated_files_end_in_a_reason(case: Case) -> None:
    with tempfile.TemporaryDirectory(prefix="mutated-") as folder:
        write_case(case, Path(folder))
        go(Path(folder))
        if case.seed % 5 == 0:
            inspect(Path(folder))
