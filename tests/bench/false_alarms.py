"""How often the tests of ``results/statistics`` cry wolf, and what pairing finds that no unpaired test does.

Run as ``python tests/bench/false_alarms.py [--nulls 5000]``; minutes on one core. A true difference of zero must be
rejected in about 5% of repeats: the upper 95% binomial bound of the observed rate may not exceed 6%.

A: two checkpoints on the same images under five severities. B: two equal methods of K seeds each, with seeds that
differ by a known standard deviation. Images of B stand for five times as many, the seeds' spread is scaled alike.
C: a candidate of the gate whose true loss is the margin (PASS is wrong, nominally in 2.5%, the bound 3.5%), or zero
(FAIL is wrong, nominally in 5%), on one cell and on the mean of five severities. D: a candidate that is one more
training of its method, judged by K of them as ``gate --retrained`` does, with seeds as in B. E: two equal methods of K
seeds each, compared on 15 corruptions and their mean; a false alarm is any score that is significant after Holm. Half
of the seeds' variance is shared by all corruptions. Fewer seeds than recommended are printed and not judged: two on a
side break the bound by far, which is why ``compare`` does not test them. F: methods that differ by what is said to be
found with 80% power; it must be found in 75% to 85% of repeats, for seeds that are normally distributed and for others,
either method being the better one in turn. G: the same of errors image by image, with the spreads that a pilot of two
methods with 30 seeds each shows, as ``--dry-run`` plans with them. Levels as small as Holm's are printed, not judged.
"""

import argparse
import math
import sys
import time
from collections.abc import Callable, Iterator
from itertools import product

import numpy as np
from scipy import stats

from robustsweep.results.statistics.families import holm
from robustsweep.results.statistics.intervals import ALPHA, POWER, clustered_mean
from robustsweep.results.statistics.paired import p_worse, paired_difference
from robustsweep.results.statistics.power import detectable_difference
from robustsweep.results.statistics.score_intervals import paired_score_interval
from robustsweep.results.statistics.seeds import (
    FEWEST_SEEDS,
    RECOMMENDED_SEEDS,
    combine,
    method_difference,
    new_training_difference,
)
from robustsweep.results.statistics.spreads import pooled_spread

BOUND = 0.06
BOUND_PASS = 0.035
SEVERITIES = np.linspace(-1.2, 0.4, 5)
IMAGE_SD, MODEL_SD, NOISE_SD = 1.5, 1.0, 0.6
IMAGES_B, STANDS_FOR = 2_000, 10_000
IMAGES_E, CORRUPTIONS_E = 1_000, 15
POWER_BOUNDS = (0.75, 0.85)
SEEDS: dict[str, Callable[[np.random.Generator, int], np.ndarray]] = {
    "normal": lambda rng, k: rng.standard_normal(k),
    "exponential": lambda rng, k: rng.exponential(size=k) - 1,
    "uniform": lambda rng, k: rng.uniform(-math.sqrt(3), math.sqrt(3), k),
    "t with 5 degrees": lambda rng, k: rng.standard_t(5, k) * math.sqrt(3 / 5),
}
"""Scores of seeds with mean 0 and standard deviation 1, by the name of their distribution."""


def mcnemar(first_wrong: int, second_wrong: int) -> float:
    """Return McNemar's exact two-sided p value; valid for one cell, never for rows pooled over severities."""
    n = first_wrong + second_wrong
    return float(stats.binomtest(first_wrong, n).pvalue) if n else 1.0


def upper_bound(rejected: int, repeats: int) -> float:
    """Return the one-sided 95% Clopper-Pearson bound of a rate."""
    return 1.0 if rejected == repeats else float(stats.beta.ppf(0.95, rejected + 1, repeats - rejected))


def latent_shift(difference: float, sd: float, thresholds: np.ndarray) -> float:
    """Return the shift of the latent score that moves the mean error by ``difference``, to first order."""
    return difference / float(np.mean(stats.norm.pdf(thresholds / sd) / sd))


