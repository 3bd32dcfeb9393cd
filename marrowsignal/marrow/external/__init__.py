"""Labels from segmenters that are installed on this machine as programs of their own."""

from marrowsignal.marrow.external.records import Segmenter, SegmenterTask
from marrowsignal.marrow.external.segment import segment_external
from marrowsignal.marrow.external.tools import ToolState, find_segmenter, list_tools

__all__ = ["Segmenter", "SegmenterTask", "ToolState", "find_segmenter", "list_tools", "segment_external"]
