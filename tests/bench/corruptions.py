"""Speed of the 19 corruptions against imagecorruptions and against a floor, both sides in turn in one run."""

import argparse
import importlib.util
import json
import platform
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

import torch
from clocks import clock_of
from crops import photos, random_crops
from floors import Floors
from interleaved import alternating
from machine import facts
from measurements import HEADING, PEER_HEADING, Measurement, projection, summary
from peer import Peer
from torch import Tensor

from robustsweep.corruptions import COMMON, EXTRA, SEVERITIES, corrupt_batch, table_for

BATCH = {32: 1000, 224: 64}
LEGACY_PYTHON = Path(__file__).resolve().parents[2] / ".venv.legacy" / "bin" / "python"
# Per round: the peer fills this with as many images as fit, our side repeats its batch at least this long.
PEER_SECONDS, OUR_SECONDS = 0.2, 0.2


@dataclass(frozen=True, slots=True)
class Ours:
    """Our side: a batch on the device that is measured."""

    images: Tensor
    table: str

    def seconds_per_image(self, name: str, severity: int) -> Callable[[], float]:
        """Warm up, and return what times the whole batch, repeated until it takes long enough to be timed well."""
        ids, clock = torch.arange(len(self.images), device=self.images.device), clock_of(self.images.device)

        def batch() -> Tensor:
            return corrupt_batch(self.images, name, severity, table=self.table, seed=0, ids=ids)

        batch()
        repeats = max(1, round(OUR_SECONDS / clock(batch)))
        return lambda: clock(lambda: [batch() for _ in range(repeats)]) / repeats / len(self.images)


def measure(ours: Ours, peer: Peer | None, floors: Floors, name: str, severity: int, rounds: int) -> Measurement:
    """Warm both sides up and take their seconds per image in turn."""
    ours_each = ours.seconds_per_image(name, severity)
    if peer is None:
        ours_taken, peer_taken = tuple(ours_each() for _ in range(rounds)), ()
    else:
        few = peer.count_for(name, severity, PEER_SECONDS)
        taken = alternating(ours_each, lambda: peer.seconds(name, severity, few) / few, rounds)
        ours_taken, peer_taken = zip(*taken, strict=True)
    device, side = ours.images.device.type, ours.images.shape[-1]
    floor = floors.seconds_per_image(name, ours.table, severity)
    return Measurement(name, severity, side, device, ours_taken, peer_taken, floor)


def measure_size(options: argparse.Namespace, side: int, device: torch.device) -> Iterator[Measurement]:
    """Print the table of one image size while it is measured; the peer runs beside the CPU only."""
    batch, table = random_crops(photos(options.images), BATCH[side], side), table_for(side, side)
    ours = Ours(torch.from_numpy(batch).to(device), table)
    floors = Floors(ours.images)
    print(f"\n{device.type}, {side} px, batch of {len(batch)}, constants {table}; {floors}")
    alone = options.no_peer or device.type != "cpu"
    with nullcontext() if alone else Peer(options.legacy_python, batch, table) as peer:
        if peer:
            print("peer: " + ", ".join(f"{key} {value}" for key, value in peer.description.items()))
        print(PEER_HEADING if peer else HEADING)
        for name in options.names:
            for severity in options.severities:
                measurement = measure(ours, peer, floors, name, severity, options.rounds)
                print(measurement.line(), flush=True)
                yield measurement


def describe(options: argparse.Namespace) -> Iterator[str]:
    """Yield the lines that say what is measured."""
    yield from facts()
    packages = [name for name in ("torch", "numpy", "pillow", "opencv-python") if _is_installed(name)]
    yield f"ours: python {platform.python_version()}, " + ", ".join(f"{name} {version(name)}" for name in packages)
    yield f"ours: the whole batch per call, planar uint8 in and out, {torch.get_num_threads()} threads"
    yield "peer: imagecorruptions.corrupt, one channels-last uint8 image per call"
    yield f"{options.rounds} rounds after warm-up, the order of the sides alternates"


def _is_installed(distribution: str) -> bool:
    return (
        importlib.util.find_spec({"pillow": "PIL", "opencv-python": "cv2"}.get(distribution, distribution)) is not None
    )


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", choices=BATCH, default=list(BATCH))
    parser.add_argument("--rounds", type=int, choices=range(1, 1001), metavar="N", default=5)
    parser.add_argument("--names", nargs="+", choices=COMMON + EXTRA, default=COMMON + EXTRA, metavar="NAME")
    parser.add_argument("--severities", type=int, nargs="+", choices=SEVERITIES, default=SEVERITIES)
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
    print("\n".join(describe(options)))
    measurements: list[Measurement] = []
    devices = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
    for device in map(torch.device, devices):
        for side in options.sizes:
            measured = list(measure_size(options, side, device))
            measurements += measured
            print("\n".join(summary(measured) if measured[0].peer else projection(measured)))
    if options.json:
        options.json.write_text(json.dumps([asdict(each) for each in measurements], indent=1))


if __name__ == "__main__":
    main()
