"""What spoils a study, each at two strengths: for `gate_panel.py`.

An artifact takes the clean images and headers of a person and gives spoilt ones; its clean twin
differs in nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from panel_people import Rendered
from scipy import ndimage

from marrowsignal.dicom.records import Series, SeriesIdentity
from marrowsignal.geometry import AcquisitionFacts
from marrowsignal.phantom.acquisition import Breathing, Metal, SeriesPhysics, acquire
from marrowsignal.phantom.options import usual_series
from marrowsignal.phantom.tissues import Species

__all__ = ["ARTIFACTS", "Artifact", "Scan", "clean_scan", "facts_of", "series_of"]

FAT = (Species.FAT, Species.MARROW_FAT)
MARROW = (Species.MARROW_FAT, Species.MARROW_WATER)
_RIPPLE_MM = 70.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scan:
    """One T1 and one STIR of a person on the T1 grid, with their headers.

    Attributes
    ----------
    of : Rendered
        Who.
    t1, stir : ndarray of float32, shape (slice, row, column)
        As acquired.
    t1_series, stir_series : Series
        Headers.
    shaded_anew : bool
        Whether the shading has to be estimated again, or is that of the clean twin.
    """

    of: Rendered
    t1: NDArray[np.float32]
    stir: NDArray[np.float32]
    t1_series: Series
    stir_series: Series
    shaded_anew: bool = False

    def with_series(self, series: str, **changes: object) -> Scan:
        """Change the header of ``"T1"`` or ``"STIR"``."""
        name = f"{series.lower()}_series"
        return replace(self, **{name: replace(getattr(self, name), **changes)})

    def with_facts(self, series: str, **changes: object) -> Scan:
        """Change acquisition facts of ``"T1"`` or ``"STIR"``."""
        header = self.t1_series if series == "T1" else self.stir_series
        return self.with_series(series, acquisition=replace(header.acquisition, **changes))

    def acquired(self, series: str, **changes: object) -> Scan:
        """Acquire one of the two again with other physics."""
        physics = replace(usual_series(1.5)[series == "STIR"], **changes)
        return replace(self, **{series.lower(): _image(self.of, series, physics)})

    def with_signal(self, series: str, image: NDArray[np.floating]) -> Scan:
        """Replace one image."""
        return replace(self, **{series.lower(): np.asarray(image, np.float32)})

    def share(self, *species: Species) -> NDArray[np.float32]:
        """Share of each voxel that is one of these species."""
        return np.asarray(self.of.t1_species[[int(s) for s in species]].sum(axis=0))

    def muscle(self, series: str) -> float:
        """Median signal of pure muscle as acquired."""
        return float(np.median((self.t1 if series == "T1" else self.stir)[self.share(Species.MUSCLE) > 0.8]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """One way to spoil a study: the gate that ought to fire, on which series, and how at two strengths."""

    name: str
    gate: str
    series: str
    levels: tuple[tuple[str, Callable[[Scan], Scan]], ...]


def clean_scan(of: Rendered) -> Scan:
    """Acquire the person as usual."""
    images = {s: _image(of, s, p) for s, p in zip(("T1", "STIR"), usual_series(1.5), strict=True)}
    t1, stir = (series_of(of, s) for s in ("T1", "STIR"))
    return Scan(of=of, t1=images["T1"], stir=images["STIR"], t1_series=t1, stir_series=stir)


def facts_of(of: Rendered, series: str) -> AcquisitionFacts:
    """Header of a usual series."""
    sequence = usual_series(1.5)[series == "STIR"].sequence
    return AcquisitionFacts(
        modality="MR",
        image_type=("ORIGINAL", "PRIMARY", "M", "NORM"),
        repetition_time_ms=sequence.repetition_time_ms,
        echo_time_ms=sequence.echo_time_ms,
        inversion_time_ms=sequence.inversion_time_ms,
        magnetic_field_strength_t=sequence.magnetic_field_strength_t,
        patient_position="HFS",
        patient_age_y=of.person.age_years,
        patient_sex=of.person.sex,
        slice_thickness_mm=round(0.9 * of.t1_geometry.spacing_mm[0], 1),
    )


def series_of(of: Rendered, series: str) -> Series:
    """Series record of an image on the T1 grid."""
    grid = of.t1_geometry
    return Series(
        series_instance_uid=f"2.25.{series == 'STIR':d}",
        study_instance_uid="2.25.9",
        frame_of_reference_uid="2.25.8",
        series_number=1,
        description="",
        identity=SeriesIdentity.T1 if series == "T1" else SeriesIdentity.STIR,
        identity_score=1.0,
        usable=True,
        reasons=(),
        acquisition=facts_of(of, series),
        rows=grid.shape[1],
        columns=grid.shape[2],
        slices=grid.shape[0],
        spacing_mm=grid.spacing_mm,
        orientation="coronal",
        transfer_syntax="",
        sources=(),
        geometry=grid,
    )


def _image(of: Rendered, series: str, physics: SeriesPhysics) -> NDArray[np.float32]:
    rng = np.random.default_rng([2028, of.person.number, series == "STIR"])
    return acquire(of.t1_species, of.t1_geometry, series=physics, rng=rng).signal


def _unsuppressed(amount: float, *, patchy: bool) -> Callable[[Scan], Scan]:
    def spoil(scan: Scan) -> Scan:
        field = _smooth_patch(scan) if patchy else 1.0
        extra = amount * scan.muscle("STIR") * scan.share(*FAT) * field
        return replace(scan.with_signal("STIR", scan.stir + extra), shaded_anew=True)

    return spoil


def _smooth_patch(scan: Scan) -> NDArray[np.float64]:
    # Failing in one corner of the field of view, gone half a field of view away.
    grid = scan.of.t1_geometry
    rows, columns = np.meshgrid(*(np.linspace(0, 1, n) for n in grid.shape[1:]), indexing="ij")
    return np.asarray(np.exp(-(rows**2 + columns**2) / (2 * 0.35**2)))[None]


def _sequence(series: str, **changes: object) -> Callable[[Scan], Scan]:
    def spoil(scan: Scan) -> Scan:
        physics = usual_series(1.5)[series == "STIR"]
        spoilt = scan.acquired(series, sequence=replace(physics.sequence, **changes))
        told = {k: v for k, v in changes.items() if k == "inversion_time_ms"}
        return spoilt.with_facts(series, **told)

    return spoil


def _physics(series: str, **changes: object) -> Callable[[Scan], Scan]:
    return lambda scan: scan.acquired(series, **changes)


def _breathing(series: str, breathing: Breathing) -> Callable[[Scan], Scan]:
    def spoil(scan: Scan) -> Scan:
        coil = replace(usual_series(1.5)[series == "STIR"].coil, air_fraction=1.0)
        return scan.acquired(series, breathing=breathing, coil=coil)

    return spoil


def _facts(series: str, **changes: object) -> Callable[[Scan], Scan]:
    return lambda scan: scan.with_facts(series, **changes)


def _blurred(width_mm: float) -> Callable[[Scan], Scan]:
    def spoil(scan: Scan) -> Scan:
        spacing = scan.of.t1_geometry.spacing_mm
        return scan.with_signal("STIR", ndimage.gaussian_filter(scan.stir, [0, *(width_mm / s for s in spacing[1:])]))

    return spoil


def _odd_slices(series: str, *, factor: float = 1.0, shift_mm: float = 0.0) -> Callable[[Scan], Scan]:
    def spoil(scan: Scan) -> Scan:
        image = np.array(scan.t1 if series == "T1" else scan.stir)
        move = shift_mm / scan.of.t1_geometry.spacing_mm[1]
        image[1::2] = factor * ndimage.shift(image[1::2], [0, move, 0], order=1, mode="nearest")
        return scan.with_signal(series, image)

    return spoil


def _rippled(series: str, amplitude: float) -> Callable[[Scan], Scan]:
    # Finer than what bias correction may follow.
    def spoil(scan: Scan) -> Scan:
        grid = scan.of.t1_geometry
        rows, columns = (np.arange(n) * s for n, s in zip(grid.shape[1:], grid.spacing_mm[1:], strict=True))
        wave = np.cos(2 * np.pi * rows / _RIPPLE_MM)[:, None] * np.cos(2 * np.pi * columns / _RIPPLE_MM)
        image = scan.t1 if series == "T1" else scan.stir
        return replace(scan.with_signal(series, image * np.exp(amplitude * wave)), shaded_anew=True)

    return spoil


def _metal(radius_mm: float) -> Callable[[Scan], Scan]:
    def spoil(scan: Scan) -> Scan:
        inside = np.argwhere(scan.of.marrow.mask)
        centre = scan.of.t1_geometry.to_patient(inside[np.argmin(np.abs(inside - inside.mean(0)).sum(1))])
        sphere = Metal(centre_lps_mm=tuple(float(c) for c in centre), radius_mm=radius_mm)  # type: ignore[arg-type]
        return scan.acquired("T1", metal=(sphere,)).acquired("STIR", metal=(sphere,))

    return spoil


def _dark_marrow(left: float) -> Callable[[Scan], Scan]:
    def spoil(scan: Scan) -> Scan:
        factor = 1 - (1 - left) * np.minimum(1, scan.share(*MARROW, Species.EDEMA_WATER))
        return scan.with_signal("T1", scan.t1 * factor).with_signal("STIR", scan.stir * factor)

    return spoil


def _wrong_side(tag: str) -> Callable[[Scan], Scan]:
    # Told by two tags: a joint at the isocentre lies on no side.
    return lambda scan: scan.with_series("T1", laterality=tag).with_series(
        "STIR", laterality="L" if tag == "R" else "R"
    )


ARTIFACTS = (
    Artifact(
        name="fat unsuppressed everywhere",
        gate="fat_suppression",
        series="STIR",
        levels=(("+1", _unsuppressed(1.0, patchy=False)), ("+3 muscle", _unsuppressed(3.0, patchy=False))),
    ),
    Artifact(
        name="fat unsuppressed in a patch",
        gate="fat_suppression_evenness",
        series="STIR",
        levels=(("+3", _unsuppressed(3.0, patchy=True)), ("+6 muscle", _unsuppressed(6.0, patchy=True))),
    ),
    Artifact(
        name="TI beyond the null, by header",
        gate="inversion_time",
        series="STIR",
        levels=(
            ("TI 210", _sequence("STIR", inversion_time_ms=210.0)),
            ("240 ms", _sequence("STIR", inversion_time_ms=240.0)),
        ),
    ),
    Artifact(
        name="fat nulled",
        gate="nulled_fat",
        series="STIR",
        levels=(
            ("TI 200", _sequence("STIR", inversion_time_ms=200.0)),
            ("210 ms", _sequence("STIR", inversion_time_ms=210.0)),
        ),
    ),
    Artifact(
        name="contrast in the header",
        gate="contrast",
        series="T1",
        levels=(("T1", _facts("T1", post_contrast=True)),),
    ),
    Artifact(
        name="contrast in the header",
        gate="contrast",
        series="STIR",
        levels=(("STIR", _facts("STIR", post_contrast=True)),),
    ),
    Artifact(
        name="fat-suppressed T1",
        gate="t1_fat_suppression",
        series="T1",
        levels=(("header", _facts("T1", fat_suppressed=True)),),
    ),
    *(
        Artifact(
            name="ghosts of breathing, air not faded",
            gate="ghosts",
            series=series,
            levels=(
                (
                    "4 mm, 0.2",
                    _breathing(series, Breathing(motion_mm=4.0, ghost_fraction=0.2, still_behind_y_mm=150.0)),
                ),
                (
                    "8 mm, 0.4",
                    _breathing(series, Breathing(motion_mm=8.0, ghost_fraction=0.4, still_behind_y_mm=150.0)),
                ),
            ),
        )
        for series in ("T1", "STIR")
    ),
    Artifact(
        name="blur by motion",
        gate="edge_sharpness",
        series="",
        levels=(("SD 2 mm", _blurred(2.0)), ("SD 3 mm", _blurred(3.0))),
    ),
    *(
        Artifact(
            name="odd slices brighter",
            gate="slice_jumps",
            series=series,
            levels=(("8 %", _odd_slices(series, factor=1.08)), ("15 %", _odd_slices(series, factor=1.15))),
        )
        for series in ("T1", "STIR")
    ),
    *(
        Artifact(
            name="odd slices shifted",
            gate="slice_shift",
            series=series,
            levels=(("1.5 mm", _odd_slices(series, shift_mm=1.5)), ("3 mm", _odd_slices(series, shift_mm=3.0))),
        )
        for series in ("T1", "STIR")
    ),
    *(
        Artifact(
            name="ripples of 70 mm in the shading",
            gate="residual_shading",
            series=series,
            levels=(("+-20 %", _rippled(series, 0.2)), ("40 %", _rippled(series, 0.4))),
        )
        for series in ("T1", "STIR")
    ),
    Artifact(
        name="one series normalised",
        gate="normalization",
        series="",
        levels=(("ImageType", _facts("STIR", image_type=("ORIGINAL", "PRIMARY", "M"))),),
    ),
    *(
        Artifact(
            name="thick slices",
            gate="slice_thickness",
            series=series,
            levels=(("5 mm", _facts(series, slice_thickness_mm=5.0)), ("8 mm", _facts(series, slice_thickness_mm=8.0))),
        )
        for series in ("T1", "STIR")
    ),
    Artifact(
        name="gap between slices",
        gate="slice_gap",
        series="T1",
        levels=(
            ("30 %", lambda s: s.with_facts("T1", slice_thickness_mm=s.of.t1_geometry.spacing_mm[0] / 1.3)),
            ("60 %", lambda s: s.with_facts("T1", slice_thickness_mm=s.of.t1_geometry.spacing_mm[0] / 1.6)),
        ),
    ),
    Artifact(
        name="sides contradict",
        gate="laterality",
        series="",
        levels=(("R/L", _wrong_side("R")), ("L/R", _wrong_side("L"))),
    ),
    Artifact(
        name="T1 prone, STIR supine",
        gate="patient_position",
        series="",
        levels=(("HFP", _facts("T1", patient_position="HFP")),),
    ),
    Artifact(
        name="metal in the marrow",
        gate="metal",
        series="",
        levels=(("radius 6", _metal(6.0)), ("10 mm", _metal(10.0))),
    ),
    Artifact(
        name="marrow dark on both (iron)",
        gate="low_signal_marrow",
        series="",
        levels=(("x 0.5", _dark_marrow(0.5)), ("x 0.3", _dark_marrow(0.3))),
    ),
    *(
        Artifact(
            name="noise",
            gate="noise",
            series=series,
            levels=(("SNR 5", _physics(series, muscle_snr=5.0)), ("SNR 2.5", _physics(series, muscle_snr=2.5))),
        )
        for series in ("T1", "STIR")
    ),
)
