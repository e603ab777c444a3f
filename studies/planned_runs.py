"""The runs of a study: which there are, in what order, and which of them the compact results hold already."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from robustsweep.augmentations import Method
from robustsweep.benchmark.plan.plan import PROTOCOL_VERSION
from robustsweep.benchmark.plan.request import SweepRequest, read_request
from robustsweep.benchmark.plan.suites import conditions_of
from robustsweep.errors import DataError, UsageError
from robustsweep.plan_file import read_plan
from robustsweep.registry import unknown_name
from robustsweep.results.stored.cells import Cell
from robustsweep.results.stored.store import CellStore
from robustsweep.training.recipe import Recipe, find_recipe
from robustsweep.training.request import TrainRequest, jobs_of, read_train_request, seeds_of


@dataclass(frozen=True, slots=True)
class Run:
    """One method with one seed: a training and the sweep of its checkpoint.

    Attributes:
        text: The method with its parameters, as the plan has it.
        method: The same, built.
        seed: The training seed.
        checkpoint: The file that the training leaves; its stem is the run's name.
    """

    text: str
    method: Method
    seed: int
    checkpoint: Path

    @property
    def name(self) -> str:
        """What the checkpoint is called in the results."""
        return self.checkpoint.stem


@dataclass(frozen=True, slots=True)
class Study:
    """One size of a study.

    Attributes:
        plan: The plan file, which ``train``, ``sweep`` and ``compare`` read as well.
        sweeps: What ``sweep`` is asked for, by plan file: that plan, then the one of the probes if there is one.
        results: Folder of the compact results.
        training: The plan's ``[train]`` table.
        recipe: What the training runs follow, with the plan's number of epochs.
        runs: In the order in which they are computed.
    """

    plan: Path
    sweeps: Mapping[Path, SweepRequest]
    results: Path
    training: TrainRequest
    recipe: Recipe
    runs: tuple[Run, ...]

    @property
    def out(self) -> Path:
        """The run folder, of all sweeps."""
        return Path(self.sweeps[self.plan].out)


def read_study(folder: Path, size: str) -> Study:
    """Read ``plan-SIZE.toml``, the stages of that size in ``stages.toml`` and, if it exists, ``probes-SIZE.toml``.

    The plan of the probes is for conditions that are measured on other images, with its suites and its limit.

    Args:
        folder: The study's own.
        size: Such as ``"small"``.

    Raises:
        UsageError: If a file cannot be understood, a stage names what the plan lacks, or the probes go elsewhere.
    """
    stages = read_plan(folder / "stages.toml", "order of runs")
    if size not in stages:
        raise unknown_name("size", size, list(stages))
    plan, probes = folder / f"plan-{size}.toml", folder / f"probes-{size}.toml"
    training = read_train_request(plan)
    if training is None:
        raise UsageError(f"The plan {plan} has no [train] table.")
    recipe = find_recipe(training.recipe)
    if training.epochs is not None:
        recipe = recipe.lasting(training.epochs)
    runs = tuple(run for stage in stages[size] for run in _runs_of(stage, training))
    sweeps = {path: read_request(path) for path in (plan, probes) if path is plan or path.exists()}
    if len(folders := {sweep.out for sweep in sweeps.values()}) > 1:
        raise UsageError(f"{plan} and {probes} must have the same out, got {' and '.join(sorted(folders))}.")
    return Study(plan, sweeps, folder / "results" / size, training, recipe, runs)


def _runs_of(stage: dict[str, Any], training: TrainRequest) -> Iterator[Run]:
    """List the runs of a stage, seed by seed."""
    texts = {text.partition(",")[0]: text for text in training.methods}
    for seed in seeds_of(stage["seeds"]):
        for name in stage["methods"]:
            if name not in texts:
                raise unknown_name("method of the stage", name, list(texts))
            (job,) = jobs_of(replace(training, methods=(texts[name],), seed=str(seed)))
            yield Run(texts[name], job.method, seed, job.path)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a study has come.

    Attributes:
        finished: Runs of which every cell is in the results, of this protocol and recipe.
        outdated: Runs that are there, but of an older protocol or another recipe.
        missing: All others.
    """

    finished: tuple[Run, ...]
    outdated: tuple[Run, ...]
    missing: tuple[Run, ...]


def progress_of(study: Study) -> Progress:
    """Look up each run in the compact results; a file that is damaged holds none."""
    held = _held(study)
    sweeps = study.sweeps.values()
    wanted = {(condition.name, sweep.limit) for sweep in sweeps for condition in conditions_of(sweep.suites)}
    there = [run for run in study.runs if run.name in held and wanted <= held[run.name].keys()]
    finished = tuple(run for run in there if all(_is_current(run, study, held[run.name][one]) for one in wanted))
    outdated = tuple(run for run in there if run not in finished)
    return Progress(finished, outdated, tuple(run for run in study.runs if run not in there))


_Measurement = tuple[str, int | None]
"""A condition, and of how many images; None: of all."""

_Held = dict[str, dict[_Measurement, list[Cell]]]
"""Cells by the name of their checkpoint."""


def _held(study: Study) -> _Held:
    """Read what the results hold."""
    store, held = CellStore(study.results), defaultdict[str, dict[_Measurement, list[Cell]]](lambda: defaultdict(list))
    for path in sorted((study.results / "compact").glob("*.npz")):
        try:
            cells = list(store.cells_of(path.stem))
        except DataError:
            continue
        for cell in cells:
            limit = (cell.data["subset"] or {}).get("limit")
            held[cell.checkpoint["name"]][cell.condition["name"], limit].append(cell)
    return held


def _is_current(run: Run, study: Study, cells: list[Cell]) -> bool:
    """Say whether one of a run's cells for one condition is what would be computed today.

    A parameter that a method has got since counts as its default.
    """
    parameters = run.method.parameters()
    expected = {
        "architecture": study.training.arch or study.recipe.architecture,
        "method": run.method.name,
        "seed": run.seed,
        "recipe_hash": study.recipe.hash,
        "epochs": study.recipe.epochs,
    }
    return any(
        cell.identity["protocol"] == PROTOCOL_VERSION
        and cell.checkpoint["card"] | expected == cell.checkpoint["card"]
        and parameters | cell.checkpoint["card"]["method_parameters"] == parameters
        for cell in cells
    )
