"""Speed of the corruptions of C-bar against restatements of the generator's algorithms in NumPy, in turn in one run.

Where the generator calls a Python function for each pixel, so does the restatement; --whole-images gives all pixels to
one call instead. The restatement is handed its draws and rounds to 8 bits; our side draws, too.
"""

import argparse
import functools
import statistics
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from clocks import clock_of, wall_seconds
from crops import photos, random_crops
from interleaved import Ratio, alternating
from machine import facts
from torch import Tensor

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "corruptions"))
from applying import channels_last, drawn_for, sampled
from cbar_oracles import BY_PIXELS, WITH_DRAWS, WITHOUT_DRAWS, one_by_one
from corruption_oracles import to_uint8

from robustsweep.corruptions import CIFAR_C_BAR, CORRUPTIONS, IMAGENET_C_BAR, SEVERITIES, corrupt_batch, table_for

NAMES = {32: CIFAR_C_BAR, 224: IMAGENET_C_BAR}
BATCH = {32: 600, 224: 32}
OUR_SECONDS = 0.2


def ours(images: Tensor, name: str, severity: int) -> Callable[[], float]:
    """Return what times our batch, repeated until it takes long enough, in seconds per image."""
    ids, clock = torch.arange(len(images), device=images.device), clock_of(images.device)
    table = table_for(*images.shape[2:])

    def batch() -> Tensor:
        return corrupt_batch(images, name, severity, table=table, seed=0, ids=ids)

    batch()
    repeats = max(1, round(OUR_SECONDS / clock(batch)))
    return lambda: clock(lambda: [batch() for _ in range(repeats)]) / repeats / len(images)


def restated(images: Tensor, name: str, severity: int, *, whole: bool) -> Callable[[], float]:
    """Return what times the restatement on the next image, in seconds."""
    table = table_for(*images.shape[2:])
    fields = sampled(name, table, severity, images.shape[1:], torch.arange(len(images)))
    oracle = (WITH_DRAWS | WITHOUT_DRAWS)[name]
    if name in BY_PIXELS and not whole:
        oracle = functools.partial(oracle, every=one_by_one)
    pictures, parameters, turn = (
        channels_last(images),
        CORRUPTIONS[name].parameters(table, severity),
        iter(range(10**9)),
    )

    def one() -> None:
        index = next(turn) % len(pictures)
        to_uint8(oracle(pictures[index].astype(np.float64) / 255, parameters, *drawn_for(fields, index)))

    return lambda: wall_seconds(one)


def measure_size(options: argparse.Namespace, side: int, device: torch.device) -> None:
    """Print the table of one image size."""
    images = torch.from_numpy(random_crops(photos(), BATCH[side], side))
    print(f"\n{device.type}, {side} px, batch of {len(images)}")
    print(f"{'':33} {'ours, us':>10} {'restated, us':>13}  ratio (least to largest)")
    found = {}
    for name in NAMES[side]:
        for severity in options.severities:
            peer = restated(images, name, severity, whole=options.whole_images)
            taken = alternating(ours(images.to(device), name, severity), peer, options.rounds)
            found[f"{name}@{severity}"] = ratio = Ratio.of(taken)
            mine, theirs = (statistics.median(side_of) * 1e6 for side_of in zip(*taken, strict=True))
            print(f"{name + '@' + str(severity):33} {mine:10,.1f} {theirs:13,.1f}  {ratio}", flush=True)
    lowest = min(found, key=lambda name: found[name].median)
    mean = statistics.geometric_mean(ratio.median for ratio in found.values())
    print(f"geometric mean {mean:.1f}x over {len(found)} cells; lowest {lowest} {found[lowest].median:.2f}x")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", choices=NAMES, default=list(NAMES))
    parser.add_argument("--rounds", type=int, choices=range(1, 1001), metavar="N", default=5)
    parser.add_argument("--severities", type=int, nargs="+", choices=SEVERITIES, default=SEVERITIES)
    parser.add_argument("--whole-images", action="store_true", help="all pixels in one call of the restatement")
    options = parser.parse_args()
    print("\n".join(facts()))
    for device in ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]:
        for side in options.sizes:
            measure_size(options, side, torch.device(device))


if __name__ == "__main__":
    main()
