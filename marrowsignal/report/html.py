"""Templates and style become one HTML text that needs nothing else."""

from __future__ import annotations

import base64
import hashlib
from functools import lru_cache
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

__all__ = ["rendered_page"]


def rendered_page(template: str, page: object, *, styles: tuple[str, ...]) -> str:
    """Render one page; it loads nothing, runs no script, and every text in it is escaped.

    Parameters
    ----------
    template : str
        File below ``templates``.
    page : object
        Its texts and pictures, as ``page``.
    styles : tuple of str
        Style sheets below ``templates``, in their order.

    Returns
    -------
    str
        HTML, to be stored as UTF-8.
    """
    css = "".join(_style(name) for name in styles)
    digest = base64.b64encode(hashlib.sha256(css.encode("utf-8")).digest()).decode("ascii")
    policy = f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    # The style sheet is ours and its hash stands in the policy: it must not be escaped.
    return _environment().get_template(template).render(page=page, css=Markup(css), policy=policy)


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


@lru_cache(maxsize=4)
def _style(name: str) -> str:
    text = (files("marrowsignal.report") / "templates" / name).read_text(encoding="utf-8")
    return text.replace("\r\n", "\n")
