"""The tables in ``cohort.duckdb``, read into what the page is made from."""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType

import duckdb
import numpy as np

from marrowsignal.cohort.page.page_data import CohortData, GateOutcome, RegionValues, TableColumns
from marrowsignal.errors import InputError
from marrowsignal.quality.records import GateState
from marrowsignal.quality.table import GATES
from marrowsignal.regions.records import Side
from marrowsignal.report.views.wording import name_without_side

__all__ = ["read_cohort_data"]

_STAGE = "cohort_page"
_WHOLE = "all"
# A file that is none, is locked or damaged, or lacks a table or column; DuckDB's other errors are our own mistakes.
_UNREADABLE = (duckdb.IOException, duckdb.CatalogException, duckdb.BinderException, duckdb.SerializationException)
_REGION_NUMBERS = ("fat_signal_index", "t1_marrow_to_muscle_ratio", "stir_marrow_to_muscle_ratio")
# The row of a study in `CohortData.studies`, by its case.
_PLACES = 'WITH studied AS (SELECT row_number() OVER (ORDER BY "case") - 1 AS place, "case" FROM studies)'
_STUDY_COLUMNS = frozenset(
    {
        "case",
        "state",
        "state_code",
        "state_reason",
        "folder",
        "marrowsignal_version",
        "protocol",
        "protocol_version",
        "protocol_sha256",
        "patient_age_years",
        "patient_sex",
        "manufacturer",
        "magnetic_field_strength_t",
        "t1_repetition_time_ms",
        "t1_echo_time_ms",
        "t1_slice_thickness_mm",
        "stir_repetition_time_ms",
        "stir_echo_time_ms",
        "stir_inversion_time_ms",
        "stir_slice_thickness_mm",
        "stir_row_spacing_mm",
        "pattern_class",
        "pattern_confidence",
        "pattern_confidence_probability",
        "pattern_add_ons",
        "pattern_reasons",
        "alignment_error_mm",
        "mask_source",
        "mask_volume_ml",
        "muscle_t1_au",
        "muscle_stir_au",
        "fat_t1_au",
        "fat_stir_au",
        "noise_t1_au",
        "noise_stir_au",
        "t1_shading_residual_fraction",
        "stir_shading_residual_fraction",
        "quality_failed_count",
        "quality_warned_count",
        "lesion_count",
        "lesion_volume_ml",
        "all_fat_signal_index",
        "all_t1_marrow_to_muscle_ratio",
        "all_t1_marrow_to_fat_ratio",
        "all_stir_marrow_to_muscle_ratio",
    }
)


def read_cohort_data(database: Path) -> CohortData:
    """Read the tables of a cohort.

    Parameters
    ----------
    database : Path
        ``cohort.duckdb``; it is opened for reading only.

    Raises
    ------
    InputError
        If it cannot be read, or has no table of studies.
    """
    try:
        with duckdb.connect(str(database), read_only=True) as connection:
            return _read(connection)
    except _UNREADABLE as error:
        # DuckDB's own words hold the path.
        raise InputError(
            "the tables of the cohort cannot be read",
            code="cohort_tables_unreadable",
            stage=_STAGE,
            hint="run `marrowsignal cohort` again: it builds them anew from the case folders",
        ) from error


def _read(connection: duckdb.DuckDBPyConnection) -> CohortData:
    tables = {name for (name,) in connection.execute("SHOW TABLES").fetchall()}
    connection.execute("SET enable_progress_bar = false")
    names = [name for name, *_ in connection.execute("DESCRIBE studies").fetchall()]
    covariates = tuple(name for name in names if name.startswith("cov_"))
    wanted = ", ".join(_quoted(name) for name in names if name in _STUDY_COLUMNS or name in covariates)
    return CohortData(
        studies=_columns(connection, f'SELECT {wanted} FROM studies ORDER BY "case"'),
        regions=_regions(connection) if "regions" in tables else (),
        gates=_gates(connection) if "quality" in tables else (),
        labels=_labels(connection) if "labels" in tables else None,
        covariates=covariates,
        findings=_findings(connection) if "findings" in tables else (),
    )


