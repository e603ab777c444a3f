"""Places inside a network by name: its input, its stages in order, or any module by its path."""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from torch import Tensor, nn

from robustsweep.augmentations.method import require
from robustsweep.errors import UsageError

_STAGE = re.compile(r"(?:layer|block|stage)(\d+)|stages\.\d+")
_STAGE_NAME = re.compile(r"stage(-?[1-9]\d*)")


def stages(network: nn.Module) -> list[str]:
    """List the paths of the network's stages from input to output.

    A stage is a module called ``layerK``, ``blockK``, ``stageK`` or ``stages.K`` at the top, or under ``features``:
    the built-in architectures, and most of torchvision's, timm's and pytorchcv's networks, have them.
    """
    return [path for path, _ in network.named_modules() if _STAGE.fullmatch(path.removeprefix("features."))]


def layer_names(layers: Sequence[str], method: str) -> tuple[str, ...]:
    """Return a method's parameter ``layers`` as it is kept.

    Raises:
        UsageError: If it is a single string, or names nothing.
    """
    is_list = not isinstance(layers, str) and len(layers) > 0
    require(is_list, method, "layers", "a list of at least one layer's name", layers)
    return tuple(layers)


def find_layer(network: nn.Module, layer: str, method: str) -> nn.Module:
    """Find a module by its name.

    Args:
        network: The classifier.
        layer: ``stage1`` for the first stage, ``stage-1`` for the last, and so on, or the path of any module.
        method: Whose layer it is, for the error.

    Raises:
        UsageError: If the network has no such layer; the message lists those that it has.
    """
    if layer:
        with suppress(AttributeError):
            return network.get_submodule(layer)
    found, number = stages(network), _STAGE_NAME.fullmatch(layer)
    if number and abs(int(number[1])) <= len(found):
        position = int(number[1])
        return network.get_submodule(found[position - 1 if position > 0 else position])
    names = [f"stage{k + 1} ({path})" for k, path in enumerate(found)] or [path for path, _ in network.named_children()]
    raise UsageError(f"{method}: this network has no layer {layer!r}; it has {', '.join(names)}, and modules inside.")


@contextmanager
def output_replaced(module: nn.Module, replace: Callable[[Tensor], Tensor], layer: str, method: str) -> Iterator[None]:
    """Replace what a module returns; inside, the network must run it exactly once.

    Raises:
        UsageError: If it returns no tensor, or did not run exactly once.
    """
    n_runs = 0

    def hook(module: nn.Module, inputs: Any, output: object) -> Tensor:
        nonlocal n_runs
        n_runs += 1
        if not isinstance(output, Tensor):
            raise UsageError(f"{method}: layer {layer!r} returns a {type(output).__name__}; name one with a tensor.")
        return replace(output)

    handle = module.register_forward_hook(hook)
    try:
        yield
    finally:
        handle.remove()
    if n_runs != 1:
        raise UsageError(f"{method}: layer {layer!r} ran {n_runs} times in a forward pass; name one that runs once.")
