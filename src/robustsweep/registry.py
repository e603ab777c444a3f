"""One small registry, instantiated once beside each noun that users can name."""

import difflib
from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint, entry_points
from typing import Generic, TypeVar

from robustsweep.errors import UsageError

T = TypeVar("T")


def unknown_name(noun: str, name: str, known: list[str]) -> UsageError:
    """Build the error for a name that is not among ``known``, suggesting the nearest one."""
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5) if isinstance(name, str) else []
    suggestion = f"; did you mean {near[0]!r}?" if near else "."
    return UsageError(f"Unknown {noun} {name!r}{suggestion} Known: {', '.join(known)}.")


class Registry(Generic[T]):
    """Named items of one kind, in the order in which they were registered.

    Third-party packages add items through the entry-point group ``robustsweep.<plural of noun>``; these are
    loaded at the first lookup, never at import. One that cannot be loaded is a UsageError at every lookup.

    Args:
        noun: What an item is called in error messages, such as ``"corruption"``.
    """

    def __init__(self, noun: str) -> None:
        self.noun = noun
        self._items: dict[str, T] = {}
        self._entry_points_loaded = False

    def add(self, name: str, item: T) -> T:
        """Register ``item`` under ``name``.

        Raises:
            ValueError: If the name is taken.
        """
        if name in self._items:
            raise ValueError(f"{self.noun} {name!r} is registered already; choose another name.")
        self._items[name] = item
        return item

    def register(self, name: str) -> Callable[[T], T]:
        """Return a decorator that registers what it decorates under ``name``."""
        return lambda item: self.add(name, item)

    def __getitem__(self, name: str) -> T:
        self._load_entry_points()
        try:
            return self._items[name]
        except (KeyError, TypeError):  # TypeError: a list, say, which no dict can look for
            raise unknown_name(self.noun, name, list(self._items)) from None

    def __contains__(self, name: str) -> bool:
        self._load_entry_points()
        return name in self._items

    def __iter__(self) -> Iterator[str]:
        self._load_entry_points()
        return iter(self._items)

    def __len__(self) -> int:
        self._load_entry_points()
        return len(self._items)

    def _load_entry_points(self) -> None:
        if self._entry_points_loaded:
            return
        # Set first, as an item may look up others while it is loaded.
        self._entry_points_loaded = True
        before = dict(self._items)
        try:
            for point in entry_points(group=f"robustsweep.{self.noun}s"):
                self._load(point)
        except UsageError:
            self._items, self._entry_points_loaded = before, False
            raise

    def _load(self, point: EntryPoint) -> None:
        try:
            self.add(point.name, point.load())
        except Exception as error:  # another package's code can raise anything
            raise UsageError(
                f"The {self.noun} {point.name!r} of {point.value} cannot be loaded ({error}); "
                "mend or uninstall the package that declares it."
            ) from error