def two_checkpoints(n_images: int, difference: float, repeats: int, seed: int) -> Iterator[np.ndarray]:
    """Yield errors of shape (2, n_images, 5), drawn anew from images and checkpoints of one kind."""
    rng = np.random.default_rng(seed)
    total = math.sqrt(IMAGE_SD**2 + MODEL_SD**2 + NOISE_SD**2)
    shift = latent_shift(difference, total, SEVERITIES)
    for _ in range(repeats):
        score = IMAGE_SD * rng.standard_normal((1, n_images, 1), dtype=np.float32)
        score = score + MODEL_SD * rng.standard_normal((2, n_images, 1), dtype=np.float32)
        score = score + NOISE_SD * rng.standard_normal((2, n_images, 5), dtype=np.float32)
        score[0] += shift
        yield score + SEVERITIES.astype(np.float32) > 0


def simulation_a(n_images: int, difference: float, repeats: int, seed: int) -> dict[str, int]:
    """Count rejections at 5% by test."""
    counts = dict.fromkeys(("paired by image", "unpaired by image", "McNemar, rows pooled", "McNemar, severity 5"), 0)
    for wrong in two_checkpoints(n_images, difference, repeats, seed):
        per_image = wrong.mean(axis=2)
        first, second = (clustered_mean(scores) for scores in per_image)
        unpaired = (first.value - second.value) / math.hypot(first.standard_error, second.standard_error)
        only_first, only_second = (int(x.sum()) for x in (wrong[0] & ~wrong[1], wrong[1] & ~wrong[0]))
        hardest = (wrong[0] & ~wrong[1])[:, -1].sum(), (wrong[1] & ~wrong[0])[:, -1].sum()
        p_values = (
            paired_difference(per_image[0], per_image[1]).p_two_sided(),
            2 * stats.norm.sf(abs(unpaired)),
            mcnemar(only_first, only_second),
            mcnemar(int(hardest[0]), int(hardest[1])),
        )
        for name, p in zip(counts, p_values, strict=True):
            counts[name] += int(p < ALPHA)
    return counts


def simulation_b(n_seeds: int, seed_sd: float, repeats: int, seed: int, n_images: int = IMAGES_B) -> dict[str, int]:
    """Count rejections at 5% of two equal methods; ``seed_sd`` as a fraction, for ``STANDS_FOR`` images."""
    rng = np.random.default_rng(seed)
    total = math.sqrt(IMAGE_SD**2 + 0.5**2 + MODEL_SD**2)
    shift = latent_shift(seed_sd * math.sqrt(STANDS_FOR / n_images), total, np.array([-0.8]))
    counts = dict.fromkeys(("images and seeds", "images alone"), 0)
    for _ in range(repeats):
        score = IMAGE_SD * rng.standard_normal((1, 1, n_images), dtype=np.float32) - np.float32(0.8)
        score = score + np.float32(0.5) * rng.standard_normal((2, 1, n_images), dtype=np.float32)
        score = score + np.float32(shift) * rng.standard_normal((2, n_seeds, 1), dtype=np.float32)
        wrong = (score + MODEL_SD * rng.standard_normal((2, n_seeds, n_images), dtype=np.float32) > 0).astype(float)
        found = method_difference(wrong[0], wrong[1])
        images = paired_difference(wrong[0].mean(axis=0), wrong[1].mean(axis=0))
        counts["images and seeds"] += int(found.estimate.p_two_sided() < ALPHA)
        counts["images alone"] += int(images.p_two_sided() < ALPHA)
    return counts


