"""The studies that a manifest names, with what it says of each."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from pathlib import Path

from marrowsignal.cohort.discovery import Discovery, find_studies, place_key
from marrowsignal.cohort.manifest_rows import ManifestRow, manifest_refused, read_manifest_rows
from marrowsignal.cohort.records import StudySource
from marrowsignal.cohort.shards import Shard, in_shard
from marrowsignal.dicom.privacy.case_name import CaseKey
from marrowsignal.errors import InputError

__all__ = ["read_manifest"]


def read_manifest(
    file: Path,
    *,
    key: CaseKey,
    shard: Shard | None = None,
    on_found: Callable[[int, int], None] = lambda _files, _studies: None,
) -> Discovery:
    """Read a manifest: one row a study.

    Parameters
    ----------
    file : Path
        CSV with the columns ``study`` (a path, relative to the manifest), and where wanted ``study2`` (a second one,
        where T1 and STIR were exported apart), ``case``, ``protocol``, ``marrow``, ``t1_uid`` and ``stir_uid``.
    key : CaseKey
        Makes the keys of the studies; that of the output folder.
    shard : tuple of int, optional
        Only studies of this shard are returned.
    on_found : callable, optional
        Called after each row with the numbers of files looked at and of studies so far.

    Returns
    -------
    Discovery
        A study is told by the name that its row gives the case, else by its StudyInstanceUID; one that cannot be read
        has a `problem`.

    Raises
    ------
    InputError
        If the manifest cannot be read.
    UsageError
        If the header or any row is wrong, or a study is there twice without cases of its own: all is told at once.
    """
    sources: dict[str, StudySource] = {}
    numbers: dict[str, int] = {}
    wrong: list[str] = []
    files = 0
    for row in read_manifest_rows(file):
        found = _found(row, key)
        source = _source(row, found, key)
        files += found.files
        first = numbers.setdefault(source.key, row.number)
        if first != row.number:
            wrong.append(f"row {row.number}: it is the study of row {first}; give each a case of its own")
        sources[source.key] = source
        on_found(files, len(sources))
    if wrong:
        raise manifest_refused(wrong)
    of_shard = (sources[one] for one in sorted(sources) if in_shard(one, shard))
    return Discovery(sources=tuple(of_shard), files=files)


def _found(row: ManifestRow, key: CaseKey) -> Discovery:
    try:
        return find_studies(row.paths, key=key)
    except InputError as error:
        return Discovery(sources=(_unreadable(row, error.message, key),))


def _unreadable(row: ManifestRow, why: str, key: CaseKey) -> StudySource:
    paths = tuple(str(path) for path in row.paths)
    return StudySource(key=place_key(paths[0], key=key), paths=paths, problem=why)


def _source(row: ManifestRow, found: Discovery, key: CaseKey) -> StudySource:
    readable = [source for source in found.sources if source.problem is None]
    uids = sorted({source.study_instance_uid or "" for source in readable})
    problems = [source.problem for source in found.sources if source.problem is not None]
    if len(uids) == 1:
        study_key = readable[0].key
    elif uids:
        study_key = _keyed("studies\0" + "\0".join(uids), key)
    else:
        study_key = place_key(str(row.paths[0]), key=key)
    signatures = "\n".join(sorted(source.signature for source in found.sources))
    return StudySource(
        key=study_key if row.case is None else _keyed(f"case\0{row.case}", key),
        paths=tuple(str(path) for path in row.paths),
        study_instance_uid=uids[0] if len(uids) == 1 else None,
        signature=hashlib.sha256(signatures.encode()).hexdigest()[:32],
        size_bytes=sum(source.size_bytes for source in found.sources),
        files=sum(source.files for source in found.sources),
        case=row.case,
        protocol=row.protocol,
        marrow=None if row.marrow is None else str(row.marrow),
        t1_uid=row.t1_uid,
        stir_uid=row.stir_uid,
        problem=None if readable else "; ".join(problems) or "there is no DICOM at the path of the study",
    )


def _keyed(told: str, key: CaseKey) -> str:
    return hmac.new(key.secret, told.encode(), hashlib.sha256).hexdigest()[:12]
