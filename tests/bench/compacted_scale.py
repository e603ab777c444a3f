"""Time and peak memory of the table, the statistics and the report of many checkpoints, each in a fresh process.

The runs are synthetic. The one whose cells are not compacted is smaller, because it takes long to write and to read:
its numbers are for as many checkpoints as the line says.
"""

import argparse
import resource
import shutil
import tempfile
import time
from pathlib import Path

from corruption_memory import GB, UNIT, in_fresh_process

PHASES = {"frame": "every cell as a row", "statistics": "frame, intervals, tables, figures", "report": "all, as files"}


def measure(phase: str, run: str) -> None:
    """Do one phase here; print wall seconds, CPU seconds and peak bytes of the whole process."""
    from robustsweep.results.comparable.frame import load_frame
    from robustsweep.results.report.document import build_report
    from robustsweep.results.report.writer import write_report

    runs, wall, cpu = [Path(run)], time.perf_counter(), time.process_time()
    if phase == "frame":
        load_frame(runs)
    elif phase == "statistics":
        build_report(runs)
    else:
        write_report(runs)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * UNIT
    print(time.perf_counter() - wall, time.process_time() - cpu, peak)


def main() -> None:
    """Write the runs and print what reading them takes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoints", type=int, default=1000, help="of the compacted run")
    parser.add_argument(
        "--uncompacted", type=int, default=50, help="checkpoints of the run with folders of cells; 0: none"
    )
    parser.add_argument("--images", type=int, default=10_000)
    options = parser.parse_args()
    for checkpoints, compact in ((options.checkpoints, True), (options.uncompacted, False)):
        if checkpoints:
            folder = Path(tempfile.mkdtemp())
            call = f"write_run(Path({str(folder)!r}), Size({checkpoints}, {options.images}), compact={compact})"
            in_fresh_process(f"from pathlib import Path; from synthetic_runs import *; {call}")
            size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
            what = "compacted" if compact else "not compacted"
            print(
                f"\n{checkpoints} checkpoints x 78 cells x {options.images} images, {what}, {size / GB:.2f} GB on disk"
            )
            for phase, meaning in PHASES.items():
                found = in_fresh_process(f"from compacted_scale import measure; measure({phase!r}, {str(folder)!r})")
                wall, cpu, peak = map(float, found.split())
                print(f"{phase:12} {wall:7.1f} s  (CPU {cpu:.1f} s)  {peak / GB:5.2f} GB  {meaning}", flush=True)
            shutil.rmtree(folder)


if __name__ == "__main__":
    main()
