"""Requests for a sweep, from a TOML file, the command line, or both."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from robustsweep.benchmark.checkpoints import Checkpoint, resolve
from robustsweep.benchmark.checkpoints.specs import KEYS
from robustsweep.benchmark.data import Dataset, OfficialSet, open_data
from robustsweep.benchmark.plan.conditions import Corrupted
from robustsweep.benchmark.plan.plan import Plan, make_plan
from robustsweep.benchmark.plan.source import Source
from robustsweep.benchmark.plan.suites import conditions_of
from robustsweep.benchmark.spec import Spec
from robustsweep.corruptions import SEVERITIES
from robustsweep.errors import UsageError
from robustsweep.plan_file import TABLES, merged, read_plan
from robustsweep.registry import unknown_name
from robustsweep.results.corruption_names.sequences import sequence_condition
from robustsweep.values import Many, Seed, Workers


@dataclass(frozen=True, slots=True)
class SweepRequest:
    """A sweep as it is asked for.

    Attributes:
        checkpoints: Checkpoint specs.
        data: Data spec.
        suites: Suites, corruptions or single conditions; none: ``smoke``, for an official set its corruptions,
            and for a natural shift its images.
        out: Run folder.
        limit: Number of images, stratified by class; None: all.
        seed: Seed of corruptions, attacks and the subset.
        device: ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"cuda:N"``.
        devices: ``"cpu"``, ``"cuda"`` or ``"cuda:N"``, one for each process that computes, in place of ``device``;
            none: this process computes on ``device``.
        engine: ``"local"``, or ``"ray"``: the tasks of a Ray cluster compute.
        ray_address: ``"HOST:PORT"`` of the cluster, or ``"auto"``: the one that this machine belongs to.
        gpus_per_task: Of a machine's GPUs for each task of the cluster, also a part of one; 0: on processors; None: one
            if there is any.
        workers: Threads that decode image files.
        batch_size: Images per forward pass; None: chosen.
        shard: ``I/N``; None: everything.
        models_at_once: Checkpoints on the device together; None: all.
        final_jpeg: Whether generated ImageNet-C and Tiny-ImageNet-C images go through JPEG 85 as the official ones did.
        audit: Whether attacked checkpoints are audited.
        live: Whether the report is written when the sweep begins, as cells finish, and at the end.
    """

    checkpoints: tuple[Spec | str, ...] = ()
    data: str = "digits"
    suites: tuple[str, ...] = ()
    out: str = "runs/sweep"
    limit: Many | None = None
    seed: Seed = 0
    device: str = "auto"
    devices: tuple[str, ...] = ()
    engine: Literal["local", "ray"] = "local"
    ray_address: str = "auto"
    gpus_per_task: float | None = None
    workers: Workers = 4
    batch_size: Many | None = None
    shard: str | None = None
    models_at_once: Many | None = None
    final_jpeg: bool = True
    audit: bool = True
    live: bool = False


def read_request(path: Path) -> SweepRequest:
    """Read a TOML plan; its tables [train] and [compare] are left to these commands.

    Raises:
        UsageError: If it is not TOML, or a key is unknown or of the wrong type.
    """
    return request_of(read_plan(path), f"The plan {path}")


def request_of(plan: Mapping[str, Any], where: str) -> SweepRequest:
    """Read the content of a plan; its tables [train] and [compare] are left to these commands.

    Args:
        plan: What TOML gives, or a dict that a user wrote.
        where: What it is, for errors, such as ``"The plan FILE"``.

    Raises:
        UsageError: If a key is unknown or of the wrong type.
    """
    checkpoints = plan.get("checkpoints", [])
    if not isinstance(checkpoints, list | tuple):
        raise UsageError(f"{where}: checkpoints must be a list of [[checkpoints]] tables or of specs.")
    content = {**plan, "checkpoints": [_checkpoint(entry, where) for entry in checkpoints]}
    return merged(SweepRequest(), content, where, beside=TABLES)


def _checkpoint(entry: Any, where: str) -> Spec | str:
    if isinstance(entry, str):
        return entry
    if not isinstance(entry, dict) or not isinstance(entry.get("file"), str) or not entry["file"].strip():
        raise UsageError(f"{where}: each of [[checkpoints]] needs file = '...'.")
    options = {}
    for key, value in entry.items():
        if key == "file":
            continue
        if key not in KEYS:
            raise unknown_name("key of [[checkpoints]]", key, ["file", *KEYS])
        options[key] = _option(key, value, where)
    return Spec(entry["file"], entry["file"], options)


def _option(key: str, value: Any, where: str) -> str:
    """Write a value as the comma form has it."""
    parts = value if isinstance(value, list) else [value]
    kinds = (int, float) if isinstance(value, list) else (int, float, str)
    text = " ".join(map(str, parts))
    if not text.strip() or any(isinstance(part, bool) or not isinstance(part, kinds) for part in parts):
        raise UsageError(
            f"{where}: {key} must be a string, a number or a list of numbers that is not empty, got {value!r}."
        )
    return text


def _default_suites(data: Dataset | OfficialSet) -> tuple[str, ...]:
    if not isinstance(data, OfficialSet):
        return ("clean",) if data.shift or data.outputs else ("smoke",)
    found = (f"{name}@{severity}" for name in data.corruptions for severity in SEVERITIES)
    return (*(name for name in found if name not in data.absent), *map(sequence_condition, data.sequences))


def plan_of(request: SweepRequest) -> Plan:
    """Open the data and the checkpoints and list the cells.

    Raises:
        RobustsweepError: If anything asked for cannot be had.
    """
    if not request.checkpoints:
        raise UsageError("Name at least one checkpoint with --checkpoint SPEC, or in a plan file.")
    data = open_data(request.data, workers=request.workers)
    conditions = conditions_of(request.suites or _default_suites(data))
    if not request.final_jpeg:
        conditions = tuple(replace(c, jpeg_quality=None) if isinstance(c, Corrupted) else c for c in conditions)
    checkpoints: list[Checkpoint] = [found for spec in request.checkpoints for found in resolve(spec)]
    source = Source.choose(data, limit=request.limit, seed=request.seed)
    return make_plan(source, checkpoints, conditions)