def _regions(connection: duckdb.DuckDBPyConnection) -> tuple[RegionValues, ...]:
    told = {name for name, *_ in connection.execute("DESCRIBE regions").fetchall()}
    order = "ORDER BY side, place, label"
    numbers = ", ".join(f"list({name if name in told else 'NULL::DOUBLE'} {order})" for name in _REGION_NUMBERS)
    rows = connection.execute(
        # All marrow is as much as the protocol's field of view shows: studies of two protocols have two of them.
        f"{_PLACES} SELECT CASE WHEN region = '{_WHOLE}' THEN protocol ELSE '' END AS within, "
        f"coalesce(parent, '') AS part_of, region, first(region_name {order}), list(place {order}), "
        f"list(coalesce(side, 'none') {order}), {numbers} "
        'FROM regions JOIN studied USING ("case") GROUP BY within, part_of, region'
    ).fetchall()
    found = [_region(*row) for row in rows]
    return tuple(sorted(found, key=lambda one: (not one.whole, one.of_part, -one.study.size, one.key)))


def _region(  # one row of the query above
    within: str, parent: str, key: str, name: str, study: list[int], side: list[str], *numbers: list[float | None]
) -> RegionValues:
    name = name_without_side(name, Side(side[0]))
    fat, t1, stir = (np.array(values, dtype=np.float64) for values in numbers)
    return RegionValues(
        key=".".join(part for part in (within, parent, key) if part),
        name=f"{name} ({within})" if within else f"{name} (part)" if parent else name,
        whole=key == _WHOLE,
        of_part=bool(parent),
        study=np.array(study, np.int64),
        side=tuple(side),
        fat_signal_index=fat,
        t1_to_muscle=t1,
        stir_to_muscle=stir,
    )


def _gates(connection: duckdb.DuckDBPyConnection) -> tuple[GateOutcome, ...]:
    states = (GateState.FAIL, GateState.WARN, GateState.NOT_EVALUABLE)
    lists = ", ".join(f"list(place ORDER BY place) FILTER (state = '{state.value}')" for state in states)
    rows = connection.execute(
        f"{_PLACES} SELECT key, coalesce(series, '') AS of_series, any_value(name ORDER BY name), "
        f"count(*) FILTER (state = '{GateState.PASS.value}'), {lists} "
        'FROM quality JOIN studied USING ("case") GROUP BY key, of_series'
    ).fetchall()
    known = {(gate.key, series): place for place, gate in enumerate(GATES) for series in gate.series}
    rows.sort(key=lambda row: (known.get((row[0], row[1]), len(known)), row[0], row[1]))
    return tuple(
        GateOutcome(
            key=key,
            name=name,
            series=series,
            passed=passed,
            failed=np.array(failed or [], np.int64),
            warned=np.array(warned or [], np.int64),
            not_evaluable=np.array(unknown or [], np.int64),
        )
        for key, series, name, passed, failed, warned, unknown in rows
    )


def _labels(connection: duckdb.DuckDBPyConnection) -> TableColumns:
    return _columns(
        connection,
        f'{_PLACES} SELECT place AS study, label, reader, "group" FROM labels JOIN studied USING ("case") '
        "ORDER BY reader, place, label",
    )


def _findings(connection: duckdb.DuckDBPyConnection) -> tuple[tuple[str, str], ...]:
    rows = connection.execute("SELECT severity, message FROM findings ORDER BY ALL").fetchall()
    return tuple((str(severity), str(message)) for severity, message in rows)


def _columns(connection: duckdb.DuckDBPyConnection, query: str) -> TableColumns:
    found = connection.execute(query).fetchnumpy()
    texts, numbers = {}, {}
    count = 0
    for name, column in found.items():
        count = len(column)
        if column.dtype == object:
            held = np.ma.getmaskarray(column)
            texts[name] = tuple("" if no else str(one) for one, no in zip(np.ma.getdata(column), held, strict=True))
        else:
            numbers[name] = np.ma.filled(np.ma.asarray(column, dtype=np.float64), np.nan)
    return TableColumns(count=count, texts=MappingProxyType(texts), numbers=MappingProxyType(numbers))


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
