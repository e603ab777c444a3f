"""What attacks cost against torchattacks, and against foolbox and pyautoattack where they are installed.

Run as ``python tests/bench/attacks.py [CHECKPOINT DATA]``, specs as ``robustsweep sweep`` takes them; without them a
demo checkpoint is trained on digits. Verdicts are in the time of every side, and both sides see the same module.
"""

import argparse
import tempfile
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from adversarial_training import trained_against_single_steps
from interleaved import Ratio, interleaved
from rich.console import Console
from torch import Tensor, nn

from robustsweep.attacks import AttackSpec, parse_attack, run_attack, run_attacks, square
from robustsweep.benchmark.checkpoints import resolve
from robustsweep.benchmark.data import Dataset, open_data
from robustsweep.benchmark.plan.conditions import Attacked
from robustsweep.benchmark.plan.source import Source
from robustsweep.benchmark.plan.suites import conditions_of
from robustsweep.training.demo import train_demo_checkpoints

Attack = Callable[[Tensor, Tensor], Tensor]
STEPS = 10


class Bench:
    """Attacks on one module and one batch of images, float32 (n, 3, H, W) in [0, 1]."""

    def __init__(self, module: nn.Module, images: Tensor, labels: Tensor, rounds: int) -> None:
        self.module, self.images, self.labels, self.rounds = module, images, labels, rounds
        self.ids = torch.arange(len(images))

    def ours(self, *specs: AttackSpec) -> list[int]:
        """Attack; return how many images stand each attack."""
        outcomes = run_attacks(
            self.module, self.images, self.labels, specs, seed=0, ids=self.ids, batch_size=len(self.images)
        )
        return [int((outcome.eps_level == len(spec.eps)).sum()) for outcome, spec in zip(outcomes, specs, strict=True)]

    def theirs(self, attack: Attack) -> int:
        """Attack by a library; return how many of its images the module gets right."""
        adversarial = attack(self.images, self.labels)
        with torch.inference_mode():
            return int((self.module(adversarial).argmax(1) == self.labels).sum())

    def against(self, name: str, attack: Attack) -> tuple[Ratio, str]:
        """Time an attack of ours and one by a library."""
        spec = parse_attack(name)
        ratio = interleaved(lambda: self.ours(spec), lambda: self.theirs(attack), self.rounds)
        n = len(self.images)
        return ratio, f"{name}: standing {self.ours(spec)[0]} of {n}, theirs {self.theirs(attack)}"

    def ladder(self) -> tuple[Ratio, str]:
        """Time the ladder of the suite ``adversarial`` against an attack at each of its eps."""
        (spec,) = (
            c.attack for c in conditions_of(["adversarial"]) if isinstance(c, Attacked) and len(c.attack.eps) > 1
        )
        rungs = [replace(spec, eps=(eps,)) for eps in spec.eps]
        ratio = interleaved(lambda: self.ours(spec), lambda: [self.ours(eps_level) for eps_level in rungs], self.rounds)
        return ratio, f"{spec.name}, {len(rungs)} eps, against each eps alone"

    def in_turn(self, eps: Fraction) -> int:
        """Attack as AutoAttack does, each attack the survivors of those before; return how many stand all."""
        names = ("apgd-ce100", "apgd-t100", "nearest-pgd74")
        images, labels, ids = self.images, self.labels, self.ids
        for name in (*names, "square"):
            if not len(images):
                return 0
            if name == "square":
                outcome = square(self.module, images, labels, eps=eps, ids=ids, batch_size=len(images))
            else:
                spec = parse_attack(f"{name}-linf@{eps}")
                outcome = run_attack(self.module, images, labels, spec, seed=0, ids=ids, batch_size=len(images))
            standing = outcome.eps_level == 1
            images, labels, ids = images[standing], labels[standing], ids[standing]
        return len(images)

    def against_autoattack(self, eps: Fraction) -> tuple[Ratio, str]:
        """Time our Auto-PGD (cross-entropy, nine targets), nearest-image PGD and Square in turn, and AutoAttack."""
        from pyautoattack import AutoAttack

        def theirs() -> int:
            attack = AutoAttack(self.module, norm="Linf", eps=float(eps), seed=0)
            batch = len(self.images)
            return self.theirs(lambda x, y: attack.run_standard_evaluation(x, y, batch_size=batch)[0])

        ratio = interleaved(lambda: self.in_turn(eps), theirs, self.rounds)
        return ratio, f"AutoAttack's protocol at {eps}: standing {self.in_turn(eps)}, theirs {theirs()}"

    def single_steps(self) -> tuple[Ratio, str]:
        """Time the single steps of the suite ``adversarial`` together against each alone."""
        specs = [c.attack for c in conditions_of(["adversarial"]) if isinstance(c, Attacked) and c.attack.steps == 1]
        ratio = interleaved(lambda: self.ours(*specs), lambda: [self.ours(spec) for spec in specs], self.rounds)
        return ratio, f"{len(specs)} eps of {specs[0].rule} together, against each alone"


