"""Page, tables, images and DICOM objects of a study: seconds, memory, and ratios against libraries in the same run.

``python benchmarks/exports_speed.py CACHE [--study NAME=FOLDER[=MASK] ...] [--rounds 3]`` times the studies pickled in
CACHE and the two of ``sample_data``; what is not there yet is analyzed once. Every study gets a fresh process. Its
first time begins where the analysis ends, counts the imports that page and exports need, and ends when the case folder
is renamed; then comes what a further study of the same process takes. Peers do part of the same work in that process:

- images: SimpleITK writing the same arrays as ``.nii.gz``, one after the other
- DICOM: highdicom's segmentation of the marrow regions alone, written and not read again
- page: all slices of both series as PNG by Pillow, in base64

Pickles are programs: time only caches of your own.
"""

from __future__ import annotations

import argparse
import base64
import io
import json
import pickle
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

_SAMPLES = Path(__file__).parents[1] / "sample_data"
_SAMPLE_STUDIES = ("focal_edema_like", "reconversion_like")
_GOAL_S = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """One study: seconds of the wall, and memory beyond that of the finished analysis.

    Attributes
    ----------
    first_s, cpu_s : float
        Imports that the analysis did not need, page, picture and the whole case folder.
    further_s : float
        The same for a further study of the process: the median of the rounds.
    peak_mb, page_mb, folder_mb : float
        Memory at its highest above that of the loaded result; size of the page and of the folder.
    parts_s, peers_s : dict
        Each part and each peer once more, everything imported: the median of the rounds.
    """

    first_s: float
    cpu_s: float
    further_s: float
    peak_mb: float
    page_mb: float
    folder_mb: float
    parts_s: dict[str, float]
    peers_s: dict[str, float]


def timed(pickled: Path, rounds: int) -> Timing:
    """Time one study in this process, which must be a fresh one."""
    import marrowsignal.study  # noqa: F401, PLC0415 - what an analysis has loaded anyway

    result = pickle.loads(pickled.read_bytes())
    before_mb = _peak_mb()
    with tempfile.TemporaryDirectory() as scratch:
        start, busy = time.perf_counter(), time.process_time()
        page, folder = _whole(result, Path(scratch))
        first, cpu = time.perf_counter() - start, time.process_time() - busy
        peak_mb = _peak_mb() - before_mb
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        return Timing(
            first_s=first,
            cpu_s=cpu,
            further_s=_medians({"whole": lambda out: _whole(result, out)}, rounds)["whole"],
            peak_mb=peak_mb,
            page_mb=len(page.encode()) / 1e6,
            folder_mb=size / 1e6,
            parts_s=_medians(_parts(result), rounds),
            peers_s=_medians(_peers(result), rounds),
        )


def _whole(result, out: Path) -> tuple[str, Path]:  # type: ignore[no-untyped-def]
    from marrowsignal.exports.case_folder import write_case  # noqa: PLC0415 - imports are part of the time
    from marrowsignal.report import draw_first_screen, render_report  # noqa: PLC0415

    page = render_report(result)
    return page, write_case(result, out, report_html=page, first_screen=draw_first_screen(result))


def _parts(result) -> dict[str, Callable[[Path], object]]:  # type: ignore[no-untyped-def]
    from marrowsignal.exports.aligned_state import write_aligned_state  # noqa: PLC0415
    from marrowsignal.exports.dicom_objects import write_dicom_objects  # noqa: PLC0415
    from marrowsignal.exports.images.nifti import write_images  # noqa: PLC0415
    from marrowsignal.exports.tables.study_tables import write_tables  # noqa: PLC0415
    from marrowsignal.report import draw_first_screen, render_report  # noqa: PLC0415
    from marrowsignal.results.document import to_document, to_json  # noqa: PLC0415

    picture, document = draw_first_screen(result), to_document(result)
    return {
        "page": lambda _: render_report(result),
        "picture": lambda _: draw_first_screen(result),
        "images": lambda folder: write_images(result, folder),
        "state": lambda folder: write_aligned_state(result, folder),
        "tables": lambda folder: write_tables(result, folder, document=document),
        "dicom": lambda folder: write_dicom_objects(result, folder, first_screen=picture),
        "json": lambda _: to_json(to_document(result)),  # once for the tables too
    }


def _peers(result) -> dict[str, Callable[[Path], object]]:  # type: ignore[no-untyped-def]
    return {
        "images": lambda folder: _by_simpleitk(result, folder),
        "dicom": lambda folder: _by_highdicom(result, folder),
        "page": lambda _: _by_pillow(result),
    }


def _by_simpleitk(result, folder: Path) -> None:  # type: ignore[no-untyped-def]
    import SimpleITK as sitk  # noqa: PLC0415

    signals, regions = result.signals, result.regions
    arrays = (
        result.pair.t1.array,
        None if result.pair.stir is None else result.pair.stir.array,
        signals.fat_signal_index,
        result.marrow.labels.array.astype(np.uint16),
        *(
            None if labels is None else labels.array
            for labels in (regions.labels, regions.part_labels, signals.lesion_labels, signals.dark_labels)
        ),
    )
    for number, array in enumerate(arrays):
        if array is not None:
            sitk.WriteImage(sitk.GetImageFromArray(array), str(folder / f"{number}.nii.gz"), useCompression=True)


