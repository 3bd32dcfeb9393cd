"""What the marrow outside lesions says: fat signal, STIR level and extent, region by region and as a whole."""

from __future__ import annotations

from dataclasses import dataclass

from marrowsignal.patterns.groups import ADD_ON
from marrowsignal.patterns.records import Criterion, CriterionState
from marrowsignal.patterns.state import Question, above, below, criterion, not_evaluable, opposite
from marrowsignal.protocol.schema import Protocol, Range
from marrowsignal.signals.records import RegionSignals, Signals

__all__ = ["BandState", "background_criteria", "fat_signal_states", "low_fat_cut"]

_RED = "reconversion"


@dataclass(frozen=True, slots=True, kw_only=True)
class BandState:
    """Where a region's fat-signal index lies against its expected band.

    Attributes
    ----------
    region : RegionSignals
        The region.
    band : Range
        Expected for region and age.
    low_cut : float
        Below it the index is low: the band's end, or less than the band's middle by `red_like_drop`, whichever is
        higher (SCIENCE D03: the ends are no centiles yet, so the drop from what is expected decides).
    below, above, beyond : CriterionState
        Of "the index is below the cut", "above the band", and "above the band, or its interval well beyond it".
    """

    region: RegionSignals
    band: Range
    low_cut: float
    below: CriterionState
    above: CriterionState
    beyond: CriterionState


def fat_signal_states(signals: Signals, protocol: Protocol, age_y: float | None) -> tuple[BandState, ...]:
    """Compare every region that has a band and an index with it."""
    rows = []
    for region in signals.regions:
        band = protocol.expected_band(region.key, age_y)
        index = region.measurement("fat_signal_index")
        if band is None or index.value is None:
            continue
        cut = low_fat_cut(band, protocol)
        grey = protocol.evidence.fat_signal_grey.value
        rows.append(
            BandState(
                region=region,
                band=band,
                low_cut=cut,
                below=below(index, cut, clear=cut + grey),
                above=above(index, band.high),
                beyond=opposite(below(index, band.high, clear=band.high + grey)),
            )
        )
    return tuple(rows)


def low_fat_cut(band: Range, protocol: Protocol) -> float:
    """Below this the fat-signal index is low for what the band expects (`BandState.low_cut`)."""
    return max(band.low, (band.low + band.high) / 2 - protocol.signals.red_like_drop.value)


def background_criteria(signals: Signals, protocol: Protocol, age_y: float | None) -> tuple[Criterion, ...]:
    """Rows of G1-G3 for reconversion, and of fat beyond what is expected."""
    cuts = protocol.evidence
    whole = signals.whole
    t1, stir = whole.measurement("t1_marrow_to_muscle"), whole.measurement("stir_marrow_to_muscle")
    excess, red = whole.measurement("excess_water"), whole.measurement("red_like_extent")
    who = "marrow outside lesions" if signals.lesions is not None else "marrow"
    return (
        *_fat_signal(signals, protocol, age_y),
        criterion(
            Question(id="D01.reconversion", group="G1", direction=_RED, statement=f"T1 of {who} stays above muscle"),
            t1,
            f"above {cuts.t1_muscle_grey.high:g}",
            above(t1, cuts.t1_muscle_grey.high),
            cuts.t1_muscle_grey.source,
        ),
        criterion(
            Question(id="D04.reconversion", group="G2", direction=_RED, statement=f"STIR of {who} over lean muscle"),
            stir,
            f"at most {cuts.stir_muscle_red_max.value:g}",
            below(stir, cuts.stir_muscle_red_max.value),
            cuts.stir_muscle_red_max,
        ),
        criterion(
            Question(
                id="D07.reconversion",
                group="G2",
                direction=_RED,
                statement=f"STIR of {who} over what its fat signal predicts without edema",
            ),
            excess,
            f"at most {cuts.excess_water_red_max.value:g}",
            below(excess, cuts.excess_water_red_max.value),
            cuts.excess_water_red_max,
        ),
        criterion(
            Question(id="D24.reconversion", group="G3", direction=_RED, statement=f"red-like share of {who}"),
            red,
            f"regional from {cuts.focal_extent.value:g}, diffuse from {cuts.diffuse_extent.value:g} percent",
            above(red, cuts.focal_extent.value),
            cuts.diffuse_extent,
        ),
        *_high_fat(signals, protocol, age_y),
    )


def _fat_signal(signals: Signals, protocol: Protocol, age_y: float | None) -> tuple[Criterion, ...]:
    rows = fat_signal_states(signals, protocol, age_y)
    question = Question(
        id="D03.reconversion", group="G1", direction=_RED, statement="T1 fat-signal index below the expected band"
    )
    if not rows:
        return (
            not_evaluable(
                question, "no expected band for these regions or below adult age, or no muscle and fat reference"
            ),
        )
    return tuple(
        criterion(
            Question(
                id=f"D03.reconversion.{row.region.key}.{row.region.side}",
                group="G1",
                direction=_RED,
                statement=f"T1 fat-signal index of {row.region.name} is below the expected band",
            ),
            row.region.measurement("fat_signal_index"),
            f"below {row.low_cut:.3g}, interval to {row.low_cut + protocol.evidence.fat_signal_grey.value:.3g} "
            f"(expected {row.band.low:g}-{row.band.high:g})",
            row.below,
            row.band.source,
        )
        for row in rows
    )


def _high_fat(signals: Signals, protocol: Protocol, age_y: float | None) -> tuple[Criterion, ...]:
    rows = [row for row in fat_signal_states(signals, protocol, age_y) if row.above is CriterionState.POSITIVE]
    return tuple(
        criterion(
            Question(
                id=f"D03.high.{row.region.key}.{row.region.side}",
                group=ADD_ON,
                direction=_RED,
                statement=f"T1 fat-signal index of {row.region.name} is above the expected band",
            ),
            row.region.measurement("fat_signal_index"),
            f"above {row.band.high:g} (expected {row.band.low:g}-{row.band.high:g})",
            row.above,
            row.band.source,
        )
        for row in rows
    )
