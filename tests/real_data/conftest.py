"""What several files of tests ask of the same real studies is done once, whichever worker runs them."""

from __future__ import annotations

import fcntl
import pickle
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TypeVar

import pytest

import marrowsignal as ms
from marrowsignal.alignment import AlignedPair
from marrowsignal.marrow.automatic import segment_automatic
from marrowsignal.marrow.records import Segmentation

T = TypeVar("T")

Prepared = Callable[[str, str], tuple[AlignedPair, AlignedPair]]
Segmented = Callable[[str, str], Segmentation]


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """Return the folder that all workers of one run share."""
    own = tmp_path_factory.getbasetemp()
    return own if worker_id == "master" else own.parent


@pytest.fixture(scope="session")
def prepared(real_data: Path, shared: Path) -> Prepared:
    """Pair of a study as aligned, and corrected for shading, by its folder and protocol."""

    @cache
    def prepare(folder: str, protocol: str) -> tuple[AlignedPair, AlignedPair]:
        dicom = real_data / folder / "dicom"
        if not dicom.is_dir():
            pytest.skip(f"the study {folder} is not among the real studies")
        return _once(shared / f"{folder.replace('/', '-')}-{protocol}-pair", lambda: _pair(dicom, protocol))

    return prepare


@pytest.fixture(scope="session")
def segmented(prepared: Prepared, shared: Path) -> Segmented:
    """Automatic segmentation of a study, by its folder and protocol."""

    @cache
    def segment(folder: str, protocol: str) -> Segmentation:
        _, pair = prepared(folder, protocol)
        rules = ms.load_protocol(protocol)
        kept = shared / f"{folder.replace('/', '-')}-{protocol}-bones"
        return _once(kept, lambda: segment_automatic(pair, protocol=rules))

    return segment


def _once(kept: Path, make: Callable[[], T]) -> T:
    """Give what is kept in a file; the first to ask makes it while the others wait."""
    with kept.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.exists():
            kept.write_bytes(pickle.dumps(make()))
    made: T = pickle.loads(kept.read_bytes())
    return made


def _pair(dicom: Path, protocol: str) -> tuple[AlignedPair, AlignedPair]:
    rules = ms.load_protocol(protocol)
    catalog = ms.find_series(dicom)
    # one series alone is a T1 after contrast, whose marrow is looked for all the same
    only = catalog.series[0].series_instance_uid if len(catalog.series) == 1 else None
    series = ms.select_pair(catalog, t1_uid=only, allow_t1_only=True)
    acquired = ms.align_pair(
        ms.read_volume(series.t1),
        None if series.stir is None else ms.read_volume(series.stir),
        same_frame_of_reference=series.same_frame_of_reference,
        settings=rules.alignment,
    )
    return acquired, ms.correct_bias(acquired, settings=rules.bias)
