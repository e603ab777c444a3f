"""Kernels: functions of tensors that run as they are, or compiled where a caller asks for it.

Compiled, a chain of operations becomes one pass over memory. That needs a C++ compiler (on a GPU Triton), takes seconds
for each kernel and image size the first time, and rounds a little differently. Hence it is used only when asked for.
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache, wraps
from os import environ
from typing import Any, ParamSpec, TypeVar

import torch
from torch import Tensor

from robustsweep.cache import cache_folder
from robustsweep.errors import MissingDependencyError

_COMPILED: ContextVar[bool] = ContextVar("compiled", default=False)
# PyTorch would silently go on uncompiled after the eighth shape or severity of one kernel.
_MOST_VARIANTS = 1000

P = ParamSpec("P")
R = TypeVar("R")


def kernel(function: Callable[P, R]) -> Callable[P, R]:
    """Let a function be compiled inside ``compiled_kernels``.

    Args:
        function: Maps tensors, at least one, and numbers to a tensor, without side effects that are seen outside.
            There, floats arrive as tensors of no dimensions, so that one compiled kernel serves all severities.
    """
    compiled: dict[str, Any] = {}

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        if not _COMPILED.get():
            return function(*args, **kwargs)
        device = next(arg.device.type for arg in args if isinstance(arg, Tensor))
        if device not in compiled:
            # The generated C++ is entered without Python's global lock, so that passes in several threads overlap.
            options: dict[str, Any] = {"cpp_wrapper": True} if device == "cpu" else {}
            compiled[device] = torch.compile(function, dynamic=False, fullgraph=True, options=options)
        result: R = compiled[device](*(torch.tensor(arg) if isinstance(arg, float) else arg for arg in args), **kwargs)
        return result

    return call


def is_compiling_kernels() -> bool:
    """Say whether the caller is inside ``compiled_kernels``."""
    return _COMPILED.get()


@contextmanager
def compiled_kernels() -> Iterator[None]:
    """Compile the kernels that are called inside.

    Raises:
        MissingDependencyError: If there is no C++ compiler.
    """
    _check_compiler()
    # Beside the other things that are kept from run to run, not in the system's folder for temporary files.
    environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(cache_folder() / "kernels"))
    token = _COMPILED.set(True)
    try:
        with torch._dynamo.config.patch(recompile_limit=_MOST_VARIANTS, accumulated_recompile_limit=_MOST_VARIANTS):
            yield
    finally:
        _COMPILED.reset(token)


@cache
def _check_compiler() -> None:
    if not shutil.which(environ.get("CXX", "g++")) and not shutil.which("clang++"):
        raise MissingDependencyError(
            "Compiled kernels need a C++ compiler, and neither $CXX nor g++ nor clang++ was found; install one, or "
            "leave the kernels uncompiled."
        )
