"""What the picture for the PACS says and shows: the page's first screen, in the same words."""

from __future__ import annotations

from dataclasses import dataclass

from marrowsignal.report.pictures.figures import crop_around
from marrowsignal.report.pictures.key_picture import key_picture
from marrowsignal.report.pictures.scene import Picture, scene_of
from marrowsignal.report.views.first_screen import FirstScreenView, first_screen_view
from marrowsignal.results.study_result import StudyResult

__all__ = ["CaptureContent", "content_of"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CaptureContent:
    """Texts and key picture.

    Attributes
    ----------
    words : FirstScreenView
        As on the page; the case and the label of the pair are not drawn.
    made_by : str
        Tool and version.
    picture : Picture
        The key picture of the page: T1, then STIR where there is one.
    """

    words: FirstScreenView
    made_by: str
    picture: Picture


def content_of(result: StudyResult) -> CaptureContent:
    """Gather what the picture says and shows.

    Parameters
    ----------
    result : StudyResult
        One analyzed study.
    """
    words = first_screen_view(result)
    scene = scene_of(result)
    marrow, body = result.marrow.labels.mask, result.pair.body_mask
    crop = crop_around(marrow if marrow.any() else body, scene.orientation)
    return CaptureContent(
        words=words,
        made_by=f"marrowsignal {result.provenance.version}",
        picture=key_picture(scene, words.key, crop),
    )
