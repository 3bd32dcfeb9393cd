"""A study from a PACS, analyzed, and its segmentations, report and picture back into the PACS.

    python pipelines/pacs_round_trip.py DICOMWEB_URL STUDY_INSTANCE_UID STUDY_FOLDER OUTPUT_FOLDER

Needs `pip install "marrowsignal[pacs]"`. Credentials come from MARROWSIGNAL_DICOMWEB_USER and _PASSWORD, from
MARROWSIGNAL_DICOMWEB_TOKEN, or from ~/.netrc. Run it again after any failure: what is fetched or stored already is not
sent again. Exit code 0 when every object is in the PACS, 6 when it refused one, otherwise that of the error.
"""

import sys
from pathlib import Path

import marrowsignal as ms
from marrowsignal.errors import OutputError, UsageError
from marrowsignal.pacs import Pacs, fetch_study, push_cases
from marrowsignal.report import draw_first_screen


def main(url: str, study_uid: str, study: Path, out: Path) -> int:
    """Fetch, analyze and push one study and return the exit code."""
    with Pacs(url) as pacs:
        for finding in pacs.findings:
            print(f"warning: {finding.message}", file=sys.stderr)
        fetched = fetch_study(pacs, study_uid, study)
        print(f"{fetched.fetched} instances fetched, {fetched.already_there} there before")
        # One case for each T1 + STIR pair: left, right, stations.
        cases = []
        for pair in ms.find_pairs(ms.find_series(study)):
            result = ms.analyze_study(pair, key_folder=out)
            page, picture = ms.render_report(result), draw_first_screen(result)
            cases.append(ms.write_case(result, out, report_html=page, first_screen=picture))
            print(f"{result.call.pattern_class} ({result.call.confidence}), case {cases[-1].name}")
        # Each object is read back and compared with its file.
        report = push_cases(pacs, cases)
    for sent in report.objects:
        print(f"case {sent.case}, {sent.file}: {sent.outcome} {sent.reason}".rstrip())
    return OutputError.exit_code if report.refused else 0


if __name__ == "__main__":
    if len(sys.argv) != 5:
        print(__doc__, file=sys.stderr)
        sys.exit(UsageError.exit_code)
    try:
        sys.exit(main(sys.argv[1], sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4])))
    except ms.MarrowSignalError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
