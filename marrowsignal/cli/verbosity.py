"""How much is told on stderr: progress, log records, nothing."""

from __future__ import annotations

import logging

__all__ = ["be_verbose"]


def be_verbose() -> None:
    """Show our debug records, tracebacks of bugs included, and where libraries warn."""
    logging.getLogger().setLevel(logging.WARNING)
    logging.getLogger("marrowsignal").setLevel(logging.DEBUG)
