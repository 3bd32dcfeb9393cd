"""A browser without a window for tests that look at pages as their readers do."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

_BROWSERS = ("chromium", "chromium-browser", "google-chrome")
_COMPLAINTS = ("error", "warning", "assert")


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Playwright's Chromium, the one of this machine."""
    playwright = pytest.importorskip("playwright.sync_api", reason="no playwright here: pip install playwright")
    found = next((path for name in _BROWSERS if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip(f"no browser here: none of {', '.join(_BROWSERS)} is on the PATH")
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-gpu"])
        yield chromium
        chromium.close()


@pytest.fixture
def open_page(browser: Any, tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Open HTML from a file as a playwright Page; options are those of a browser context, `fragment` and `reuse`.

    `reuse` is a page opened before: it goes to the new file and keeps its lists.
    The page has two lists more: ``complaints`` (what the console and the page's policy reported, and every error) and
    ``requested`` (addresses asked for). When the test ends both are checked: nothing to complain of, nothing remote.
    """
    contexts: list[Any] = []
    pages: list[Any] = []
    files: list[Path] = []

    def open_one(html: str, *, fragment: str = "", reuse: Any = None, **options: Any) -> Any:
        files.append(tmp_path / f"page-{len(files)}.html")
        files[-1].write_bytes(html.encode("utf-8"))
        page = reuse or new_page(**options)
        page.goto(files[-1].as_uri() + fragment)
        return page

    def new_page(**options: Any) -> Any:
        options.setdefault("viewport", {"width": 1366, "height": 768})
        contexts.append(browser.new_context(**options))
        page = contexts[-1].new_page()
        page.set_default_timeout(5000)
        page.complaints, page.requested = [], []
        page.on("console", lambda said: page.complaints.append(said.text) if said.type in _COMPLAINTS else None)
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        page.on("request", lambda request: page.requested.append(request.url))
        pages.append(page)
        return page

    yield open_one
    complaints = [text for page in pages for text in page.complaints]
    remote = [url for page in pages for url in page.requested if not url.startswith(("file:", "data:", "blob:"))]
    for context in contexts:
        context.close()
    assert complaints == []
    assert remote == []
