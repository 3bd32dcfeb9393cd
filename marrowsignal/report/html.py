"""Templates and style become one HTML text that needs nothing else."""

from __future__ import annotations

import base64
import hashlib
from functools import lru_cache
from importlib.resources import files

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

__all__ = ["rendered_page"]


_OWN = "marrowsignal.report"


def rendered_page(
    template: str, page: object, *, styles: tuple[str, ...], scripts: tuple[str, ...] = (), package: str = _OWN
) -> str:
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
    package : str
        Where ``templates`` is looked for first; what it has not is taken from those of the report.

    Returns
    -------
    str
        HTML, to be stored as UTF-8.
    """
    css = "".join(_text(name, package) for name in styles)
    script = _joined(scripts, package)
    allowed = f"script-src {_digest(script)}; " if script else ""
    policy = (
        f"default-src 'none'; img-src data:; style-src {_digest(css)}; {allowed}base-uri 'none'; form-action 'none'"
    )
    # Style and script are ours and their hashes stand in the policy: they must not be escaped.
    own = {"css": Markup(css), "script": Markup(script)}
    return _environment(package).get_template(template).render(page=page, policy=policy, **own)


def _joined(scripts: tuple[str, ...], package: str) -> str:
    text = "".join(_text(name, package) for name in scripts)
    return f'(() => {{\n"use strict";\n{text}}})();\n' if text else ""


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode('utf-8')).digest()).decode('ascii')}'"


@lru_cache(maxsize=2)
def _environment(package: str) -> Environment:
    return Environment(
        loader=ChoiceLoader([PackageLoader(one, "templates") for one in dict.fromkeys((package, _OWN))]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


@lru_cache(maxsize=32)
def _text(name: str, package: str) -> str:
    places = (files(one) / "templates" / name for one in (package, _OWN))
    text = next(place for place in places if place.is_file()).read_text(encoding="utf-8")
    return text.replace("\r\n", "\n")