def torchattacks_pgd(module: nn.Module, eps: Fraction) -> Attack:
    import torchattacks

    attack: Attack = torchattacks.PGD(module, eps=float(eps), alpha=float(eps / 4), steps=STEPS, random_start=True)
    return attack


def foolbox_pgd(module: nn.Module, eps: Fraction) -> Attack:
    import foolbox

    model = foolbox.PyTorchModel(module, bounds=(0, 1))
    attack = foolbox.attacks.LinfPGD(rel_stepsize=0.25, steps=STEPS, random_start=True)
    return lambda images, labels: attack(model, images, labels, epsilons=float(eps))[1]


def pyautoattack_apgd(module: nn.Module, eps: Fraction) -> Attack:
    from pyautoattack.autopgd_base import APGDAttack

    attack = APGDAttack(module, n_iter=STEPS, norm="Linf", eps=float(eps), seed=0, loss="ce", device="cpu")
    return lambda images, labels: attack.perturb(images, labels)


PEERS = {"torchattacks": torchattacks_pgd, "foolbox": foolbox_pgd, "pyautoattack": pyautoattack_apgd}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", nargs="?")
    parser.add_argument("data", nargs="?", default="digits")
    parser.add_argument("--images", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--autoattack", action="store_true", help="time AutoAttack's protocol alone; it takes long")
    asked = parser.parse_args()
    console = Console(highlight=False)
    with tempfile.TemporaryDirectory() as folder:
        spec = asked.checkpoint or str(train_demo_checkpoints(Path(folder), seed=0)[0])
        module = resolve(spec)[0].load()
    data = open_data(asked.data)
    assert isinstance(data, Dataset), "clean images are attacked"
    chosen = Source.choose(data, limit=min(asked.images, len(data) // 2), seed=0).positions
    others = np.setdiff1d(np.arange(len(data)), chosen)[:: max(1, len(data) // 4000)]
    images, labels = (data.images(chosen).float() / 255).contiguous(), torch.from_numpy(data.labels[chosen])

    def show(measured: tuple[Ratio, str], peer: str) -> None:
        console.print(f"{measured[0]!s:26} {peer:14} {measured[1]}", soft_wrap=True)

    present = [name for name in PEERS if find_spec(name)]
    listed = ", ".join(f"{name} {version(name)}" for name in present)
    console.print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, {asked.rounds} rounds; {listed}")
    console.print(f"{len(images)} images of {data.name}: peer's time / ours, median (least to largest)")
    bench = Bench(module, images, labels, asked.rounds)
    exact = Fraction(8, 255)
    robust = trained_against_single_steps(
        data.images(others).float() / 255, torch.from_numpy(data.labels[others]), exact, epochs=12
    )
    hard = Bench(robust, images, labels, asked.rounds)
    if asked.autoattack:
        show(bench.against_autoattack(exact), "pyautoattack")
        show(hard.against_autoattack(exact), "pyautoattack")
        return
    for peer in present:
        for eps in ("8/255", "1/255"):
            attack = PEERS[peer](module, parse_attack(f"pgd10-linf@{eps}").eps[0])
            show(bench.against(f"pgd10-linf@{eps}", attack), peer)
    show(bench.against("pgd10-linf@8/255:protocol=torchattacks", torchattacks_pgd(module, exact)), "torchattacks")
    show(bench.ladder(), "ourselves")
    show(bench.single_steps(), "ourselves")
    show(hard.against("pgd10-linf@8/255", torchattacks_pgd(robust, exact)), "torchattacks")
    standing = run_attack(robust, images, labels, parse_attack("fgsm-linf@8/255"), seed=0, ids=hard.ids)
    console.print(
        f"(the last: ResNet-8 trained against single steps, {int((standing.eps_level >= 0).sum())} images right before)"
    )


if __name__ == "__main__":
    main()
