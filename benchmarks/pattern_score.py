"""How well prepared studies of `pattern_cohort` are measured and named: ``pattern_cohort.py score CACHE``."""

from __future__ import annotations

import pickle
import sys
import zlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from interval_coverage import render_clean
from pattern_cohort import SCENARIOS, CohortStudy, load_study

from marrowsignal.patterns import Confidence, PatternClass, classify
from marrowsignal.protocol import Protocol, load_protocol
from marrowsignal.quality import QualityReport, check_quality, withhold
from marrowsignal.signals import Signals, measure_signals
from marrowsignal.signals.records import RegionSignals

Interval = tuple[str, float, float, float, float]

__all__ = ["Measured", "Outcome", "judge", "measure", "print_figures"]

_NAMED = (
    PatternClass.NORMAL_FOR_AGE,
    PatternClass.SYMMETRIC_RECONVERSION_LIKE,
    PatternClass.FOCAL_EDEMA_LIKE,
    PatternClass.MIXED,
    PatternClass.RED_FLAG_INFILTRATION_LIKE,
)
_ABSTAINED = (PatternClass.INDETERMINATE, PatternClass.CANNOT_ASSESS)
_SHORT = {
    PatternClass.NORMAL_FOR_AGE: "normal",
    PatternClass.SYMMETRIC_RECONVERSION_LIKE: "reconv",
    PatternClass.FOCAL_EDEMA_LIKE: "edema",
    PatternClass.MIXED: "mixed",
    PatternClass.RED_FLAG_INFILTRATION_LIKE: "redflag",
    PatternClass.INDETERMINATE: "indet",
    PatternClass.CANNOT_ASSESS: "cannot",
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Measured:
    """What of one study does not depend on the rules.

    Attributes
    ----------
    signals, quality
        Measured and not withheld, without label maps and index maps; the gates.
    lesion_dice, true_ml, found_ml, false_ml : float
        Against the true lesions; Dice is NaN where there is none in truth.
    intervals : tuple of tuple
        Name, value, lower and upper end, and truth.
    fat : tuple of tuple
        Fat-signal index and true fat fraction of each region.
    """

    signals: Signals
    quality: QualityReport
    lesion_dice: float
    true_ml: float
    found_ml: float
    false_ml: float
    intervals: tuple[Interval, ...]
    fat: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Outcome:
    """What came out of one study."""

    number: int
    scenario: str
    magnetic_field_strength_t: float
    true_class: PatternClass
    named: PatternClass
    confidence: Confidence
    reasons: tuple[str, ...]
    add_ons: tuple[str, ...]
    measured: Measured

    @property
    def calibrates(self) -> bool:
        """Whether the person belongs to the half that cuts and probabilities may be taken from."""
        return self.number // len(SCENARIOS) % 2 == 0


def judge(number: int, cache: Path, kept: Path | None) -> Outcome:
    """Measure one study, unless kept from an earlier time, and name its pattern.

    Parameters
    ----------
    number : int
        Of the study.
    cache : Path
        Folder of prepared studies.
    kept : Path or None
        Folder of what was measured; None measures anew.
    """
    protocol, study = load_protocol("pelvis_sij"), load_study(number, cache)
    path = None if kept is None else kept / f"measured{number:03d}.pkl.z"
    if path is not None and path.exists():
        measured = pickle.loads(zlib.decompress(path.read_bytes()))
    else:
        measured = measure(study, protocol)
        if path is not None:
            path.write_bytes(zlib.compress(pickle.dumps(measured, protocol=5), 1))
    call = classify(study.pair, measured.signals, quality=measured.quality, protocol=protocol)
    return Outcome(
        number=number,
        scenario=study.scenario,
        magnetic_field_strength_t=study.magnetic_field_strength_t,
        true_class=PatternClass(study.true_class),
        named=call.pattern_class,
        confidence=call.confidence,
        reasons=call.reasons,
        add_ons=call.add_ons,
        measured=measured,
    )


def measure(study: CohortStudy, protocol: Protocol) -> Measured:
    """Measure one study and hold it against its truth."""
    steps = (study.pair, study.marrow, study.regions, study.references)
    raw = measure_signals(*steps, protocol=protocol)
    quality = check_quality(study.series, *steps, raw, protocol=protocol)
    voxel_ml = study.pair.t1.geometry.voxel_ml
    true = study.true_lesions.mask & study.marrow.labels.mask
    if study.scenario == "sacroiliac_sclerosis":
        true = np.zeros_like(true)  # dark on STIR: no edema to be found
    found = np.zeros_like(true) if raw.lesion_labels is None else raw.lesion_labels.mask
    both = float((true & found).sum())
    return Measured(
        signals=replace(
            withhold(raw, quality),
            lesion_labels=None,
            dark_labels=None,
            fat_signal_index=None,
            excess_index=None,
        ),
        quality=quality,
        lesion_dice=2 * both / float(true.sum() + found.sum()) if true.any() else np.nan,
        true_ml=float(true.sum()) * voxel_ml,
        found_ml=float(found.sum()) * voxel_ml,
        false_ml=float((found & ~study.true_lesions.mask).sum()) * voxel_ml,
        intervals=tuple(_intervals(study, raw.regions)),
        fat=tuple(_fat(study, raw.regions)),
    )


def _intervals(study: CohortStudy, regions: Iterable[RegionSignals]) -> Iterable[Interval]:
    """Against the truth of the core, as a region is defined (SCIENCE 3), and against that of all its marrow."""
    clean = render_clean(study.number)
    whole = {row.name: row for row in study.true_regions}
    for region in regions:
        inside = study.marrow.core_mask & ~clean.lesion & (study.regions.labels.array == region.region_label)
        row = whole.get(f"{region.side}_{region.key}")
        if not inside.any():
            continue
        for name, image, of_all in (
            ("t1_marrow_to_muscle", clean.t1, None if row is None else row.t1_marrow_per_muscle),
            ("stir_marrow_to_muscle", clean.stir, None if row is None else row.stir_marrow_per_muscle),
        ):
            m = region.measurement(name)
            if m.value is None or m.ci_low is None or m.ci_high is None:
                continue
            yield f"{name}, core", m.value, m.ci_low, m.ci_high, float(np.median(image[inside]))
            if of_all is not None:
                yield f"{name}, all marrow of ilia", m.value, m.ci_low, m.ci_high, of_all


def _fat(study: CohortStudy, regions: Iterable[RegionSignals]) -> Iterable[tuple[float, float]]:
    healthy = study.marrow.core_mask & ~study.true_lesions.mask
    for region in regions:
        inside = healthy & (study.regions.labels.array == region.region_label)
        index = region.measurement("fat_signal_index").value
        if index is not None and inside.any():
            yield index, float(np.mean(study.true_fat[inside], dtype=np.float64))


def print_figures(outcomes: Sequence[Outcome]) -> None:
    """Print every figure of the cohort: of all people, of the half that calibrates and of the half that tests."""
    halves = (
        ("all people", outcomes),
        ("people that calibrate (even)", [o for o in outcomes if o.calibrates]),
        ("people that test (odd)", [o for o in outcomes if not o.calibrates]),
    )
    for title, rows in halves:
        if rows:
            _say(f"\n== {title}: {len(rows)} studies")
            _confusion(rows)
            _rates(rows)
    _scenarios(outcomes)
    for field in sorted({o.magnetic_field_strength_t for o in outcomes}):
        rows = [o for o in outcomes if o.magnetic_field_strength_t == field]
        _say(f"\n== {field:g} T: {len(rows)} studies")
        _rates(rows)
    _say("\n== measurement, all people")
    _lesions(outcomes)
    _coverage(outcomes)
    _fat_error(outcomes)
    _say("\n== confidence")
    _calibration(outcomes)


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def _confusion(rows: Sequence[Outcome]) -> None:
    columns = (*_NAMED, *_ABSTAINED)
    _say(f"{'truth':>10} " + " ".join(f"{_SHORT[c]:>8}" for c in columns))
    for true in (*_NAMED, PatternClass.INDETERMINATE):
        count = Counter(o.named for o in rows if o.true_class is true)
        _say(f"{_SHORT[true]:>10} " + " ".join(f"{count[c]:8d}" for c in columns))


def _rates(rows: Sequence[Outcome]) -> None:
    clear = [o for o in rows if o.true_class in _NAMED]
    named = [o for o in clear if o.named in _NAMED]
    recalls, of_all = [], []
    for true in _NAMED:
        of = [o for o in clear if o.true_class is true]
        told = [o for o in of if o.named in _NAMED]
        right = sum(o.named is true for o in of)
        recalls.append(right / len(told) if told else np.nan)
        of_all.append(right / len(of) if of else np.nan)
    _say(
        f"macro sensitivity of the named {np.nanmean(recalls):.3f} "
        f"({', '.join(f'{_SHORT[c]} {r:.2f}' for c, r in zip(_NAMED, recalls, strict=True))}); "
        f"of all, abstentions as misses {np.nanmean(of_all):.3f}"
    )
    _say(f"abstentions {_share([o for o in clear if o.named in _ABSTAINED], clear)}; named {len(named)}")
    red = [o for o in clear if o.true_class is PatternClass.SYMMETRIC_RECONVERSION_LIKE]
    wrong = (PatternClass.FOCAL_EDEMA_LIKE, PatternClass.MIXED, PatternClass.RED_FLAG_INFILTRATION_LIKE)
    _say(f"reconversion called edema, mixed or red flag {_share([o for o in red if o.named in wrong], red)}")
    dark = [o for o in clear if o.true_class is PatternClass.RED_FLAG_INFILTRATION_LIKE]
    _say(f"infiltration called normal {_share([o for o in dark if o.named is PatternClass.NORMAL_FOR_AGE], dark)}")
    open_truth = [o for o in rows if o.true_class is PatternClass.INDETERMINATE]
    counted = Counter(_SHORT[o.named] for o in open_truth)
    _say(f"truth indeterminate ({len(open_truth)}): {', '.join(f'{k} {n}' for k, n in counted.most_common())}")


def _share(part: Sequence[Outcome], whole: Sequence[Outcome]) -> str:
    return f"{len(part)}/{len(whole)} ({100 * len(part) / max(1, len(whole)):.1f} %)"


def _scenarios(rows: Sequence[Outcome]) -> None:
    _say("\n== by scenario")
    for scenario in SCENARIOS:
        of = [o for o in rows if o.scenario == scenario]
        named = Counter(_SHORT[o.named] for o in of)
        levels = Counter(o.confidence.value for o in of if o.named in _NAMED)
        extra = Counter(word for o in of for word in o.add_ons)
        _say(f"{scenario:24s} {dict(named)} {dict(levels)} {dict(extra)}")


def _lesions(rows: Sequence[Outcome]) -> None:
    for scenario in SCENARIOS:
        of = [o.measured for o in rows if o.scenario == scenario]
        if not of:
            continue
        dice = [m.lesion_dice for m in of if np.isfinite(m.lesion_dice)]
        told = f"Dice mean {np.mean(dice):.2f} median {np.median(dice):.2f}, " if dice else ""
        true = np.mean([m.true_ml for m in of])
        _say(
            f"lesions {scenario:24s} {told}true {true:.1f} mL, found {np.mean([m.found_ml for m in of]):.2f} mL, "
            f"false {np.mean([m.false_ml for m in of]):.2f} mL"
        )


def _coverage(rows: Sequence[Outcome]) -> None:
    every = [item for o in rows for item in o.measured.intervals]
    for name in sorted({item[0] for item in every}):
        of = [item for item in every if item[0] == name]
        inside = np.mean([low <= true <= high for _, _, low, high, true in of])
        ratio = np.exp(np.median([np.log(value / true) for _, value, _, _, true in of]))
        width = np.median([(high - low) / value for _, value, low, high, _ in of])
        _say(
            f"intervals of {name}: cover truth {100 * inside:.1f} % of {len(of)}; median measured / true "
            f"{ratio:.3f}; median width {100 * width:.1f} %"
        )


def _fat_error(rows: Sequence[Outcome]) -> None:
    fit, test = (
        np.array([pair for o in rows if o.calibrates is half for pair in o.measured.fat]).reshape(-1, 2)
        for half in (True, False)
    )
    if len(fit) < 3 or not len(test):
        return
    slope, offset = np.polyfit(fit[:, 0], fit[:, 1], 1)
    left = offset + slope * test[:, 0] - test[:, 1]
    _say(
        f"fat: fraction = {offset:.3f} + {slope:.3f} FSI from the even; odd: RMSE {np.sqrt(np.mean(left**2)):.3f} "
        f"({np.sqrt(np.mean((test[:, 0] - test[:, 1]) ** 2)):.3f} as it is), {len(test)} regions"
    )


def _calibration(rows: Sequence[Outcome]) -> None:
    said = [o for o in rows if o.named in _NAMED and o.true_class in _NAMED]
    table = load_protocol("pelvis_sij").evidence.confidence
    stated = {
        Confidence.HIGH: table.high.value,
        Confidence.MODERATE: table.moderate.value,
        Confidence.LOW: table.low.value,
    }
    for half, title in ((True, "even"), (False, "odd")):
        of = [o for o in said if o.calibrates is half]
        error = 0.0
        for level, probability in stated.items():
            at = [o.named is o.true_class for o in of if o.confidence is level]
            if at:
                error += len(at) / len(of) * abs(float(np.mean(at)) - probability)
                _say(f"{title} {level}: right {sum(at)}/{len(at)} = {np.mean(at):.3f}, stated {probability:.2f}")
        _say(f"{title}: expected calibration error {error:.3f} over {len(of)} named studies")
