"""How near to the best known distances attacks come, over the passes they take: local optimality of ours and of peers.

Run as ``python tests/bench/optimality.py FOLDER --network NAME CHECKPOINT DATA ...``, specs as ``robustsweep sweep``
takes them. adv-lib, foolbox, torchattacks and pyautoattack take part if they are installed. Every attack with every
budget leaves a file in FOLDER, so that the same command goes on after an interruption; then come table and chart.

Local optimality is 1 - (A - A*) / (c d - A*): A is the area under robust accuracy over distance up to d, A* that area
for the least distance of each image over all attacks, c the accuracy on clean images, and d the largest of these least
distances (Cina et al., "AttackBench", AAAI 2025). Passes, forward and backward, are counted by hooks on the network.
"""

import argparse
import os
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from nearest_by_peers import Contender, contenders
from numpy.typing import NDArray
from rich.console import Console
from torch import Tensor, nn

from robustsweep.attacks import run_attack
from robustsweep.attacks.norms import find_norm
from robustsweep.attacks.steps.catalogue import ATTACKS
from robustsweep.benchmark.checkpoints import resolve
from robustsweep.benchmark.data import Dataset, open_data
from robustsweep.benchmark.plan.conditions import Attacked
from robustsweep.benchmark.plan.source import Source
from robustsweep.benchmark.plan.suites import conditions_of

Array = NDArray[np.float64]
COLOURS = {
    "robustsweep": "#d1495b",
    "adv-lib": "#00798c",
    "foolbox": "#edae49",
    "torchattacks": "#30638e",
    "pyautoattack": "#5c8001",
}
MARKERS = {"nearest": "o", "fmn": "s", "ddn": "^", "apgd": "D", "pgd": "v", "fab": "P"}
NORMS = {"linf": "Linf", "l2": "L2"}
TICKS = (0, 50, 80, 90, 95, 98, 99, 99.5, 99.9)
SHORTEST = 0.0005
# A distance may be beyond its eps by what rounding does to a perturbation.
ROUNDING = 1e-6


class Counted(nn.Module):
    """A network that counts the images of its forward and backward passes."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network, self.passes = network, 0

    def forward(self, images: Tensor) -> Tensor:
        self.passes += len(images)
        logits: Tensor = self.network(images)
        if logits.requires_grad:
            logits.register_hook(self._count_backward)
        return logits

    def _count_backward(self, gradient: Tensor) -> None:
        self.passes += len(gradient)


@dataclass(frozen=True, slots=True)
class Subject:
    """A network and the images that it gets right.

    Attributes:
        name: What the chart calls it.
        module: On images in [0, 1].
        images: float32 (n, 3, H, W).
        labels: int64 (n,).
        clean: The share of the chosen images that these are.
    """

    name: str
    module: nn.Module
    images: Tensor
    labels: Tensor
    clean: float

    @classmethod
    def of(cls, name: str, checkpoint: str, data_spec: str, limit: int) -> "Subject":
        data = open_data(data_spec)
        assert isinstance(data, Dataset), "clean images are attacked"
        chosen = Source.choose(data, limit=limit, seed=0).positions
        images, labels = (data.images(chosen).float() / 255).contiguous(), torch.from_numpy(data.labels[chosen])
        module = resolve(checkpoint)[0].load().requires_grad_(False)
        with torch.inference_mode():
            right = torch.cat([module(part).argmax(1) for part in images.split(100)]) == labels
        return cls(name, module, images[right], labels[right], float(right.float().mean()))

    def distances(self, contender: Contender, norm: str, batch: int) -> tuple[Array, float]:
        """Return each image's distance, infinity where nothing is found, and the mean passes of an image."""
        counted, found = Counted(self.module).eval(), []
        torch.manual_seed(0)
        for images, labels in zip(self.images.split(batch), self.labels.split(batch), strict=True):
            nearest = contender.find(counted, images.clone(), labels.clone()).detach().clamp(0, 1)
            with torch.inference_mode():
                fools = self.module(nearest).argmax(1) != labels
            found.append(torch.where(fools, find_norm(norm).length(nearest - images), torch.inf))
        return torch.cat(found).double().numpy(), counted.passes / len(self.labels)

    def unbroken(self, norm: str, distances: Array, batch: int) -> tuple[NDArray[np.int64], Array]:
        """Find the images that ``adversarial-strong`` does not fool at its least eps that ``distances`` are within.

        The cheapest of its attacks go first, and each takes what those before have left, at the eps that matter.

        Returns:
            The positions of these images, and that eps for every image, infinity beyond the largest.
        """
        conditions = conditions_of(["adversarial-strong"])
        specs = [each.attack for each in conditions if isinstance(each, Attacked) and each.attack.norm == norm]
        specs.sort(key=lambda spec: (not ATTACKS[spec.rule].minimum_norm, spec.steps * spec.restarts))
        eps = np.array([float(each) for each in specs[0].eps])
        level = np.searchsorted(eps + ROUNDING, distances)
        rows = np.flatnonzero(level < len(eps))
        for spec in specs:
            if len(rows):
                needed, ids = replace(spec, eps=spec.eps[: level[rows].max() + 1]), torch.from_numpy(rows)
                images, labels = self.images[ids], self.labels[ids]
                found = run_attack(self.module, images, labels, needed, seed=0, ids=ids, batch_size=batch)
                rows = rows[found.eps_level.numpy() > level[rows]]
        return rows, np.array([*eps, np.inf])[level]


