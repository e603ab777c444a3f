"""Power of a comparison of two methods, said before anything is trained or swept."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from robustsweep.results.metrics.benchmarks import BENCHMARKS
from robustsweep.results.metrics.catalogue.every_score import scores_of
from robustsweep.results.metrics.scores import C_BAR, PRIMARY, Score
from robustsweep.results.metrics.seed_spreads import run_spreads
from robustsweep.results.statistics.intervals import ALPHA, POWER
from robustsweep.results.statistics.published_spreads import NETWORK, SOURCE, nearest_published
from robustsweep.results.statistics.seeds import FEWEST_SEEDS, RECOMMENDED_SEEDS
from robustsweep.results.statistics.spreads import Spread
from robustsweep.results.stored.cells import Json

_MOST_CORRUPTIONS = 4
_NONE_STORED = "no stored spread"
_FEW_SEEDS = (
    f"With fewer than {RECOMMENDED_SEEDS} seeds the test hardly knows how much seeds vary, above all after Holm: more "
    "seeds help more than more images."
)


@dataclass(frozen=True, slots=True)
class PlannedComparison:
    """What is known of a comparison before its run.

    Attributes:
        conditions: Conditions that will be measured, as ``cell.condition`` has them.
        seeds: Number of training seeds of each method.
        n_images: Numbers of images to show the power for.
        data: Name of the data set.
        classes: Its classes.
        run: Run folder that may hold cells of methods with several seeds.
        metrics: Scores of the declared family; none: the default one.
        n_opponents: Methods that one is compared with.
    """

    conditions: Sequence[Json]
    seeds: Sequence[int]
    n_images: Sequence[int]
    data: str
    classes: int
    run: Path | None = None
    metrics: Sequence[str] = ()
    n_opponents: int = 1

    def lines(self) -> list[str]:
        """Say per score which difference of two methods would be found.

        Returns:
            Nothing if there are no two methods, no two images or no scores.

        Raises:
            DataError: If the run folder is damaged.
        """
        scores = scores_of(_rows(self.conditions), published_reference=False)
        shown = _chosen(scores)
        if len(self.seeds) < 2 or min(self.n_images) < 2 or not shown:
            return []
        declared = {s.name for s in scores if (s.name in self.metrics if self.metrics else s.is_declared)}
        family = max(1, len(declared) * self.n_opponents)
        spreads, source = self._spreads(shown)
        n_seeds, caution = _tested_seeds(self.seeds)
        table = [(f"pp (after Holm over {family} scores)", *(f"{n:,} images" for n in self.n_images))]
        for score in shown:
            alphas = (ALPHA, ALPHA / family) if score.name in declared else (ALPHA,)
            table.append((score.title, *(_cell(score, spreads, n_seeds, n, alphas) for n in self.n_images)))
        known = [score for score in shown if score.name in spreads]
        said = [_sentence(known[0], spreads[known[0].name], n_seeds, self.n_images[0])] if known else []
        few = [_FEW_SEEDS] if min(n_seeds) < RECOMMENDED_SEEDS else []
        return [*caution, *said, *_aligned(table), *few, source]

    def _spreads(self, scores: Sequence[Score]) -> tuple[dict[str, Spread], str]:
        """Find spreads by name of the score, and say where they come from."""
        own = run_spreads(self.run, self.data, scores) if self.run else None
        if own is not None:
            return own.spreads, (
                f"Seed spreads and image noise are measured in {self.run}: {own.n_trainings} training runs of "
                f"{own.n_methods} methods."
            )
        published = nearest_published(self.classes)
        found = {score.name: published.spread(score.name) for score in scores}
        return {name: spread for name, spread in found.items() if spread}, (
            f"Seed spreads are another network's, {NETWORK} on {published.title}, the nearest data set stored "
            f"({SOURCE}, {published.configurations} configurations x 5 seeds). Image noise is taken cautiously, as "
            "twice what two ResNets show on CIFAR-10-C. This run's own numbers are used once two of its methods have "
            "several seeds."
        )


def _rows(conditions: Sequence[Json]) -> pd.DataFrame:
    columns = ["name", "kind", "corruption", "eps", "eps_value"]
    rows = pd.DataFrame(list(conditions), columns=columns).explode(["eps", "eps_value"])
    return rows.rename(columns={"name": "condition"})


def _chosen(scores: Sequence[Score]) -> list[Score]:
    """Choose clean images, both benchmarks' means, some corruptions (those with stored spreads first), one attack."""
    stored = nearest_published(0).seeds
    by_kind = {kind: [score for score in scores if score.kind == kind] for kind in ("clean", "corruption", "attack")}
    means = [score for score in scores if score in BENCHMARKS.values()]
    single = sorted(by_kind["corruption"], key=lambda score: score.name not in stored)[:_MOST_CORRUPTIONS]
    attacks = by_kind["attack"]
    return [*means, *by_kind["clean"], *single, *attacks[len(attacks) // 2 :][:1]]


def _tested_seeds(seeds: Sequence[int]) -> tuple[tuple[int, int], list[str]]:
    """Return the fewest seeds of two methods that ``compare`` tests, and what to say if there are none."""
    tested = sorted(k for k in seeds if k >= FEWEST_SEEDS)
    if len(tested) > 1:
        return (tested[0], tested[1]), []
    most = sorted(seeds)[-2]
    return (FEWEST_SEEDS, FEWEST_SEEDS), [
        f"{most} training seed{'s' * (most > 1)} per method cannot show that one method is better than another: "
        f"differences between seeds look the same. Train {FEWEST_SEEDS} or more, which would show:"
    ]


def _cell(
    score: Score, spreads: Mapping[str, Spread], n_seeds: tuple[int, int], n_images: int, alphas: Sequence[float]
) -> str:
    if score.name not in spreads:
        return _NONE_STORED
    found = [_points(score, spreads[score.name].detectable(n_seeds, n_images, alpha)) for alpha in alphas]
    return found[0] + (f" ({found[1]})" if len(found) > 1 else "")


def _points(score: Score, difference: float) -> str:
    return f"{100 * difference:.1f}" if difference < score.largest_difference else "none"


def _sentence(score: Score, spread: Spread, n_seeds: tuple[int, int], n_images: int) -> str:
    seeds = str(n_seeds[0]) if n_seeds[0] == n_seeds[1] else f"{n_seeds[0]} and {n_seeds[1]}"
    found = spread.detectable(n_seeds, n_images)
    what = f"differences of {_points(score, found)} pp or more" if found < score.largest_difference else "no difference"
    is_mean, is_clean = score.kind in (PRIMARY, C_BAR), score.kind == "clean"
    where = "errors on clean images" if is_clean else score.title if is_mean else f"error under {score.title}"
    return (
        f"With {seeds} seeds per method and {n_images:,} images, {what} in the {where} would be found with "
        f"{POWER:.0%} power."
    )


def _aligned(table: Sequence[Sequence[str]]) -> list[str]:
    """Pad the columns: names to the left, numbers to the right."""
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return [
        "  ".join([row[0].ljust(widths[0]), *(t.rjust(w) for t, w in zip(row[1:], widths[1:], strict=True))])
        for row in table
    ]
