"""A small T1 grid, blocks of labels on it, and files of them as other programs write them."""

from __future__ import annotations

from pathlib import Path

import highdicom as hd
import numpy as np
from pydicom import Dataset
from pydicom.sr.coding import Code
from pydicom.uid import ExplicitVRLittleEndian, generate_uid
from scipy.spatial.transform import Rotation

from marrowsignal.geometry import VolumeGeometry
from marrowsignal.protocol import load_protocol
from marrowsignal.protocol.schema import RegionSpec

# oblique, non-square pixels, every axis of another length
GRID = VolumeGeometry.from_axes(
    origin_lps_mm=(-31.0, 12.0, 7.5),
    directions_lps=Rotation.from_euler("xyz", (25.0, -10.0, 40.0), degrees=True).as_matrix(),
    spacing_mm=(4.0, 0.75, 0.75),
    shape=(6, 12, 10),
)
T1_UID, STIR_UID, FRAME_UID = "1.2.3.1", "1.2.3.2", "1.2.3.9"


def specs(protocol: str = "pelvis_sij") -> tuple[RegionSpec, ...]:
    rules = load_protocol(protocol)
    return (*rules.regions, *rules.other_bones)


def two_bones() -> np.ndarray:
    """1 and 2 in slices 1 to 4, no two slices alike."""
    array = np.zeros(GRID.shape, np.uint16)
    for index in range(1, 5):
        array[index, index : index + 4, 1:4] = 1
        array[index, index : index + 5, 5:9] = 2
    return array


def nrrd(path: Path, array: np.ndarray, fields: list[str], grid: VolumeGeometry = GRID) -> Path:
    """A ``.seg.nrrd`` as 3D Slicer writes it; `array` (layer, slice, row, column) has one layer or more."""
    layers = array.shape[0]
    axes = [f"({','.join(repr(float(v)) for v in grid.affine_lps[:3, axis])})" for axis in (2, 1, 0)]
    sizes = [str(n) for n in (grid.shape[2], grid.shape[1], grid.shape[0])]
    head = [
        "NRRD0004",
        "type: unsigned char",
        f"dimension: {3 + (layers > 1)}",
        "space: left-posterior-superior",
        f"sizes: {' '.join([str(layers)] * (layers > 1) + sizes)}",
        f"space directions: {' '.join(['none'] * (layers > 1) + axes)}",
        f"kinds: {' '.join(['list'] * (layers > 1) + ['domain'] * 3)}",
        "encoding: raw",
        f"space origin: ({','.join(repr(v) for v in grid.origin_lps_mm)})",
        *fields,
    ]
    data = np.moveaxis(array, 0, -1).astype(np.uint8)
    path.write_bytes("\n".join(head).encode() + b"\n\n" + data.tobytes())
    return path


def slicer_segment(number: int, name: str, value: int, layer: int, code: str = "") -> list[str]:
    entry = f"Anatomy~SCT^123037004^Anatomical Structure~{code}~^^~list~^^~^^"
    return [
        f"Segment{number}_Name:={name}",
        f"Segment{number}_LabelValue:={value}",
        f"Segment{number}_Layer:={layer}",
        f"Segment{number}_Tags:=Segmentation.Status:inprogress|TerminologyEntry:{entry}|",
    ]


def t1_datasets(patient_id: str = "P1") -> list[Dataset]:
    """Headers of a T1 series on GRID, without pixels."""
    made = []
    for index in range(GRID.shape[0]):
        ds = Dataset()
        ds.file_meta = hd.sr.coding.Dataset()
        ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        ds.SOPClassUID, ds.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.4", f"{T1_UID}.{index + 1}"
        ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.FrameOfReferenceUID = "1.2.3", T1_UID, FRAME_UID
        ds.PatientID, ds.PatientName, ds.PatientBirthDate, ds.PatientSex = patient_id, "", "", ""
        ds.StudyID = ds.StudyDate = ds.StudyTime = ds.AccessionNumber = ds.ReferringPhysicianName = ""
        ds.Modality, ds.InstanceNumber = "MR", index + 1
        ds.Rows, ds.Columns = GRID.shape[1:]
        directions = GRID.directions_lps
        ds.ImageOrientationPatient = [*directions[:, 2].tolist(), *directions[:, 1].tolist()]
        ds.ImagePositionPatient = GRID.to_patient([index, 0, 0]).tolist()
        ds.PixelSpacing = [GRID.spacing_mm[1], GRID.spacing_mm[2]]
        ds.SliceThickness = ds.SpacingBetweenSlices = GRID.spacing_mm[0]
        made.append(ds)
    return made


def segment(number: int, label: str, code: str, meaning: str) -> hd.seg.SegmentDescription:
    return hd.seg.SegmentDescription(
        segment_number=number,
        segment_label=label,
        segmented_property_category=Code("123037004", "SCT", "Anatomical Structure"),
        segmented_property_type=Code(code, "SCT", meaning),
        algorithm_type=hd.seg.SegmentAlgorithmTypeValues.MANUAL,
    )


def stored_seg(
    headers: list[Dataset], array: np.ndarray, kind: str, segments: list[hd.seg.SegmentDescription], **more: object
) -> hd.seg.Segmentation:
    """A DICOM SEG of a series, as highdicom makes it."""
    return hd.seg.Segmentation(
        source_images=headers,
        pixel_array=array,
        segmentation_type=kind,
        segment_descriptions=segments,
        series_instance_uid=generate_uid(),
        series_number=9,
        sop_instance_uid=generate_uid(),
        instance_number=1,
        manufacturer="x",
        manufacturer_model_name="y",
        software_versions="1",
        device_serial_number="1",
        **more,
    )


def seg(path: Path, array: np.ndarray, kind: str, *, patient_id: str = "P1", **changes: object) -> Path:
    """A DICOM SEG of sacrum and ilium on GRID's series; `changes` are set on the finished object."""
    more = {"fractional_type": "PROBABILITY"} if kind == "FRACTIONAL" else {}
    pixels = array if kind == "FRACTIONAL" or array.ndim == 4 else array.astype(np.uint8)
    segments = [
        segment(1, "a bone", "54735007", "Sacrum"),
        segment(2, "hip left", "91723000", "Anatomical structure"),
    ]
    stored = stored_seg(t1_datasets(patient_id), pixels, kind, segments, **more)
    for keyword, value in changes.items():
        setattr(stored, keyword, value)
    stored.save_as(path)
    return path
