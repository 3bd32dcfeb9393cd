"""Every study below a folder, one after another.

    python pipelines/analyze_folder.py FOLDER OUTPUT_FOLDER

Each immediate subfolder or zip of FOLDER is one study, however deep its files lie; each of its T1 + STIR pairs (left,
right, stations) gets a case folder. A study with several StudyInstanceUIDs is refused, not guessed at. A study that
fails does not stop the others: failures are listed at the end. Studies are told by their number in the order of their
names, which may be patients' names. Exit code 0 when all are done, 2 without two arguments, 5 without any study, 8
when some failed.
"""

import sys
from pathlib import Path

import marrowsignal as ms
from marrowsignal.errors import InputError, SomeStudiesFailedError, UsageError
from marrowsignal.report import draw_first_screen


def analyze(study: Path, out: Path) -> str:
    """Analyze one study, write its case folder and return its line for the log."""
    catalog = ms.find_series(study)
    uids = {series.study_instance_uid for series in catalog.series}
    if len(uids) > 1:
        raise InputError(
            f"the folder holds {len(uids)} studies",
            code="several_studies",
            stage="analyze_folder",
            hint="give each study a folder of its own",
        )
    told = []
    for pair in ms.find_pairs(catalog):
        result = ms.analyze_study(pair, key_folder=out)
        page, picture = ms.render_report(result), draw_first_screen(result)
        folder = ms.write_case(result, out, report_html=page, first_screen=picture)
        told.append(f"{result.call.pattern_class} ({result.call.confidence}), case {folder.name}")
    return "; ".join(told)


def main(folder: Path, out: Path) -> int:
    """Go through the subfolders in the order of their names and return the exit code."""
    inside = sorted(folder.iterdir()) if folder.is_dir() else []
    studies = [p for p in inside if (p.is_dir() or p.suffix.lower() == ".zip") and not p.name.startswith(".")]
    failures: list[str] = []
    for number, study in enumerate(studies, start=1):
        try:
            told = analyze(study, out)
        except ms.MarrowSignalError as error:
            told = f"FAILED: {error}"
        except Exception as error:  # noqa: BLE001 - one bad study must not end a night's run
            told = f"FAILED: a bug ({type(error).__name__})"
        if told.startswith("FAILED"):
            failures.append(f"folder {number}: {told}")
        print(f"folder {number} of {len(studies)}: {told}", flush=True)
    if not studies:
        print("no study below the given folder", file=sys.stderr)
        return InputError.exit_code
    if failures:
        print(f"{len(failures)} of {len(studies)} studies failed:", *failures, sep="\n  ", file=sys.stderr)
        return SomeStudiesFailedError.exit_code
    return 0


if __name__ == "__main__":
    if len(sys.argv) != 3:
        print(__doc__, file=sys.stderr)
        sys.exit(UsageError.exit_code)
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
