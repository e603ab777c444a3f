"""The origin of a found policy, as its file says it: settings, rewards with intervals, and seconds."""

import importlib.metadata
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from robustsweep import __version__
from robustsweep.benchmark.checkpoints.native import load_card
from robustsweep.results.statistics.intervals import Estimate, clustered_mean
from robustsweep.results.statistics.paired import paired_difference
from robustsweep.training.cards import device_name
from robustsweep.training.search.request import Search
from robustsweep.training.search.trials import RANDOM_TRIALS, Trial

COMPARED = (("found", "identity"), ("found", "random"))
"""Policies whose difference on the images held out is stated."""


def origin(search: Search) -> dict[str, Any]:
    """Return what decides the policy."""
    return {**search.settings, "trials_per_split": search.request.trials, "kept_trials": search.request.keep}


def whole_provenance(
    search: Search,
    trials: Sequence[Sequence[Trial]],
    identity: Sequence[float],
    recognised: Mapping[str, Sequence[Sequence[bool]]],
) -> dict[str, Any]:
    """Return all that the file says.

    Args:
        search: What was wanted.
        trials: Those of each split.
        identity: Reward of the identity on each split's searched images.
        recognised: By policy, for each split, which of the held-out images its network recognises.
    """
    scores = {name: np.mean(np.array(of_splits, np.float64), axis=0) for name, of_splits in recognised.items()}
    return {
        **origin(search),
        "rewards_searched_on": [
            {
                "identity": of_identity,
                "random_trials": float(np.mean([one.reward for one in tried[:RANDOM_TRIALS]])),
                "best_trial": max(one.reward for one in tried),
            }
            for of_identity, tried in zip(identity, trials, strict=True)
        ],
        "rewards_held_out": _estimates(scores),
        "seconds": _seconds(search, trials),
        "device": device_name(search.device),
        "versions": {"robustsweep": __version__, **{name: _version(name) for name in ("optuna", "torch")}},
    }


def _estimates(scores: Mapping[str, npt.NDArray[np.float64]]) -> dict[str, dict[str, float]]:
    """Estimate means over images of the mean over networks, and their differences, with 95% intervals over images."""
    found = {name: _told(clustered_mean(score)) for name, score in scores.items()}
    for better, worse in COMPARED:
        found[f"{better} minus {worse}"] = _told(paired_difference(scores[better], scores[worse]))
    return found


def _told(estimate: Estimate) -> dict[str, float]:
    interval = estimate.interval()
    return {"value": estimate.value, "low": interval.low, "high": interval.high}


def _seconds(search: Search, trials: Sequence[Sequence[Trial]]) -> dict[str, float]:
    """Add up what all networks and all trials took, whatever ran at the same time."""
    cards = [load_card(search.job(split).path) for split in search.splits]
    training = sum(float(card.training["wall_seconds"]) for card in cards)
    return {"training": round(training, 3), "trials": round(sum(one.seconds for tried in trials for one in tried), 3)}


def _version(package: str) -> str:
    return importlib.metadata.version(package)
