"""What a BIDS derivative dataset has beside its subjects, made once and never over another dataset's."""

from __future__ import annotations

import json
import tempfile
from contextlib import suppress
from pathlib import Path

from marrowsignal import __version__
from marrowsignal.errors import OutputError
from marrowsignal.exports.layout import Layout

__all__ = ["check_bids_place", "claim_dataset"]

_STAGE = "write_case"
_TOOL = "marrowsignal"
_BIDS_VERSION = "1.11.0"
_DESCRIPTION = "dataset_description.json"
_README = """# Marrow signal on T1 and STIR

Derivatives of marrowsignal, one folder a study. Research use only: every pattern is "-like", never a diagnosis.

`anat/` holds T1 and STIR corrected for coil shading, STIR on the grid of T1; the T1 fat-signal index, whose sidecar
gives its formula; label maps of marrow, its regions and what was found. Beside it lie the page, the tables and
`result.json`, which BIDS has no names for; `columns.json` tells what each column of the tables means. Which version
and which protocol made a study stands in its sidecars: studies of several versions may share this dataset.
"""
_IGNORED = """cohort/
cohort.*
ledger*
private/
sub-*/*.html
sub-*/*.json
sub-*/*.csv
sub-*/dicom/
sub-*/state/
sub-*/anat/*.label.txt
sub-*/anat/*.ctbl
"""


def check_bids_place(out: Path, case: str) -> None:
    """Refuse a place where a study cannot become a subject of a BIDS dataset.

    Parameters
    ----------
    out : Path
        Root of the dataset; there may be none yet.
    case : str
        Name of the case.

    Raises
    ------
    UsageError
        If the case name leaves no subject label.
    OutputError
        If `out` is the dataset of another program, or another case has the same subject label.
    """
    description = out / _DESCRIPTION
    if description.exists() and not _ours(description):
        raise OutputError(
            "the output folder is the BIDS dataset of another program",
            code="bids_dataset_foreign",
            stage=_STAGE,
            hint="give a folder of its own with -o, such as derivatives/marrowsignal in that dataset",
        )
    folder = out / Layout.BIDS.folder_name(case)
    if folder.exists() and _case_in(folder) != case:
        raise OutputError(
            f"{folder.name} holds another case than {case}",
            code="bids_label_taken",
            stage=_STAGE,
            hint="BIDS keeps only letters and digits of a name: choose another --case",
        )


def claim_dataset(out: Path) -> None:
    """Make ``dataset_description.json``, ``README.md`` and ``.bidsignore`` where they are missing.

    Parameters
    ----------
    out : Path
        Root of the dataset; made when missing.

    Raises
    ------
    OSError
        If they cannot be written.
    """
    out.mkdir(parents=True, exist_ok=True)
    made_by = {
        "Name": _TOOL,
        "Version": __version__,
        "Description": "Marrow signal on T1 and STIR, relative to the patient's own muscle, fat and marrow",
    }
    description = {
        "Name": "Marrow signal on T1 and STIR",
        "BIDSVersion": _BIDS_VERSION,
        "DatasetType": "derivative",
        "GeneratedBy": [made_by],
    }
    _make(out / ".bidsignore", _IGNORED)
    _make(out / "README.md", _README)
    _make(out / _DESCRIPTION, json.dumps(description, indent=2) + "\n")


def _make(file: Path, text: str) -> None:
    """Write a file whole, unless it is there: of several processes the first one wins."""
    if file.exists():
        return
    with tempfile.TemporaryDirectory(prefix=".", suffix=".partial", dir=file.parent) as folder:
        fresh = Path(folder) / file.name
        fresh.write_bytes(text.encode("utf-8"))
        # Windows refuses to rename over a file that another process was first to make.
        with suppress(FileExistsError):
            fresh.rename(file)


def _ours(description: Path) -> bool:
    try:
        told = json.loads(description.read_bytes())
    except (OSError, ValueError):
        return False
    makers = told.get("GeneratedBy") if isinstance(told, dict) else None
    names = [maker.get("Name") for maker in makers if isinstance(maker, dict)] if isinstance(makers, list) else []
    return _TOOL in names and told.get("DatasetType") == "derivative"


def _case_in(folder: Path) -> str | None:
    try:
        told = json.loads((folder / "result.json").read_bytes())
    except (OSError, ValueError):
        return None
    case = told.get("case") if isinstance(told, dict) else None
    return case if isinstance(case, str) else None
