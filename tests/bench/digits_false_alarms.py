"""How often equal methods are told apart on real networks: 40 seeds of one method, in random groups of 5 against 5.

Run as ``python tests/bench/digits_false_alarms.py [RUN]``: it trains 40 seeds of the baseline on handwritten digits and
sweeps them into RUN, which takes an hour on two cores (what RUN holds already is not repeated), then compares 200
pairs of disjoint random groups as ``compare`` does. Whatever it finds is a false alarm. Groups overlap between
repeats, so that the rates are those of these 40 networks, not of 200 independent experiments.
"""

import argparse
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from robustsweep.results.comparable.comparable_sets import split_units
from robustsweep.results.comparable.frame import load_frame
from robustsweep.results.metrics.catalogue.every_score import scores_of
from robustsweep.results.metrics.measured_cells import MeasuredCells
from robustsweep.results.metrics.per_image import read_scores
from robustsweep.results.metrics.scores import Score
from robustsweep.results.statistics.families import holm
from robustsweep.results.statistics.intervals import ALPHA, Floats
from robustsweep.results.statistics.seeds import method_difference, new_training_difference

N_SEEDS, GROUP, REPEATS = 40, 5, 200
SUITES = ("clean", "cifar-c", "adversarial")


def measure(run: Path) -> None:
    """Train and sweep what is missing."""
    checkpoints = run / "checkpoints"
    robustsweep = [sys.executable, "-m", "robustsweep"]
    train = ["train", "--method", "baseline", "--seed", f"0-{N_SEEDS - 1}", "--recipe", "digits", "--data", "digits"]
    suites = [word for name in SUITES for word in ("--suite", name)]
    sweep = ["sweep", "--checkpoint", str(checkpoints), "--data", "digits", *suites, "--no-audit", "--out", str(run)]
    for command in ([*train, "--out", str(checkpoints)], sweep):
        subprocess.run([*robustsweep, *command], check=True)


def read(run: Path) -> tuple[list[Score], dict[str, Floats]]:
    """Return the declared scores, and by name each seed's score of each image, shape (seeds, images)."""
    (unit,) = split_units(load_frame([run]))
    scores = scores_of(pd.concat([unit.rows, unit.attacks]), published_reference=False)
    declared = [score for score in scores if score.is_declared]
    found = [read_scores(MeasuredCells.of(unit, str(i), [run]), declared) for i in unit.checkpoints.index]
    return declared, {score.name: np.stack([one[score.name] for one in found]) for score in declared}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, nargs="?", default=Path("runs/digits-false-alarms"))
    run = parser.parse_args().run
    measure(run)
    scores, by_seed = read(run)
    n_seeds, n_images = next(iter(by_seed.values())).shape
    rng = np.random.default_rng(0)
    alarms = dict.fromkeys(by_seed, 0)
    new_alarms = dict.fromkeys(by_seed, 0)
    families = 0
    for _ in range(REPEATS):
        order = rng.permutation(n_seeds)
        first, second = order[:GROUP], order[GROUP : 2 * GROUP]
        p = {name: method_difference(s[first], s[second]).estimate.p_two_sided() for name, s in by_seed.items()}
        families += int(min(holm(list(p.values()))) < ALPHA)
        for name, values in by_seed.items():
            alarms[name] += int(p[name] < ALPHA)
            new = new_training_difference(values[first[0]], values[second])
            new_alarms[name] += int(new.p_above_zero() < ALPHA)
    print(f"{n_seeds} seeds, {n_images} images, {REPEATS} pairs of {GROUP} against {GROUP}; rejections at 5%")
    print(f"  {'score':24} mean error   sd of seeds   compare   one against {GROUP} (one-sided)")
    for score in scores:
        errors = by_seed[score.name].mean(axis=1)
        print(
            f"  {score.title:24} {100 * errors.mean():8.2f} % {100 * errors.std(ddof=1):10.2f} pp "
            f"{100 * alarms[score.name] / REPEATS:8.1f} % {100 * new_alarms[score.name] / REPEATS:8.1f} %"
        )
    shares = [100 * sum(counts.values()) / (REPEATS * len(scores)) for counts in (alarms, new_alarms)]
    print(f"  {'all scores':24} {shares[0]:39.1f} % {shares[1]:8.1f} %")
    print(f"  families of {len(scores)} with a rejection after Holm: {100 * families / REPEATS:.1f} %")
    return 0


if __name__ == "__main__":
    sys.exit(main())
