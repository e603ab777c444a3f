"""The prefix that wrappers and training modules put before every name of a network."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from robustsweep.benchmark.checkpoints.strict_copy import is_optional
from robustsweep.errors import CheckpointError
from robustsweep.printable import listed, printable


@dataclass(frozen=True, slots=True)
class Selection:
    """The names of a file that belong to a network.

    Attributes:
        prefix: What stands before each of them; empty: nothing.
        names: The network's names, each with the name in the file.
        left_out: The other names of the file.
    """

    prefix: str
    names: dict[str, str]
    left_out: list[str]

    @property
    def note(self) -> str | None:
        """A sentence about what is left out, or None if nothing is."""
        if not self.left_out:
            return None
        return (
            f"the weights are the {len(self.names)} tensors under {printable(self.prefix)!r}; what stands beside them "
            f"is left out: {listed(self.left_out)}."
        )


def select_names(given: Collection[str], own: Collection[str], prefix: str | None, what: str) -> Selection:
    """Find the names of a network in a file, which may all stand under one prefix.

    Wrappers such as ``DataParallel`` and ``torch.compile``, averaged copies, and the modules of training libraries
    put one before every name. Whatever stands outside the prefix is left out; whatever stands under it is the
    network's, and compared strictly later.

    Args:
        given: The names in the file.
        own: The network's names.
        prefix: The prefix, if the user says it, with or without the last dot; None: it is found.
        what: The file, for errors.

    Raises:
        CheckpointError: If several prefixes fit, or no name has the one that the user says.
    """
    if prefix is None:
        prefix = _found_prefix(given, own, what)
    elif prefix and not prefix.endswith("."):
        prefix += "."
    names = {name[len(prefix) :]: name for name in given if name.startswith(prefix)}
    if not names:
        firsts = list(dict.fromkeys(f"{name.partition('.')[0]}." for name in given if "." in name))
        raise CheckpointError(f"{what} has no names under prefix={prefix}; names begin with {listed(firsts)}.")
    left_out = [name for name in given if not name.startswith(prefix)]
    return Selection(prefix, names, left_out)


def _found_prefix(given: Collection[str], own: Collection[str], what: str) -> str:
    if set(given) == set(own):
        return ""
    counts = Counter(_possible_prefixes(given, own))
    n_needed = sum(not is_optional(name) for name in own)
    fitting = sorted(prefix for prefix, count in counts.items() if count == n_needed)
    if len(fitting) > 1:
        shown = listed([prefix.removesuffix(".") or "(none)" for prefix in fitting])
        raise CheckpointError(
            f"{what} holds the architecture under several prefixes, and it is not clear which are the weights; choose "
            f"one with prefix=NAME: {shown}."
        )
    # Where none fits, the errors that follow are about the best one.
    return max(sorted(counts, key=len), key=counts.__getitem__, default="") if not fitting else fitting[0]


def _possible_prefixes(given: Iterable[str], own: Collection[str]) -> Iterator[str]:
    """For each name that ends in one of the network's, say what stands before it."""
    needed = {name for name in own if not is_optional(name)}
    most_parts = max((name.count(".") for name in needed), default=0) + 1
    for name in given:
        place = len(name)
        for _ in range(most_parts):
            place = name.rfind(".", 0, place)
            if name[place + 1 :] in needed:
                yield name[: place + 1]
            if place < 0:
                break
