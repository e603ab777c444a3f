"""Pickles of numbers, read without running anything in them and without more memory than the file accounts for."""

import io
import math
import pickle
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from robustsweep.errors import DataError

Array = npt.NDArray[Any]
_NUMBERS = re.compile(r"[iuf][1248]|b1|\?")


class ArrayDescription:
    """Stands in for a pickled NumPy array or scalar: it keeps the state and executes nothing."""

    def __init__(self) -> None:
        self._state: tuple[Any, ...] = ()
        self._axes: tuple[int, ...] | None = None

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self._state = state

    def array(self) -> Array:
        """Return the array.

        Raises:
            ValueError: If it is none of numbers, or its content does not have the size that its shape says.
        """
        _, shape, dtype, is_fortran, content = self._state
        if not isinstance(dtype, DtypeDescription) or not isinstance(content, bytes | bytearray):
            raise ValueError("an array of other things than numbers")
        known, sides = dtype.dtype(), tuple(int(side) for side in shape)
        if min(sides, default=0) < 0 or math.prod(sides) * known.itemsize != len(content):
            raise ValueError(f"an array of shape {sides} in {len(content)} bytes")
        array = np.frombuffer(content, known).reshape(sides, order="F" if is_fortran else "C")
        return array if self._axes is None else array.transpose(self._axes)


class DtypeDescription:
    """Stands in for a pickled NumPy dtype."""

    def __init__(self, code: Any, *_: Any) -> None:
        self._code, self._order = code, "|"

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        order = state[1]
        self._order = order.decode("latin1") if isinstance(order, bytes) else str(order)

    def dtype(self) -> np.dtype[Any]:
        """Return the dtype.

        Raises:
            ValueError: If it is none of numbers.
        """
        code = self._code.decode("latin1") if isinstance(self._code, bytes) else str(self._code)
        if not _NUMBERS.fullmatch(code) or self._order not in "<>|=":
            raise ValueError(f"an array of {code[:20]!r}")
        return np.dtype(f"{self._order}{code}")


def _described(shape: Any, dtype: Any, is_fortran: bool, content: Any, axes: Any = None) -> ArrayDescription:
    description = ArrayDescription()
    description.__setstate__((1, shape, dtype, is_fortran, content))
    description._axes = axes
    return description


def _empty_array(*_: Any) -> ArrayDescription:
    return ArrayDescription()


def _array_of_buffer(content: Any, dtype: Any, shape: Any, order: Any, axes: Any = None) -> ArrayDescription:
    # Protocol 5 writes arrays this way; the axes are those of a transposed view.
    return _described(shape, dtype, order in ("F", b"F"), content, axes)


def _scalar(dtype: Any, content: Any) -> ArrayDescription:
    return _described((), dtype, False, content)


_STAND_INS: dict[tuple[str, str], Callable[..., Any]] = {
    ("numpy", "ndarray"): ArrayDescription,
    ("numpy", "dtype"): DtypeDescription,
    **{
        (f"numpy.{core}.{module}", name): stand_in
        for core in ("core", "_core")
        for module, name, stand_in in (
            ("multiarray", "_reconstruct", _empty_array),
            ("multiarray", "scalar", _scalar),
            ("numeric", "_frombuffer", _array_of_buffer),
        )
    },
}


# Python's own implementation: the one in C takes memory for the largest place that the file names in its memo.
class _InertUnpickler(pickle._Unpickler):
    """Every name in the file is replaced by an inert stand-in or refused."""

    def __init__(self, content: bytes) -> None:
        super().__init__(io.BytesIO(content), encoding="bytes")
        self._bytes_left = len(content)

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("_codecs", "encode"):
            return self._latin1_bytes
        try:
            return _STAND_INS[module, name]
        except KeyError:
            raise DataError(
                f"it asks to run {module}.{name}, which numbers do not need; nothing was executed"
            ) from None

    def _latin1_bytes(self, text: str, encoding: str) -> bytes:
        # Python 3 writes bytes this way into old protocols: each text once, so that they are no longer than the file.
        del encoding
        self._bytes_left -= len(text)
        if self._bytes_left < 0:
            raise ValueError("it repeats its strings to more bytes than it has")
        return text.encode("latin1")


def read_pickle(content: bytes) -> Any:
    """Parse a pickle of numbers, strings, lists, dicts and NumPy arrays.

    Returns:
        What it holds; an ``ArrayDescription`` stands for each array and NumPy scalar. Texts that Python 2 wrote are
        bytes.

    Raises:
        DataError: If it asks to run anything.
        Exception: Of any kind, if it is damaged.
    """
    return _InertUnpickler(content).load()
