"""Peak memory of each corruption beyond the batch itself, each in a fresh process, all severities one after the other.

This process imports nothing large: on Linux a child's ``ru_maxrss`` starts at its parent's.
"""

import argparse
import resource
import subprocess
import sys
from dataclasses import dataclass

GB = 10**9
# macOS counts bytes, Linux kilobytes.
UNIT = 1 if sys.platform == "darwin" else 1024


@dataclass(frozen=True, slots=True)
class Workload:
    """A batch of square images, and the peak in bytes that no corruption should reach."""

    side: int
    count: int
    limit: int


WORKLOADS = (Workload(32, 10_000, 3 * GB), Workload(224, 64, 2 * GB))


def peak_bytes() -> int:
    """Return the largest resident size of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * UNIT


def peak_of(name: str, side: int, count: int) -> int:
    """Corrupt a random batch at each severity here; return by how many bytes the peak grew."""
    import torch

    from robustsweep.corruptions import SEVERITIES, corrupt_batch, table_for

    images = torch.randint(256, (count, 3, side, side), dtype=torch.uint8)
    ids, table = torch.arange(count), table_for(side, side)
    before = peak_bytes()
    for severity in SEVERITIES:
        corrupt_batch(images, name, severity, table=table, seed=0, ids=ids)
    return peak_bytes() - before


def in_fresh_process(code: str) -> str:
    """Run code that prints, with this folder on its path; return what it printed."""
    command = [sys.executable, "-c", f"import sys; sys.path.insert(0, {sys.path[0]!r}); {code}"]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def main() -> None:
    """Measure and print; the status is 1 if a limit is passed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--names", nargs="+", metavar="NAME", help="corruptions (default: all)")
    options = parser.parse_args()
    listing = "from robustsweep.corruptions import COMMON, EXTRA; print(*COMMON, *EXTRA)"
    known, passed = in_fresh_process(listing).split(), 0
    names = options.names or known
    if unknown := set(names) - set(known):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; choose from {', '.join(known)}.")
    for load in WORKLOADS:
        print(f"\n{load.side} px, batch of {load.count}: peak beyond the batch, limit {load.limit / GB:.0f} GB")
        for name in names:
            call = f"peak_of({name!r}, {load.side}, {load.count})"
            peak = int(in_fresh_process(f"from corruption_memory import peak_of; print({call})"))
            passed += peak > load.limit
            print(f"{name:22} {peak / GB:6.2f} GB{'  over the limit' if peak > load.limit else ''}", flush=True)
    sys.exit(passed > 0)


if __name__ == "__main__":
    main()
