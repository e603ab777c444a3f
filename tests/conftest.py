"""Tests that run beside each other share the processors: one thread for each worker and what it starts."""

import os

# Read when torch is loaded, which no test has done yet.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")
