"""The folder a comparison leaves behind: complete, or not there."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from marrowsignal.comparison.document import comparison_json, to_comparison_document
from marrowsignal.comparison.records import Comparison, LesionChange
from marrowsignal.errors import OutputError
from marrowsignal.exports.case_folder import check_case_name
from marrowsignal.exports.images.label_tables import LabelRow, label_tables
from marrowsignal.exports.images.nifti_files import write_nifti_files
from marrowsignal.exports.tables.comparison_tables import write_change_tables
from marrowsignal.exports.whole_folder import write_whole_folder

__all__ = ["write_comparison"]

_STAGE = "write_comparison"


def write_comparison(comparison: Comparison, out: Path, *, report_html: str) -> Path:
    """Write everything a comparison leaves behind to ``out/<case>``.

    Parameters
    ----------
    comparison : Comparison
        Two dates.
    out : Path
        Folder of cases; made when missing.
    report_html : str
        The page, from `marrowsignal.report.render_comparison`.

    Returns
    -------
    Path
        The case folder: ``comparison.json``, ``change_regions.csv``, ``change_lesions.csv``, ``columns.json``,
        ``report.html`` and ``images/`` on the baseline's T1 grid.

    Raises
    ------
    UsageError
        If the case name cannot name a folder.
    OutputError
        If the folder cannot be written, or holds the analysis of one study.
    """
    folder = out / check_case_name(comparison.case)
    if (folder / "result.json").exists():
        raise OutputError(
            f"case {comparison.case} holds the analysis of one study",
            code="case_is_analysis",
            stage=_STAGE,
            hint="choose another --case",
        )
    write_whole_folder(folder, partial(_write_files, comparison, report_html=report_html), stage=_STAGE)
    return folder


def _write_files(comparison: Comparison, folder: Path, *, report_html: str) -> None:
    folder.mkdir(parents=True)
    _write_images(comparison, folder / "images")
    write_change_tables(comparison, folder)
    (folder / "comparison.json").write_bytes(comparison_json(to_comparison_document(comparison)).encode("utf-8"))
    (folder / "report.html").write_bytes(report_html.encode("utf-8"))


def _write_images(comparison: Comparison, folder: Path) -> None:
    """Both dates on the baseline's T1 grid; none where the comparison was closed before the registration."""
    space, pair = comparison.space, comparison.baseline.pair
    if space is None:
        return
    folder.mkdir()
    volumes = (
        ("baseline_t1", pair.t1),
        ("baseline_stir", pair.stir),
        ("followup_t1_on_baseline", space.followup.t1),
        ("followup_stir_on_baseline", space.followup.stir),
        ("regions", space.regions),
        ("baseline_changes", space.baseline_changes),
        ("followup_changes", space.followup_changes),
    )
    write_nifti_files([(folder / f"{name}.nii.gz", volume) for name, volume in volumes if volume is not None])
    rows = tuple(_row(one) for one in comparison.lesions or ())
    if space.baseline_changes is not None:
        for name in ("baseline_changes", "followup_changes"):
            for ending, text in label_tables(rows):
                (folder / f"{name}{ending}").write_bytes(text.encode("utf-8"))


def _row(one: LesionChange) -> LabelRow:
    return LabelRow(
        index=one.number, name=f"{one.state.value}, {one.region_name}", key=one.region_key, side=one.side.value
    )
