"""Lesions as a site's own readers mark them: a voxel model learnt from labelled studies, used only when asked for."""

from marrowsignal.learned_lesions.make import build_with_lesions
from marrowsignal.learned_lesions.propose import propose_lesions
from marrowsignal.learned_lesions.records import LabelledLesions, LeftOutLesions, LesionModel
from marrowsignal.learned_lesions.storage import StoredModel, read_lesion_contents, read_lesion_model

__all__ = [
    "LabelledLesions",
    "LeftOutLesions",
    "LesionModel",
    "StoredModel",
    "build_with_lesions",
    "propose_lesions",
    "read_lesion_contents",
    "read_lesion_model",
]
