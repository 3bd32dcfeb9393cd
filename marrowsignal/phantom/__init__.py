"""Synthetic T1 + STIR studies with known truth: signal equations, anatomy, artifacts, DICOM."""

from marrowsignal.phantom.acquisition import Breathing, Coil, Metal, SeriesPhysics
from marrowsignal.phantom.catalogue import Motion, Person, PhantomSpec, load_spec, names, phantoms
from marrowsignal.phantom.dicom_files import DicomOptions
from marrowsignal.phantom.maps import TissueMaps
from marrowsignal.phantom.options import StudyOptions
from marrowsignal.phantom.study import make_study, simulate_study, tissue_maps
from marrowsignal.phantom.study_files import SimulatedStudy
from marrowsignal.phantom.subject import draw_subject
from marrowsignal.phantom.truth import LesionTruth, PhantomTruth, RegionTruth
from marrowsignal.phantom.views import View, all_views, coronal_oblique_grid

__all__ = [
    "Breathing",
    "Coil",
    "DicomOptions",
    "LesionTruth",
    "Metal",
    "Motion",
    "Person",
    "PhantomSpec",
    "PhantomTruth",
    "RegionTruth",
    "SeriesPhysics",
    "SimulatedStudy",
    "StudyOptions",
    "TissueMaps",
    "View",
    "all_views",
    "coronal_oblique_grid",
    "draw_subject",
    "load_spec",
    "make_study",
    "names",
    "phantoms",
    "simulate_study",
    "tissue_maps",
]
