"""Full precision holds whatever was chosen before, and leaves it chosen after."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch

from robustsweep.process.precision import full_precision

BACKENDS: Any = torch.backends


def chosen() -> list[object]:
    """Read every choice; PyTorch refuses to read some through the older way where the newer has set them."""
    readers: list[Callable[[], object]] = [
        torch.get_float32_matmul_precision,
        lambda: BACKENDS.fp32_precision,
        lambda: BACKENDS.cuda.matmul.fp32_precision,
        lambda: BACKENDS.mkldnn.matmul.fp32_precision,
        lambda: BACKENDS.cudnn.conv.fp32_precision,
        lambda: BACKENDS.cudnn.allow_tf32,
        lambda: BACKENDS.cudnn.benchmark,
        lambda: BACKENDS.cudnn.deterministic,
    ]
    found: list[object] = []
    for reader in readers:
        try:
            found.append(reader())
        except RuntimeError:
            found.append(RuntimeError)
    return found


@pytest.fixture
def _choices_put_back() -> Iterator[None]:
    yield
    BACKENDS.fp32_precision = "none"
    torch.set_float32_matmul_precision("highest")
    BACKENDS.cuda.matmul.fp32_precision = BACKENDS.mkldnn.matmul.fp32_precision = "none"
    BACKENDS.cudnn.allow_tf32, BACKENDS.cudnn.benchmark = True, False


WAYS: dict[str, Callable[[], object]] = {
    "nothing": lambda: None,
    "high": lambda: torch.set_float32_matmul_precision("high"),
    "medium": lambda: torch.set_float32_matmul_precision("medium"),
    "older": lambda: setattr(BACKENDS.cuda.matmul, "allow_tf32", True),
    "newer": lambda: setattr(BACKENDS.cuda.matmul, "fp32_precision", "tf32"),
    "everywhere": lambda: setattr(BACKENDS, "fp32_precision", "tf32"),
    "benchmark": lambda: setattr(BACKENDS.cudnn, "benchmark", True),
}


@pytest.mark.usefixtures("_choices_put_back")
@pytest.mark.parametrize("way", WAYS)
def test_nothing_is_rounded_inside_and_every_choice_stands_after(way: str) -> None:
    WAYS[way]()
    before = chosen()
    with full_precision():
        with full_precision():
            pass
        assert torch.get_float32_matmul_precision() == "highest"
        assert not BACKENDS.cuda.matmul.allow_tf32
        assert not BACKENDS.cudnn.allow_tf32
        assert not BACKENDS.cudnn.benchmark
        assert BACKENDS.cudnn.deterministic
    assert chosen() == before
