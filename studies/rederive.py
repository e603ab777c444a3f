"""Derive the method table and the comparisons of a study again, from its compact results alone.

An independent check: NumPy, SciPy and pandas, and nothing of robustsweep. What is derived is held against the numbers
that ``report/tables`` and ``compare`` say; the exit code is 1 if one differs by more than 1e-9, or if the
results hold no report. Definitions are those of the study's protocol and of robustsweep's documentation.
"""

import argparse
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from compact_cells import SCORES, read_checkpoint, scores_of
from scipy import stats

TOLERANCE = 1e-9
MAIN_SCORES = ("mean_corruption_error", "mean_corruption_error_cifar_c_bar", "clean_error")
# What comparisons call a score, if it is not the name of a corruption.
TITLES = {
    "mean of 15 corruptions (C)": "mean_corruption_error",
    "mean corruption error C-bar (CIFAR)": "mean_corruption_error_cifar_c_bar",
    "clean": "clean_error",
}


class Method:
    """A score of a method, or of one checkpoint: images by training seeds."""

    def __init__(self, of_seeds: list[np.ndarray]) -> None:
        self.n_seeds = len(of_seeds)
        self.by_image = np.mean(of_seeds, axis=0)
        self.by_seed = np.array([values.mean() for values in of_seeds])

    @property
    def seed_variance(self) -> float:
        """Variance of the mean over seeds."""
        return float(self.by_seed.var(ddof=1) / self.n_seeds)


def t_interval(by_image: np.ndarray, of_seeds: list[Method]) -> tuple[float, float, float, float]:
    """Return mean, 95% interval and two-sided p value: the variances of images and seeds, Satterthwaite's degrees."""
    n = len(by_image)
    parts = [(by_image.var(ddof=1) / n, n - 1), *((m.seed_variance, m.n_seeds - 1) for m in of_seeds)]
    variance = sum(v for v, _ in parts)
    degrees = variance**2 / sum(v**2 / d for v, d in parts)
    value, error = by_image.mean(), np.sqrt(variance)
    half = stats.t.ppf(0.975, degrees) * error
    return value, value - half, value + half, 2 * stats.t.sf(abs(value) / error, degrees)


def table_row(name: str, score: Method) -> tuple[float, float, float]:
    """Return mean and 95% interval of one score of a method; of a single cell Wilson's."""
    if name == "clean_error" and score.n_seeds == 1:
        n = len(score.by_image)
        found = stats.binomtest(round(score.by_image.sum()), n).proportion_ci(0.95, "wilson")
        return score.by_image.mean(), found.low, found.high
    value, low, high, _ = t_interval(score.by_image, [score] if score.n_seeds > 1 else [])
    return value, max(0.0, low), min(1.0, high)


def difference(first: Method, second: Method) -> tuple[float, float, float, float]:
    """Compare two methods, paired by image. Seeds count if both have several; two are too few for a p value."""
    fewest = min(first.n_seeds, second.n_seeds)
    value, low, high, p = t_interval(first.by_image - second.by_image, [first, second] if fewest > 1 else [])
    return value, low, high, np.nan if fewest == 2 else p


def holm(p: pd.Series) -> pd.Series:
    """Adjust the p values of one family."""
    ordered = p.sort_values()
    return (ordered * np.arange(len(p), 0, -1)).cummax().clip(upper=1).reindex(p.index)


Scores = dict[tuple[int, str, str], Method]
"""By number of images, name of the method or checkpoint, and score."""


def all_scores(results: Path) -> Scores:
    """Derive every score of every method and checkpoint."""
    files = sorted((results / "compact").glob("*.npz"))
    found: dict[tuple[int, str, str], list[np.ndarray]] = {}
    for path in files:
        for (checkpoint, method, n), cells in read_checkpoint(path).groupby(["checkpoint", "method", "images"]):
            for name, values in scores_of(cells).items():
                found.setdefault((n, method, name), []).append(values)
                found[n, checkpoint, name] = [values]
    print(f"{len(files)} checkpoints in {results}")
    return {key: Method(values) for key, values in found.items()}


