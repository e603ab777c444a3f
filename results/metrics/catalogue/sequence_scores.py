"""Scores of sequences: flip probability and top-5 distance."""

from robustsweep.results.corruption_names.sequences import FRAMES, sequence_condition
from robustsweep.results.metrics.scores import mean_score

_COMPARED = "of a noise with the first frame, of others with the frame before"

FLIPS = tuple(
    mean_score(f"{name}_flip_probability", name, "sequence", [sequence_condition(name)], "flip") for name in FRAMES
)
"""The flip probability of each perturbation."""

MEAN_FLIP = mean_score(
    "mean_flip_probability",
    "mean flip probability",
    "sequence",
    map(sequence_condition, FRAMES),
    "flip",
    definition=f"Share of frames whose prediction differs, {_COMPARED}; mean over {len(FRAMES)} ({', '.join(FRAMES)}).",
)

TOP5_DISTANCES = tuple(
    mean_score(f"{name}_top5_distance", name, "sequence", [sequence_condition(name)], "top5_distance")
    for name in FRAMES
)

MEAN_TOP5_DISTANCE = mean_score(
    "mean_top5_distance",
    "mean top-5 distance",
    "sequence",
    map(sequence_condition, FRAMES),
    "top5_distance",
    definition=f"How far the five best classes move between frames, 0 to 15, {_COMPARED}; mean over {len(FRAMES)}.",
)

SEQUENCE_SCORES = (*FLIPS, MEAN_FLIP, *TOP5_DISTANCES, MEAN_TOP5_DISTANCE)
"""Source: Hendrycks & Dietterich 2019, section 5.1."""
