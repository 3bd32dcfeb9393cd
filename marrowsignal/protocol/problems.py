"""What pydantic found wrong with a file, in the words of one line."""

from __future__ import annotations

from pydantic import ValidationError

__all__ = ["first_problem"]


def first_problem(error: ValidationError, whole: str) -> str:
    """Return place and message of the first problem, and how many there are.

    Parameters
    ----------
    error : ValidationError
        What validation raised.
    whole : str
        What to call the place when it is the file itself.
    """
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"]) or whole
    return f"{where}: {first['msg']} ({error.error_count()} problem(s))"
