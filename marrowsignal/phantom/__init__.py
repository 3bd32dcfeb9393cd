"""Synthetic T1 + STIR studies of the pelvis with known truth: signal equations, anatomy, artifacts, DICOM."""

from marrowsignal.phantom.dicom_writer import DicomOptions
from marrowsignal.phantom.options import SeriesOptions, StudyOptions, coronal_oblique_grid
from marrowsignal.phantom.patterns import TissueMaps
from marrowsignal.phantom.study import make_study, names, tissue_maps
from marrowsignal.phantom.subject import draw_subject
from marrowsignal.phantom.truth import LesionTruth, PhantomTruth, RegionTruth

__all__ = [
    "DicomOptions",
    "LesionTruth",
    "PhantomTruth",
    "RegionTruth",
    "SeriesOptions",
    "StudyOptions",
    "TissueMaps",
    "coronal_oblique_grid",
    "draw_subject",
    "make_study",
    "names",
    "tissue_maps",
]
