"""The page of a cohort: one HTML file that needs nothing else."""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from markupsafe import Markup

from marrowsignal.cohort.page.covariates_view import CovariateView, covariate_views
from marrowsignal.cohort.page.data_block import data_block
from marrowsignal.cohort.page.distributions import DistributionTable, region_table, tables_by_group
from marrowsignal.cohort.page.drift import DriftTable, DriftTold, drift_tables, told_differences
from marrowsignal.cohort.page.groups import acquisition_groupings
from marrowsignal.cohort.page.measures import study_measures
from marrowsignal.cohort.page.outliers import OutlierSet, Suspect, find_outliers, small_protocols, suspects
from marrowsignal.cohort.page.page_data import CohortData, TableColumns
from marrowsignal.cohort.page.page_tables import read_cohort_data
from marrowsignal.cohort.page.picks import Picks
from marrowsignal.cohort.page.plane import CLASS_SHAPES, CohortPlane, cohort_plane
from marrowsignal.cohort.page.reader_records import ReaderView
from marrowsignal.cohort.page.reader_view import reader_views
from marrowsignal.cohort.page.summaries import (
    CountRow,
    GateRow,
    add_on_rows,
    class_rows,
    gate_rows,
    reason_rows,
    state_rows,
)
from marrowsignal.errors import OutputError
from marrowsignal.report.html import rendered_page

__all__ = ["render_cohort_page", "write_cohort_page"]

