"""Forks that run a command: what they have imported, and the memory that they take beyond what they begin with."""

from pathlib import Path
from resource import struct_rusage

MOST_BYTES = 1_000_000_000
"""No command on a small run may take more beyond its imports."""
_STATUS = Path("/proc/self/status")


def held_bytes() -> int:
    """Return the memory that a fork of this process begins with: of imports, and of what earlier tests have left.

    Pages of files are not counted: a fork maps them when it needs them.
    """
    lines = _STATUS.read_text().splitlines() if _STATUS.exists() else []
    return sum(1024 * int(line.split()[1]) for line in lines if line.startswith("RssAnon:"))


def taken_bytes(usage: struct_rusage, held: int) -> int:
    """Return the peak of an ended fork beyond ``held``."""
    return max(0, usage.ru_maxrss * 1024 - held)


def import_commands() -> None:
    """Import what commands import when they run, so that forks of this process have it."""
    import robustsweep.benchmark.plan.request
    import robustsweep.benchmark.sweep.sweep
    import robustsweep.benchmark.writing
    import robustsweep.cli.commands
    import robustsweep.results.compare.comparison
    import robustsweep.results.compare.request
    import robustsweep.results.gate.outcome
    import robustsweep.results.report.publish.writer
    import robustsweep.results.report.writer
    import robustsweep.training.gallery
    import robustsweep.training.grid  # noqa: F401
    from robustsweep.benchmark.data import open_data

    open_data("digits")
