"""The batch sizes chosen for a GPU fit its memory, counted from the shapes of all tensors without a GPU."""

import weakref
from typing import Any

import pytest
import torch
import torchvision
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_iter

from robustsweep.benchmark.architectures import ARCHITECTURES, build_architecture
from robustsweep.benchmark.sweep.batch_sizes import choose_batch_size

N = 4
SMALL_GPU_BYTES = 8 << 30
MOST_HALVINGS = 3  # each costs the forward passes that did not fit


class PeakBytes(TorchDispatchMode):
    """Counts the bytes of tensors that are alive; what a library's kernels take for themselves is not seen."""

    def __init__(self) -> None:
        super().__init__()
        self._alive, self.most = 0, 0
        self._seen: weakref.WeakKeyDictionary[Any, None] = weakref.WeakKeyDictionary()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        for tensor in tree_iter(result):
            if isinstance(tensor, Tensor) and tensor.untyped_storage() not in self._seen:
                self._count(tensor.untyped_storage())
        return result

    def _count(self, storage: Any) -> None:
        self._seen[storage] = None
        self._alive += storage.nbytes()
        self.most = max(self.most, self._alive)
        weakref.finalize(storage, self._free, storage.nbytes())

    def _free(self, n_bytes: int) -> None:
        self._alive -= n_bytes


def bytes_per_image(network: nn.Module, side: int, *, attacked: bool) -> int:
    """Return the peak of a forward pass, or of the gradient of an attack, weights apart."""
    images = torch.empty(N, 3, side, side, requires_grad=attacked)
    with torch.set_grad_enabled(attacked), PeakBytes() as peak:
        logits = network(images)
        if attacked:
            torch.autograd.grad(logits.sum(), images)
    return peak.most // N


def test_a_layer_takes_what_it_returns_and_its_gradient_twice_that() -> None:
    with FakeTensorMode(allow_non_fake_inputs=True):
        layer = nn.Conv2d(3, 8, 3, padding=1)
        assert bytes_per_image(layer, 16, attacked=False) == 8 * 16 * 16 * 4
        images = 3 * 16 * 16 * 4
        outputs = 8 * 16 * 16 * 4
        # The sum's gradient is a view of one number, which the convolution's backward pass lays out.
        assert outputs + images <= bytes_per_image(layer, 16, attacked=True) <= 2 * outputs + images + 8


@pytest.mark.parametrize(("name", "side"), [*((name, 32) for name in ARCHITECTURES), ("torchvision-resnet50", 224)])
def test_the_chosen_batch_fits_a_small_gpu(name: str, side: int) -> None:
    with FakeTensorMode(allow_non_fake_inputs=True):
        network = torchvision.models.resnet50() if "-resnet50" in name else build_architecture(name, 100)
        network.eval().requires_grad_(False)
        batch_size = choose_batch_size((side, side), torch.device("cuda"))
        weights = sum(weight.nbytes for weight in network.parameters())
        seen = weights + batch_size * bytes_per_image(network, side, attacked=False)
        attacked = weights + (batch_size >> MOST_HALVINGS) * bytes_per_image(network, side, attacked=True)
    assert seen < SMALL_GPU_BYTES
    assert attacked < SMALL_GPU_BYTES
