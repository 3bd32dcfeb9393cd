"""A pelvis without noise and shading as records of the pipeline: the truth of every later number is known."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from numpy.typing import NDArray

from marrowsignal.alignment.records import AlignedPair, AlignmentQuality, AlignmentVerdict
from marrowsignal.geometry import LabelVolume, SignalVolume, VolumeGeometry
from marrowsignal.geometry.acquisition import AcquisitionFacts
from marrowsignal.geometry.volume import GridDifference
from marrowsignal.intensity import References, ReferenceTissue, ReferenceVerdict
from marrowsignal.marrow import MarrowMask, segment_marrow
from marrowsignal.phantom import TissueMaps, coronal_oblique_grid, draw_subject, tissue_maps
from marrowsignal.phantom.equations import voxel_magnitude
from marrowsignal.phantom.tissues import STIR_1_5T, T1_TSE_1_5T, Sequence, Species, signals
from marrowsignal.protocol import load_protocol
from marrowsignal.protocol.schema import Protocol, RegionSpec
from marrowsignal.regions import Midline, Region, RegionMap, Side
from marrowsignal.signals import Signals, measure_signals
from tests.alignment.pelvis import lean_muscle, plain_fat

# across slices of 6 mm the two bones of a joint touch corner to corner, and so would their lesions
GRID = coronal_oblique_grid(shape=(20, 96, 104), spacing_mm=(4.0, 2.8, 2.6))
MIDLINE = Midline(normal_lps=(1.0, 0.0, 0.0), offset_mm=0.0, symmetry=None, source="image_symmetry")
_REFERENCES = (("muscle", 1), ("fat", 2), ("normal_marrow", 3))


@dataclass(frozen=True, kw_only=True, eq=False)
class Scene:
    """What `measure_signals` and `classify` take, and the truth of the tissue."""

    pair: AlignedPair
    marrow: MarrowMask
    regions: RegionMap
    references: References
    protocol: Protocol
    maps: TissueMaps

    def measure(self) -> Signals:
        return measure_signals(self.pair, self.marrow, self.regions, self.references, protocol=self.protocol)

    def with_signal(self, t1: NDArray, stir: NDArray) -> Scene:
        """Other images on the same anatomy; references and core follow them."""
        pair = replace(self.pair, t1=replace(self.pair.t1, array=t1), stir=replace(self.pair.stir, array=stir))
        marrow = segment_marrow(pair, protocol=self.protocol, supplied=self.marrow.labels)
        references = references_of(t1, stir, self.references.labels)
        return replace(self, pair=pair, marrow=marrow, references=references)

    def with_edema(self, edema: NDArray) -> Scene:
        """Edema water in place of a share of this patient's marrow."""
        species = np.array(self.maps.species_fractions, float)
        kinds = [Species.MARROW_FAT, Species.MARROW_WATER]
        species[Species.EDEMA_WATER] += edema * species[kinds].sum(axis=0)
        species[kinds] *= 1 - edema
        maps = replace(self.maps, species_fractions=species.astype(np.float32))
        return self.with_signal(*(_image(maps, sequence) for sequence in (T1_TSE_1_5T, STIR_1_5T)))

    def with_less_fat(self, share: float) -> Scene:
        """Red marrow's water in place of a share of this patient's marrow fat."""
        species = np.array(self.maps.species_fractions, float)
        given = share * species[Species.MARROW_FAT]
        species[Species.MARROW_FAT] -= given
        species[Species.MARROW_WATER] += given
        maps = replace(self.maps, species_fractions=species.astype(np.float32))
        images = (_image(maps, sequence) for sequence in (T1_TSE_1_5T, STIR_1_5T))
        return replace(self, maps=maps).with_signal(*images)

    def without_reference(self, key: str) -> Scene:
        """The same patient when one reference tissue was not found."""
        gone = replace(
            getattr(self.references, key),
            t1=None,
            stir=None,
            voxels=0,
            volume_ml=0.0,
            verdict=ReferenceVerdict.FAIL,
            reason="only 0.0 mL found",
        )
        return replace(self, references=replace(self.references, **{key: gone}))

    def with_acquisition(self, **facts: object) -> Scene:
        pair = replace(
            self.pair,
            t1=replace(self.pair.t1, acquisition=replace(self.pair.t1.acquisition, **facts)),
            stir=replace(self.pair.stir, acquisition=replace(self.pair.stir.acquisition, **facts)),
        )
        return replace(self, pair=pair)


