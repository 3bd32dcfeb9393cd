"""Small real DICOM files, written with pydicom: no mocks."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian

MR = "1.2.840.10008.5.1.4.1.1.4"
T1 = {"ScanningSequence": "SE", "RepetitionTime": 550, "EchoTime": 11, "SequenceName": "*tse2d1_3"}
STIR = {
    "ScanningSequence": ["SE", "IR"],
    "RepetitionTime": 4500,
    "EchoTime": 50,
    "InversionTime": 150,
    "SequenceName": "*tir2d1_11",
}


def uid(name: str) -> UID:
    """A UID that follows from a name, so that tests are the same each time."""
    return UID("2.25." + str(int(hashlib.sha256(name.encode()).hexdigest()[:30], 16)))


@dataclass(frozen=True, kw_only=True)
class SeriesSpec:
    """What to write."""

    name: str = "t1"
    study: str = "study"
    frame: str = "frame"
    number: int = 4
    description: str = ""
    shape: tuple[int, int, int] = (9, 6, 5)
    spacing_mm: tuple[float, float, float] = (4.0, 0.8, 0.5)
    along_columns: tuple[float, float, float] = (1.0, 0.0, 0.0)
    along_rows: tuple[float, float, float] = (0.0, 0.0, -1.0)
    origin_mm: tuple[float, float, float] = (-20.0, 5.0, 30.0)
    header: dict[str, object] = field(default_factory=lambda: dict(T1))
    slopes: tuple[float, ...] = ()
    intercept: float = 0.0
    skip: tuple[int, ...] = ()

    @property
    def normal(self) -> NDArray[np.float64]:
        """Unit normal, right-handed from column and row direction."""
        return np.asarray(np.cross(self.along_columns, self.along_rows))

    def stored(self) -> NDArray[np.uint16]:
        """Stored values that tell every voxel apart."""
        s, r, c = np.indices(self.shape)
        return np.asarray(100 * s + 10 * r + c, dtype=np.uint16)

    def but(self, **changes: object) -> SeriesSpec:
        """A copy with some fields changed."""
        return replace(self, **changes)  # type: ignore[arg-type]

    def with_header(self, **changes: object) -> SeriesSpec:
        """A copy with some DICOM elements changed; None removes one."""
        merged = {k: v for k, v in {**self.header, **changes}.items() if v is not None}
        return replace(self, header=merged)


def dataset_of(spec: SeriesSpec, index: int) -> Dataset:
    """One slice as a data set."""
    ds = Dataset()
    ds.SOPClassUID = MR
    ds.SOPInstanceUID = uid(f"{spec.study}/{spec.name}/{index}")
    ds.StudyInstanceUID, ds.SeriesInstanceUID = uid(spec.study), uid(f"{spec.study}/{spec.name}")
    ds.FrameOfReferenceUID = uid(spec.frame)
    ds.PatientName, ds.PatientID, ds.PatientBirthDate = "Hidden^Name", "H1", "19700101"
    ds.Modality, ds.Manufacturer, ds.MagneticFieldStrength = "MR", "SIEMENS", 1.5
    ds.ImageType = ["ORIGINAL", "PRIMARY", "M", "ND", "NORM"]
    ds.SeriesNumber, ds.InstanceNumber = spec.number, index + 1
    ds.SeriesDescription = spec.description
    ds.AcquisitionDate, ds.AcquisitionTime = "20240101", f"10{spec.number:02d}00"
    ds.Rows, ds.Columns, ds.PixelSpacing = *spec.shape[1:], list(spec.spacing_mm[1:])
    ds.SliceThickness = 3.0
    ds.ImageOrientationPatient = [*spec.along_columns, *spec.along_rows]
    ds.ImagePositionPatient = list(np.asarray(spec.origin_mm) + index * spec.spacing_mm[0] * spec.normal)
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 12, 11, 0
    if spec.slopes:
        ds.RescaleSlope, ds.RescaleIntercept = spec.slopes[index % len(spec.slopes)], spec.intercept
    for keyword, value in spec.header.items():
        setattr(ds, keyword, value)
    ds.PixelData = spec.stored()[index].tobytes()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return ds


def write_series(folder: Path, spec: SeriesSpec, names: list[str] | None = None) -> list[Path]:
    """Write the slices of a series; `names` gives the file name of each slice."""
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for index in range(spec.shape[0]):
        if index in spec.skip:
            continue
        name = names[index] if names else f"{spec.name}_{index:03d}.dcm"
        dataset_of(spec, index).save_as(folder / name, enforce_file_format=True)
        files.append(folder / name)
    return files


def stir_spec() -> SeriesSpec:
    """A STIR on the grid of the default T1."""
    return SeriesSpec(name="stir", number=5, header=dict(STIR))
