"""Everything known about one study after analysis."""

from __future__ import annotations

from dataclasses import dataclass

from marrowsignal.alignment.records import AlignedPair
from marrowsignal.dicom.records import SeriesPair
from marrowsignal.findings import Finding
from marrowsignal.intensity.records import References
from marrowsignal.marrow.records import MarrowMask
from marrowsignal.patterns.records import PatternCall
from marrowsignal.protocol.schema import Protocol
from marrowsignal.quality.records import QualityReport
from marrowsignal.regions.records import RegionMap
from marrowsignal.results.provenance import Provenance
from marrowsignal.signals.records import Signals

__all__ = ["StudyResult"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StudyResult:
    """One analyzed study.

    Attributes
    ----------
    case : str
        Case identifier of the output folder; never a name.
    protocol : Protocol
        Cuts and regions used.
    series, pair, marrow, regions, references, signals, quality, call
        The products of the steps, in their order; `pair` is bias-corrected, and `signals` is without what a gate of
        `quality` forbids.
    provenance : Provenance
        Versions, hashes, timings.
    """

    case: str
    protocol: Protocol
    series: SeriesPair
    pair: AlignedPair
    marrow: MarrowMask
    regions: RegionMap
    references: References
    signals: Signals
    quality: QualityReport
    call: PatternCall
    provenance: Provenance

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All findings of all steps, in step order; those of the catalog and the chosen series are with `series`."""
        return (
            *self.series.findings,
            *self.pair.findings,
            *self.marrow.findings,
            *self.regions.findings,
            *self.references.findings,
            *self.signals.findings,
        )
