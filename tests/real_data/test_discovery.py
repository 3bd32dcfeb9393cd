"""Of real exports, odd ones among them, the search finds the studies and the images that a full reading finds."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import pytest

from marrowsignal.cohort.discovery import find_studies
from marrowsignal.dicom import CaseKey
from marrowsignal.dicom.search.read_headers import read_headers

KEY = CaseKey(secret=b"test")


@pytest.mark.parametrize("folder", ["robust", "sij"])
def test_each_study_is_found_whole(real_data: Path, folder: str) -> None:
    expected: dict[str, set[str]] = defaultdict(set)
    for header in read_headers(real_data / folder).headers:
        expected[header.study_instance_uid].add(header.sop_instance_uid)
    expected.pop("", None)
    discovery = find_studies([real_data / folder], key=KEY)
    found = {source.study_instance_uid: source for source in discovery.sources if source.problem is None}
    assert expected.keys() <= found.keys()
    for uid, source in found.items():
        paths = [Path(path) for path in source.paths]
        headers = read_headers(paths, study_instance_uid=uid).headers
        assert {header.sop_instance_uid for header in headers} == expected.get(uid or "", set())
    told = repr([(source.key, source.problem) for source in discovery.sources]) + repr(discovery.findings)
    names = {entry.stem for entry in (real_data / folder).rglob("*") if len(entry.stem) > 6}
    assert not {name for name in names if name in told}
