"""Accuracy of checkpoints that others trained, on the test set that their makers measured, beside what they publish.

Nothing is random and no pixel is lost on the way, so that the number of right images must be the published one; a few
images may differ by the rounding of another machine. The exit code is 1 if more than three do. With ``--corrupted``,
the errors under the corruptions of CIFAR-C are printed as well, to stand beside published ones of similar networks.
"""

import argparse
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from robustsweep import evaluate

MOST_OTHER_IMAGES = 3
CONSOLE = Console(highlight=False)


def split(text: str) -> tuple[str, str, float]:
    """Take ``SPEC=ACCURACY`` apart, at the last equals sign; the first item is the name of the file."""
    spec, _, accuracy = text.rpartition("=")
    return Path(spec.partition(",")[0]).stem, spec, float(accuracy)


def print_corrupted(scores) -> None:
    """Print the mean errors over the corruptions of C, and that of each group."""
    table = Table("checkpoint", "score", "error %", "95% interval")
    wanted = ["mean_corruption_error", *(f"{group}_error" for group in ("noise", "blur", "weather", "digital"))]
    for row in scores[scores["score"].isin(wanted)].itertuples():
        table.add_row(row.name, row.score, f"{100 * row.value:.2f}", f"{100 * row.low:.2f} to {100 * row.high:.2f}")
    CONSOLE.print(table)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", help="data spec of the test set, such as imagefolder:cifar10-test.tar,name=cifar10")
    parser.add_argument(
        "checkpoints", nargs="+", type=split, help="SPEC=ACCURACY in percent: net.th,arch=resnet20,norm=imagenet=91.73"
    )
    parser.add_argument("--corrupted", action="store_true", help="measure the corruptions of CIFAR-C too")
    parser.add_argument("--out", type=Path, help="run folder, to continue (default: a temporary one)")
    options = parser.parse_args()
    specs = {name: spec for name, spec, _ in options.checkpoints}
    suites = ["clean", "cifar-c"] if options.corrupted else ["clean"]
    results = evaluate(specs, options.data, suites, device="cpu", out=options.out)
    clean = results.frame[results.frame["condition"] == "clean"].set_index("checkpoint")
    table = Table("checkpoint", "images", "right", "published", "difference")
    furthest = 0
    for name, _, accuracy in options.checkpoints:
        n, right = int(clean.loc[name, "n"]), int(clean.loc[name, "n_right"])
        published = round(n * accuracy / 100)
        furthest = max(furthest, abs(right - published))
        table.add_row(name, str(n), str(right), str(published), f"{right - published:+d}")
    CONSOLE.print(table)
    if options.corrupted:
        print_corrupted(results.scores)
    return int(furthest > MOST_OTHER_IMAGES)


if __name__ == "__main__":
    sys.exit(main())
