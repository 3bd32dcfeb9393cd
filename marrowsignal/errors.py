"""Every error marrowsignal raises on purpose.

::

    MarrowSignalError
    +-- UsageError             exit 2   an option or argument makes no sense
    |   +-- ProtocolError      exit 2   a protocol is unknown or malformed
    +-- NoUsablePairError      exit 3   no T1 + STIR pair; carries each series and its reason
    +-- InputError             exit 5   the input cannot be read
    |   +-- DicomError         exit 5   a DICOM file or series cannot be read
    |   +-- MaskError          exit 5   a supplied mask cannot be used
    |   +-- PacsError          exit 5   a PACS cannot be reached, refuses, or does not give what it lists
    +-- GeometryError          exit 5   two things that must share a space do not
    +-- OutputError            exit 6   the output folder cannot be written
    +-- SomeStudiesFailedError exit 8   a run over many studies left failures

An error says what is wrong, where and what to do. No message carries a patient name, a birth date, a path or
the name of a file or folder, which may be a patient's too: a file is told by its place in its series.
"""

from __future__ import annotations

__all__ = [
    "DicomError",
    "GeometryError",
    "InputError",
    "MarrowSignalError",
    "MaskError",
    "NoUsablePairError",
    "OutputError",
    "PacsError",
    "ProtocolError",
    "SomeStudiesFailedError",
    "UsageError",
]


class MarrowSignalError(Exception):
    """Base of all errors raised on purpose.

    Parameters
    ----------
    message : str
        What is wrong and where, in one sentence.
    code : str
        Stable snake_case identifier for scripts.
    stage : str
        Step of the pipeline, for example ``"find_series"``.
    hint : str
        What the user can do about it.
    """

    exit_code = 1

    def __init__(self, message: str, *, code: str, stage: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.stage = stage
        self.hint = hint

    def __str__(self) -> str:
        text = f"{self.stage}: {self.message} [{self.code}]"
        return f"{text}\n  {self.hint}" if self.hint else text


class UsageError(MarrowSignalError):
    """An option or argument makes no sense."""

    exit_code = 2


class ProtocolError(UsageError):
    """A protocol is unknown or malformed."""


class NoUsablePairError(MarrowSignalError):
    """No T1 + STIR pair can be analyzed.

    Parameters
    ----------
    series_reasons : tuple of str
        One line a series: what it is and why it does not serve.
    """

    exit_code = 3

    def __init__(
        self,
        message: str,
        *,
        code: str,
        stage: str,
        hint: str = "",
        series_reasons: tuple[str, ...] = (),
    ) -> None:
        super().__init__(message, code=code, stage=stage, hint=hint)
        self.series_reasons = series_reasons

    def __str__(self) -> str:
        lines = [super().__str__(), *(f"  - {reason}" for reason in self.series_reasons)]
        return "\n".join(lines)


class InputError(MarrowSignalError):
    """The input cannot be read."""

    exit_code = 5


class DicomError(InputError):
    """A DICOM file or series cannot be read."""


class MaskError(InputError):
    """A supplied mask cannot be used."""


class PacsError(InputError):
    """A PACS cannot be reached, refuses, or does not give what it lists."""


class GeometryError(MarrowSignalError):
    """Two things that must share a space do not."""

    exit_code = 5


class OutputError(MarrowSignalError):
    """The output folder cannot be written."""

    exit_code = 6


class SomeStudiesFailedError(MarrowSignalError):
    """A run over many studies left failures."""

    exit_code = 8