def simulation_c(
    n_images: int, loss: float, better: float, n_cells: int, repeats: int, seed: int, margin: float = 0.01
) -> dict[str, int]:
    """Count the gate's PASS and FAIL of a candidate that is worse by ``loss``.

    Args:
        n_images: Images.
        loss: True difference of the mean error.
        better: Share of images that the candidate does better on; as many more do worse as ``loss`` needs.
        n_cells: Cells of the mean; an image changes in 1 to ``n_cells`` of them, each number equally often.
        repeats: Repeats.
        seed: Seed of the draws.
        margin: Margin of the gate.
    """
    rng = np.random.default_rng(seed)
    worse = better + loss * 2 * n_cells / (n_cells + 1)
    sizes = np.arange(-n_cells, n_cells + 1) / n_cells
    shares = [*[better / n_cells] * n_cells, 1 - better - worse, *[worse / n_cells] * n_cells]
    counts = {"PASS": 0, "FAIL": 0}
    for drawn in rng.multinomial(n_images, shares, repeats):
        differences = np.repeat(sizes, drawn)
        estimate = clustered_mean(differences)
        if loss:
            counts["PASS"] += int(paired_score_interval(differences).high < margin)
        else:
            counts["FAIL"] += int(p_worse(differences, estimate) < ALPHA and estimate.value >= margin)
    return counts


def simulation_d(n_seeds: int, seed_sd: float, repeats: int, seed: int, n_images: int = IMAGES_B) -> dict[str, int]:
    """Count one-sided rejections at 5% of one more training among equal ones; arguments as for ``simulation_b``."""
    rng = np.random.default_rng(seed)
    total = math.sqrt(IMAGE_SD**2 + MODEL_SD**2)
    shift = latent_shift(seed_sd * math.sqrt(STANDS_FOR / n_images), total, np.array([-0.8]))
    counts = dict.fromkeys(("images and seeds", "images, one seed"), 0)
    for _ in range(repeats):
        score = IMAGE_SD * rng.standard_normal((1, n_images), dtype=np.float32) - np.float32(0.8)
        score = score + np.float32(shift) * rng.standard_normal((n_seeds + 1, 1), dtype=np.float32)
        wrong = (score + MODEL_SD * rng.standard_normal((n_seeds + 1, n_images), dtype=np.float32) > 0).astype(float)
        estimate = new_training_difference(wrong[0], wrong[1:])
        counts["images and seeds"] += int(estimate.p_above_zero() < ALPHA)
        counts["images, one seed"] += int(paired_difference(wrong[0], wrong[1]).p_above_zero() < ALPHA)
    return counts


def family_counts(
    n_seeds: tuple[int, int], seed_sd: float, repeats: int, seed: int, n_images: int = IMAGES_E
) -> dict[str, int]:
    """Count the families of 15 corruptions and their mean in which Holm's procedure tells two equal methods apart.

    Args:
        n_seeds: Seeds of either method.
        seed_sd: Standard deviation of a corruption's error over seeds, as a fraction, for ``STANDS_FOR`` images.
        repeats: Families.
        seed: Seed of the draws.
        n_images: Images.

    Returns:
        Families with any false alarm; and those where single corruptions alarm while their mean does not.
    """
    rng = np.random.default_rng(seed)
    total = math.sqrt(IMAGE_SD**2 + 0.5**2 + MODEL_SD**2)
    shift = latent_shift(seed_sd * math.sqrt(STANDS_FOR / n_images), total, np.array([-0.8])) * math.sqrt(0.5)
    counts = dict.fromkeys(("any of the family", "but not the mean"), 0)
    for _ in range(repeats):
        image = IMAGE_SD * rng.standard_normal((1, 1, n_images), dtype=np.float32) - np.float32(0.8)
        sides = []
        for k in n_seeds:
            score = image + np.float32(0.5) * rng.standard_normal((1, CORRUPTIONS_E, n_images), dtype=np.float32)
            score = score + np.float32(shift) * rng.standard_normal((k, 1, 1), dtype=np.float32)
            score = score + np.float32(shift) * rng.standard_normal((k, CORRUPTIONS_E, 1), dtype=np.float32)
            noise = MODEL_SD * rng.standard_normal((k, CORRUPTIONS_E, n_images), dtype=np.float32)
            wrong = (score + noise > 0).astype(float)
            sides.append([wrong.mean(axis=1), *wrong.transpose(1, 0, 2)])
        p_values = [method_difference(a, b).estimate.p_two_sided() for a, b in zip(*sides, strict=True)]
        of_mean, *others = (p < ALPHA for p in holm(p_values))
        counts["any of the family"] += int(of_mean or any(others))
        counts["but not the mean"] += int(any(others) and not of_mean)
    return counts


