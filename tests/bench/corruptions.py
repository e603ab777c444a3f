"""Speed of the 19 corruptions against imagecorruptions and against a floor, both sides in turn in one run."""

import argparse
import json
import math
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

import torch
from crops import photographs, random_crops
from floors import Floors, cpu_clock
from interleaved import alternating, seconds_of
from measurements import HEADING, PEER_HEADING, Measurement, summary
from peer import Peer
from torch import Tensor

from robustsweep.corruptions import COMMON, EXTRA, SEVERITIES, corrupt, table_for

BATCH = {32: 1000, 224: 64}
LEGACY_PYTHON = Path(__file__).resolve().parents[2] / ".venv.legacy" / "bin" / "python"
# Per round: the peer fills this with as many images as fit, our side repeats its batch at least this long.
PEER_SECONDS, OUR_SECONDS = 0.2, 0.02


@dataclass(frozen=True, slots=True)
class Ours:
    """Our side of one cell: a batch, and the settings of ``corrupt``."""

    images: Tensor
    table: str
    settings: dict[str, bool]

    def batch(self, name: str, severity: int) -> Callable[[], Tensor]:
        """Return the call that corrupts the whole batch."""
        ids = torch.arange(len(self.images))
        return lambda: corrupt(self.images, name, severity, table=self.table, seed=0, ids=ids, **self.settings)


def measure(ours: Ours, peer: Peer | None, floors: Floors, name: str, severity: int, rounds: int) -> Measurement:
    """Warm both sides up and take their seconds per image in turn."""
    call, count = ours.batch(name, severity), len(ours.images)
    call()
    repeats = max(1, round(OUR_SECONDS / seconds_of(call)))

    def our_seconds() -> float:
        return seconds_of(lambda: [call() for _ in range(repeats)]) / repeats / count

    if peer is None:
        taken = [(our_seconds(), math.nan) for _ in range(rounds)]
    else:
        few = peer.count_for(name, severity, PEER_SECONDS)
        taken = alternating(our_seconds, lambda: peer.seconds(name, severity, few) / few, rounds)
    floor = floors.seconds_per_image(name, ours.table, severity)
    return Measurement(name, severity, ours.images.shape[-1], tuple(taken), floor)


def measure_size(options: argparse.Namespace, side: int) -> Iterator[Measurement]:
    """Print the table of one image size while it is measured."""
    batch, table = random_crops(photographs(options.images), BATCH[side], side), table_for(side, side)
    ours = Ours(torch.from_numpy(batch), table, {"compiled": True} if options.compiled else {})
    floors = Floors(ours.images, cpu_clock)
    print(
        f"\n{side} px, batch of {len(batch)}, constants {table}; copy {floors.gigabytes_per_second:.1f} GB/s,", end=" "
    )
    print(f"random word {floors.nanoseconds_per_word:.2f} ns")
    with nullcontext() if options.no_peer else Peer(options.legacy_python, batch, table) as peer:
        if peer:
            print("peer: " + ", ".join(f"{key} {value}" for key, value in peer.description.items()))
        print(PEER_HEADING if peer else HEADING)
        for name in options.names:
            for severity in options.severities:
                measurement = measure(ours, peer, floors, name, severity, options.rounds)
                print(measurement.line(), flush=True)
                yield measurement


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", choices=BATCH, default=list(BATCH))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--names", nargs="+", choices=COMMON + EXTRA, default=COMMON + EXTRA, metavar="NAME")
    parser.add_argument("--severities", type=int, nargs="+", choices=SEVERITIES, default=SEVERITIES)
    parser.add_argument("--compiled", action="store_true", help="pass compiled=True to our side")
    parser.add_argument("--images", type=Path, help="folder of image files, or .npz with an array (N, H, W, 3)")
    parser.add_argument("--json", type=Path, help="file for the raw numbers")
    parser.add_argument("--no-peer", action="store_true", help="our side and the floor alone")
    parser.add_argument("--legacy-python", type=Path, default=LEGACY_PYTHON, help="interpreter of the peer")
    options = parser.parse_args(arguments)
    if not options.no_peer and not options.legacy_python.exists():
        parser.error(f"{options.legacy_python} does not exist; run `make legacy`, or pass --no-peer.")
    return options


def main() -> None:
    """Measure, print and save."""
    options = parse()
    print(f"ours: torch {torch.__version__}, " + ", ".join(f"{name} {version(name)}" for name in ("numpy", "pillow")))
    print(f"{torch.get_num_threads()} threads, {options.rounds} rounds after warm-up; ours: whole planar uint8 batch;")
    print("peer: imagecorruptions.corrupt, one channels-last image at a time")
    measurements: list[Measurement] = []
    for side in options.sizes:
        measured = list(measure_size(options, side))
        measurements += measured
        if not options.no_peer:
            print("\n".join(summary(measured)))
    if options.json:
        options.json.write_text(json.dumps([asdict(each) for each in measurements]))


if __name__ == "__main__":
    main()
