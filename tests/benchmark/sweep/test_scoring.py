import numpy as np
import pytest
import torch
from scipy.special import log_softmax
from sklearn.metrics import log_loss
from torch import Tensor, nn

from robustsweep.benchmark.sweep.evaluation import evaluate, score, to_unit_range
from robustsweep.errors import CheckpointError


def numbers(n: int, classes: int, scale: float = 3.0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(n * classes)
    return (
        torch.randn(n, classes, generator=generator) * scale,
        torch.randint(classes, (n,), generator=generator),
    )


def slow_top5(logits: Tensor, labels: Tensor) -> list[bool]:
    """Sort the classes by logit, equal ones by index, and look for the label among the first five."""
    return [
        label in sorted(range(len(row)), key=lambda k: (-row[k], k))[:5]
        for row, label in zip(logits.tolist(), labels.tolist(), strict=True)
    ]


@pytest.mark.parametrize("classes", [2, 4, 5, 6, 100])
def test_top5_is_a_place_among_the_five_largest_logits(classes: int) -> None:
    logits, labels = numbers(200, classes)
    found = score(logits, labels)
    assert found.top5_hit.tolist() == slow_top5(logits, labels)
    assert found.top5_hit.all() == (classes <= 5)
    assert found.prediction.tolist() == [max(range(classes), key=lambda k, r=row: r[k]) for row in logits.tolist()]


def test_equal_logits_are_ranked_by_index() -> None:
    logits, labels = numbers(500, 12, scale=1.0)
    logits = logits.round()
    assert score(logits, labels).top5_hit.tolist() == slow_top5(logits, labels)
    constant = score(torch.zeros(12, 12), torch.arange(12))
    assert constant.top5_hit.tolist() == [True] * 5 + [False] * 7
    assert constant.prediction.tolist() == [0] * 12


@pytest.mark.parametrize("scale", [0.1, 3.0, 300.0])
def test_probabilities_are_those_of_a_softmax(scale: float) -> None:
    logits, labels = numbers(300, 7, scale)
    found = score(logits, labels)
    logs = log_softmax(logits.double().numpy(), axis=1)
    np.testing.assert_allclose(found.confidence, np.exp(logs).max(1), rtol=1e-6)
    np.testing.assert_allclose(found.nll, -logs[np.arange(300), labels], rtol=1e-6, atol=1e-30)
    one_hot = np.eye(7)[labels]
    np.testing.assert_allclose(found.brier, ((np.exp(logs) - one_hot) ** 2).sum(1), rtol=1e-6, atol=1e-30)


def test_the_mean_negative_log_likelihood_is_the_log_loss() -> None:
    logits, labels = numbers(300, 7)
    probabilities = np.exp(log_softmax(logits.double().numpy(), axis=1))
    expected = log_loss(labels.numpy(), probabilities, labels=list(range(7)))
    assert float(score(logits, labels).nll.mean(dtype=np.float64)) == pytest.approx(expected, rel=1e-6)


def test_what_is_stored_has_the_stated_types() -> None:
    arrays = score(*numbers(3, 4)).arrays()
    assert {name: str(array.dtype) for name, array in arrays.items()} == {
        "prediction": "int32",
        "top5_hit": "bool",
        "confidence": "float32",
        "nll": "float32",
        "brier": "float32",
    }
    assert {array.shape for array in arrays.values()} == {(3,)}


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_logits_of_any_float_type_are_scored(dtype: torch.dtype) -> None:
    logits, labels = numbers(50, 6)
    logits = logits.to(dtype)
    expected = score(logits.double(), labels).arrays()
    for name, array in score(logits, labels).arrays().items():
        np.testing.assert_array_equal(array, expected[name], err_msg=name)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), 3e38])
def test_an_output_without_finite_scores_is_refused(value: float) -> None:
    logits, labels = numbers(4, 3)
    logits[2] = torch.tensor([value, -value, 0.0])
    labels[2] = 1
    with pytest.raises(CheckpointError, match="not finite"):
        score(logits, labels)


def test_pixels_become_exact_fractions_of_255() -> None:
    images = torch.arange(256, dtype=torch.uint8).repeat(3).view(1, 3, 16, 16)
    found = to_unit_range(images, torch.device("cpu"))
    assert found.dtype == torch.float32
    assert found.is_contiguous(memory_format=torch.channels_last)
    expected = (np.arange(256) / 255).astype(np.float32)
    np.testing.assert_array_equal(found[0, 0].flatten().numpy(), expected)
    assert images[0, 0, 0, 1] == 1


@pytest.mark.parametrize("batch_size", [1, 3, 10, 11])
def test_batches_come_back_in_order_and_the_last_one_is_not_lost(batch_size: int) -> None:
    class Brightest(nn.Module):
        sizes: list[int] = []

        def forward(self, images: Tensor) -> Tensor:
            self.sizes.append(len(images))
            return images.mean((2, 3))

    images = torch.zeros(10, 3, 2, 2, dtype=torch.uint8)
    labels = torch.arange(10) % 3
    images[torch.arange(10), labels] = 255
    module = Brightest()
    module.sizes.clear()
    found = evaluate(module, images, labels, batch_size=batch_size, device=torch.device("cpu"))
    assert found.prediction.tolist() == labels.tolist()
    assert sum(module.sizes) == 10
    assert max(module.sizes) == min(batch_size, 10)