def times_found(n_seeds: tuple[int, int], distribution: str, repeats: int, seed: int, alpha: float = ALPHA) -> int:
    """Count how often a difference is found that is said to be found with probability ``POWER``; images add nothing."""
    rng, draw = np.random.default_rng(seed), SEEDS[distribution]
    true = detectable_difference((0.0, IMAGES_B), [(1 / k, k - 1) for k in n_seeds], alpha, power=POWER)
    found = 0
    for repeat in range(repeats):
        sign = 1 if repeat % 2 else -1
        first, second = (draw(rng, k) for k in n_seeds)
        first = first + sign * true
        estimate = combine(first.mean() - second.mean(), 0.0, IMAGES_B, (first, second)).estimate
        found += estimate.p_two_sided() < alpha and estimate.value * sign > 0
    return int(found)


def errors_of_methods(
    rng: np.random.Generator, n_seeds: tuple[int, int], n_images: int, seed_sd: float, difference: float
) -> list[np.ndarray]:
    """Draw errors as ``simulation_b`` does; the first method's mean error is larger by ``difference``."""
    total = math.sqrt(IMAGE_SD**2 + 0.5**2 + MODEL_SD**2)
    image = IMAGE_SD * rng.standard_normal(n_images)
    found = []
    for k, part in zip(n_seeds, (difference / 2, -difference / 2), strict=True):
        score = image + total * stats.norm.ppf(stats.norm.cdf(-0.8 / total) + part)
        score = score + 0.5 * rng.standard_normal(n_images)
        score = score + latent_shift(seed_sd, total, np.array([-0.8])) * rng.standard_normal((k, 1))
        found.append((score + MODEL_SD * rng.standard_normal((k, n_images)) > 0).astype(float))
    return found


def times_found_as_planned(
    n_seeds: tuple[int, int], seed_sd: float, repeats: int, seed: int, n_images: int = IMAGES_E
) -> int:
    """Count how often ``method_difference`` finds what a pilot says it finds with probability ``POWER``."""
    rng, true, found = np.random.default_rng(seed), 0.0, 0
    for repeat in range(repeats):
        if repeat % 50 == 0:  # another pilot, since each misjudges the spread a little
            spread = pooled_spread(errors_of_methods(rng, (30, 30), n_images, seed_sd, 0.0))
            true = spread.detectable(n_seeds, n_images)
        estimate = method_difference(*errors_of_methods(rng, n_seeds, n_images, seed_sd, true)).estimate
        found += estimate.p_two_sided() < ALPHA and estimate.value > 0
    return int(found)


def gate_counts(repeats: int) -> Iterator[tuple[str, int, int, float]]:
    """Yield what simulation C counted, in how many repeats, and the limit of its rate."""
    for n_cells in (1, 5):
        for better in (0.0, 0.01, 0.05):
            print(f"C: the gate, mean of {n_cells} cells, {100 * better:g} % of images better")
            for n_images in (300, 500, 1_000, 2_000):
                passed = simulation_c(n_images, 0.01, better, n_cells, repeats, seed=n_images)["PASS"]
                yield f"PASS, {n_images} images", passed, repeats, BOUND_PASS
            for n_images in (500, 2_000):  # quickly counted: 5.3% of a few disagreeing images need not pass for 6%
                wrong = simulation_c(n_images, 0.0, better, n_cells, 4 * repeats, seed=n_images, margin=0.0)["FAIL"]
                yield f"FAIL, {n_images} images", wrong, 4 * repeats, BOUND