@dataclass(frozen=True, slots=True)
class Measured:
    """What one attack reached with one budget."""

    library: str
    name: str
    passes: float
    distances: Array

    def optimality(self, envelope: Array, clean: float) -> float:
        """Return local optimality, 1 for the envelope itself; ``clean`` is the accuracy on clean images."""
        largest, right = float(envelope.max()), clean
        area, least = (right * float(np.minimum(each, largest).mean()) for each in (self.distances, envelope))
        return 1 - (area - least) / (right * largest - least)


def write(path: Path, **arrays: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    with partial.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]
    os.replace(partial, path)


def measure(subject: Subject, norm: str, folder: Path, budgets: list[int], batch: int, console: Console) -> None:
    """Run what has no file yet."""
    for budget in budgets:
        for contender in contenders(norm, budget):
            path = folder / subject.name / norm / f"{contender.library}-{contender.name}-{budget}.npz"
            if path.exists():
                continue
            distances, passes = subject.distances(contender, norm, batch)
            write(
                path,
                distances=distances,
                passes=passes,
                library=contender.library,
                name=contender.name,
                clean=subject.clean,
            )
            console.print(
                f"{subject.name} {norm} {contender.library} {contender.name} {passes:.0f} passes", soft_wrap=True
            )


def stored(folder: Path) -> tuple[list[Measured], Array, float]:
    """Read a folder of files; return them, the least distances over all and the accuracy on clean images."""
    found, clean = [], 0.0
    for path in sorted(folder.glob("*.npz")):
        with np.load(path) as file:
            found.append(Measured(str(file["library"]), str(file["name"]), float(file["passes"]), file["distances"]))
            clean = float(file["clean"])
    return found, np.min([each.distances for each in found], axis=0), clean


def broken(subject: Subject, norm: str, folder: Path, batch: int) -> list[str]:
    """List the images that ``adversarial-strong`` calls robust at an eps and a stored attack fools within it."""
    found, least, _ = stored(folder / subject.name / norm)
    rows, eps = subject.unbroken(norm, least, batch)
    return [
        f"{subject.name} {norm}: image {row} of those right falls to {each.library} {each.name} at {eps[row]:.6g} "
        f"(distance {each.distances[row]:.6g})"
        for row in rows
        for each in found
        if each.distances[row] <= eps[row] + ROUNDING
    ]


