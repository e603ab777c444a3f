"""An interpreter of pickles that imports nothing and calls nothing of what they name.

Plain values and containers come out as they are. Whatever a pickle asks to import or to call comes out as a ``Global``
or a ``Call``, which record what was asked for, unless the caller has a maker for that very name. Attributes are never
set. No operation makes more than it takes from the file, so that a short pickle cannot fill the memory.
"""

import pickletools
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO

from robustsweep.benchmark.checkpoints.files.pickle_records import Call, Global, Maker, safe_items

_MOST_OPERATIONS = 4_000_000
"""Each takes up to some 200 bytes of memory; a log of a million numbers has fewer."""
_LONGEST_NAME = 200
_MARK = object()
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_EMPTY: dict[str, Callable[[], Any]] = {"EMPTY_LIST": list, "EMPTY_DICT": dict, "EMPTY_TUPLE": tuple}
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_VALUES = frozenset(
    (
        *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"),
        *("STRING", "BINSTRING", "SHORT_BINSTRING"),
        *("UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"),
        *("BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"),
    )
)
_PUTS, _GETS = frozenset(("BINPUT", "LONG_BINPUT", "PUT")), frozenset(("BINGET", "LONG_BINGET", "GET"))


def read_pickle(file: BinaryIO, makers: Mapping[str, Maker], persistent: Maker) -> Any:
    """Interpret the pickle that begins where the file stands, and leave the file behind it.

    Args:
        file: The open file.
        makers: What stands for the results of calls, by the name that is called.
        persistent: What stands for a persistent id.

    Raises:
        ValueError: If it is not a pickle, or has too many operations. A damaged one raises other errors as well.
    """
    machine = _Machine(makers, persistent)
    for count, (operation, argument, _) in enumerate(pickletools.genops(file)):
        if count == _MOST_OPERATIONS:
            raise ValueError(f"the pickle has more than {_MOST_OPERATIONS} operations")
        if operation.name == "STOP":
            return machine.stack.pop()
        machine.step(operation.name, argument)
    raise ValueError("the pickle does not end")


class _Machine:
    """The stack and the memo; one method per operation that is more than a value."""

    def __init__(self, makers: Mapping[str, Maker], persistent: Maker) -> None:
        self.stack: list[Any] = []
        self._memo: dict[int, Any] = {}
        self._makers, self._persistent = makers, persistent

    def step(self, name: str, argument: Any) -> None:
        if name in _VALUES:
            self.stack.append(argument)
        elif name in _PUTS:
            self._memo[argument] = self.stack[-1]
        elif name in _GETS:
            self.stack.append(self._memo[argument])
        elif name in _EMPTY:
            self.stack.append(_EMPTY[name]())
        elif name in _CONSTANTS:
            self.stack.append(_CONSTANTS[name])
        elif name in _TUPLES:
            self.stack[-_TUPLES[name] :] = [tuple(self.stack[-_TUPLES[name] :])]
        else:
            getattr(self, f"_{name.lower()}")(argument)

    def _proto(self, argument: Any) -> None:
        pass

    _frame = _proto

    def _mark(self, argument: Any) -> None:
        self.stack.append(_MARK)

    def _above_mark(self) -> list[Any]:
        place = len(self.stack) - 1
        while self.stack[place] is not _MARK:
            place -= 1
            if place < 0:
                raise ValueError("the pickle lacks a mark")
        items = self.stack[place + 1 :]
        del self.stack[place:]
        return items

    def _pop(self, argument: Any) -> None:
        self.stack.pop()

    def _pop_mark(self, argument: Any) -> None:
        self._above_mark()

    def _dup(self, argument: Any) -> None:
        self.stack.append(self.stack[-1])

    def _memoize(self, argument: Any) -> None:
        self._memo[len(self._memo)] = self.stack[-1]

    def _list(self, argument: Any) -> None:
        self.stack.append(self._above_mark())

    def _tuple(self, argument: Any) -> None:
        self.stack.append(tuple(self._above_mark()))

    def _dict(self, argument: Any) -> None:
        items = self._above_mark()
        self.stack.append(safe_items(zip(items[::2], items[1::2], strict=True)))

    def _empty_set(self, argument: Any) -> None:
        self.stack.append(Call("builtins.set"))

    def _frozenset(self, argument: Any) -> None:
        self._above_mark()
        self.stack.append(Call("builtins.frozenset"))

    def _extend(self, items: list[Any]) -> None:
        if isinstance(self.stack[-1], list):
            self.stack[-1].extend(items)
        elif not isinstance(self.stack[-1], Call):
            raise ValueError("the pickle appends to what is not a list")

    def _append(self, argument: Any) -> None:
        self._extend([self.stack.pop()])

    def _appends(self, argument: Any) -> None:
        self._extend(self._above_mark())

    _additems = _pop_mark

    def _update(self, items: list[Any]) -> None:
        if isinstance(self.stack[-1], dict):
            self.stack[-1].update(safe_items(zip(items[::2], items[1::2], strict=True)))
        elif not isinstance(self.stack[-1], Call):
            raise ValueError("the pickle sets items of what is not a dict")

    def _setitem(self, argument: Any) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        self._update([key, value])

    def _setitems(self, argument: Any) -> None:
        self._update(self._above_mark())

    def _global(self, argument: Any) -> None:
        self.stack.append(Global(argument.replace(" ", ".", 1)))

    def _stack_global(self, argument: Any) -> None:
        name, module = self.stack.pop(), self.stack.pop()
        if not isinstance(name, str) or not isinstance(module, str):
            raise ValueError("the pickle imports what is not a name")
        self.stack.append(Global(f"{module[:_LONGEST_NAME]}.{name[:_LONGEST_NAME]}"))

    def _ext1(self, argument: Any) -> None:
        self.stack.append(Global(f"extension {argument} of copyreg"))

    _ext2 = _ext4 = _ext1

    def _call(self, called: Any, arguments: Any) -> None:
        if not isinstance(called, Global | Call):
            raise ValueError("the pickle calls what is not a name")
        maker = self._makers.get(called.name) if isinstance(called, Global) else None
        if maker is not None and isinstance(arguments, tuple):
            self.stack.append(maker(*arguments))
        else:
            self.stack.append(Call(called.name, arguments if isinstance(arguments, tuple) else ()))

    def _reduce(self, argument: Any) -> None:
        arguments, called = self.stack.pop(), self.stack.pop()
        self._call(called, arguments)

    _newobj = _reduce

    def _newobj_ex(self, argument: Any) -> None:
        self.stack.pop()  # keyword arguments
        self._reduce(argument)

    def _inst(self, argument: Any) -> None:
        self._call(Global(argument.replace(" ", ".", 1)), tuple(self._above_mark()))

    def _obj(self, argument: Any) -> None:
        called, *arguments = self._above_mark()
        self._call(called, tuple(arguments))

    def _build(self, argument: Any) -> None:
        self.stack.pop()  # the state, which would set attributes

    def _persid(self, argument: Any) -> None:
        self.stack.append(self._persistent(argument))

    def _binpersid(self, argument: Any) -> None:
        self.stack.append(self._persistent(self.stack.pop()))
