"""Waiting of OpenMP's threads at the end of a parallel region: by spinning for long or hardly at all."""

import os

VARIABLES = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME")
"""If one is set, the user has decided."""
_SPINS, _SPINS_WHERE_BUSY = "10000", "1000"


def others_running() -> int:
    """Count the threads of this machine that compute or want to, this one left out; 0 if that cannot be told."""
    try:
        with open("/proc/loadavg") as file:
            return int(file.read().split()[3].partition("/")[0]) - 1
    except (OSError, ValueError, IndexError):
        return 0


def settings_for(n_others: int, n_processors: int) -> dict[str, str]:
    """Choose environment variables.

    A thread that spins burns the time of a processor for which its partner waits: beside other work that is up to
    thirty times slower. Without other work a network of small layers is a quarter slower if threads sleep at once,
    and a twentieth if they spin a thirtieth of OpenMP's default.

    Args:
        n_others: Threads that compute or want to.
        n_processors: Processors of the machine.
    """
    return {"GOMP_SPINCOUNT": _SPINS_WHERE_BUSY if 2 * n_others >= n_processors else _SPINS}


def decide() -> None:
    """Set what the user has not set; OpenMP reads it once, when torch loads it."""
    if not any(name in os.environ for name in VARIABLES):
        os.environ.update(settings_for(others_running(), os.cpu_count() or 1))
