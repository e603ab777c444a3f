"""Differences between the cards of a candidate and its baseline in the networks themselves."""

from collections.abc import Mapping, Sequence

from robustsweep.printable import cut, listed
from robustsweep.results.gate.pairs import Pair
from robustsweep.results.gate.wrong_images import NETWORK_FIELDS

_LONGEST = 80


def differing_networks(pairs: Sequence[Pair]) -> str:
    """Say in one line in what candidates and their baselines differ beside their weights.

    Returns:
        The line; empty if nothing differs, or one side does not state it, as baseline files of before.
    """
    found = []
    for pair in pairs:
        differing = [text for name in NETWORK_FIELDS if (text := _difference(pair, name))]
        if differing:
            found.append(f"{pair.candidate.name}: {', '.join(differing)}")
    if not found:
        return ""
    return f"Not the same network as in the baseline. {listed(found, between='; ')}."


def _difference(pair: Pair, name: str) -> str:
    ours = pair.candidate.network
    theirs = [one.network[name] for one in pair.baselines if name in one.network]
    others = dict.fromkeys(_shown(value) for value in theirs if name in ours and value != ours[name])
    if not others:
        return ""
    return f"{name.replace('_', ' ')} {_shown(ours[name])} (in the baseline {' or '.join(others)})"


def _shown(value: object, depth: int = 2) -> str:
    """Show a card's value; a file may hold any, so that depth and length are bounded."""
    if value is None:
        return "any"
    if isinstance(value, Mapping | list) and not depth:
        return "..."
    if isinstance(value, Mapping):
        text = " ".join(f"{key} {_shown(part, depth - 1)}" for key, part in value.items())
    elif isinstance(value, list):
        text = " ".join(_shown(part, depth - 1) for part in value)
    else:
        text = f"{value:.4g}" if isinstance(value, float) else str(value)
    return cut(text, _LONGEST)
