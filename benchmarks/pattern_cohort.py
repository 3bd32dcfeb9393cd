"""Six hundred people of the phantom, prepared once, to be measured and named as often as wished.

``python benchmarks/pattern_cohort.py prepare CACHE [--first N] [--last N] [--workers N]`` makes twelve scenarios of
fifty people, each with its own body, age, sex, side, coil shading, noise, motion between the series and one of three
field strengths, writes the study as DICOM, reads it back and goes as far as `find_references` with the true marrow as
the mask. What is kept of a study is what `measure_signals` and `classify` take, and its truth.

``python benchmarks/pattern_cohort.py score CACHE [--first N] [--last N] [--workers N] [--kept FOLDER]`` measures and
names what is prepared and prints the cohort's figures (`pattern_score`); FOLDER keeps what was measured, so that rules
can be tried again in seconds.
"""

from __future__ import annotations

import argparse
import multiprocessing
import pickle
import sys
import tempfile
import zlib
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from marrowsignal.alignment import AlignedPair, align_pair
from marrowsignal.dicom import SeriesPair, find_series, read_volume, select_pair
from marrowsignal.geometry import LabelVolume, SignalVolume
from marrowsignal.intensity import References, correct_bias, find_references, mark_metal
from marrowsignal.marrow import MarrowMask, segment_marrow
from marrowsignal.marrow.hint import bone_hint
from marrowsignal.marrow.supplied import MarrowRequest, open_supplied, study_space
from marrowsignal.phantom import DicomOptions, LesionTruth, Motion, RegionTruth, SeriesPhysics, StudyOptions, make_study
from marrowsignal.phantom.catalogue import Person
from marrowsignal.phantom.options import usual_series
from marrowsignal.phantom.views import View, all_views
from marrowsignal.protocol import load_protocol
from marrowsignal.regions import RegionMap, label_regions

__all__ = ["FIELDS_T", "SCENARIOS", "SIZE", "CohortStudy", "load_study", "plan"]

SCENARIOS = (
    *(
        "normal",
        "symmetric_reconversion",
        "partial_reconversion",
        "patchy_red_marrow",
        "focal_edema",
        "bilateral_edema",
    ),
    *("edema_on_reconversion", "sacral_stress_fracture", "sacroiliac_sclerosis", "iliac_metastasis"),
    *("diffuse_infiltration", "depleted_marrow"),
)
FIELDS_T = (1.5, 3.0, 0.3)
_PER_SCENARIO = 50
SIZE = len(SCENARIOS) * _PER_SCENARIO
_PROTOCOL = "pelvis_sij"
_EXPLICIT = "1.2.840.10008.1.2.1"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CohortStudy:
    """One study, ready to be measured.

    Attributes
    ----------
    number : int
        0 to 599; scenarios alternate, so that any run of twelve numbers holds each once.
    scenario : str
        Phantom.
    magnetic_field_strength_t : float
        0.3, 1.5 or 3.
    true_class, true_side : str
        What a perfect analysis would say.
    series, pair, marrow, regions, references
        Products of the steps.
    true_regions, true_lesion_facts : tuple
        Ratios and volumes of `PhantomTruth`.
    true_lesions : LabelVolume
        On the T1 grid.
    true_fat : ndarray of float16, shape (slice, row, column)
        Fat fraction of marrow.
    """

    number: int
    scenario: str
    magnetic_field_strength_t: float
    true_class: str
    true_side: str
    series: SeriesPair
    pair: AlignedPair
    marrow: MarrowMask
    regions: RegionMap
    references: References
    true_regions: tuple[RegionTruth, ...]
    true_lesion_facts: tuple[LesionTruth, ...]
    true_lesions: LabelVolume
    true_fat: np.ndarray


