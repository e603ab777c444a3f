"""`make bench`: ratios against named peers, each measured in one interleaved run; absolute times mean nothing here."""

import shutil
import tempfile
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from interleaved import Ratio, interleaved
from rich.console import Console
from rich.progress import track

from robustsweep.attacks import parse_attack, run_attack
from robustsweep.benchmark.architectures import build_architecture
from robustsweep.benchmark.checkpoints import Card, resolve, save_native
from robustsweep.benchmark.checkpoints.normalisation import NORMALISATIONS
from robustsweep.benchmark.data import Dataset, open_data
from robustsweep.benchmark.plan.plan import make_plan
from robustsweep.benchmark.plan.source import Source
from robustsweep.benchmark.plan.suites import conditions_of
from robustsweep.benchmark.sweep.batch_sizes import choose_batch_size
from robustsweep.benchmark.sweep.evaluation import to_unit_range
from robustsweep.benchmark.sweep.sweep import run_sweep
from robustsweep.corruptions import COMMON
from robustsweep.results.stored.store import CellStore
from robustsweep.training.demo import train_demo_checkpoints

ROUNDS = 7
CPU = torch.device("cpu")


def digits() -> Dataset:
    data = open_data("digits")
    assert isinstance(data, Dataset)
    return data


def sweep_against_bare_passes() -> Ratio:
    """ResNet-20, 15 corruptions at severity 3, 360 digits, against the passes over as many images that lie ready."""
    data, folder = digits(), Path(tempfile.mkdtemp())
    card = Card(architecture="resnet20", classes=data.classes, normalisation=NORMALISATIONS["half"])
    save_native(folder / "net.safetensors", build_architecture("resnet20", data.classes), card)
    (checkpoint,) = resolve(str(folder / "net.safetensors"))
    conditions = conditions_of([f"{name}@3" for name in COMMON])
    plan = make_plan(Source.choose(data, limit=None, seed=0), [checkpoint], conditions)
    module = checkpoint.load().to(memory_format=torch.channels_last)
    images = data.images(np.arange(len(data)))
    size = choose_batch_size(data.size, CPU)

    def ours() -> None:
        run_sweep(plan, CellStore(folder / "run"))
        shutil.rmtree(folder / "run")

    @torch.inference_mode()
    def peer() -> None:
        for _ in plan.conditions:
            for batch in images.split(size):
                module(to_unit_range(batch, CPU))

    ratio = interleaved(ours, peer, ROUNDS)
    shutil.rmtree(folder)
    return ratio


def pgd_against_torchattacks(module: torch.nn.Module, eps: str) -> Ratio:
    """PGD-10 Linf with a random start on 120 digits, verdict included."""
    import torchattacks

    data = digits()
    images, labels = to_unit_range(data.images(np.arange(120)), CPU), torch.from_numpy(data.labels[:120])
    spec, ids = parse_attack(f"pgd10-linf@{eps}"), torch.arange(120)
    size = float(spec.eps[0])
    attack = torchattacks.PGD(module, eps=size, alpha=size / 4, steps=10, random_start=True)

    def ours() -> None:
        run_attack(module, images, labels, spec, seed=0, ids=ids, batch_size=120)

    def peer() -> int:
        adversarial = attack(images, labels)
        with torch.inference_mode():
            return int((module(adversarial).argmax(1) == labels).sum())

    return interleaved(ours, peer, ROUNDS)


def main() -> None:
    console = Console(highlight=False)
    folder = Path(tempfile.mkdtemp())
    paths = train_demo_checkpoints(folder, seed=0)
    module = resolve(str(paths[0]))[0].load()
    peer = f"torchattacks {version('torchattacks')}"
    jobs = {
        "sweep, 15 corruptions, ResNet-20, against bare passes": sweep_against_bare_passes,
        f"PGD-10 at 8/255, digits, against {peer}": lambda: pgd_against_torchattacks(module, "8/255"),
        f"PGD-10 at 32/255, digits, against {peer}": lambda: pgd_against_torchattacks(module, "32/255"),
    }
    rows = [(name, jobs[name]()) for name in track(jobs, description="measuring", console=console, transient=True)]
    shutil.rmtree(folder)
    console.print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, {ROUNDS} rounds: peer's time / ours")
    for name, ratio in rows:
        console.print(f"{ratio!s:26} {name}", soft_wrap=True)


if __name__ == "__main__":
    main()
