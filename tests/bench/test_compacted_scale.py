from pathlib import Path

from synthetic_runs import Size, write_run

from robustsweep.results.report.document import build_report


def test_the_report_of_compacted_runs_is_the_report_of_their_cells(tmp_path: Path) -> None:
    size = Size(checkpoints=6, images=67, seeds=2)
    for name in ("compact", "cells"):
        write_run(tmp_path / name, size, compact=name == "compact")
    assert not (tmp_path / "compact" / "cells").exists()
    reports = [build_report([tmp_path / name]) for name in ("compact", "cells")]
    tables = [{table.slug: table for table in report.tables} for report in reports]
    assert tables[0]["headline"].intervals
    assert {"headline", "robust_accuracy", "median_fooling_eps", "seed_spread"} <= tables[0].keys()
    # The intervals of probabilities need the predictions per image.
    probabilities = [name for name in tables[0] if name.endswith(("calibration", "clean_and_scores"))]
    assert len(probabilities) == 4
    for one, other in [[found.pop(name) for found in tables] for name in probabilities]:
        assert one.rows == other.rows
    assert tables[0] == tables[1]
    assert reports[0].frame.equals(reports[1].frame)
