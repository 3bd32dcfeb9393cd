"""``marrowsignal listen``: studies that a PACS sends, each analyzed when it is complete."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from marrowsignal.cli.analyze_process import Analyzer
from marrowsignal.cli.paths import check_writable
from marrowsignal.cli.terminal import say
from marrowsignal.cli.verbosity import be_verbose
from marrowsignal.errors import OutputError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from marrowsignal.pacs.dicomweb import Pacs
    from marrowsignal.pacs.records import ListenSettings, TlsFiles

__all__ = ["listen"]

_STAGE = "listen"


def listen(
    *,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder that gets the case folders.")],
    port: Annotated[int, typer.Option(help="Port for C-STORE and C-ECHO; 0 takes a free one.")] = 11112,
    host: Annotated[
        str, typer.Option(help="Address to listen at. The default is reached from this machine only; 0.0.0.0 is all.")
    ] = "127.0.0.1",
    aet: Annotated[str, typer.Option(help="Own AE title; who calls another is refused.")] = "MARROWSIGNAL",
    allow_aet: Annotated[
        list[str] | None, typer.Option(help="AE title of a sender to let in, one or several; by default all are.")
    ] = None,
    inbox: Annotated[
        Path | None, typer.Option(help="Folder for the studies that arrive; by default inbox in the output folder.")
    ] = None,
    quiet_seconds: Annotated[
        float, typer.Option(min=0.0, help="A study is complete when nothing of it came for so long.")
    ] = 60.0,
    keep_hours: Annotated[
        float, typer.Option(min=0.0, help="How long images stay in the inbox when all is done with their study.")
    ] = 72.0,
    min_free_gb: Annotated[
        float, typer.Option(min=0.0, help="Where the disk has less left, senders are told to keep what they have.")
    ] = 2.0,
    push: Annotated[
        str | None, typer.Option(metavar="URL", help="Store the cases' DICOM objects in this PACS (DICOMweb).")
    ] = None,
    ca: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Certificates of the authorities to trust for --push (PEM).")
    ] = None,
    tls_cert: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Own certificate: senders must use TLS.")
    ] = None,
    tls_key: Annotated[Path | None, typer.Option(metavar="FILE", help="Its key.")] = None,
    tls_ca: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Authority that must have signed a sender's certificate.")
    ] = None,
    protocol: Annotated[str | None, typer.Option(help="As for analyze.")] = None,
    marrow_from: Annotated[str | None, typer.Option(help="As for analyze.")] = None,
    lesions_from: Annotated[str | None, typer.Option(help="As for analyze.")] = None,
    allow_t1_only: Annotated[bool, typer.Option("--allow-t1-only", help="As for analyze.")] = False,
    series_rules: Annotated[Path | None, typer.Option(help="As for analyze.")] = None,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Library warnings, and the traceback of a bug.")
    ] = False,
) -> None:
    """Take in studies by C-STORE, analyze each when it is complete, and push its results if asked to.

    Ends with Ctrl-C or SIGTERM (exit code 0); what came and was not analyzed is analyzed at the next start. Each study
    has a folder in the inbox, with outcome.json once it was analyzed or failed.
    """
    if verbose:
        be_verbose()
    from marrowsignal.pacs import ListenSettings
    from marrowsignal.pacs import listen as take_in

    check_writable(output)
    settings = ListenSettings(
        inbox=inbox or output / "inbox",
        out=output,
        host=host,
        port=port,
        ae_title=_ae_title(aet),
        quiet_s=quiet_seconds,
        allowed_ae_titles=tuple(_ae_title(title) for title in allow_aet or ()),
        tls=_tls(tls_cert, tls_key, tls_ca),
        min_free_bytes=int(min_free_gb * 1e9),
        keep_hours=keep_hours,
    )
    options = _analyze_options(protocol, marrow_from, lesions_from, series_rules, allow_t1_only=allow_t1_only)
    with _stopped_by_signals() as stop, _pacs(push, ca) as deliver:
        take_in(
            settings,
            Analyzer(out=output, options=options, stop=stop),
            deliver=deliver,
            stop=stop,
            tell=lambda line: say(line, err=True),
            on_ready=lambda bound: _tell_ready(settings, bound),
        )
    say("stopped", err=True)


def _analyze_options(
    protocol: str | None,
    marrow_from: str | None,
    lesions_from: str | None,
    series_rules: Path | None,
    *,
    allow_t1_only: bool,
) -> tuple[str, ...]:
    """Return the options of `analyze`; those that make no sense are refused now, not at the first study."""
    from marrowsignal.cli.paths import site_series_rules
    from marrowsignal.learned_lesions.way import check_lesion_way
    from marrowsignal.marrow.ways import check_way
    from marrowsignal.protocol import load_protocol

    if protocol is not None:
        load_protocol(protocol)
    if marrow_from is not None:
        check_way(marrow_from)
    if lesions_from is not None:
        check_lesion_way(lesions_from)
    site_series_rules(series_rules)
    given = (
        ("--protocol", protocol),
        ("--marrow-from", marrow_from),
        ("--lesions-from", lesions_from),
        ("--series-rules", series_rules),
    )
    options = tuple(word for name, value in given if value is not None for word in (name, str(value)))
    return (*options, "--allow-t1-only") if allow_t1_only else options


def _ae_title(title: str) -> str:
    bare = title.strip()
    if not (1 <= len(bare) <= 16 and bare.isascii() and bare.isprintable() and "\\" not in bare):
        raise _usage("an AE title is not 1 to 16 letters of ASCII without a backslash", "see --aet and --allow-aet")
    return bare


def _tls(cert: Path | None, key: Path | None, authority: Path | None) -> TlsFiles | None:
    from marrowsignal.pacs.records import TlsFiles

    if cert is None and key is None and authority is None:
        return None
    if cert is None or key is None:
        raise _usage("TLS needs both --tls-cert and --tls-key", "give both, or none of --tls-cert, --tls-key, --tls-ca")
    return TlsFiles(certificate=cert, key=key, client_authority=authority)


def _usage(message: str, hint: str) -> UsageError:
    return UsageError(message, code="option", stage=_STAGE, hint=hint)


@contextmanager
def _stopped_by_signals() -> Iterator[threading.Event]:
    """Give an event that Ctrl-C and SIGTERM set; afterwards they do again what they did before."""
    stop = threading.Event()
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        for number in before:
            signal.signal(number, lambda _number, _frame: stop.set())
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _pacs(url: str | None, ca: Path | None) -> Iterator[Callable[[Path], None] | None]:
    """Give what delivers a case folder; None where no PACS was named."""
    if url is None:
        yield None
        return
    from marrowsignal.pacs import Pacs

    with Pacs(url, ca_file=ca) as pacs:
        for finding in pacs.findings:
            say(f"warning: {finding.message}", err=True)
        yield lambda case: _deliver(pacs, case)


def _deliver(pacs: Pacs, case: Path) -> None:
    from marrowsignal.pacs import push_cases

    refused = push_cases(pacs, [case]).refused
    if refused:
        reasons = "; ".join(f"{sent.file}: {sent.reason}" for sent in refused)
        raise OutputError(reasons, code="pacs_refused_objects", stage="push")


def _tell_ready(settings: ListenSettings, port: int) -> None:
    from marrowsignal.pacs.address import is_loopback

    say(f"listening as {settings.ae_title} on port {port}", err=True)
    if is_loopback(settings.host):
        say("note: only this machine can send; --host 0.0.0.0 lets others in", err=True)
    elif settings.tls is None:
        say("warning: the connection is not encrypted and senders are not proven; see docs/pacs.md", err=True)
