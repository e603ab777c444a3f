from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tiny_trainings
import torch
from tiny_trainings import stripes

from robustsweep.augmentations import METHODS
from robustsweep.augmentations.baseline import Baseline
from robustsweep.augmentations.mixes.cutmix import CutMix
from robustsweep.benchmark.architectures import build_architecture
from robustsweep.benchmark.checkpoints.native import load_card, save_native
from robustsweep.benchmark.data.dataset import Dataset, from_array
from robustsweep.errors import CheckpointError, UsageError
from robustsweep.training import epoch
from robustsweep.training.cards import training_card
from robustsweep.training.course import EpochReport
from robustsweep.training.images.stored import input_statistics
from robustsweep.training.recipe import Recipe
from robustsweep.training.trainer import Trained, train

RECIPE = replace(tiny_trainings.RECIPE, flip=True)


def accuracy(trained: Trained, data: Dataset) -> float:
    images = data.images(np.arange(len(data))) / 255
    mean, std = (
        torch.tensor(v).view(1, 3, 1, 1) for v in (trained.card.normalisation.mean, trained.card.normalisation.std)
    )
    with torch.inference_mode():
        return float((trained.module((images - mean) / std).argmax(1).numpy() == data.labels).mean())


@pytest.mark.parametrize("name", list(METHODS))
def test_every_method_learns_what_is_easy(name: str) -> None:
    data = stripes()
    recipe = replace(RECIPE, epochs=12)
    trained = train(METHODS[name](), data, architecture="resnet8", recipe=recipe, seed=0)
    assert not trained.module.training
    assert accuracy(trained, data) > 0.9


def test_the_seed_decides_the_weights_and_no_global_generator_does() -> None:
    data = stripes()
    torch_state, numpy_state = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002 - watched, not used
    first, again, other = (
        train(CutMix(), data, architecture="resnet8", recipe=RECIPE, seed=seed).module.state_dict()
        for seed in (0, 0, 1)
    )
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert not torch.equal(first["conv1.weight"], other["conv1.weight"])
    assert torch.equal(torch.get_rng_state(), torch_state)
    assert np.array_equal(np.random.get_state()[1], numpy_state)  # noqa: NPY002


def test_one_step_is_that_of_gradient_descent_on_normalised_images() -> None:
    data = stripes(16)
    recipe = Recipe(
        name="one-step",
        epochs=1,
        batch_size=99,
        learning_rate=0.3,
        weight_decay=0.01,
        momentum=0,
        crop_padding=0,
        flip=False,
    )
    trained = train(Baseline(), data, architecture="resnet8", recipe=recipe, seed=4)
    images = data.images(np.arange(16)).double() / 255
    images = (images - images.mean((0, 2, 3), keepdim=True)) / images.std((0, 2, 3), correction=0, keepdim=True)
    network = build_architecture("resnet8", 2, seed=4).double().train()
    torch.nn.functional.cross_entropy(network(images), torch.from_numpy(data.labels)).backward()
    stepped = dict(trained.module.named_parameters())
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None
        # The middle of the only step is the middle of the half cosine: half the peak learning rate.
        wanted = parameter - 0.15 * (parameter.grad + 0.01 * parameter)
        assert torch.allclose(stepped[name].double(), wanted, atol=1e-4), name


