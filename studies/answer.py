"""Print what a study says so far, as Markdown: its runs, its cost and, once no run is missing, its answer.

``results/README.md`` is written from what this prints. Nothing is compared before: that is what the protocol says.
"""

import argparse
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
from command_runner import INTERRUPTED
from families import MEANS, OVERLAPPING, Family, limits, losses, secondary, sign, verdict
from planned_runs import Study, progress_of, read_study
from scipy import stats

from robustsweep import Results
from robustsweep.errors import UsageError
from robustsweep.results.compare.request import compare_request
from robustsweep.results.corruption_names import C_BAR_SETS, CORRUPTIONS
from robustsweep.results.method_names import written_name

OTHER_SIZE = "few"
"""The size that asks whether the answer depends on the regime."""


def runs_of(study: Study, costs: pd.DataFrame) -> Iterator[str]:
    """Say which runs are planned, finished and failed, and what they cost."""
    progress = progress_of(study)
    yield f"{len(progress.finished)} of {len(study.runs)} runs are finished."
    done = {run.name for run in progress.finished}
    is_failure = ~costs["exit_code"].isin([0, INTERRUPTED]) & ~costs["run"].isin(done)
    failed = sorted(set(costs.loc[is_failure, "run"]))
    yield f"Runs that failed and are not finished: {', '.join(failed) or 'none'}."
    planned = Counter(run.method.name for run in study.runs)
    finished = Counter(run.method.name for run in progress.finished)
    lines = [f"| {written_name(name)} | {n} | {finished[name]} |" for name, n in planned.items()]
    yield "\n".join(["| method | seeds planned | finished |", "|---|--:|--:|", *lines])
    yield f"All commands together took {costs['cpu_seconds'].sum() / 3600:.1f} CPU hours."


def costs_of(study: Study, costs: pd.DataFrame) -> Iterator[str]:
    """Compare CPU seconds of training, of those that were not interrupted."""
    trained = costs[costs["command"] == "train"]
    whole = trained[~trained["run"].duplicated(keep=False) & (trained["exit_code"] == 0)]
    methods = {run.name: run.method.name for run in study.runs}
    means = whole.groupby(whole["run"].map(methods))["cpu_seconds"].agg(["mean", "count"])
    lines = [
        f"| {written_name(name)} | {row['mean']:.0f} | {row['mean'] / means['mean'].min():.2f} | {row['count']:.0f} |"
        for name, row in means.sort_values("mean").iterrows()
    ]
    head = ["| method | CPU seconds of a training run | times the least | runs |", "|---|--:|--:|--:|"]
    yield "\n".join([*head, *lines])


def primary_of(study: Study) -> Family:
    """Return the comparison that the plan declares."""
    asked = compare_request([study.plan], None, (), (), None)
    return Family("primary", asked.method, asked.against, asked.metrics)


def answers(study: Study) -> Iterator[str]:
    """Yield the answer: the primary tests, where CutMix is better, C against C-bar."""
    primary = primary_of(study)
    tests = primary.tests(study.results)
    yield "\n".join([*(f"- {verdict(one)}" for one in tests), f"\n`{primary.command(study.results)}`"])
    for name in primary.against:
        signs = {sign(one) if one.is_significant else 0 for one in tests if one.second.name == name}
        agree = "agree" if len(signs) == 1 else "do not agree"
        yield f"For {written_name(name)}, C and C-bar {agree}."
    for family in secondary(primary.against, primary.method, list({run.method.name: None for run in study.runs})):
        try:
            said = losses(family, family.tests(study.results))
            yield "\n".join([*(f"- {one}" for one in said), f"\n`{family.command(study.results)}`"])
        except UsageError:
            yield f"{family.title}: not measured in this size."


def again(study: Study, other: Study, size: str) -> Iterator[str]:
    """Yield the primary tests of another size, and what they take from the answer."""
    progress = progress_of(other)
    if progress.missing:
        yield f"{len(progress.finished)} of {len(other.runs)} runs of `{size}` are finished: no comparison yet."
        return
    primary = primary_of(other)
    tests = primary.tests(other.results)
    yield "\n".join([*(f"- {verdict(one)}" for one in tests), f"\n`{primary.command(other.results)}`"])
    yield from limits(primary_of(study).tests(study.results), tests)


def ranking(study: Study, published: Path) -> Iterator[str]:
    """Compare the order of the methods on C with that on C-bar, and with published rows, by Kendall's tau."""
    frame = Results(study.results).frame
    whole = frame[(frame["n"] == frame["n"].max()) & ~frame["method"].isin(OVERLAPPING)]
    means = {
        which: whole[whole["corruption"].isin(names)].groupby("method")["error"].mean()
        for which, names in zip(MEANS.values(), (CORRUPTIONS, C_BAR_SETS["CIFAR"]), strict=True)
    }
    tau = stats.kendalltau(means["C"], means["C-bar"].reindex(means["C"].index)).statistic
    yield f"Kendall's tau of the order of {len(means['C'])} methods on C and on C-bar: {tau:.2f}."
    for row in tomllib.loads(published.read_text())["row"]:
        both = [name for name in row["error"] if name in means["C"]]
        theirs = [row["error"][name] for name in both]
        tau = stats.kendalltau(means["C"][both], theirs).statistic
        named = ", ".join(map(written_name, both))
        yield f"{row['source']}, {row['network']}: Kendall's tau of {len(both)} methods ({named}) is {tau:.2f}."


def main() -> None:
    """Print it all."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, help="the study's folder, relative to the repository")
    parser.add_argument("--size", default="small", help="one of those in stages.toml")
    asked = parser.parse_args()
    study = read_study(asked.folder, asked.size)
    costs = pd.read_csv(study.results / "commands.csv")
    parts = {"Runs": list(runs_of(study, costs))}
    if missing := progress_of(study).missing:
        parts["Answer"] = [f"{len(study.runs) - len(missing)} of {len(study.runs)} runs finished: no comparison yet."]
    else:
        parts["Answer"] = list(answers(study))
        if asked.size != OTHER_SIZE:
            other = read_study(asked.folder, OTHER_SIZE)
            parts[f"Fewer images: `{OTHER_SIZE}`"] = list(again(study, other, OTHER_SIZE))
        parts["Order of the methods"] = list(ranking(study, asked.folder / "published.toml"))
        parts["Cost"] = list(costs_of(study, costs))
    for title, said in parts.items():
        print(f"## {title}", *said, sep="\n\n", end="\n\n")


if __name__ == "__main__":
    main()