def _by_highdicom(result, folder: Path) -> None:  # type: ignore[no-untyped-def]
    import highdicom as hd  # noqa: PLC0415
    from pydicom import dcmread  # noqa: PLC0415
    from pydicom.sr.codedict import codes  # noqa: PLC0415

    sources = [dcmread(path, stop_before_pixels=True) for path in result.series.t1.files]
    for source in sources:
        for keyword in ("AccessionNumber", "PatientBirthDate", "PatientSex", "StudyID", "StudyTime", "StudyDate"):
            setattr(source, keyword, source.get(keyword))
    labels = result.regions.labels
    maker = hd.AlgorithmIdentificationSequence(name="peer", version="1", family=codes.DCM.ArtificialIntelligence)
    segmentation = hd.seg.Segmentation(
        source_images=sources,
        pixel_array=hd.Volume(
            array=labels.array,
            affine=labels.geometry.affine_lps,
            coordinate_system="PATIENT",
            frame_of_reference_uid=sources[0].FrameOfReferenceUID,
        ),
        segmentation_type="BINARY",
        segment_descriptions=[
            hd.seg.SegmentDescription(
                segment_number=number,
                segment_label=str(number),
                segmented_property_category=codes.SCT.AnatomicalStructure,
                segmented_property_type=codes.SCT.Bone,
                algorithm_type="AUTOMATIC",
                algorithm_identification=maker,
            )
            for number in range(1, int(labels.array.max()) + 1)
        ],
        series_instance_uid=hd.UID(),
        series_number=1,
        sop_instance_uid=hd.UID(),
        instance_number=1,
        manufacturer="peer",
        manufacturer_model_name="peer",
        software_versions="1",
        device_serial_number="1",
    )
    segmentation.save_as(folder / "peer.dcm")


def _by_pillow(result) -> int:  # type: ignore[no-untyped-def]
    from PIL import Image  # noqa: PLC0415

    size = 0
    for volume in (result.pair.t1, result.pair.stir):
        for plane in () if volume is None else _grey(volume.array):
            stream = io.BytesIO()
            Image.fromarray(plane).save(stream, format="PNG")
            size += len(base64.b64encode(stream.getvalue()))
    return size


def _grey(array: NDArray[np.float32]) -> NDArray[np.uint8]:
    low, high = np.percentile(array, (1, 99))
    return np.asarray(np.clip((array - low) / max(high - low, 1e-6), 0, 1) * 255, np.uint8)


def _medians(works: dict[str, Callable[[Path], object]], rounds: int) -> dict[str, float]:
    found = {}
    for name, work in works.items():
        seconds = []
        for _ in range(rounds):
            with tempfile.TemporaryDirectory() as scratch:
                start = time.perf_counter()
                work(Path(scratch))
                seconds.append(time.perf_counter() - start)
        found[name] = statistics.median(seconds)
    return found


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def analyzed(cache: Path, name: str, study: Path, mask: Path | None) -> None:
    """Analyze a study once and keep its result in the cache."""
    target = cache / f"{name}.pkl"
    if target.exists():
        return
    from marrowsignal import analyze_study  # noqa: PLC0415

    _say(f"analyzing {name} once ...")
    cache.mkdir(parents=True, exist_ok=True)
    target.write_bytes(pickle.dumps(analyze_study(study, case=name, marrow=mask)))


def report(name: str, timing: Timing) -> str:
    """One line of the table: seconds, and in brackets how many times those of the peer."""
    shown = [
        f"{part} {timing.parts_s[part]:.2f}" + (f" (x{timing.parts_s[part] / peer:.1f})" if peer else "")
        for part in timing.parts_s
        for peer in (timing.peers_s.get(part),)
    ]
    over = "" if max(timing.first_s, timing.further_s) < _GOAL_S else f"  over {_GOAL_S:.0f} s"
    return (
        f"{name:18} first {timing.first_s:5.2f} s (cpu {timing.cpu_s:.2f})  further {timing.further_s:.2f} s  "
        f"+{timing.peak_mb:.0f} MB  page {timing.page_mb:.1f} MB  folder {timing.folder_mb:.1f} MB  | "
        f"{', '.join(shown)}{over}"
    )


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> None:
    """Time every study of the cache in a process of its own."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("cache", type=Path)
    parser.add_argument("--study", action="append", default=[], metavar="NAME=FOLDER[=MASK]")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--one", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one is not None:
        _say(json.dumps(asdict(timed(asked.one, asked.rounds))))
        return
    for name in _SAMPLE_STUDIES:
        analyzed(asked.cache, name, _SAMPLES / name / "dicom", None)
    for told in asked.study:
        name, folder, *mask = told.split("=")
        analyzed(asked.cache, name, Path(folder), Path(mask[0]) if mask else None)
    for pickled in sorted(asked.cache.glob("*.pkl")):
        command = [sys.executable, __file__, str(asked.cache), "--rounds", str(asked.rounds), "--one", str(pickled)]
        told = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[-1]
        _say(report(pickled.stem, Timing(**json.loads(told))))


if __name__ == "__main__":
    main()
