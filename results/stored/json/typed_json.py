"""A check that JSON has the types that a TypedDict states, field by field."""

from collections.abc import Callable
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, NotRequired, Required, Union, get_args, get_origin, get_type_hints, is_typeddict

from robustsweep.printable import cut

Check = Callable[[Any], None]


class MisfitError(ValueError):
    """A value of another type; the message begins with the field that holds it."""


@cache
def check_of(hint: Any) -> Check:
    """Return what raises MisfitError if a value does not fit.

    Args:
        hint: ``Any``, ``bool``, ``int``, ``float`` (whole numbers fit), ``str``, ``None``, a ``Literal``,
            ``list``, ``dict`` from strings, a union of these, or a ``TypedDict``, which may hold more than it states.
    """
    origin, arguments = get_origin(hint), get_args(hint)
    if hint is Any:
        return lambda value: None
    if is_typeddict(hint):
        return _check_of_fields(hint)
    if origin in (Required, NotRequired):
        return check_of(arguments[0])
    if origin in (Union, UnionType):
        return _check_of_union(arguments)
    if origin is Literal:
        return _check_of_literal(arguments)
    if origin is list:
        return _check_of_list(check_of(arguments[0]))
    if origin is dict:
        return _check_of_dict(arguments[1])
    return _check_of_plain(hint)


def _shown(value: Any) -> str:
    return cut(repr(value), 60)


def _check_of_plain(kind: type) -> Check:
    kinds = (int, float) if kind is float else (kind,)

    def check(value: Any) -> None:
        if type(value) not in kinds:
            raise MisfitError(f" is {_shown(value)}, expected {'null' if kind is NoneType else kind.__name__}")

    return check


def _check_of_literal(values: tuple[Any, ...]) -> Check:
    def check(value: Any) -> None:
        if not isinstance(value, str) or value not in values:
            raise MisfitError(f" is {_shown(value)}, expected {' or '.join(map(repr, values))}")

    return check


def _check_of_union(hints: tuple[Any, ...]) -> Check:
    (wanted, *others) = [check_of(hint) for hint in hints if hint not in (None, NoneType)]
    if others:
        raise TypeError(f"a union of several types is not checked: {hints}")

    def check(value: Any) -> None:
        if value is not None:
            wanted(value)

    return check


def _check_of_list(inner: Check) -> Check:
    def check(value: Any) -> None:
        if not isinstance(value, list):
            raise MisfitError(f" is {_shown(value)}, expected a list")
        for item in value:
            inner(item)

    return check


def _check_of_dict(hint: Any) -> Check:
    inner = check_of(hint)

    def check(value: Any) -> None:
        if not isinstance(value, dict):
            raise MisfitError(f" is {_shown(value)}, expected an object")
        for name, item in () if hint is Any else value.items():
            _within(name, inner, item)

    return check


def _within(name: str, check: Check, value: Any) -> None:
    try:
        check(value)
    except MisfitError as misfit:
        between = "" if str(misfit).startswith(" ") else "."
        raise MisfitError(f"{_shown(name)[1:-1]}{between}{misfit}") from None


def _check_of_fields(kind: Any) -> Check:
    # Most entries are plain: they are judged here, without a call for each.
    checks = [(name, _plain_types(hint), check_of(hint)) for name, hint in get_type_hints(kind).items()]
    required = kind.__required_keys__

    def check(value: Any) -> None:
        if not isinstance(value, dict):
            raise MisfitError(f" is {_shown(value)}, expected an object")
        if not required <= value.keys():
            raise MisfitError(f" lacks {sorted(required - value.keys())[0]!r}")
        for name, plain, inner in checks:
            if name in value and type(value[name]) not in plain:
                _within(name, inner, value[name])

    return check


def _plain_types(hint: Any) -> tuple[type, ...]:
    """Return the types of which any value fits; none if more must be looked at."""
    plain = {bool: (bool,), int: (int,), float: (int, float), str: (str,), None: (NoneType,), NoneType: (NoneType,)}
    hints = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    return tuple(kind for one in hints if one in plain for kind in plain[one])
