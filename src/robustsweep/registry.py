"""One small registry, instantiated once beside each noun that users can name."""

import difflib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Generic, TypeVar

from robustsweep.errors import RobustsweepError, UsageError
from robustsweep.foreign_code import described, foreign_code

T = TypeVar("T")


def unknown_name(noun: str, name: str, known: list[str]) -> UsageError:
    """Build the error for a name that is not among ``known``, suggesting the nearest one."""
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5) if isinstance(name, str) else []
    suggestion = f"; did you mean {near[0]!r}?" if near else "."
    return UsageError(f"Unknown {noun} {name!r}{suggestion} Known: {', '.join(known)}.")


class Registry(Generic[T]):
    """Named items of one kind, in the order in which they were registered.

    Third-party packages add items through the entry-point group ``robustsweep.<plural of noun>``; these are
    loaded at the first lookup, never at import. One that cannot be loaded, or is nothing of the kind, is a UsageError
    at every lookup.

    Args:
        noun: What an item is called in error messages, such as ``"corruption"``.
        kind: The type that every item is an instance of, or ``Callable``.
        base: If the items are classes: what every item is a subclass of.
    """

    def __init__(self, noun: str, kind: Any = object, *, base: type | None = None) -> None:
        self.noun = noun
        self._kind, self._base = kind, base
        self._origins: dict[str, str] = {}
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

    @contextmanager
    def using(self, name: str) -> Iterator[None]:
        """Name the entry point in whatever an item of another package raises; errors of ours pass as they are.

        Raises:
            UsageError: If the item fails.
        """
        try:
            with foreign_code():
                yield
        except RobustsweepError:
            raise
        except Exception as error:
            if name not in self._origins:
                raise
            raise self._fault(name, self._origins[name], f"failed ({described(error)})") from error

    def refuse(self, name: str, reason: str) -> UsageError:
        """Build the error for an item that gave something else than it has to, such as ``"returned None, ..."``."""
        return self._fault(name, self._origins.get(name, "this package"), reason)

    def _fault(self, name: str, origin: str, reason: str) -> UsageError:
        return UsageError(
            f"The {self.noun} {name!r} of {origin} {reason}; fix or uninstall the package that declares it."
        )

    def _load_entry_points(self) -> None:
        if self._entry_points_loaded:
            return
        # Set first, as an item may look up others while it is loaded.
        self._entry_points_loaded = True
        before, origins = dict(self._items), dict(self._origins)
        try:
            for point in entry_points(group=f"robustsweep.{self.noun}{'es' if self.noun.endswith('s') else 's'}"):
                self._load(point)
        except UsageError:
            self._items, self._origins, self._entry_points_loaded = before, origins, False
            raise

    def _load(self, point: EntryPoint) -> None:
        try:
            with foreign_code():
                item = point.load()
            if expected := self._expected(item):
                raise TypeError(f"it is {item!r:.200}, expected {expected}")
            if (own := getattr(item, "name", point.name)) != point.name:
                raise ValueError(f"it calls itself {own!r:.200}, expected {point.name!r}, the name of its entry point")
            self.add(point.name, item)
        except Exception as error:  # another package's code can raise anything
            raise self._fault(point.name, point.value, f"cannot be loaded ({described(error)})") from error
        self._origins[point.name] = point.value

    def _expected(self, item: object) -> str | None:
        """Say what an item should be if it is something else."""
        if self._base is not None:
            is_one = isinstance(item, type) and issubclass(item, self._base)
            return None if is_one else f"a subclass of {self._base.__name__}"
        return None if isinstance(item, self._kind) else f"a {self._kind.__name__}"
