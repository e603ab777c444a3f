"""Whole plans: what is trained and what is swept, from a TOML file or from a dict with its keys."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from robustsweep.benchmark.plan.plan import Plan as SweepPlan
from robustsweep.benchmark.plan.request import SweepRequest, plan_of, request_of
from robustsweep.benchmark.plan.shard import Shard
from robustsweep.benchmark.sweep.progress import Progress, Silent
from robustsweep.benchmark.sweep.sweep import Engine, SweepSettings, SweepSummary, run_sweep
from robustsweep.benchmark.workers.devices import Devices
from robustsweep.benchmark.workers.ray_cluster import is_on_ray
from robustsweep.benchmark.workers.ray_sweep import RayCluster
from robustsweep.errors import UsageError
from robustsweep.plan_file import read_plan, with_options
from robustsweep.process.devices import find_device, find_devices
from robustsweep.process.precision import undisturbed
from robustsweep.results.compare.request import declared_comparison
from robustsweep.results.stored.store import CellStore
from robustsweep.training.grid import Grid, plan_grid
from robustsweep.training.ray_training import train_as_asked
from robustsweep.training.request import TrainRequest, checkpoint_files, train_request_of, trained_specs

if TYPE_CHECKING:
    import torch

    from robustsweep.api.results import Results

Plan = str | Path | Mapping[str, Any]
"""A TOML file, or a dict that holds what the file would."""


@undisturbed()
def train(plan: Plan, *, progress: Progress | None = None) -> list[Path]:
    """Train the grid of a plan's ``[train]`` table, as ``robustsweep train`` does; finished checkpoints are kept.

    Args:
        plan: A TOML file or a dict, whose ``train`` table has the options of ``robustsweep train`` as keys.
        progress: Told of every epoch.

    Returns:
        The checkpoints of the plan's shard.

    Raises:
        UsageError: If the plan has no ``train`` table or cannot be understood.
        RobustsweepError: If anything asked for cannot be had, or a training run fails; the finished ones are stored.

    Examples:
        >>> from robustsweep import train
        >>> plan = {"train": {"methods": ["cutmix"], "epochs": 1, "limit": 64, "out": "nets", "device": "cpu"}}
        >>> [path.name for path in train(plan)]
        ['cutmix-epochs1-seed0.safetensors']
    """
    planned = plan_training(plan)
    planned.run(progress)
    return planned.files


@undisturbed()
def sweep(plan: Plan, *, progress: Progress | None = None) -> "Results":
    """Compute the missing cells of a plan, as ``robustsweep sweep`` does; without checkpoints, of what was trained.

    Args:
        plan: A TOML file or a dict, which has the options of ``robustsweep sweep`` as keys. With ``devices`` other
            processes compute: a script must then do its work below ``if __name__ == "__main__":``.
        progress: Told of every step.

    Returns:
        The results in the plan's ``out``.

    Raises:
        UsageError: If the plan cannot be understood.
        CheckpointError: If a checkpoint is missing, or does not fit.
        DataError: If the data cannot be read.
        CellsFailedError: If cells failed; the others are stored.

    Examples:
        >>> from robustsweep import sweep
        >>> checkpoint = "torchvision:resnet18,weights=random,classes=10,input_size=32"
        >>> results = sweep({"checkpoints": [checkpoint], "suites": ["clean"], "limit": 10, "out": "run"})
        >>> list(results.frame["condition"])
        ['clean']
    """
    from robustsweep.api.results import Results  # with matplotlib, which a command does not need

    planned = plan_sweep(plan)
    planned.run(progress).raise_if_failed()
    return Results(planned.store.root)


@dataclass(frozen=True, slots=True)
class PlannedTraining:
    """A grid of training runs that is ready to run.

    Attributes:
        declared: What the plan's ``[train]`` table asks for; the defaults if there is no plan.
        request: The same with the options that win over it.
        grid: The training runs of the request's shard.
    """

    declared: TrainRequest
    request: TrainRequest
    grid: Grid

    @property
    def files(self) -> list[Path]:
        """The checkpoints that are there once it has run."""
        return [path for job in self.grid.jobs for path in job.files(self.grid.setting.keep)]

    def run(self, progress: Progress | None = None) -> int:
        """Train what is missing, and return how many training runs that were."""
        return train_as_asked(self.request, self.grid, progress)

    def is_swept_by_its_plan(self) -> bool:
        """Say whether a sweep of the plan takes all that was trained, and lacks nothing."""
        of_plan = checkpoint_files(self.declared)
        takes_all = set(checkpoint_files(self.request)) <= set(of_plan) and self.request.data == self.declared.data
        return takes_all and all(path.is_file() for path in of_plan)


def plan_training(
    plan: Plan | None, options: Mapping[str, Any] | None = None, *, device: str = "device"
) -> PlannedTraining:
    """Open the data of a grid of training runs, and list them.

    Args:
        plan: As in ``train``; None: the options say all.
        options: Keys of a plan's ``[train]`` table as the command line gives them, see ``plan_sweep``.
        device: As in ``plan_sweep``.

    Raises:
        RobustsweepError: As in ``train``, before anything is trained.
    """
    declared = TrainRequest() if plan is None else _declared(plan)
    request = with_options(declared, options or {})
    return PlannedTraining(declared, request, plan_grid(request, find_device(request.device, device)))


def _declared(plan: Plan) -> TrainRequest:
    content, where = _content(plan)
    request = train_request_of(content, where)
    if request is None:
        raise UsageError(f"{where} has no [train] table, which says what to train; add one.")
    return request


@dataclass(frozen=True, slots=True)
class PlannedSweep:
    """A sweep that is ready to run.

    Attributes:
        plan: What is wanted.
        store: Its run folder.
        settings: How it is computed.
        engine: What computes it; None: this process.
        is_live: Whether the report is written while it runs.
    """

    plan: SweepPlan
    store: CellStore
    settings: SweepSettings
    engine: Engine | None = None
    is_live: bool = False

    def run(self, progress: Progress | None = None) -> SweepSummary:
        """Compute the missing cells."""
        if not self.is_live:
            return run_sweep(self.plan, self.store, self.settings, progress, self.engine)
        from robustsweep.api.live_page import LivePage  # with matplotlib, which a sweep does not need

        page = LivePage(self.store.root, progress or Silent())
        summary = run_sweep(self.plan, self.store, self.settings, page, self.engine)
        page.end()
        return summary


def plan_sweep(plan: Plan | None, options: Mapping[str, Any] | None = None, *, device: str = "device") -> PlannedSweep:
    """Open the data and the checkpoints of a sweep, and list its cells.

    Args:
        plan: As in ``sweep``; None: the options say all.
        options: Keys of a plan as the command line gives them, which win over the plan's; None: not given.
        device: What a device that cannot be had is called in errors.

    Raises:
        RobustsweepError: As in ``sweep``.
    """
    content, where = ({}, "The plan") if plan is None else _content(plan)
    options, request = options or {}, request_of(content, where)
    if options.get("device") or options.get("devices"):
        request = replace(request, device="auto", devices=())
    request = with_options(request, options)
    if not request.checkpoints:
        trainer = "robustsweep.train with the same plan" if isinstance(plan, Mapping) else f"robustsweep train {plan}"
        request = replace(request, checkpoints=trained_specs(train_request_of(content, where), trainer))
    on_ray = is_on_ray(request)
    devices = _devices(request, device)
    settings = SweepSettings(
        device=devices[0],
        batch_size=request.batch_size,
        shard=Shard.parse(request.shard) if request.shard else Shard(),
        models_at_once=request.models_at_once,
        audit=request.audit,
    )
    store = CellStore(Path(request.out).expanduser())
    planned = replace(plan_of(request), compare=declared_comparison(content, where))
    engine: Engine | None = None
    if on_ray:
        engine = RayCluster(planned, request, store, settings)
    elif len(devices) > 1:
        engine = Devices(planned, partial(plan_of, request), devices, store, settings)
    return PlannedSweep(planned, store, settings, engine, request.live)


def _devices(request: SweepRequest, what: str) -> "list[torch.device]":
    if request.devices and request.device != "auto":
        raise UsageError(f"Give {what} or {what}s, not both; {what}s names one device for each process that computes.")
    return find_devices(request.devices, f"{what}s") if request.devices else [find_device(request.device, what)]


def _content(plan: Plan) -> tuple[dict[str, Any], str]:
    if isinstance(plan, Mapping):
        return {str(key): value for key, value in plan.items()}, "The plan"
    if not isinstance(plan, str | Path):
        raise UsageError(f"A plan must be a TOML file or a dict, got {type(plan).__qualname__}.")
    return read_plan(Path(plan).expanduser()), f"The plan {plan}"
