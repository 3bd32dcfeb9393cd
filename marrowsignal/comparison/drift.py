"""Whether both dates were acquired alike enough to be compared (SCIENCE 7.4)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from marrowsignal.comparison.contrast import contrast_drift
from marrowsignal.comparison.dates import STAGE
from marrowsignal.comparison.records import DriftItem, DriftState, Scope
from marrowsignal.comparison.repeatability import ratio_coefficient
from marrowsignal.dicom.records import Series, SeriesPair
from marrowsignal.findings import Finding, Severity
from marrowsignal.protocol.schema import Protocol, Quantity

__all__ = ["closed_by", "drift_findings", "protocol_drift"]

_NORMALIZED = frozenset({"NORM", "FM", "FIL"})
_OF_SERIES = {"T1": Scope.T1, "STIR": Scope.STIR}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """One fact on both dates, and what it may be."""

    key: str
    series: str
    name: str
    told: tuple[str, str]
    difference: float | None = None
    unit: str = ""
    warn: Quantity | None = None
    fail: Quantity | None = None
    closes: Scope = Scope.NOTHING
    known: bool = True


def protocol_drift(baseline: SeriesPair, followup: SeriesPair, *, protocol: Protocol) -> tuple[DriftItem, ...]:
    """Compare how both dates were acquired.

    Parameters
    ----------
    baseline, followup : SeriesPair
        The series of each date.
    protocol : Protocol
        Limits.

    Returns
    -------
    tuple of DriftItem
        Field strength, maker and contrast medium of the study; then, of T1 and of STIR, the times, what they make of
        marrow over muscle by the signal model, voxel, plane and whether the scanner evened the image out. STIR is left
        out where one date has none.
    """
    asked = [*_of_study(baseline.t1, followup.t1, protocol)]
    asked += _of_series("T1", baseline.t1, followup.t1, protocol)
    if baseline.stir is not None and followup.stir is not None:
        asked += _of_series("STIR", baseline.stir, followup.stir, protocol)
    return tuple(_judged(one) for one in asked)


def closed_by(drift: tuple[DriftItem, ...], scope: Scope) -> str:
    """Why something cannot be compared; empty where it can.

    Parameters
    ----------
    drift : tuple of DriftItem
        From `protocol_drift`.
    scope : Scope
        What is asked for; lesions need STIR, and everything is closed where T1 and STIR are.
    """
    closes = {Scope.ALL, scope}
    if scope is Scope.LESIONS:
        closes.add(Scope.STIR)
    return "; ".join(item.reason for item in drift if item.state is DriftState.CLOSES and item.closes in closes)


def drift_findings(drift: tuple[DriftItem, ...]) -> tuple[Finding, ...]:
    """Turn what differs into findings."""
    severities = {DriftState.DIFFERS: Severity.WARN, DriftState.CLOSES: Severity.FAIL}
    return tuple(
        Finding(
            code=f"drift_{item.key}",
            stage=STAGE,
            severity=severities[item.state],
            message=f"Protocol drift: {item.reason}.",
        )
        for item in drift
        if item.state in severities
    )


def _of_study(one: Series, two: Series, protocol: Protocol) -> Iterator[_Asked]:
    a, b, limits = one.acquisition, two.acquisition, protocol.change
    yield _relative(
        "field_strength",
        "",
        "Field strength",
        (a.magnetic_field_strength_t, b.magnetic_field_strength_t),
        unit="T",
        fail=limits.field_tolerance,
        closes=Scope.ALL,
    )
    makers = (_words(a.manufacturer), _words(b.manufacturer))
    yield _same("maker", "", "Maker of the scanner", makers, known=all(makers))
    contrast = tuple("given" if facts.post_contrast else "not stated" for facts in (a, b))
    differs = a.post_contrast is not b.post_contrast
    yield _same("contrast", "", "Contrast medium", contrast, closes=Scope.ALL if differs else Scope.NOTHING)


def _of_series(name: str, one: Series, two: Series, protocol: Protocol) -> Iterator[_Asked]:
    a, b, limits = one.acquisition, two.acquisition, protocol.change
    drift = contrast_drift(
        a,
        b,
        series=name,
        fat_fraction=limits.contrast_fat_fraction.value,
        tables=protocol.signals.tissue_constants,
    )
    fail = limits.timing_fail if drift is None else None
    times = [("repetition_time", "TR", (a.repetition_time_ms, b.repetition_time_ms))]
    times.append(("echo_time", "TE", (a.echo_time_ms, b.echo_time_ms)))
    if name == "STIR":
        times.append(("inversion_time", "TI", (a.inversion_time_ms, b.inversion_time_ms)))
    for key, words, pair in times:
        yield _relative(key, name, words, pair, unit="ms", warn=limits.timing_warn, fail=fail, closes=_OF_SERIES[name])
    yield _predicted(name, drift, protocol)
    yield from _of_grid(name, one, two, protocol)
    evened = tuple("yes" if _NORMALIZED & set(facts.image_type) else "no" for facts in (a, b))
    yield _same("normalization", name, "Evened out by the scanner", evened)


def _predicted(name: str, drift: float | None, protocol: Protocol) -> _Asked:
    limits = protocol.change
    coefficient = ratio_coefficient(limits.ratio_variation.value)[1]
    return _Asked(
        key="contrast_model",
        series=name,
        name="Marrow over muscle by the signal model",
        told=("1", "" if drift is None else f"{1 + drift:.2f}"),
        difference=None if drift is None else drift,
        unit="fraction",
        warn=limits.contrast_warn,
        fail=Quantity(
            value=coefficient, unit="of the ratio", source="one repeatability coefficient of ratios (SCIENCE 7.4)"
        ),
        closes=_OF_SERIES[name],
        known=drift is not None,
    )


def _of_grid(name: str, one: Series, two: Series, protocol: Protocol) -> Iterator[_Asked]:
    limits = protocol.change
    sizes = [None if s.spacing_mm is None else np.asarray(s.spacing_mm) for s in (one, two)]
    worst = None
    if sizes[0] is not None and sizes[1] is not None:
        # The larger over the smaller: half a voxel either way is the same loss.
        worst = float(np.exp(np.abs(np.log(sizes[1] / sizes[0])).max()) - 1)
    yield _Asked(
        key="voxel",
        series=name,
        name="Voxel",
        told=tuple("" if s is None else " x ".join(f"{edge:.2g}" for edge in s) + " mm" for s in sizes),  # type: ignore[arg-type]
        difference=worst,
        unit="fraction",
        warn=limits.voxel_warn,
        fail=limits.voxel_fail,
        closes=Scope.LESIONS,
        known=worst is not None,
    )
    tilt = _tilt_deg(one, two)
    yield _Asked(
        key="plane",
        series=name,
        name="Plane",
        told=(one.orientation, two.orientation),
        difference=tilt,
        unit="deg",
        warn=limits.plane_warn,
        fail=limits.plane_fail,
        closes=Scope.LESIONS,
        known=tilt is not None,
    )


def _tilt_deg(one: Series, two: Series) -> float | None:
    if one.geometry is None or two.geometry is None:
        return None
    normals = [np.cross(grid.directions_lps[:, 1], grid.directions_lps[:, 2]) for grid in (one.geometry, two.geometry)]
    cosine = abs(float(normals[0] @ normals[1])) / float(np.prod([np.linalg.norm(n) for n in normals]))
    return float(np.degrees(np.arccos(min(cosine, 1.0))))


def _relative(  # noqa: PLR0913 - one fact, its two limits and what it closes
    key: str,
    series: str,
    name: str,
    values: tuple[float | None, float | None],
    *,
    unit: str,
    warn: Quantity | None = None,
    fail: Quantity | None = None,
    closes: Scope = Scope.NOTHING,
) -> _Asked:
    one, two = values
    known = one is not None and two is not None and one > 0
    told = tuple("" if value is None else f"{value:g} {unit}" for value in values)
    return _Asked(
        key=key,
        series=series,
        name=name,
        told=(told[0], told[1]),
        difference=abs(two / one - 1) if known and one and two is not None else None,
        unit="fraction",
        warn=warn,
        fail=fail,
        closes=closes,
        known=known,
    )


def _same(
    key: str, series: str, name: str, told: tuple[str, ...], *, closes: Scope = Scope.NOTHING, known: bool = True
) -> _Asked:
    return _Asked(key=key, series=series, name=name, told=(told[0], told[1]), closes=closes, known=known)


def _words(text: str | None) -> str:
    return (text or "").strip().upper()


def _judged(asked: _Asked) -> DriftItem:
    state = _state(asked)
    name = f"{asked.series} {asked.name}".strip()
    return DriftItem(
        key=asked.key,
        series=asked.series,
        name=asked.name,
        baseline=asked.told[0],
        followup=asked.told[1],
        difference=asked.difference,
        unit=asked.unit,
        limit=_limits(asked),
        state=state,
        closes=asked.closes if state is DriftState.CLOSES else Scope.NOTHING,
        reason=_reason(name, asked, state),
        source="; ".join(dict.fromkeys(limit.source for limit in (asked.warn, asked.fail) if limit is not None)),
    )


def _state(asked: _Asked) -> DriftState:
    if not asked.known:
        return DriftState.NOT_KNOWN
    if asked.difference is None:
        if asked.told[0] == asked.told[1]:
            return DriftState.SAME
        return DriftState.DIFFERS if asked.closes is Scope.NOTHING else DriftState.CLOSES
    size = abs(asked.difference)
    if asked.fail is not None and size > asked.fail.value:
        return DriftState.CLOSES
    return DriftState.DIFFERS if asked.warn is not None and size > asked.warn.value else DriftState.SAME


def _limits(asked: _Asked) -> str:
    told = (("told above", asked.warn), ("closes above", asked.fail))
    return ", ".join(f"{words} {_number(limit.value, asked.unit)}" for words, limit in told if limit is not None)


def _reason(name: str, asked: _Asked, state: DriftState) -> str:
    if state is DriftState.NOT_KNOWN:
        return f"{name} is not known on both dates"
    if asked.key == "contrast_model" and asked.difference is not None:
        return f"{name} is {asked.difference:+.0%} at the follow-up by the acquisition alone"
    if asked.told[0] == asked.told[1] and state is DriftState.SAME:
        return f"{name} is the same: {asked.told[0]}"
    more = "" if asked.difference is None else f" ({_number(asked.difference, asked.unit)} apart)"
    return f"{name} was {asked.told[0]} and is {asked.told[1]}{more}"


def _number(value: float, unit: str) -> str:
    return f"{value:.0%}" if unit == "fraction" else f"{value:.1f} {unit}"