def of_tables(results: Path, scores: Scores) -> Iterator[tuple[str, float, float]]:
    """Yield each mean and interval of the tables of methods and checkpoints: what it is, as written, and as derived."""
    for path in sorted((results / "report/tables").glob("*headline.csv")):
        for _, row in pd.read_csv(path).iterrows():
            who = row.get("checkpoint", row["method"])
            for name in MAIN_SCORES:
                if name in row:
                    score = scores.get((row["images"], who, name))
                    derived = table_row(name, score) if score else (np.nan,) * 3
                    for column, value in zip((name, f"{name}_low", f"{name}_high"), derived, strict=True):
                        yield f"{path.name}: {who}, {column}", row[column], value


def of_comparisons(results: Path, scores: Scores) -> Iterator[tuple[str, float, float]]:
    """Yield each number of the comparisons: what it is, as written, and as derived; print those of the family."""
    title = re.match(r"# (\S+) against", (results / "compare/compare.md").read_text())
    for path in sorted((results / "compare").glob("*_compare_errors.csv")):
        written = pd.read_csv(path)
        written["name"] = [TITLES.get(score, score.removesuffix(" (C-bar)")) for score in written["score"]]
        written = written[written["name"].isin(SCORES)]
        derived = pd.DataFrame([compared(row, title[1], scores) for _, row in written.iterrows()], written.index)
        is_declared = written["p_holm"].notna()
        derived["p_holm"] = holm(derived.loc[is_declared, "p"])
        shown = pd.concat([written[["against", "score"]], derived.mul([100] * 5 + [1] * 2)], axis=1)[is_declared]
        if len(shown):
            print(f"\n{title[1]} against (differences in percentage points):\n{shown.to_string(index=False)}")
        for place, row in derived.iterrows():
            for column, value in row.items():
                one = written.loc[place, column]
                if not (np.isnan(one) and np.isnan(value)):
                    yield f"{path.name}: {written['against'][place]}, {written['score'][place]}, {column}", one, value


def compared(row: pd.Series, first: str, scores: Scores) -> dict[str, float]:
    """Derive one line of a comparison but the p value after Holm."""
    sides = [scores[row["images"], side, row["name"]] for side in (first, row["against"])]
    names = ("first", "second", "difference", "low", "high", "p")
    return dict(zip(names, (*(side.by_image.mean() for side in sides), *difference(*sides)), strict=True))


def print_means(scores: Scores) -> None:
    """Print the method table in percent, and the single checkpoints below it."""
    rows = [
        (n, who, score.n_seeds, name, *(100 * number for number in table_row(name, score)))
        for (n, who, name), score in scores.items()
        if name in MAIN_SCORES
    ]
    table = pd.DataFrame(rows, columns=["images", "name", "seeds", "score", "mean", "from", "to"])
    table = table.sort_values(["seeds", "images", "score", "mean"], ascending=[False, False, True, True])
    print(table.to_string(index=False, float_format="%.4f"))


def main() -> int:
    """Derive, print and compare."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("results", type=Path, help="such as studies/cifar100/results/small")
    results = parser.parse_args().results
    if not (results / "report/tables").is_dir():
        print(f"{results} holds no report/tables: make study writes them.", file=sys.stderr)
        return 1
    scores = all_scores(results)
    print_means(scores)
    found = list(of_tables(results, scores))
    if (results / "compare").is_dir():
        found += of_comparisons(results, scores)
    else:
        print("\nno comparison is written: make study compares when no run is missing")
    numbers = pd.DataFrame(found, columns=["what", "written", "derived"])
    numbers["difference"] = (numbers["written"] - numbers["derived"]).abs()
    wrong = numbers[~(numbers["difference"] <= TOLERANCE)]
    print(f"\n{len(numbers)} numbers derived again; largest difference {numbers['difference'].max():.2g}")
    if len(wrong) or numbers.empty:
        print(wrong.to_string(index=False) if len(wrong) else "nothing could be derived", file=sys.stderr)
    return int(len(wrong) > 0 or numbers.empty)


if __name__ == "__main__":
    sys.exit(main())
