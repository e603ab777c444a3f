"""Networks from the user's own factories, ``py:package.module:factory``: the only form that runs code of theirs."""

import hashlib
import importlib
import inspect
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from robustsweep.errors import CheckpointError
from robustsweep.foreign_code import described, foreign_code

_CLASSES = ("classes", "num_classes", "n_classes", "nb_classes", "num_class", "n_class")
_KEYWORD = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


@dataclass(frozen=True, slots=True)
class Built:
    """What a factory returned.

    Attributes:
        module: The network.
        source_hash: sha256 of the file that defines the factory; None: there is none.
        takes_classes: Whether the factory is told the number of classes.
    """

    module: nn.Module
    source_hash: str | None
    takes_classes: bool


def call_factory(name: str, classes: int | None) -> Built:
    """Import and call a factory.

    It gets the number of classes under whichever name its signature has: ``classes``, ``num_classes``, ``n_classes``
    and the like. A factory that passes any keyword on gets ``num_classes``, if the number is known.

    Args:
        name: ``package.module:factory``.
        classes: Number of outputs; None: the factory's own.

    Raises:
        CheckpointError: If it cannot be imported, fails, or returns something else.
    """
    factory, parameter, source = _imported(name)
    options: dict[str, Any] = {}
    if parameter is not None and (classes is not None or parameter.default is parameter.empty):
        options = {parameter.name: classes}
    if parameter is not None and parameter.kind is parameter.VAR_KEYWORD:
        options = {} if classes is None else {"num_classes": classes}
    called = ", ".join(f"{key}={value}" for key, value in options.items()) or "nothing"
    try:
        with foreign_code():
            module = factory(**options)
    except Exception as error:  # the factory is the user's code
        raise CheckpointError(
            f"py:{name} failed ({described(error)}); it was called with {called}, and a factory may take the number of "
            f"classes as one of {', '.join(_CLASSES[:3])}, and nothing else."
        ) from error
    if not isinstance(module, nn.Module):
        raise CheckpointError(f"py:{name} returned a {type(module).__name__}, expected a torch.nn.Module.")
    return Built(module, hashlib.sha256(source).hexdigest() if source else None, parameter is not None)


def without_classes(name: str) -> str:
    """Say that a factory decides the number of classes itself."""
    return (
        f"py:{name} has no parameter {' or '.join(_CLASSES[:3])}, so that it cannot be told how many classes there are"
    )


def _imported(name: str) -> tuple[Callable[..., Any], inspect.Parameter | None, bytes | None]:
    """Return a factory, its parameter for the number of classes if it has one, and the source around it."""
    module_name, colon, factory_name = name.partition(":")
    if not colon:
        raise CheckpointError(f"py:{name} names no function or class; write py:MODULE:NAME, such as py:net:Net.")
    if "" not in sys.path and str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    try:
        with foreign_code():
            factory = getattr(importlib.import_module(module_name), factory_name)
            file = inspect.getsourcefile(factory)
            source = Path(file).read_bytes() if file else None
            parameters = inspect.signature(factory).parameters
    except Exception as error:  # importing runs the user's code
        raise CheckpointError(
            f"py:{name} cannot be imported ({described(error)}); it must be a function or a class of a module that is "
            "importable here."
        ) from error
    named = [parameters[key] for key in _CLASSES if key in parameters and parameters[key].kind in _KEYWORD]
    passed_on = [parameter for parameter in parameters.values() if parameter.kind is parameter.VAR_KEYWORD]
    return factory, next(iter((*named, *passed_on)), None), source
