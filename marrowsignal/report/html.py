"""Templates and style become one HTML text that needs nothing else."""

from __future__ import annotations

import base64
import hashlib
from functools import lru_cache
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

__all__ = ["rendered_page"]


def rendered_page(template: str, page: object, *, styles: tuple[str, ...], scripts: tuple[str, ...] = ()) -> str:
    """Render one page; it loads nothing, runs no script but our own, and every text in it is escaped.

    Parameters
    ----------
    template : str
        File below ``templates``.
    page : object
        Its texts and pictures, as ``page``.
    styles : tuple of str
        Style sheets below ``templates``, in their order.
    scripts : tuple of str
        Scripts below ``templates``, in their order; they become one that shares nothing with the page but its
        elements, and whose hash is all that the page's policy allows.

    Returns
    -------
    str
        HTML, to be stored as UTF-8.
    """
    css = "".join(_text(name) for name in styles)
    script = _joined(scripts)
    allowed = f"script-src {_digest(script)}; " if script else ""
    policy = (
        f"default-src 'none'; img-src data:; style-src {_digest(css)}; {allowed}base-uri 'none'; form-action 'none'"
    )
    # Style and script are ours and their hashes stand in the policy: they must not be escaped.
    own = {"css": Markup(css), "script": Markup(script)}
    return _environment().get_template(template).render(page=page, policy=policy, **own)


def _joined(scripts: tuple[str, ...]) -> str:
    text = "".join(_text(name) for name in scripts)
    return f'(() => {{\n"use strict";\n{text}}})();\n' if text else ""


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode('utf-8')).digest()).decode('ascii')}'"


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


@lru_cache(maxsize=16)
def _text(name: str) -> str:
    text = (files("marrowsignal.report") / "templates" / name).read_text(encoding="utf-8")
    return text.replace("\r\n", "\n")