def plan(number: int) -> tuple[str, int, StudyOptions]:
    """Phantom, seed and acquisition of one study; everything follows from its number."""
    rng = np.random.default_rng([20261121, number])
    name = SCENARIOS[number % len(SCENARIOS)]
    field_t = FIELDS_T[number // len(SCENARIOS) % len(FIELDS_T)]
    t1, stir = usual_series(field_t)
    noise = rng.uniform(0.6, 1.3)
    low, high = rng.uniform(0.7, 0.95), rng.uniform(1.05, 1.35)
    series = [_disturbed(s, noise, low, high, rng.uniform(0.0, 0.8)) for s in (t1, stir)]
    shift, turn = rng.normal(0.0, 1.2, 3).clip(-3, 3), rng.normal(0.0, 0.8, 3).clip(-2, 2)
    options = StudyOptions(
        t1=series[0],
        stir=series[1],
        view=_small(all_views()["sij"]),
        motion=Motion(shift_lps_mm=tuple(shift), rotation_deg=tuple(turn)),
        person=Person(sex=str(rng.choice(["F", "M"])), age_years=float(rng.integers(20, 76))),  # type: ignore[arg-type]
        mirrored=bool(rng.random() < 0.5),
        sub_slices=1,
        dicom=DicomOptions(transfer_syntax_uid=_EXPLICIT),
    )
    return name, 5000 + number, options


def _disturbed(usual: SeriesPhysics, noise: float, low: float, high: float, back: float) -> SeriesPhysics:
    coil = replace(usual.coil, bias_p5=low, bias_p95=high, back_share=back)
    return replace(usual, muscle_snr=noise * (usual.muscle_snr or 0.0), coil=coil)


def _small(view: View) -> View:
    return replace(view, slices=16, matrix=(160, 160), pixel_mm=(1.25, 1.25), slice_distance_mm=4.8)


def load_study(number: int, cache: Path) -> CohortStudy:
    """Read a prepared study."""
    study = pickle.loads(zlib.decompress((cache / f"study{number:03d}.pkl.z").read_bytes()))
    assert isinstance(study, CohortStudy)
    stir = study.pair.stir
    assert stir is not None
    return replace(study, pair=replace(study.pair, t1=_as_thick(study.pair.t1), stir=_as_thick(stir)))


def _as_thick(volume: SignalVolume) -> SignalVolume:
    # one sample a slice stands for any thickness: for the usual gap of a fifth, not for that of every other slice
    thickness = volume.geometry.spacing_mm[0] / 1.2
    return replace(volume, acquisition=replace(volume.acquisition, slice_thickness_mm=thickness))


def _prepare(cache: Path, number: int) -> int:
    path = cache / f"study{number:03d}.pkl.z"
    if path.exists():
        return number
    name, seed, options = plan(number)
    protocol = load_protocol(_PROTOCOL)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        truth = make_study(name, folder, seed=seed, options=options)
        series = select_pair(find_series(folder / "dicom"))
        t1, stir = read_volume(series.t1), None if series.stir is None else read_volume(series.stir)
        space = study_space(series, t1.geometry, None if stir is None else stir.geometry)
        given = open_supplied(MarrowRequest(path=folder / "truth" / "marrow.nii.gz"), space, protocol=protocol).on_t1()
    pair = align_pair(
        t1,
        stir,
        same_frame_of_reference=series.same_frame_of_reference,
        settings=protocol.alignment,
        focus=given.labels,
        shading=protocol.bias,
    )
    pair = correct_bias(mark_metal(pair, protocol=protocol), settings=protocol.bias)
    marrow = segment_marrow(pair, protocol=protocol, supplied=given)
    regions = label_regions(pair, marrow, protocol=protocol, hint=bone_hint(pair, marrow, protocol=protocol))
    references = find_references(pair, marrow.labels, marrow.core_mask, protocol=protocol)
    study = CohortStudy(
        number=number,
        scenario=name,
        magnetic_field_strength_t=float(t1.acquisition.magnetic_field_strength_t or 0.0),
        true_class=truth.pattern,
        true_side=truth.side,
        series=series,
        pair=pair,
        marrow=marrow,
        regions=regions,
        references=references,
        true_regions=truth.regions,
        true_lesion_facts=truth.lesions,
        true_lesions=truth.maps.lesion,
        true_fat=truth.maps.fat_fraction.astype(np.float16),
    )
    part = path.with_suffix(".part")
    part.write_bytes(zlib.compress(pickle.dumps(study, protocol=5), 1))
    part.rename(path)
    return number


def _score(cache: Path, kept: Path | None, numbers: range, workers: int) -> None:
    from pattern_score import Outcome, judge, print_figures  # noqa: PLC0415 - it imports this module in turn

    there = [n for n in numbers if (cache / f"study{n:03d}.pkl.z").exists()]
    if kept is not None:
        kept.mkdir(parents=True, exist_ok=True)
    outcomes: list[Outcome] = []
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        for found in pool.map(partial(judge, cache=cache, kept=kept), there):
            outcomes.append(found)
            sys.stderr.write(f"{found.number} ")
            sys.stderr.flush()
    sys.stderr.write("\n")
    print_figures(outcomes)


def main() -> int:
    """Prepare the studies asked for, or score those that are prepared."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("what", choices=["prepare", "score"])
    options.add_argument("cache", type=Path, help="folder of prepared studies, filled when missing")
    options.add_argument("--first", type=int, default=0)
    options.add_argument("--last", type=int, default=SIZE)
    options.add_argument("--workers", type=int, default=1, help="processes")
    options.add_argument("--kept", type=Path, help="score: folder of what was measured earlier, filled when missing")
    chosen = options.parse_args()
    numbers = range(chosen.first, chosen.last)
    if chosen.what == "score":
        _score(chosen.cache, chosen.kept, numbers, chosen.workers)
        return 0
    chosen.cache.mkdir(parents=True, exist_ok=True)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(chosen.workers, mp_context=context) as pool:
        for number in pool.map(partial(_prepare, chosen.cache), numbers):
            sys.stderr.write(f"{number} ")
            sys.stderr.flush()
    sys.stderr.write("\n")
    return 0


if __name__ == "__main__":
    # pickles name the module they come from
    from pattern_cohort import main as run

    sys.exit(run())
