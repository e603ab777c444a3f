"""Corrupted images written to disk in the published layouts."""

from robustsweep.benchmark.writing.generation import WritingSummary, write_corrupted
from robustsweep.benchmark.writing.plan import Writing, plan_writing

__all__ = ["Writing", "WritingSummary", "plan_writing", "write_corrupted"]
