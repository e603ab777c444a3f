"""Walls between another library's attack and what it must leave as it is: the model and the global generators."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from robustsweep.errors import AttackError
from robustsweep.printable import listed


class _PlainLayout(torch.autograd.Function):
    """The identity, with a gradient whose memory is contiguous: libraries flatten it with ``view``."""

    @staticmethod
    def forward(ctx: Any, images: Tensor) -> Tensor:
        del ctx
        return images.view_as(images)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        del ctx
        return gradients[0].contiguous()


class Shield(nn.Module):
    """A model that gives outputs and cannot be switched between training and evaluation."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model
        self.training = False

    def train(self, mode: bool = True) -> "Shield":
        """Change nothing; libraries switch the whole model to evaluation and the whole of it back."""
        del mode
        return self

    def forward(self, images: Tensor) -> Tensor:
        """Return the model's logits, float32 (n, classes)."""
        logits: Tensor = self.model(_PlainLayout.apply(images))
        return logits.float()


def _bits(tensor: Tensor) -> Tensor:
    # NaN is not equal to itself, its bits are.
    return tensor.detach().reshape(-1).contiguous().view(torch.uint8)


class _Snapshot:
    """Everything about a model that an attack must not change."""

    def __init__(self, model: nn.Module) -> None:
        self._model = model
        self._modes = [(name or "model", module, module.training) for name, module in model.named_modules()]
        self._tensors = [
            (f"{path}.{name}".lstrip("."), held, name, tensor, tensor.detach().clone())
            for path, module in model.named_modules()
            for held in (module._parameters, module._buffers)
            for name, tensor in held.items()
            if tensor is not None
        ]
        self._gradients = [
            (name, parameter, parameter.grad, None if parameter.grad is None else parameter.grad.clone())
            for name, parameter in model.named_parameters()
        ]
        self._flags = [(parameter, parameter.requires_grad) for parameter in model.parameters()]

    def restore(self) -> list[str]:
        """Put everything back as it was; return what had been changed."""
        changed = []
        for name, module, mode in self._modes:
            if module.training != mode:
                changed.append(f"the mode of {name}")
                module.training = mode
        for name, held, key, tensor, value in self._tensors:
            if held.get(key) is not tensor or not torch.equal(_bits(tensor), _bits(value)):
                changed.append(f"{'parameter' if isinstance(tensor, nn.Parameter) else 'buffer'} {name}")
                held[key] = tensor
                tensor.data.copy_(value)
        for name, parameter, gradient, value in self._gradients:
            is_same = parameter.grad is gradient
            if is_same and gradient is not None and value is not None:
                is_same = torch.equal(_bits(gradient), _bits(value))
            if not is_same:
                changed.append(f"the gradient of {name}")
                parameter.grad = value
        for parameter, wants_gradient in self._flags:
            parameter.requires_grad_(wants_gradient)
        return changed


@contextmanager
def untouched(model: nn.Module, attack: str) -> Iterator[Shield]:
    """Lend a model to an attack, with its parameters frozen so that no gradient is gathered in them.

    Afterwards modes, parameters, buffers, gradients and flags are those of before, whatever happened.

    Args:
        model: The model.
        attack: Its name, for the error.

    Yields:
        What the attack may call.

    Raises:
        AttackError: If a mode, parameter, gradient or buffer had been changed; the result is not to be used.
    """
    snapshot = _Snapshot(model)
    model.requires_grad_(False)
    try:
        yield Shield(model)
    except BaseException:
        snapshot.restore()
        raise
    changed = snapshot.restore()
    if changed:
        raise AttackError(
            f"{attack} changed the model: {listed(changed, 4)}. The model is as before again, and the "
            "result is discarded; a layer that changes when it is asked cannot be attacked either."
        )


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed the global generators of Python, NumPy and PyTorch (CPU and CUDA), and put their states back afterwards.

    Args:
        seed: From 0 to 2**32 - 1.
    """
    python_state, numpy_state = random.getstate(), np.random.get_state()  # noqa: NPY002 - libraries draw from it
    try:
        with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
            random.seed(seed)
            np.random.seed(seed)  # noqa: NPY002
            torch.manual_seed(seed)
            yield
    finally:
        random.setstate(python_state)
        np.random.set_state(numpy_state)  # noqa: NPY002
