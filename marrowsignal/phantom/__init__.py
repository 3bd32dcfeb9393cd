"""Synthetic T1 + STIR studies with known truth: signal equations, anatomy, artifacts, DICOM."""

import importlib

_W = {
    "Breathing": "acquisition",
    "Coil": "acquisition",
    "Metal": "acquisition",
    "SeriesPhysics": "acquisition",
    "Person": "catalogue",
    "PhantomSpec": "catalogue",
    "phantoms": "catalogue",
    "load_spec": "catalogue",
    "names": "catalogue",
    "DicomOptions": "dicom_files",
    "TissueMaps": "maps",
    "Motion": "options",
    "StudyOptions": "options",
    "SimulatedStudy": "study",
    "make_study": "study",
    "simulate_study": "study",
    "tissue_maps": "study",
    "draw_subject": "subject",
    "LesionTruth": "truth",
    "PhantomTruth": "truth",
    "RegionTruth": "truth",
    "View": "views",
    "coronal_oblique_grid": "views",
    "all_views": "views",
}


def __getattr__(name):
    if name in _W:
        return getattr(importlib.import_module("marrowsignal.phantom." + _W[name]), name)
    raise AttributeError(name)
