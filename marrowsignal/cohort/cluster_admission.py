"""What a worker of a cluster must be before it gets studies: of this version, with the same folders."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from marrowsignal import __version__
from marrowsignal.cohort import cluster_worker
from marrowsignal.errors import OutputError, UsageError

if TYPE_CHECKING:
    from distributed import Client

__all__ = ["Admission"]

_STAGE = "batch"


@dataclass(slots=True, kw_only=True)
class Admission:
    """Looks at workers of a run.

    Attributes
    ----------
    client : Client
        Connected to the cluster.
    out : Path
        Folder of the cases.
    inputs : tuple of Path
        What studies are read from.
    tell : callable
        Given warnings, for people.
    """

    client: Client
    out: Path
    inputs: tuple[Path, ...]
    tell: Callable[[str], None]
    _differ: set[str] = field(default_factory=set)

    def admit(self, workers: list[str]) -> None:
        """Look at new workers.

        Parameters
        ----------
        workers : list of str
            Their addresses.

        Raises
        ------
        UsageError
            If one has no marrowsignal, another version of it, or does not see the folders of the run.
        OutputError
            If one cannot write the output folder.
        """
        # What is asked first every Python can answer.
        versions = self._ask(installed_version, "marrowsignal", workers=workers)
        other = sorted({str(found) for found in versions.values() if found != __version__ and isinstance(found, str)})
        missing = [worker for worker, found in versions.items() if not isinstance(found, str)]
        if other or missing:
            raise _other_version(other, missing=len(missing), of=len(versions))
        self._see_folders(list(versions))
        ours = cluster_worker.result_versions()
        theirs = self._ask(cluster_worker.result_versions, workers=list(versions))
        differ = {pair[0] for found in theirs.values() for pair in set(found) ^ set(ours)} - self._differ
        if differ:
            self._differ |= differ
            names = ", ".join(sorted(differ))
            self.tell(f"warning: workers have other versions of {names}: results may differ in the last digits")

    def _see_folders(self, workers: list[str]) -> None:
        inputs = tuple(str(path.absolute()) for path in self.inputs)
        with _token(self.out) as token:
            views = self._ask(cluster_worker.look, str(self.out.absolute()), token, inputs, workers=workers)
        seen = [view for view in views.values() if isinstance(view, cluster_worker.WorkerView)]
        if len(seen) < len(views):
            raise _other_version([], missing=len(views) - len(seen), of=len(views))
        for what, good in (("output folder", "output"), ("studies", "inputs")):
            blind = sum(not getattr(view, good) for view in seen)
            if blind:
                raise UsageError(
                    f"{blind} of {len(seen)} workers do not see the {what}",
                    code="folder_not_shared",
                    stage=_STAGE,
                    hint="a cluster needs one file system that all its machines see under the same paths",
                )
        if not all(view.writable for view in seen):
            raise OutputError(
                "a worker of the cluster cannot write the output folder",
                code="output_not_writable",
                stage=_STAGE,
                hint="run the workers as the user that the folder belongs to",
            )

    def _ask(self, question: Callable[..., Any], *arguments: Any, workers: list[str]) -> dict[str, Any]:
        """Return what workers answer, or the error of it; those that have gone meanwhile are left out."""
        answers = self.client.run(question, *arguments, workers=workers, on_error="return")
        return {worker: answer for worker, answer in answers.items() if not isinstance(answer, OSError)}


@contextmanager
def _token(out: Path) -> Iterator[str]:
    """Put a file into the output folder by which a worker knows it."""
    token = f".marrowsignal-cluster-{secrets.token_hex(8)}"
    file = out / token
    try:
        _write(file, token)
        yield token
    finally:
        file.unlink(missing_ok=True)


def _write(file: Path, token: str) -> None:
    try:
        with file.open("w", encoding="ascii") as opened:
            opened.write(token)
            opened.flush()
            os.fsync(opened.fileno())
    except OSError as error:
        raise OutputError(
            f"the output folder cannot be written ({error.strerror})",
            code="output_not_writable",
            stage=_STAGE,
            hint="check that the output folder is writable and has space left",
        ) from error


def _other_version(versions: list[str], *, missing: int, of: int) -> UsageError:
    what = [f"version {', '.join(versions)} where this is {__version__}"] if versions else []
    what += [f"none on {missing} of {of}"] if missing else []
    return UsageError(
        f"workers of the cluster have another marrowsignal ({'; '.join(what)})",
        code="worker_version",
        stage=_STAGE,
        hint="install the same version in the environment that workers are started from",
    )