def test_the_statistics_are_those_of_all_pixels() -> None:
    images = torch.randint(256, (50, 3, 9, 7), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    images[:, 2] = 51
    found = input_statistics(images)
    pixels = images.numpy() / 255
    assert found.mean == pytest.approx(tuple(pixels.mean((0, 2, 3))), abs=1e-12)
    assert found.std == pytest.approx((*pixels.std((0, 2, 3))[:2], 1.0), abs=1e-12)


def test_the_card_says_all_that_decides_the_training(tmp_path: Path) -> None:
    data = stripes()
    reports: list[EpochReport] = []
    method = CutMix(alpha=0.5)
    trained = train(method, data, architecture="resnet8", recipe=RECIPE, seed=7, progress=reports.append)
    card = trained.card
    assert card.method == "cutmix"
    assert card.method_parameters == {"probability": 1.0, "per_batch": False, "alpha": 0.5}
    assert (card.overlapped_corruptions, card.overlaps_attacks, card.overlaps_corruptions) == ([], False, None)
    assert (card.architecture, card.classes, card.input_size) == ("resnet8", 2, 8)
    assert (card.data, card.data_fingerprint) == ("stripes", data.fingerprint)
    assert (card.recipe, card.recipe_hash, card.epochs, card.batch_size) == ("tiny", RECIPE.hash, 4, 16)
    assert (card.seed, card.epoch_kept) == (7, "last")
    assert [report.epoch for report in reports] == [1, 2, 3, 4]
    assert card.training["final_loss"] == reports[-1].loss
    path = tmp_path / "cutmix.safetensors"
    save_native(path, trained.module, card)
    expected = training_card(method, data, card.normalisation, architecture="resnet8", recipe=RECIPE, seed=7)
    assert load_card(path) == card
    assert replace(load_card(path), training={}) == expected


def test_digits_are_never_mirrored() -> None:
    with pytest.raises(UsageError, match="mirrors images"):
        train(Baseline(), stripes(name="digits"), architecture="resnet8", recipe=RECIPE, seed=0)


def test_a_training_that_diverges_is_no_checkpoint() -> None:
    recipe = replace(RECIPE, learning_rate=1e30)
    with pytest.raises(CheckpointError, match="diverged in epoch"):
        train(Baseline(), stripes(), architecture="resnet8", recipe=recipe, seed=0)


def test_lower_precision_is_the_networks_alone_and_ends_with_the_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    network = build_architecture("resnet8", 2, seed=0).train()
    images, inside = torch.rand(4, 3, 8, 8), []
    network.conv1.register_forward_hook(lambda module, given, result: inside.append(result.dtype))
    recipe, cpu = replace(RECIPE, precision="bfloat16"), torch.device("cpu")
    with epoch.in_precision(network, cpu, recipe):
        network(images)
    monkeypatch.setattr(epoch, "precision_on", lambda device, recipe: recipe.precision)
    with epoch.in_precision(network, cpu, recipe):
        logits = network(images)
        logits.sum().backward()
    network(images)
    assert inside == [torch.float32, torch.bfloat16, torch.float32]
    assert logits.dtype == torch.float32
    assert {parameter.grad.dtype for parameter in network.parameters() if parameter.grad is not None} == {torch.float32}


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_learns_in_bfloat16_and_repeats_itself() -> None:
    data, recipe = stripes(), replace(RECIPE, epochs=12, precision="bfloat16")
    first, again = (
        train(CutMix(), data, architecture="resnet8", recipe=recipe, seed=0, device="cuda") for _ in range(2)
    )
    assert first.card.training["precision"] == "bfloat16"
    assert accuracy(first, data) > 0.9
    weights, others = first.module.state_dict(), again.module.state_dict()
    assert all(torch.equal(weights[name], others[name]) for name in weights)


def test_an_architecture_of_a_library_is_trained_from_weights_of_its_seed() -> None:
    recipe = Recipe("one", epochs=1, batch_size=8, learning_rate=1e-9, weight_decay=0.0, crop_padding=0, flip=False)
    images = np.random.default_rng(0).integers(0, 256, (8, 3, 32, 32)).astype(np.uint8)
    data = from_array("noise", "train", images, np.arange(8) % 2, 2)
    first, again, other = (
        train(Baseline(), data, architecture="torchvision:mobilenet_v3_small", recipe=recipe, seed=seed).module
        for seed in (0, 0, 1)
    )
    name = "features.0.0.weight"
    assert torch.equal(first.state_dict()[name], again.state_dict()[name])
    assert not torch.equal(first.state_dict()[name], other.state_dict()[name])
