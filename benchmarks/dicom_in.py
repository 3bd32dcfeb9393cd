"""Time DICOM in against SimpleITK's series reader and dcm2niix, and the indexing of a large tree.

Usage: ``python benchmarks/dicom_in.py [FOLDER ...] [--rounds 7] [--tree-files 10000]``. Without folders a synthetic
study of 2 x 25 slices of 336 x 336 is written in several encodings; each given folder is timed besides. The three
alternate round by round in one run, so that only the ratios matter; medians are printed.

- ours: find_series + select_pair + read_volume of T1 and STIR (find_series + every readable volume where there is
  no pair), in process
- SimpleITK: GetGDCMSeriesIDs, GetGDCMSeriesFileNames and ImageSeriesReader.Execute of every series, in process
- dcm2niix: the command, uncompressed NIfTI without sidecars into a temporary folder, all series
"""

from __future__ import annotations

import argparse
import math
import multiprocessing
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
import SimpleITK as sitk
from peers.steps.ingest import by_marrowsignal, by_simpleitk
from peers.steps.plain_study import SLICES, write_study
from pydicom.pixels.encoders.base import get_encoder
from pydicom.uid import (
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

import marrowsignal as ms
from marrowsignal.errors import MarrowSignalError

_ENCODINGS = (
    ("explicit little endian", ExplicitVRLittleEndian, False),
    ("implicit little endian", ImplicitVRLittleEndian, False),
    ("RLE", RLELossless, False),
    ("JPEG lossless", JPEGLosslessSV1, False),
    ("JPEG-LS", JPEGLSLossless, False),
    ("JPEG 2000", JPEG2000Lossless, False),
    ("Enhanced, explicit", ExplicitVRLittleEndian, True),
    ("Enhanced, RLE", RLELossless, True),
)
_SERIES_A_STUDY = 10
_TAGS = ["SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID", "ImagePositionPatient"]
_TAGS += ["ImageOrientationPatient", "PixelSpacing", "Rows", "Columns", "RepetitionTime", "EchoTime", "InversionTime"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """One indexing of a tree."""

    seconds: float
    files: int
    peak_mb: float


def dcm2niix(folder: Path) -> None:
    """Convert every series by the command."""
    with tempfile.TemporaryDirectory() as out:
        command = ["dcm2niix", "-z", "n", "-b", "n", "-f", "%s_%u", "-o", out, str(folder)]
        subprocess.run(command, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if not any(Path(out).glob("*.nii")):
            raise RuntimeError("nothing was converted")


def side_by_side(name: str, folder: Path, rounds: int) -> str:
    """One line: medians and ratios; a reader that fails is told so."""
    readers: dict[str, Callable[[Path], object]] = {"ours": by_marrowsignal, "SimpleITK": by_simpleitk}
    if shutil.which("dcm2niix"):
        readers["dcm2niix"] = dcm2niix
    times: dict[str, list[float]] = {reader: [] for reader in readers}
    for turn in range(rounds + 1):
        for reader, read in readers.items():
            start = time.perf_counter()
            try:
                read(folder)
            except (RuntimeError, MarrowSignalError):
                times[reader].append(float("nan"))
                continue
            # The first round warms the page cache and imports the decoders.
            if turn:
                times[reader].append(time.perf_counter() - start)
    medians = {reader: statistics.median(values) * 1000 for reader, values in times.items()}
    shown = "  ".join(f"{reader} {_milliseconds(took)}" for reader, took in medians.items())
    ratios = "  ".join(
        f"/ {reader} {medians['ours'] / took:4.2f}" for reader, took in medians.items() if reader != "ours"
    )
    return f"{name:<24} {shown}   ours {ratios}"


def _milliseconds(took: float) -> str:
    return f"{took:7.1f} ms" if not math.isnan(took) else "cannot    "


def check_same(folder: Path) -> None:
    """Stop when the volumes of both readers differ: a time for wrong pixels is worth nothing."""
    mine = sorted((volume.array for volume in by_marrowsignal(folder)), key=lambda a: float(a.mean()))
    if len(mine) != 2:
        raise SystemExit(f"marrowsignal reads {len(mine)} of 2 volumes")
    theirs = sorted((sitk.GetArrayFromImage(image) for image in by_simpleitk(folder)), key=lambda a: float(a.mean()))
    same = [bool(np.allclose(a, b) or np.allclose(a, b[::-1])) for a, b in zip(mine, theirs, strict=True)]
    if not all(same):
        raise SystemExit("the volumes of marrowsignal and SimpleITK differ")


def write_tree(folder: Path, files: int) -> int:
    """Studies of 10 series of 25 small slices; returns how many files there are."""
    studies = max(1, round(files / (_SERIES_A_STUDY * SLICES)))
    for study in range(studies):
        below = folder / f"study{study:03d}"
        below.mkdir()
        write_study(
            below,
            syntax=ExplicitVRLittleEndian,
            enhanced=False,
            key=f"tree {study}",
            size=32,
            series=_SERIES_A_STUDY,
        )
    return studies * _SERIES_A_STUDY * SLICES


def walk_and_read(folder: Path) -> int:
    """Read the first 4 KB of each file: the floor."""
    count = 0
    for below, _, names in os.walk(folder):
        for name in names:
            with Path(below, name).open("rb") as stream:
                count += bool(stream.read(4096))
    return count


def pydicom_headers(folder: Path) -> int:
    """Read a dozen elements of each file with pydicom."""
    count = 0
    for below, _, names in os.walk(folder):
        for name in names:
            dataset = pydicom.dcmread(Path(below, name), stop_before_pixels=True, specific_tags=_TAGS)
            count += "SeriesInstanceUID" in dataset
    return count


def our_index(folder: Path) -> int:
    """Run the whole of find_series."""
    return sum(series.slices for series in ms.find_series(folder).series)


def _index_in_child(read: Callable[[Path], int], folder: Path, one_core: bool, pipe: object) -> None:
    if one_core:
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    read(folder)
    start = time.perf_counter()
    files = read(folder)
    seconds = time.perf_counter() - start
    pipe.send(Index(seconds=seconds, files=files, peak_mb=_peak_mb()))  # type: ignore[attr-defined]


def _peak_mb() -> float:
    """Largest resident size of this process; getrusage would tell that of the process it was forked from."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


def index(read: Callable[[Path], int], folder: Path, *, one_core: bool) -> Index:
    """Index a tree in a process of its own, the page cache warm."""
    context = multiprocessing.get_context("spawn")
    mine, theirs = context.Pipe()
    child = context.Process(target=_index_in_child, args=(read, folder, one_core, theirs))
    child.start()
    found = mine.recv()
    child.join()
    return found


def tree_lines(files: int) -> list[str]:
    """Files a second of each way to index a tree, and the memory it takes."""
    lines = []
    with tempfile.TemporaryDirectory() as folder:
        written = write_tree(Path(folder), files)
        ways = (
            ("os.walk + first 4 KB", walk_and_read, True),
            ("pydicom, 12 elements", pydicom_headers, True),
            ("find_series, one core", our_index, True),
            ("find_series, all cores", our_index, False),
        )
        slowest = None
        for name, read, one_core in ways:
            found = index(read, Path(folder), one_core=one_core)
            if found.files != written:
                raise SystemExit(f"{name} found {found.files} of {written} files")
            if read is pydicom_headers:
                slowest = found
            ratio = f"   {found.seconds / slowest.seconds:.2f} x pydicom's time" if slowest else ""
            lines.append(
                f"{name:<24} {found.files} files  {found.seconds:6.2f} s  {found.files / found.seconds:8.0f} files/s  "
                f"peak {found.peak_mb:4.0f} MB{ratio}"
            )
    return lines


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def main() -> None:
    """Write, time, print."""
    options = argparse.ArgumentParser(description="Time DICOM in against SimpleITK and dcm2niix.")
    options.add_argument("folders", nargs="*", type=Path)
    options.add_argument("--rounds", type=int, default=7)
    options.add_argument("--tree-files", type=int, default=10_000)
    given = options.parse_args()
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    _say(f"{os.cpu_count()} cores; SimpleITK {sitk.Version_VersionString()}; medians of {given.rounds} rounds")
    if not shutil.which("dcm2niix"):
        _say("dcm2niix is not installed: left out")
    for name, syntax, enhanced in _ENCODINGS:
        if syntax in (JPEG2000Lossless, JPEGLSLossless) and not get_encoder(syntax).is_available:
            _say(f"{name:<24} no encoder here: left out")
            continue
        with tempfile.TemporaryDirectory() as folder:
            write_study(Path(folder), syntax=syntax, enhanced=enhanced, key=name, size=336)
            if not enhanced:
                check_same(Path(folder))
            _say(side_by_side(name, Path(folder), given.rounds))
    for number, folder in enumerate(given.folders, start=1):
        _say(side_by_side(f"given folder {number}", folder, given.rounds))
    if given.tree_files:
        for line in tree_lines(given.tree_files):
            _say(line)


if __name__ == "__main__":
    main()
