"""The evaluation of networks in memory, or of checkpoints, on data in memory or by spec."""

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from robustsweep.api.inputs.live_data import open_user_data
from robustsweep.api.inputs.live_images import ImagesInMemory
from robustsweep.api.inputs.live_model import Normalise
from robustsweep.api.inputs.models import Model, checkpoints_of, with_methods
from robustsweep.api.results import Results
from robustsweep.benchmark.checkpoints.checkpoint import notes_of
from robustsweep.benchmark.plan.fit import skipped_sentences
from robustsweep.benchmark.plan.plan import make_plan
from robustsweep.benchmark.plan.request import SweepRequest
from robustsweep.benchmark.plan.source import Source
from robustsweep.benchmark.plan.suites import conditions_of
from robustsweep.benchmark.sweep.progress import Progress
from robustsweep.benchmark.sweep.sweep import SweepSettings, run_sweep
from robustsweep.errors import UsageError
from robustsweep.plan_file import merged
from robustsweep.process.devices import find_device
from robustsweep.process.precision import undisturbed
from robustsweep.results.stored.store import CellStore

Models = Model | Sequence[Model] | Mapping[str, Model]


@undisturbed()
def evaluate(
    model: Models,
    data: Any,
    suites: str | Sequence[str] = ("clean", "cifar-c"),
    *,
    name: str | None = None,
    method: str | Mapping[str, str] | None = None,
    limit: int | None = None,
    device: str | torch.device = "auto",
    out: str | Path | None = None,
    seed: int = 0,
    normalise: Normalise | None = None,
    batch_size: int | None = None,
    workers: int = 4,
    audit: bool = True,
    progress: Progress | None = None,
) -> Results:
    """Measure networks under suites of conditions, as ``robustsweep sweep`` does; the numbers are the same.

    Networks in memory are copied and evaluated in evaluation mode; they stay as they are. Images in memory are read
    once. What is drawn for an image (noise, an attack's start) belongs to its row, or to its id if ids are given.

    Args:
        model: A network on images (N, 3, H, W) in [0, 1] (see ``normalise``), a checkpoint spec, or a list or a dict by
            name of them.
        data: A data spec such as ``"digits"`` or ``"imagefolder:DIR"``; ``(images, labels)`` or ``(images, labels,
            ids)``; a map-style data set of (image, label); a DataLoader without shuffling; or a Dataset of Hugging Face
            with a column of images and one of labels. Images are uint8 or in [0, 1], without normalisation.
        suites: Suites, corruptions or single conditions, as ``--suite`` takes them.
        name: What tables call a single network; None: its class, or what the spec says.
        method: The augmentation that they were trained with; a dict by name if they differ.
        limit: Take so many images, stratified by class; marked as a subset.
        device: ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"cuda:N"``.
        out: Run folder; run again to continue. Known are a network's weights, buffers, layers and the source of their
            classes: it counts as another one if any of these changes. None: a temporary folder that goes with the
            results.
        seed: Seed of corruptions, attacks and the subset.
        normalise: What networks in memory expect: a name such as ``"imagenet"``, or ``(means, deviations)``.
        batch_size: Images per forward pass; None: by image size.
        workers: Threads that decode image files of a data spec.
        audit: Whether attacked networks are examined for signs that attacks are weaker than they could be.
        progress: Told of every step.

    Returns:
        The results; those of an earlier run in ``out`` are among them.

    Raises:
        UsageError: If an argument cannot be understood.
        CheckpointError: If a network does not fit, or two are the same.
        DataError: If images or labels do not fit.
        CellsFailedError: If a network or a corruption failed; what is finished is stored.

    Examples:
        >>> import torch
        >>> from robustsweep import evaluate
        >>> network = torch.nn.Sequential(torch.nn.AvgPool2d(4), torch.nn.Flatten(), torch.nn.Linear(3 * 8 * 8, 10))
        >>> results = evaluate(network, "digits", ["clean", "fog@3"], name="linear", limit=50)
        >>> sorted(results.frame["condition"])
        ['clean', 'fog@3']
    """
    if not isinstance(device, torch.device) and (not isinstance(device, str) or "," in device):
        raise UsageError(
            f"evaluate: device must be one device, got {device!r}, since networks in memory stay in this process; for "
            "several, save checkpoints and name devices in a plan for robustsweep.sweep."
        )
    given = {"suites": (suites,) if isinstance(suites, str) else suites, "limit": limit, "seed": seed, "audit": audit}
    given |= {
        "batch_size": batch_size,
        "workers": workers,
        "device": None if isinstance(device, torch.device) else device,
    }
    request = merged(SweepRequest(), given, "evaluate")
    where = device if isinstance(device, torch.device) else find_device(request.device)
    conditions = conditions_of(request.suites)
    opened = open_user_data(data, workers=request.workers)
    checkpoints = with_methods(checkpoints_of(model, name, normalise, opened.size), method)
    images = opened.dataset(checkpoints[0].card.classes) if isinstance(opened, ImagesInMemory) else opened
    source = Source.choose(images, limit=request.limit, seed=request.seed)
    plan = make_plan(source, checkpoints, conditions)
    settings = SweepSettings(device=where, batch_size=request.batch_size, audit=request.audit)
    notes = (*skipped_sentences(plan.skipped), *(notes_of(checkpoints) if out is not None else ()))
    folder = Path(tempfile.mkdtemp(prefix="robustsweep-")) if out is None else Path(out).expanduser()
    try:
        run_sweep(plan, CellStore(folder), settings, progress).raise_if_failed()
    except BaseException:
        if out is None:
            shutil.rmtree(folder, ignore_errors=True)
        raise
    return Results(folder, notes=notes, is_temporary=out is None)
