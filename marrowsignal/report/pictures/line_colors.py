"""Colors of what is outlined on slices: the same in the still pictures, in the viewer and in the captured picture."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["LINE_COLORS"]

# page.css has them too. A focus dark on T1 is told from the midline and from the patient's left, both light blue.
LINE_COLORS: Mapping[str, str] = {
    "marrow": "#ffe34d",
    "lesion": "#ff5a36",
    "lesion-other": "#ffa58f",
    "dark": "#39e0c8",
    "region": "#ff9df2",
    "metal": "#d6b3ff",
    "muscle": "#ff7ad9",
    "fat": "#ffd23f",
    "normal": "#6dff7a",
}