def show_power(repeats: int, failed: list[str]) -> None:
    """Print simulations F and G, and add to ``failed`` what lies outside ``POWER_BOUNDS``."""

    def show(name: str, found: int, *, judged: bool) -> None:
        is_well = POWER_BOUNDS[0] <= found / repeats <= POWER_BOUNDS[1]
        mark = "  ok" if is_well else "  OUTSIDE" if judged else ""
        print(f"  {name:30} {100 * found / repeats:5.1f}%{mark}", flush=True)
        if judged and not is_well:
            failed.append(name)

    for n_seeds in ((2, 2), (3, 3), (5, 5), (10, 10), (3, 5), (5, 10), (3, 10)):
        print(f"F: what is said to be found with {POWER:.0%} power, {n_seeds[0]} seeds v {n_seeds[1]}")
        for distribution in SEEDS:
            judged = min(n_seeds) >= FEWEST_SEEDS
            show(f"{distribution}, at 5%", times_found(n_seeds, distribution, repeats, seed=n_seeds[1]), judged=judged)
            held = times_found(n_seeds, distribution, repeats, seed=n_seeds[1], alpha=ALPHA / 17)
            show(f"{distribution}, Holm over 17", held, judged=False)
    for n_seeds, seed_sd in product(((3, 3), (5, 5), (10, 10), (3, 5)), (0.0, 0.005, 0.02)):
        name = f"{n_seeds[0]} seeds v {n_seeds[1]}, sd of seeds {100 * seed_sd:g} pp"
        print(f"G: as planned from a pilot, {IMAGES_E} images")
        show(name, times_found_as_planned(n_seeds, seed_sd, repeats, seed=n_seeds[0]), judged=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nulls", type=int, default=5_000)
    repeats = parser.parse_args().nulls
    failed, begun = [], time.perf_counter()

    def show(name: str, rejected: int, *, judged: bool, repeats: int = repeats, limit: float = BOUND) -> None:
        bound = upper_bound(rejected, repeats)
        mark = "" if not judged else "  ok" if bound <= limit else f"  ABOVE {100 * limit:g} %"
        print(f"  {name:24} {100 * rejected / repeats:5.1f} %  (95% bound {100 * bound:.1f} %){mark}", flush=True)
        if judged and bound > limit:
            failed.append(name)

    print(f"A: two checkpoints, 10 000 images x 5 severities, nothing differs; {repeats} repeats")
    for name, rejected in simulation_a(10_000, 0.0, repeats, seed=1).items():
        show(name, rejected, judged=name == "paired by image")
    print("A: a difference of 0.65 percentage points (power)")
    for name, rejected in simulation_a(10_000, 0.0065, repeats, seed=2).items():
        show(name, rejected, judged=False)
    trainings = (
        ("B: equal methods, {} seeds each", simulation_b, 0),
        ("D: a new training among {} of its method", simulation_d, 1),
    )
    for (title, simulate, offset), n_seeds, seed_sd in product(trainings, (2, 3, 5, 10), (0.0, 0.002, 0.005)):
        print(f"{title.format(n_seeds)}, sd of seeds {100 * seed_sd:g} percentage points")
        for name, rejected in simulate(n_seeds, seed_sd, repeats, seed=10 * n_seeds + offset).items():
            show(name, rejected, judged=name == "images and seeds" and n_seeds >= FEWEST_SEEDS)
    for n_seeds, seed_sd in product(((2, 2), (2, 5), (3, 3), (5, 5)), (0.002, 0.005, 0.01)):
        print(f"E: 16 scores, {n_seeds[0]} seeds v {n_seeds[1]}, sd of seeds {100 * seed_sd:g} percentage points")
        for name, rejected in family_counts(n_seeds, seed_sd, repeats, seed=n_seeds[0]).items():
            show(name, rejected, judged=name == "any of the family" and min(n_seeds) >= RECOMMENDED_SEEDS)
    for name, count, repeated, limit in gate_counts(repeats):
        show(name, count, judged=True, repeats=repeated, limit=limit)
    show_power(repeats, failed)
    print(f"{time.perf_counter() - begun:.0f} s; " + (f"above its bound: {failed}" if failed else "no bound is broken"))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
