"""One size of a study from its plan to its report; run it again at any time to continue.

Every step is a command of robustsweep itself, which never repeats what is finished. Per run: ``train`` for one method
and one seed, ``sweep`` of its checkpoint with each plan, then a copy of the compact results to ``results/SIZE``. What
these hold already is not computed at all, so that the report can be made again from them alone.
"""

import argparse
import os
import shutil
import signal
import sys
from contextlib import suppress
from pathlib import Path

from command_runner import INTERRUPTED, CommandRunner, StudyError, command_runner
from planned_runs import Run, Study, progress_of, read_study

from robustsweep.errors import RobustsweepError
from robustsweep.results.compare.request import compare_request
from robustsweep.results.stored.compact.writer import compact_checkpoint
from robustsweep.results.stored.files import write_atomically
from robustsweep.results.stored.store import CellStore

_KEPT = ("audits", "checkpoints", "compact", "images", "plans")


def compute(study: Study, place: CommandRunner) -> list[Run]:
    """Compute what the results lack, run by run; return the runs that failed.

    Raises:
        StudyError: If two failed one after the other, since what they share is at fault then.
    """
    finished = progress_of(study).finished
    failed: list[Run] = []
    before: Run | None = None
    for number, run in enumerate(study.runs, 1):
        if run in finished:
            continue
        place.say(f"{number} of {len(study.runs)}: {run.name}")
        trained = ("train", str(study.plan), "--method", run.text, "--seed", str(run.seed))
        swept = [("sweep", str(plan), "--checkpoint", str(run.checkpoint)) for plan in study.sweeps]
        if all(place.compute(run.name, *command) for command in (trained, *swept)):
            keep_compact(study.out, study.results)
        else:
            place.say(f"failed: {run.name}")
            if before in failed:
                raise StudyError(f"Two runs failed one after the other; {place.log.name} says why.")
            failed.append(run)
        before = run
    return failed


def keep_compact(run_folder: Path, results: Path) -> None:
    """Copy what a report needs: everything of a run folder but weights and per-image arrays."""
    pack_again(run_folder)
    for path in sorted(path for name in _KEPT for path in run_folder.glob(f"{name}/**/*")):
        target = results / path.relative_to(run_folder)
        if path.suffix not in (".json", ".npz") or path.name.startswith("."):
            continue
        if not target.is_file() or target.read_bytes() != path.read_bytes():
            write_atomically(target, path.read_bytes())


def pack_again(folder: Path) -> None:
    """Write the compacted checkpoints and the plans of a folder in today's layout, which takes less room."""
    store = CellStore(folder)
    for path in (folder / "compact").glob("*.npz"):
        compact_checkpoint(store, path.stem)
    for plan in store.plans().values():
        store.write_plan(plan.wanted, plan.audits, plan.compare)


def report(study: Study, place: CommandRunner) -> bool:
    """Write report and comparison from the compact results alone if these are complete, and return whether they are.

    Nothing is compared before all runs are there, so that nobody stops when the answer pleases.

    Raises:
        StudyError: If there is nothing to report, or a command fails.
    """
    results = study.results
    pack_again(results)
    progress = progress_of(study)
    place.say(
        f"runs: {len(study.runs)} planned, {len(progress.finished)} finished, {len(progress.outdated)} finished with "
        f"another protocol or recipe, {len(progress.missing)} missing"
    )
    if len(progress.missing) == len(study.runs):
        raise StudyError(f"{results} holds no finished run: give the images, such as make study DATA=cifar100:DIR.")
    if progress.missing:
        place.say("report and comparison are written once no run is missing")
        return False
    asked = compare_request([study.plan], None, (), (), None)
    named = [("--method", asked.method), *(("--against", one) for one in asked.against)]
    named += [("--metric", one) for one in asked.metrics]
    compared = [word for option in named for word in option]
    commands = {"report": ["--format", "html,md,latex,csv"], "compare": compared}
    for command, options in commands.items():
        shutil.rmtree(results / command, ignore_errors=True)
        if place.run(command, str(results), *options, "--out", str(results / command)) != 0:
            raise StudyError(f"robustsweep {command} failed; {place.log.name} says why.")
    keep_headlines(results / "report/tables")
    size = sum(path.stat().st_size for path in results.rglob("*") if path.is_file())
    place.say(f"wrote {' and '.join(commands)} to {results}, {size / 1e6:.1f} MB in all")
    return True


def keep_headlines(tables: Path) -> None:
    """Remove all CSV files of a report but those that are checked by ``rederive.py``: they take half a MB per run."""
    for path in tables.glob("*.csv"):
        if not path.stem.endswith("headline"):
            path.unlink()


def stand_back(nice: int) -> None:
    """Let other processes go first, those of other sessions too.

    Linux may share the processors among sessions first, whatever their processes' niceness; a session is then told
    how far it stands back by a file of its own.
    """
    os.nice(nice)
    with suppress(OSError):  # no Linux, or a kernel without groups
        Path("/proc/self/autogroup").write_text(str(nice))


def main() -> int:
    """Compute what is lacking if images are given, then write the report."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, help="the study's folder, relative to the repository")
    parser.add_argument("--size", default="small", help="one of those in stages.toml")
    parser.add_argument("--data", default="", help="data spec of the images; without one nothing is computed")
    parser.add_argument("--threads", type=int, default=1, help="of every command")
    parser.add_argument("--nice", type=int, default=19, help="how far to stand back behind other processes")
    asked = parser.parse_args()
    stand_back(asked.nice)
    # An exception ends the command at work before this process ends.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(INTERRUPTED))
    try:
        study = read_study(asked.folder, asked.size)
        folder, costs = study.out, study.results / "commands.csv"
        with command_runner(folder, costs, asked.data, asked.threads) as place:
            failed = compute(study, place) if asked.data else []
            is_complete = report(study, place)
    except RobustsweepError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted: run the same command to continue", file=sys.stderr)
        return INTERRUPTED
    return 1 if failed or not is_complete else 0


if __name__ == "__main__":
    sys.exit(main())
