"""Marrow as a site's own labelled studies show it: multi-atlas registration, voting and learned refinement."""

from marrowsignal.marrow.atlas.document import AtlasDocument
from marrowsignal.marrow.atlas.make import build_atlas
from marrowsignal.marrow.atlas.records import Atlas, AtlasSubject, LeftOut
from marrowsignal.marrow.atlas.segment import segment_with_atlas
from marrowsignal.marrow.atlas.storage import read_atlas, read_contents

__all__ = [
    "Atlas",
    "AtlasDocument",
    "AtlasSubject",
    "LeftOut",
    "build_atlas",
    "read_atlas",
    "read_contents",
    "segment_with_atlas",
]