_STAGE = "cohort_page"
_PAGE = "cohort.html"
_PACKAGE = "marrowsignal.cohort.page"
_STYLES = ("page.css", "charts.css", "cohort.css")
_SCRIPTS = (
    "cohort_data.js",
    "cohort_filter.js",
    "cohort_table.js",
    "cohort_plane.js",
    "cohort_start.js",
)
_MOST_SUSPECTS = 30
_MOST_DIFFERENCES = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class SuspectRow:
    """A study to look at: its case, page, class and grounds."""

    case: str
    link: str
    kind: str
    grounds: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OutlierRow:
    """How many outliers a number of the studies has, and their set."""

    title: str
    count: int
    compared: int
    pick: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionDetail:
    """Distributions of one region by age, sex and scanner."""

    name: str
    tables: tuple[DistributionTable, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CohortPage:
    """Everything the template prints."""

    studies: int
    analyzed: int
    facts: tuple[tuple[str, str], ...]
    findings: tuple[tuple[str, str], ...]
    shapes: dict[str, str]
    states: tuple[CountRow, ...]
    classes: tuple[CountRow, ...]
    reasons: tuple[CountRow, ...]
    signs: tuple[CountRow, ...]
    suspects: tuple[SuspectRow, ...]
    suspect_count: int
    suspect_pick: int
    outliers: tuple[OutlierRow, ...]
    unjudged: tuple[str, ...]
    plane: CohortPlane | None
    regions: DistributionTable | None
    details: tuple[RegionDetail, ...]
    gates: tuple[GateRow, ...]
    differences: tuple[DriftTold, ...]
    difference_count: int
    drift: tuple[DriftTable, ...]
    readers: tuple[ReaderView, ...]
    covariates: tuple[CovariateView, ...]
    data: Markup


def write_cohort_page(out: Path, database: Path) -> Path:
    """Write the page of a cohort beside its tables; an older one is replaced only by a whole new one.

    Parameters
    ----------
    out : Path
        Folder of the cases, whose pages it links to.
    database : Path
        ``cohort.duckdb``.

    Returns
    -------
    Path
        ``OUT/cohort.html``.

    Raises
    ------
    InputError
        If the tables cannot be read.
    OutputError
        If the page cannot be written.
    """
    text = render_cohort_page(read_cohort_data(database))
    page = out / _PAGE
    staging: Path | None = None
    try:
        handle, name = tempfile.mkstemp(prefix=f".{_PAGE}.", suffix=".partial", dir=out)
        staging = Path(name)
        with os.fdopen(handle, "wb") as file:
            file.write(text.encode("utf-8"))
        # mkstemp's file is for its owner alone; the page has the permissions of the tables beside it.
        staging.chmod(database.stat().st_mode & 0o777)
        staging.replace(page)
    except OSError as error:
        if staging is not None:
            staging.unlink(missing_ok=True)
        raise OutputError(
            f"the page of the cohort cannot be written ({error.strerror or 'unknown cause'})",
            code="output_not_writable",
            stage=_STAGE,
            hint="check that the output folder exists, is writable and has space left",
        ) from error
    return page


def render_cohort_page(data: CohortData) -> str:
    """Render a cohort as a self-contained HTML page.

    Parameters
    ----------
    data : CohortData
        What `read_cohort_data` returned.

    Returns
    -------
    str
        HTML, to be stored as UTF-8; it loads nothing, runs no script but its own, escapes every text and prints no
        date: the same tables give the same characters.
    """
    page = _page(data)
    return rendered_page("cohort.html.j2", page, styles=_STYLES, scripts=_SCRIPTS, package=_PACKAGE)


def _page(data: CohortData) -> CohortPage:
    studies, picks = data.studies, Picks()
    links = _links(studies)
    measures = study_measures(studies)
    outliers = find_outliers(data, measures)
    ranked = suspects(data, outliers)
    # The sets are numbered in the order in which the page shows them first.
    states, classes = state_rows(studies, picks), class_rows(studies, picks)
    reasons, signs = reason_rows(studies, picks), add_on_rows(studies, picks)
    plane = cohort_plane(data)
    drift = drift_tables(studies.text("protocol"), acquisition_groupings(studies), measures, picks)
    differences = told_differences(drift)
    regions = region_table(data, outliers, links, picks) if data.regions else None
    details = _details(data, outliers, links, picks)
    gates, readers = gate_rows(data, picks), reader_views(data, picks)
    outlier_rows = tuple(_outlier_row(one, picks) for one in outliers if one.technical)
    suspect_pick = picks.add("look", "grounds to look at it", [one.study for one in ranked])
    return CohortPage(
        studies=studies.count,
        analyzed=sum(state == "done" for state in studies.text("state")),
        facts=_facts(studies),
        findings=data.findings,
        shapes={one.value.lower(): shape for one, shape in CLASS_SHAPES.items()},
        states=states,
        classes=classes,
        reasons=reasons,
        signs=signs,
        suspects=tuple(_suspect_row(one, studies, links) for one in ranked[:_MOST_SUSPECTS]),
        suspect_count=len(ranked),
        suspect_pick=suspect_pick,
        outliers=outlier_rows,
        unjudged=small_protocols(data),
        plane=plane,
        regions=regions,
        details=details,
        gates=gates,
        differences=differences[:_MOST_DIFFERENCES],
        difference_count=len(differences),
        drift=drift,
        readers=readers,
        covariates=covariate_views(data),
        data=data_block(data, measures=measures, suspects=ranked, plane=plane, picks=picks),
    )


def _details(
    data: CohortData, outliers: Sequence[OutlierSet], links: Sequence[str], picks: Picks
) -> tuple[RegionDetail, ...]:
    return tuple(
        RegionDetail(name=region.name, tables=tables_by_group(data, region, outliers, links, picks))
        for region in data.regions
        if not region.of_part
    )


def _links(studies: TableColumns) -> tuple[str, ...]:
    """Return the page of each case, relative to this one; quoted, so that no name of a case acts as an address."""
    return tuple(f"./{quote(folder)}/report.html" if folder else "" for folder in studies.text("folder"))


def _suspect_row(one: Suspect, studies: TableColumns, links: Sequence[str]) -> SuspectRow:
    return SuspectRow(
        case=studies.text("case")[one.study],
        link=links[one.study],
        kind=studies.text("pattern_class")[one.study].lower(),
        grounds=one.grounds,
    )


def _outlier_row(one: OutlierSet, picks: Picks) -> OutlierRow:
    return OutlierRow(
        title=one.title,
        count=one.study.size,
        compared=one.compared,
        pick=picks.add("outlier", f"outlier: {one.title}", one.study.tolist()),
    )


def _facts(studies: TableColumns) -> tuple[tuple[str, str], ...]:
    protocols = _counted(
        [" ".join(part) for part in zip(studies.text("protocol"), studies.text("protocol_version"), strict=True)]
    )
    return (
        ("Protocols", protocols),
        ("marrowsignal", _counted(studies.text("marrowsignal_version"))),
        ("Marrow masks", _counted(studies.text("mask_source"))),
    )


def _counted(told: Sequence[str]) -> str:
    counts = Counter(one.strip() for one in told if one.strip())
    return ", ".join(f"{name} ({count})" for name, count in sorted(counts.items(), key=lambda x: (-x[1], x[0]))) or "–"
