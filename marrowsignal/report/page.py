"""The page itself: one HTML file that needs nothing else."""

from __future__ import annotations

import base64
import hashlib
from functools import lru_cache
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from marrowsignal.report.view_model import build_page
from marrowsignal.results.study_result import StudyResult

__all__ = ["render_report"]


def render_report(result: StudyResult) -> str:
    """Render one study as a self-contained HTML page.

    The page loads nothing from anywhere and runs no script; every text from the study is escaped. The same result
    gives the same characters: dates and timings stay in ``result.json``.

    Parameters
    ----------
    result : StudyResult
        One analyzed study.

    Returns
    -------
    str
        HTML, to be stored as UTF-8.
    """
    css = _style()
    digest = base64.b64encode(hashlib.sha256(css.encode("utf-8")).digest()).decode("ascii")
    policy = f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    template = _environment().get_template("page.html.j2")
    # The style sheet is ours and its hash stands in the policy: it must not be escaped.
    return template.render(page=build_page(result), css=Markup(css), policy=policy)


@lru_cache(maxsize=1)
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("marrowsignal.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


@lru_cache(maxsize=1)
def _style() -> str:
    text = (files("marrowsignal.report") / "templates" / "page.css").read_text(encoding="utf-8")
    return text.replace("\r\n", "\n")
