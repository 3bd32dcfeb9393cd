"""Every study below a folder, with bones from a segmenter that is installed on this machine.

    python pipelines/external_segmenter.py NAME FOLDER OUTPUT_FOLDER

NAME is one of `marrowsignal segmenters list`, or the path of a description of your own (.toml): a command and what its
labels mean. It is looked for before the first study is read. Each immediate subfolder or zip of FOLDER is one study.
The segmenter runs for each of its T1 + STIR pairs, gets images without any identity, and its version stands in every
result. A study that fails does not stop the others. Exit code 0 when all are done, 2 without three arguments, 5 when
the segmenter or any study is missing, 8 when some failed.
"""

import sys
from pathlib import Path

import marrowsignal as ms
from marrowsignal.errors import InputError, SomeStudiesFailedError, UsageError
from marrowsignal.marrow.external import find_segmenter
from marrowsignal.report import draw_first_screen


def analyze(study: Path, out: Path, name: str) -> str:
    """Analyze one study and return its line for the log."""
    told = []
    for pair in ms.find_pairs(ms.find_series(study)):
        result = ms.analyze_study(pair, marrow_from=f"external:{name}", key_folder=out)
        page, picture = ms.render_report(result), draw_first_screen(result)
        folder = ms.write_case(result, out, report_html=page, first_screen=picture)
        noticed = [finding.code for finding in result.marrow.findings]
        told.append(f"case {folder.name}: {result.marrow.made_by}; {', '.join(noticed) or 'nothing to note'}")
    return "; ".join(told)


def main(name: str, folder: Path, out: Path) -> int:
    """Go through the subfolders in the order of their names and return the exit code."""
    try:
        print(f"{find_segmenter(name).segmenter.title} is installed")
    except ms.MarrowSignalError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    inside = sorted(folder.iterdir()) if folder.is_dir() else []
    studies = [p for p in inside if (p.is_dir() or p.suffix.lower() == ".zip") and not p.name.startswith(".")]
    failed = 0
    for number, study in enumerate(studies, start=1):
        try:
            told = analyze(study, out, name)
        except ms.MarrowSignalError as error:
            told = f"FAILED: {error}"
        except Exception as error:  # noqa: BLE001 - one bad study must not end a night's run
            told = f"FAILED: a bug ({type(error).__name__})"
        failed += told.startswith("FAILED")
        print(f"folder {number} of {len(studies)}: {told}", flush=True)
    if not studies:
        print("no study below the given folder", file=sys.stderr)
        return InputError.exit_code
    return SomeStudiesFailedError.exit_code if failed else 0


if __name__ == "__main__":
    if len(sys.argv) != 4:
        print(__doc__, file=sys.stderr)
        sys.exit(UsageError.exit_code)
    sys.exit(main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])))
