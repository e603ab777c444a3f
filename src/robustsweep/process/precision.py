"""Full precision: no rounding to TF32 or bfloat16, and no algorithm because it is the fastest today."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch


@contextmanager
def full_precision() -> Iterator[None]:
    """Hold convolutions and matrix products to float32 and cuDNN to algorithms that repeat, whatever was chosen."""
    with (
        _float32_products(),
        torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False),
    ):
        yield


@contextmanager
def undisturbed() -> Iterator[None]:
    """Compute as outside of inference mode, ``no_grad`` and autocast, whichever of them the caller is in."""
    with ExitStack() as stack:
        stack.enter_context(torch.inference_mode(False))
        stack.enter_context(torch.enable_grad())
        for kind in ("cpu", "cuda"):
            if torch.is_autocast_enabled(kind):
                stack.enter_context(torch.autocast(kind, enabled=False))
        yield


@contextmanager
def _float32_products() -> Iterator[None]:
    # PyTorch has an older and a newer way to choose, and refuses to read through the older what the newer has set.
    whole: Any = torch.backends  # without types in PyTorch
    parts = (whole.cuda.matmul, whole.mkldnn.matmul)
    of_whole, of_parts = whole.fp32_precision, [part.fp32_precision for part in parts]
    try:
        older = torch.get_float32_matmul_precision()
    except RuntimeError:
        older = "highest"
    if of_whole != "none":
        whole.fp32_precision = "none"
    if older != "highest":
        torch.set_float32_matmul_precision("highest")
    for part, chosen in zip(parts, of_parts, strict=True):
        if chosen != "none":
            part.fp32_precision = "ieee"
    try:
        yield
    finally:
        if of_whole != "none":
            whole.fp32_precision = of_whole
        if older != "highest":
            torch.set_float32_matmul_precision(older)
        for part, chosen in zip(parts, of_parts, strict=True):
            if part.fp32_precision != chosen:
                part.fp32_precision = chosen
