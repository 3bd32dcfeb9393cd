"""Labels from a file of the user's: formats, label tables, any grid."""

from marrowsignal.marrow.supplied.label_table import read_label_table
from marrowsignal.marrow.supplied.place import drawn_on_stir, place_labels
from marrowsignal.marrow.supplied.read import read_drawn_labels, read_supplied, read_supplied_marrow
from marrowsignal.marrow.supplied.records import DrawnLabels, NamedLabel, SeriesReference, StudySpace

__all__ = [
    "DrawnLabels",
    "NamedLabel",
    "SeriesReference",
    "StudySpace",
    "drawn_on_stir",
    "place_labels",
    "read_drawn_labels",
    "read_label_table",
    "read_supplied",
    "read_supplied_marrow",
]