@cache
def build_scene(name: str, *, seed: int = 12, mirrored: bool = False, age: float | None = 40.0) -> Scene:
    """Phantom `name` with its true masks, the true midline x = 0 and true reference tissues."""
    maps = tissue_maps(name, GRID, subject=draw_subject(seed, mirrored=mirrored), sub_slices=1)
    t1, stir = (_image(maps, sequence) for sequence in (T1_TSE_1_5T, STIR_1_5T))
    pair = AlignedPair(
        t1=SignalVolume(array=t1, geometry=GRID, acquisition=_facts(T1_TSE_1_5T, age)),
        stir=SignalVolume(array=stir, geometry=GRID, acquisition=_facts(STIR_1_5T, age)),
        covered_mask=np.ones(GRID.shape, bool),
        body_mask=t1 > 0,
        t1_to_stir_lps=np.eye(4),
        quality=_quality(),
    )
    protocol = bones_protocol()
    marrow = segment_marrow(pair, protocol=protocol, supplied=maps.marrow)
    tissue = np.zeros(GRID.shape, np.uint16)
    tissue[lean_muscle(maps)] = 1
    tissue[plain_fat(maps)] = 2
    tissue[marrow.core_mask & (maps.edema_fraction < 0.01)] = 3
    references = references_of(t1, stir, LabelVolume(array=tissue, geometry=GRID))
    return Scene(
        pair=pair,
        marrow=marrow,
        regions=bone_regions(maps),
        references=references,
        protocol=protocol,
        maps=maps,
    )


def bones_protocol() -> Protocol:
    """The sacroiliac protocol with sacrum and ilium told apart, and fewer bootstrap draws for speed."""
    protocol = load_protocol("pelvis_sij")
    band = protocol.regions[0].expected_fat_signal
    regions = tuple(RegionSpec(key=key, name=key, expected_fat_signal=band) for key in ("sacrum", "ilium"))
    draws = protocol.signals.bootstrap_draws.model_copy(update={"value": 100.0})
    settings = protocol.signals.model_copy(update={"bootstrap_draws": draws})
    return protocol.model_copy(update={"regions": regions, "signals": settings})


def bone_regions(maps: TissueMaps) -> RegionMap:
    """Left and right sacrum, left and right ilium; the joint is where its cartilage is."""
    x = np.broadcast_to(GRID.patient_axis(0), GRID.shape)
    labels = np.zeros(GRID.shape, np.uint16)
    found = []
    for key, values in (("sacrum", (1,)), ("ilium", (2, 3))):
        bone = np.isin(maps.marrow.array, values)
        for side, half in ((Side.LEFT, x > 0), (Side.RIGHT, x < 0)):
            labels[bone & half] = len(found) + 1
            voxels = int((bone & half).sum())
            found.append(
                Region(
                    label=len(found) + 1,
                    key=key,
                    name=f"{key}, {side}",
                    side=side,
                    code=None,
                    voxels=voxels,
                    volume_ml=voxels * GRID.voxel_ml,
                )
            )
    return RegionMap(
        labels=LabelVolume(array=labels, geometry=GRID),
        regions=tuple(found),
        midline=MIDLINE,
        joint_mask=maps.joint_mask,
        joint_source="the phantom's cartilage",
    )


def mirror_columns(image: NDArray) -> NDArray:
    """Mirror across x = 0: columns run left and the grid is centred."""
    return np.ascontiguousarray(image[:, :, ::-1])


def dice(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    return 2 * float((a & b).sum()) / float(a.sum() + b.sum())


def box_geometry(shape: tuple[int, int, int], spacing_mm: tuple[float, float, float]) -> VolumeGeometry:
    """Columns run to the patient's left, rows to the back, slices to the head; voxel (0, 0, 0) at the origin."""
    axes = np.array([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])
    return VolumeGeometry.from_axes(origin_lps_mm=(0, 0, 0), directions_lps=axes, spacing_mm=spacing_mm, shape=shape)


def _image(maps: TissueMaps, sequence: Sequence) -> NDArray[np.float32]:
    return (1000 * voxel_magnitude(maps.species_fractions, signals(sequence))).astype(np.float32)


def _facts(sequence: Sequence, age: float | None) -> AcquisitionFacts:
    return AcquisitionFacts(
        modality="MR",
        repetition_time_ms=sequence.repetition_time_ms,
        echo_time_ms=sequence.echo_time_ms,
        inversion_time_ms=sequence.inversion_time_ms,
        magnetic_field_strength_t=sequence.magnetic_field_strength_t,
        patient_age_y=age,
        patient_sex="F",
    )


def _quality() -> AlignmentQuality:
    return AlignmentQuality(
        grid_difference=GridDifference(same_shape=True, max_corner_mm=0.0, spacing_fraction=0.0),
        same_frame_of_reference=True,
        mutual_information_before=1.0,
        mutual_information_after=1.0,
        displacement_mm=0.0,
        rotation_deg=0.0,
        estimated_error_mm=0.0,
        verdict=AlignmentVerdict.PASS,
        reason="simulated on one grid",
    )


def references_of(t1: NDArray, stir: NDArray, labels: LabelVolume) -> References:
    made = {}
    for key, value in _REFERENCES:
        inside = labels.array == value
        made[key] = ReferenceTissue(
            key=key,
            t1=float(np.median(t1[inside])),
            stir=float(np.median(stir[inside])),
            t1_spread_fraction=0.0,
            stir_spread_fraction=0.0,
            voxels=int(inside.sum()),
            volume_ml=float(inside.sum()) * labels.geometry.voxel_ml,
            verdict=ReferenceVerdict.PASS,
            reason="known",
        )
    return References(
        **made, labels=labels, noise_t1=0.0, noise_stir=0.0, t1_residual_bias_fraction=0.0,
        stir_residual_bias_fraction=0.0,
    )  # fmt: skip
