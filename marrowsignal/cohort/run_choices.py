"""What a user chose for all studies of a run, and its hash: another one means that all is done anew."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from marrowsignal import __version__
from marrowsignal.cohort.ledger_plan import PlannedStudy
from marrowsignal.cohort.records import CaseTask, StudySource
from marrowsignal.dicom import input_sha256
from marrowsignal.protocol import load_protocol, protocol_names, protocol_sha256
from marrowsignal.protocol.series_rules_file import default_series_rules, load_series_rules, series_rules_sha256

__all__ = ["RunChoices"]

_ATLAS, _EXTERNAL = "atlas:", "external:"
_TOML = ".toml"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunChoices:
    """Choices for all studies, as the options of `analyze`, checked.

    Attributes
    ----------
    out : Path
        Folder of the cases.
    protocol : str or None
        Built-in name or TOML file; by default chosen by BodyPartExamined of each study.
    marrow_from, lesions_from : str
        Ways to marrow and lesions.
    series_rules : Path or None
        Own rules.
    allow_t1_only, dicom : bool
        As of ``analyze``.
    layout : str
        Names of folders and images.
    """

    out: Path
    protocol: str | None = None
    marrow_from: str = "automatic"
    lesions_from: str = "rules"
    series_rules: Path | None = None
    allow_t1_only: bool = False
    dicom: bool = True
    layout: str = "case"

    def sha256(self) -> str:
        """Return the hash of all that results depend on but the studies: version, protocols, rules, atlases, options.

        Of files the contents count, not the places.

        Raises
        ------
        ProtocolError
            If the protocol or the rules cannot be read.
        DicomError
            If a file of an atlas cannot be read.
        """
        # Which built-in protocol a study gets depends on the study: all of them count.
        protocols = protocol_names() if self.protocol is None else (self.protocol,)
        rules = default_series_rules() if self.series_rules is None else load_series_rules(self.series_rules)
        parts = (
            __version__,
            *(protocol_sha256(load_protocol(name)) for name in protocols),
            series_rules_sha256(rules),
            _way_sha256(self.marrow_from),
            _way_sha256(self.lesions_from),
            repr((self.allow_t1_only, self.dicom, self.layout)),
        )
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def task(self, study: PlannedStudy) -> CaseTask:
        """Return the task of one study; its paths hold for every process and machine that sees the same folders."""
        return CaseTask(
            source=self._source(study.source),
            out=str(self.out.absolute()),
            marrow_from=_absolute_way(self.marrow_from),
            lesions_from=_absolute_way(self.lesions_from),
            series_rules=None if self.series_rules is None else str(self.series_rules.absolute()),
            allow_t1_only=self.allow_t1_only,
            dicom=self.dicom,
            layout=self.layout,
            done_input_sha256=study.done_input_sha256,
        )

    def _source(self, source: StudySource) -> StudySource:
        protocol = source.protocol or self.protocol
        if protocol is not None and protocol.endswith(_TOML):
            protocol = str(Path(protocol).absolute())
        changes = {
            "paths": tuple(str(Path(path).absolute()) for path in source.paths),
            "marrow": None if source.marrow is None else str(Path(source.marrow).absolute()),
            "protocol": protocol,
        }
        return source.model_copy(update=changes)


def _way_sha256(way: str) -> str:
    if way.startswith(_ATLAS):
        return input_sha256(sorted(file for file in Path(way.removeprefix(_ATLAS)).rglob("*") if file.is_file()))
    own = _own_segmenter(way)
    return way if own is None else _EXTERNAL + input_sha256([own])


def _absolute_way(way: str) -> str:
    if way.startswith(_ATLAS):
        return f"{_ATLAS}{Path(way.removeprefix(_ATLAS)).absolute()}"
    own = _own_segmenter(way)
    return way if own is None else f"{_EXTERNAL}{own.absolute()}"


def _own_segmenter(way: str) -> Path | None:
    """Return the file that describes a segmenter of the user's own."""
    return Path(way.removeprefix(_EXTERNAL)).expanduser() if way.startswith(_EXTERNAL) and way.endswith(_TOML) else None