def draw(folder: Path, names: list[str], norms: list[str], path: Path) -> None:
    """Draw local optimality over passes, a panel per network and norm; the nearer to 100%, the larger the scale."""
    figure = Figure(figsize=(1.4 + 4.1 * len(names), 3.6 * len(norms) + 1.2), layout="constrained")
    grid = figure.subplots(len(norms), len(names), squeeze=False, sharey=True, sharex=True)
    handles: dict[str, Line2D] = {}
    for row, norm in zip(grid, norms, strict=True):
        for axes, name in zip(row, names, strict=True):
            if (folder / name / norm).exists():
                handles |= _draw(axes, *stored(folder / name / norm))
            axes.set_title(f"{name}, {NORMS[norm]}", loc="left", fontsize=10)
        row[0].set_ylabel("local optimality (%)")
    for axes in grid[-1]:
        axes.set_xlabel("forward and backward passes per image")
    ordered = sorted(handles, key=lambda label: list(COLOURS).index(label.partition(":")[0]))
    lines = [handles[label] for label in ordered]
    figure.legend(lines, ordered, loc="outside lower center", ncols=len(names) + 1, fontsize=8, frameon=False)
    figure.savefig(path, dpi=150)


def _draw(axes: Axes, found: list[Measured], envelope: Array, clean: float) -> dict[str, Line2D]:
    """Draw one panel; return a line per attack by its label."""
    handles = {}
    for library, attack in dict.fromkeys((each.library, each.name) for each in found):
        mine = [each for each in found if (each.library, each.name) == (library, attack)]
        mine.sort(key=lambda each: each.passes)
        short = [max(1 - each.optimality(envelope, clean), SHORTEST) for each in mine]
        is_certificate = attack == "nearest-pgd"
        (handles[f"{library}: {attack}"],) = axes.plot(
            [each.passes for each in mine],
            short,
            color=COLOURS[library],
            marker=MARKERS[attack.partition("-")[0].partition(",")[0].lower()],
            markersize=7 if is_certificate else 5,
            linewidth=2.2 if is_certificate else 1.0,
            zorder=3 if is_certificate else 2,
        )
    axes.axhline(0.02, color="0.4", linewidth=0.8, linestyle=":")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_ylim(1.2, SHORTEST / 1.5)
    axes.set_xlim(60, 1400)
    axes.set_xticks([100, 300, 1000], ["100", "300", "1000"])
    axes.set_yticks([1 - each / 100 for each in TICKS], [f"{each:g}" for each in TICKS])
    axes.minorticks_off()
    axes.grid(axis="y", linewidth=0.4, color="0.85")
    axes.spines[["top", "right"]].set_visible(False)
    return handles


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--network", nargs=3, action="append", required=True, metavar=("NAME", "CHECKPOINT", "DATA"))
    parser.add_argument("--norm", action="append", choices=["linf", "l2"])
    parser.add_argument("--budget", type=int, action="append", help="passes per image; default 100 and 300")
    parser.add_argument("--images", type=int, default=500)
    parser.add_argument("--batch", type=int, default=100)
    parser.add_argument("--strong", action="store_true", help="say what peers fool that adversarial-strong does not")
    asked = parser.parse_args()
    console, norms, budgets = Console(highlight=False), asked.norm or ["linf", "l2"], asked.budget or [100, 300]
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", torch.get_num_threads())))
    for network in asked.network:
        subject = Subject.of(*network, limit=asked.images)
        console.print(f"{subject.name}: {len(subject.labels)} images are right, {subject.clean:.4f}")
        for norm in norms:
            measure(subject, norm, asked.folder, budgets, asked.batch, console)
            found, envelope, clean = stored(asked.folder / subject.name / norm)
            console.print(f"{subject.name} {norm}: the least distances are {envelope.mean():.4g} in the mean")
            for each in sorted(found, key=lambda m: -m.optimality(envelope, clean)):
                console.print(
                    f"{100 * each.optimality(envelope, clean):7.2f}  {each.passes:6.0f} passes  "
                    f"{int(np.isinf(each.distances).sum()):4} not found  {each.library} {each.name}",
                    soft_wrap=True,
                )
            if asked.strong:
                lines = broken(subject, norm, asked.folder, asked.batch)
                console.print(
                    *(lines or [f"{subject.name} {norm}: no peer fools what adversarial-strong does not"]), sep="\n"
                )
    draw(asked.folder, [network[0] for network in asked.network], norms, asked.folder / "optimality.png")


if __name__ == "__main__":
    main()
