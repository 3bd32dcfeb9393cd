"""Labels from a file of the user's: formats, label tables, any grid."""

from marrowsignal.marrow.supplied.label_table import read_label_table
from marrowsignal.marrow.supplied.place import drawn_on_stir, place_labels
from marrowsignal.marrow.supplied.read import read_drawn_labels, read_supplied, read_supplied_marrow
from marrowsignal.marrow.supplied.records import DrawnLabels, NamedLabel, SeriesReference, StudySpace
from marrowsignal.marrow.supplied.request import MarrowRequest, SuppliedMask, open_supplied, study_space

__all__ = [
    "DrawnLabels",
    "MarrowRequest",
    "NamedLabel",
    "SeriesReference",
    "StudySpace",
    "SuppliedMask",
    "drawn_on_stir",
    "open_supplied",
    "place_labels",
    "read_drawn_labels",
    "read_label_table",
    "read_supplied",
    "read_supplied_marrow",
    "study_space",
]
