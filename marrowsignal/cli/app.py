"""The command `marrowsignal`: its subcommands, and the one place where errors become exit codes."""

from __future__ import annotations

import io
import itertools
import logging
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated

import typer
from typer.core import TyperCommand

from marrowsignal import __version__
from marrowsignal.cli.analyze import analyze
from marrowsignal.cli.atlas import atlas_app
from marrowsignal.cli.batch import batch
from marrowsignal.cli.calibrate import calibrate
from marrowsignal.cli.cohort import cohort
from marrowsignal.cli.compare import compare
from marrowsignal.cli.fetch import fetch
from marrowsignal.cli.inspect import inspect
from marrowsignal.cli.listen import listen
from marrowsignal.cli.phantom import phantom
from marrowsignal.cli.protocol import protocol_app
from marrowsignal.cli.push import push
from marrowsignal.cli.segmenters import segmenters_app
from marrowsignal.cli.selftest import selftest
from marrowsignal.cli.terminal import QuietFormatter, say
from marrowsignal.cli.verbosity import be_verbose
from marrowsignal.errors import MarrowSignalError, UsageError

__all__ = ["app", "main"]

_EXIT_CODES = (
    "Exit codes: 0 done; 1 a bug; 2 usage or protocol; 3 no usable T1 + STIR pair; 5 input unreadable; "
    "6 output not writable, or refused by the PACS; 8 some pairs of a study, or some studies of a batch, failed; "
    "130 interrupted; 143 terminated. "
    "Research use only: nothing here is a diagnosis."
)


# What shells report of a command that SIGTERM ended.
_TERMINATED = 128 + signal.SIGTERM


class _Command(TyperCommand):
    """A subcommand that does not repeat arguments it cannot place: an unquoted path may name a patient."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]
        """Parse, and refuse empty arguments and those beyond the ones there are."""
        if any(not arg and not before.startswith("-") for before, arg in itertools.pairwise(["", *args])):
            # An unset variable of a script must not become the current folder.
            raise UsageError(
                "an argument is empty",
                code="arguments",
                stage=ctx.info_name or "marrowsignal",
                hint="check the variables of your script",
            )
        ctx.allow_extra_args = True
        beyond = super().parse_args(ctx, args)
        if beyond:
            raise UsageError(
                f"there are {len(beyond)} arguments too many",
                code="arguments",
                stage=ctx.info_name or "marrowsignal",
                hint="put a path that holds spaces between quotation marks",
            )
        return beyond


app = typer.Typer(
    name="marrowsignal",
    help="T1/STIR bone-marrow signal analysis of DICOM studies.",
    epilog=_EXIT_CODES,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("inspect", cls=_Command)(inspect)
app.command("analyze", cls=_Command)(analyze)
app.command("batch", cls=_Command)(batch)
app.command("cohort", cls=_Command)(cohort)
app.command("compare", cls=_Command)(compare)
app.command("calibrate", cls=_Command)(calibrate)
app.command("phantom", cls=_Command)(phantom)
app.command("selftest", cls=_Command)(selftest)
app.command("fetch", cls=_Command)(fetch)
app.command("push", cls=_Command)(push)
app.command("listen", cls=_Command)(listen)
app.add_typer(atlas_app, name="atlas")
app.add_typer(protocol_app, name="protocol")
app.add_typer(segmenters_app, name="segmenters")

_log = logging.getLogger("marrowsignal.cli")


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"marrowsignal {__version__}")
        raise typer.Exit()


@app.callback()
def _root(
    *,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit."),
    ] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Where libraries warn, and the traceback of a bug.")
    ] = False,
) -> None:
    """T1/STIR bone-marrow signal analysis of DICOM studies."""
    if verbose:
        be_verbose()


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments without the program's name; by default those of the process.

    Returns
    -------
    int
        Exit code.
    """
    _make_streams_tolerant()
    if argv is None:
        # What a scheduler sends: leave as after Ctrl-C, so that unpacked images go.
        signal.signal(signal.SIGTERM, _terminated)
    with _logging_to_stderr():
        try:
            app(args=None if argv is None else list(argv), prog_name="marrowsignal")
        except SystemExit as stop:
            return stop.code if isinstance(stop.code, int) else 0
        except KeyboardInterrupt:
            typer.echo("interrupted", err=True)
            return 130
        except MarrowSignalError as error:
            say(f"error: {error}", err=True)
            return error.exit_code
        except Exception as error:  # noqa: BLE001 - the last line of defence: a bug ends in one clear line
            _report_bug(error)
            return 1
    return 0


def _terminated(_number: int, _frame: object) -> None:
    sys.exit(_TERMINATED)


def _report_bug(error: Exception) -> None:
    _log.debug("unexpected error", exc_info=error)
    hint = "" if _log.isEnabledFor(logging.DEBUG) else "; run again with -v for the traceback"
    # The message of a foreign exception may hold a path or a header value: only its type is told.
    say(f"error: this is a bug in marrowsignal ({type(error).__name__}){hint}", err=True)


def _make_streams_tolerant() -> None:
    # A series description may hold letters that a console's code page lacks.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


@contextmanager
def _logging_to_stderr() -> Iterator[None]:
    # Third-party warnings and log records go to stderr with -v only (see `verbosity`), without their words.
    root, ours = logging.getLogger(), logging.getLogger("marrowsignal")
    before = root.level, ours.level
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(QuietFormatter())
    root.addHandler(handler)
    root.setLevel(logging.CRITICAL)
    logging.captureWarnings(capture=True)
    try:
        yield
    finally:
        logging.captureWarnings(capture=False)
        root.removeHandler(handler)
        root.setLevel(before[0])
        ours.setLevel(before[1])
