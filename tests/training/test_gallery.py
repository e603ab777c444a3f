from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import Tensor
from typer.testing import CliRunner

from robustsweep.augmentations import METHODS, build_method
from robustsweep.augmentations.method import Method, Step
from robustsweep.benchmark.architectures import build_architecture
from robustsweep.benchmark.data.photos import example_photos
from robustsweep.cli.commands import app
from robustsweep.draws import Draws
from robustsweep.training.exhibits import exhibit, photo_network

IMAGES = example_photos(128)
NETWORK = photo_network(IMAGES)


class Darker(Method):
    """Asks its network twice, the second time with darker images and another label."""

    name = "darker"

    def sample(self, draws: Draws) -> Tensor:
        return draws.uniform(1)

    def loss(self, step: Step) -> Tensor:
        step.network(step.images)
        return step.criterion(step.network(step.images - 0.5), step.targets * 0.5 + 0.25).mean()

    def apply(self, images: Tensor, targets: Tensor, sample: Tensor) -> tuple[Tensor, Tensor]:
        raise AssertionError("its loss does the work")


class Twice(Darker):
    """Asks whether the network likes halves, then takes two losses of one pass."""

    name = "twice"

    def loss(self, step: Step) -> Tensor:
        step.criterion(step.network(step.images), step.targets * 0.5 + 0.25)
        logits = step.network(step.images - 0.5)
        first, second = step.criterion(logits, step.targets), step.criterion(logits, step.targets.flip(0))
        return (0.3 * first + 0.7 * second).mean()


@pytest.mark.parametrize("name", ["cutmix", "mixup", "smoothmix_c", "fmix", "randommix"])
def test_picture_mask_and_weight_of_a_mixing_method_agree(name: str) -> None:
    shown = exhibit(build_method(name), IMAGES, NETWORK)
    assert shown.mask is not None
    assert 0.4 <= shown.weight <= 0.75
    assert shown.weight == pytest.approx(float(shown.mask.mean()), abs=1e-5)
    if name != "randommix":
        wanted = shown.mask * IMAGES[0] / 255 + (1 - shown.mask) * IMAGES[1] / 255
        assert torch.allclose(shown.image, wanted, atol=1e-5)


def test_a_method_that_mixes_nothing_keeps_its_label() -> None:
    cutout, baseline, augmix = (
        exhibit(build_method(name), IMAGES, NETWORK) for name in ("cutout", "baseline", "augmix")
    )
    assert cutout.mask is not None
    kept = cutout.mask == 1
    assert torch.allclose(cutout.image[:, kept], IMAGES[0][:, kept] / 255, atol=1e-6)
    assert 0.5 < kept.double().mean() < 1
    assert baseline.mask is None
    assert torch.allclose(baseline.image, IMAGES[0] / 255, atol=1e-6)
    assert augmix.note == "one of its views"
    assert not torch.allclose(augmix.image, IMAGES[0] / 255, atol=0.01)
    assert cutout.weight == baseline.weight == augmix.weight == 1


@pytest.mark.parametrize("name", ["random_erasing", "gridmask"])
def test_methods_that_leave_some_images_alone_show_one_that_they_change(name: str) -> None:
    shown = exhibit(build_method(name), IMAGES, NETWORK)
    assert not torch.allclose(shown.image, IMAGES[0] / 255, atol=0.01)
    assert shown.note == ""


def test_what_a_network_was_shown_last_is_shown_and_said() -> None:
    shown = exhibit(Darker(), IMAGES, NETWORK)
    std = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)
    assert torch.allclose(shown.image, (IMAGES[0] / 255 - 0.5 * std).clamp(0, 1), atol=1e-5)
    assert shown.weight == 0.75
    assert shown.mask is None
    assert "trained" in shown.note


@pytest.mark.parametrize("method", [Twice(), build_method("snapmix")], ids=["twice", "snapmix"])
def test_labels_with_a_loss_each_have_no_weight_to_show(method: Method) -> None:
    shown = exhibit(method, IMAGES, NETWORK)
    assert shown.weight is None
    assert not torch.allclose(shown.image, IMAGES[0] / 255, atol=0.01)


@pytest.mark.parametrize(
    ("name", "mixed", "note"),
    [
        ("manifold_mixup", True, "mixed inside the network"),
        ("dropblock", False, "works inside the network"),
        ("comixup", False, "left as it is"),
    ],
)
def test_an_image_that_is_shown_unchanged_says_why(name: str, mixed: bool, note: str) -> None:
    # To a network with random weights all parts of a photo are equally salient.
    shown = exhibit(build_method(name), IMAGES, build_architecture("resnet8", 2, seed=0).train())
    assert torch.allclose(shown.image, IMAGES[0] / 255, atol=1e-5)
    assert shown.weight is not None
    assert (shown.weight < 1) == mixed
    assert note in shown.note


def test_a_network_that_tells_the_photos_apart_lets_puzzlemix_mix_them() -> None:
    shown = exhibit(build_method("puzzlemix"), IMAGES, NETWORK)
    assert shown.weight is not None
    assert 0.4 <= shown.weight <= 0.75
    assert shown.caption.startswith(f"label: λ = {shown.weight:.2f} of a\nasked a resnet8 trained")


def test_what_is_trained_beside_the_image_itself_is_shown() -> None:
    shown = exhibit(build_method("regmixup"), IMAGES, NETWORK)
    assert shown.weight is None
    assert not torch.allclose(shown.image, IMAGES[0] / 255, atol=0.01)
    assert shown.note == "beside image a as it is"


def test_the_command_lists_the_methods_and_writes_the_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    few = {name: METHODS[name] for name in ("baseline", "cutmix", "smoothmix_s")}
    monkeypatch.setattr(METHODS, "_items", few)
    file = tmp_path / "methods.png"
    found = CliRunner().invoke(app, ["list", "methods", "--gallery", str(file)])
    assert found.exit_code == 0, found.output
    assert str(file.name) in found.output.replace("\n", "")
    assert "cutmix" in found.output
    with Image.open(file) as picture:
        assert picture.size[0] > 1000
