"""One study, step by step, with the public API.

    python pipelines/analyze_study.py STUDY_FOLDER OUTPUT_FOLDER

Stop after any line in a notebook, look at the record it gave, replace it, go on. Records are frozen: a step
never changes what it was given. Array axes are (slice, row, column); patient points are LPS millimetres.
"""

import sys
from pathlib import Path

import marrowsignal as ms
from marrowsignal.intensity import mark_metal
from marrowsignal.quality import check_quality, withhold
from marrowsignal.report import draw_first_screen


def main(study: Path, out: Path) -> None:
    """Walk through one study and write its case folder."""
    # What is there? Series are told apart by TR, TE, TI and sequence, not by their names.
    catalog = ms.find_series(study)
    for series in catalog.series:
        print(f"{series.label}: {'; '.join(series.reasons)}")
    # The T1 and the STIR that belong together; NoUsablePairError says why there is none. With allow_t1_only=True there
    # may be no STIR, and everything that needs it is then missing with that reason.
    chosen = ms.select_pair(catalog)
    t1 = ms.read_volume(chosen.t1)
    stir = ms.read_volume(chosen.stir) if chosen.stir else None
    # Every clinical number comes from here, with its unit and source.
    rules = ms.load_protocol("pelvis_sij")

    # STIR on the T1 grid. The headers' word is checked: how large was the shift, how sure is it?
    # With your own marrow map, `ms.read_supplied_marrow(file, t1.geometry)`, add focus=... here, supplied=... below.
    same = chosen.same_frame_of_reference
    pair = ms.align_pair(t1, stir, same_frame_of_reference=same, settings=rules.alignment, shading=rules.bias)
    if pair.quality:
        print(f"alignment {pair.quality.verdict}: {pair.quality.reason}")
    pair = mark_metal(pair, protocol=rules)  # nothing within 15 mm of it is measured
    pair = ms.correct_bias(pair, settings=rules.bias)  # the coils' shading, out of both series

    marrow = ms.segment_marrow(pair, protocol=rules)
    regions = ms.label_regions(pair, marrow, protocol=rules)
    references = ms.find_references(pair, marrow.labels, marrow.core_mask, protocol=rules)
    for tissue in references.all_tissues():
        print(f"{tissue.key} {tissue.verdict}: {tissue.reason}")

    # Ratios with 90 % intervals; None, a status and a reason where something could not be measured.
    signals = ms.measure_signals(pair, marrow, regions, references, protocol=rules)
    for region in signals.regions:
        for item in region.measurements:
            print(f"{region.name}: {item.name} {item.value} [{item.ci_low}, {item.ci_high}] {item.reason}")
    # What may be relied on: every gate with its value, limit and consequence. What a gate forbids is taken out.
    quality = check_quality(chosen, pair, marrow, regions, references, signals, protocol=rules)
    for gate in quality.gates:
        print(f"{gate.series or 'both'} {gate.name}: {gate.state}, {gate.reason}")
    signals = withhold(signals, quality)
    # What was noticed on the way holds the confidence down.
    steps = (chosen, pair, marrow, regions, references, signals)
    noticed = tuple(finding for step in steps for finding in step.findings)
    call = ms.classify(pair, signals, quality=quality, protocol=rules, findings=noticed)
    print(f"{call.pattern_class} ({call.confidence}): {call.summary}")

    # The case folder: page, tables, label maps. `ms.analyze_study(study, key_folder=out)` is all of this in one call.
    # The output folder's own key makes the case's name: the same each time here, another in every other folder.
    result = ms.assemble_result(
        series=chosen, pair=pair, marrow=marrow, regions=regions, references=references, signals=signals,
        quality=quality, call=call, protocol=rules, key_folder=out,
    )  # fmt: skip
    page, picture = ms.render_report(result), draw_first_screen(result)
    folder = ms.write_case(result, out, report_html=page, first_screen=picture)
    print(f"report: {folder / 'report.html'}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
