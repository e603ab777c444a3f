from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from robustsweep.augmentations import build_method
from robustsweep.errors import UsageError
from robustsweep.training.cards import check_smoothing
from robustsweep.training.recipe import find_recipe


@pytest.mark.parametrize("epsilon", [0.0, 0.1, 1.0])
def test_the_loss_is_that_of_torch_on_single_and_mixed_labels(epsilon: float) -> None:
    generator = torch.Generator().manual_seed(0)
    images, logits = torch.zeros(8, 3, 4, 4), torch.randn(8, 5, generator=generator)
    targets = torch.cat([torch.eye(5)[:4], torch.rand(4, 5, generator=generator).softmax(1)])
    kept, smooth = build_method("label_smoothing", epsilon=epsilon).apply(images, targets, torch.zeros(8, 0))
    assert kept is images
    assert torch.allclose(smooth.sum(1), torch.ones(8))
    wanted = F.cross_entropy(logits, targets, label_smoothing=epsilon, reduction="none")
    assert torch.allclose(F.cross_entropy(logits, smooth, reduction="none"), wanted, atol=1e-6)
    assert torch.equal(smooth, targets) == (epsilon == 0)


@pytest.mark.parametrize(
    ("name", "parameters", "is_refused"),
    [
        ("label_smoothing", {}, True),
        ("chain", {"operations": [{"method": "cutout"}, {"method": "label_smoothing"}]}, True),
        ("choice", {"operations": [{"method": "chain", "operations": [{"method": "label_smoothing"}]}]}, True),
        ("cutmix", {}, False),
    ],
)
def test_labels_are_never_smoothed_twice(name: str, parameters: dict[str, object], is_refused: bool) -> None:
    recipe, method = find_recipe("cifar"), build_method(name, **parameters)
    check_smoothing(recipe, method)
    smoothing = replace(recipe, label_smoothing=0.1)
    if is_refused:
        with pytest.raises(UsageError, match=f"smooths labels by 0.1, and {name} would smooth them again"):
            check_smoothing(smoothing, method)
    else:
        check_smoothing(smoothing, method)
