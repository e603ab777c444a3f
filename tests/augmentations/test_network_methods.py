import json
from dataclasses import fields, replace

import pytest
import torch
import torch.nn.functional as F
from stepping_networks import CLASSES, SIDE, N, criterion, drawn, network, step, with_peaks

from robustsweep.augmentations import METHODS, build_method
from robustsweep.augmentations.erasing.dropblock import DropBlock
from robustsweep.augmentations.method import Method
from robustsweep.augmentations.mixes.manifold_mixup import ManifoldMixup
from robustsweep.augmentations.network_method import GuidedMethod, NetworkMethod, input_gradient, observing, unit_sum
from robustsweep.draws import Draws
from robustsweep.errors import UsageError

NAMES = [name for name in METHODS if issubclass(METHODS[name], NetworkMethod)]
every_method = pytest.mark.parametrize("method", [METHODS[name]() for name in NAMES], ids=NAMES)
GUIDED = [name for name in NAMES if issubclass(METHODS[name], GuidedMethod)]
every_guided = pytest.mark.parametrize("method", [METHODS[name]() for name in GUIDED], ids=GUIDED)


def test_all_network_methods_are_under_test() -> None:
    assert set(NAMES) >= {"comixup", "dropblock", "manifold_mixup", "puzzlemix", "sage", "snapmix"}


@every_method
def test_what_is_drawn_for_an_image_does_not_depend_on_the_batch(method: Method) -> None:
    together = method.sample(drawn())
    singles = [method.sample(Draws(0, "augmentation/0", torch.tensor([i * 977]))) for i in range(N)]
    assert together.dtype == torch.float64
    assert torch.equal(together, torch.cat(singles))


@every_method
def test_parameters_name_every_field_and_rebuild_the_method(method: Method) -> None:
    assert list(method.parameters()) == [f.name for f in fields(method)]
    assert method.parameters() == json.loads(json.dumps(method.parameters()))
    assert build_method(method.name, **method.parameters()) == method


@every_method
def test_the_loss_reaches_every_parameter_and_follows_from_the_seed(
    method: Method, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_peaks(method, monkeypatch)
    losses = []
    for seed in (0, 0, 1):
        net = network()
        loss = method.loss(step(method, net=net, seed=seed))
        assert loss.shape == ()
        loss.backward()
        assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in net.parameters())
        losses.append(loss.item())
    assert losses[0] == losses[1] != losses[2]


@every_method
@pytest.mark.parametrize("n", [1, 2])
def test_small_batches_are_batches_too(method: Method, n: int) -> None:
    assert torch.isfinite(method.loss(step(method, n)))


@every_method
def test_the_arguments_modes_and_hooks_are_left_as_they_were_and_one_training_pass_is_made(method: Method) -> None:
    net = network()
    net.layer1[0].bn1.eval()
    modes = [module.training for module in net.modules()]
    given = step(method, net=net)
    before = given.images.clone(), given.targets.clone(), given.sample.clone()
    method.loss(given)
    assert all(torch.equal(a, b) for a, b in zip(before, (given.images, given.targets, given.sample), strict=True))
    assert [module.training for module in net.modules()] == modes
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in net.modules())
    assert net.bn1.num_batches_tracked == 1
    assert net.layer1[0].bn1.num_batches_tracked == 0


@every_method
def test_there_is_nothing_to_apply_without_a_network(method: Method) -> None:
    given = step(method)
    with pytest.raises(UsageError, match="call its loss"):
        method.apply(given.images, given.targets, given.sample)


@every_guided
def test_choosing_images_leaves_buffers_and_gradients_alone(method: GuidedMethod) -> None:
    net = network()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    images, targets = method.augment(step(method, net=net))
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert all(p.grad is None for p in net.parameters())
    assert not images.requires_grad
    assert (images.shape, images.dtype) == ((N, 3, SIDE, SIDE), torch.float32)
    assert (targets.shape, targets.dtype) == ((N, CLASSES), torch.float32)


@every_guided
def test_targets_stay_probabilities_and_pixels_stay_between_those_of_the_batch(method: GuidedMethod) -> None:
    given = step(method)
    images, targets = method.augment(given)
    assert (targets >= 0).all()
    assert torch.allclose(targets.sum(1), torch.ones(N), atol=1e-6)
    axes = (0, 2, 3)
    assert (images <= given.images.amax(axes, keepdim=True) + 1e-5).all()
    assert (images >= given.images.amin(axes, keepdim=True) - 1e-5).all()


@every_guided
@pytest.mark.parametrize("seed", [0, 1])
def test_the_label_weight_is_the_share_of_pixels(
    method: GuidedMethod, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half the batch is white with label a, half black with label b: the image's mean must be a's weight."""
    n = 40
    given = step(method, n, seed=seed)
    # Flat images have flat gradients, which would leave nothing to choose.
    with_peaks(method, monkeypatch)
    is_a = (torch.arange(n) % 2).float()
    images = is_a.view(n, 1, 1, 1).expand(n, 3, SIDE, SIDE).contiguous()
    targets = F.one_hot(1 - is_a.long(), CLASSES).float()
    mixed, weights = method.augment(replace(given, images=images, targets=targets))
    assert torch.allclose(mixed.mean((1, 2, 3)), weights[:, 0], atol=1e-5)
    assert ((weights[:, 0] > 0.01) & (weights[:, 0] < 0.99)).sum() > 5


@pytest.mark.parametrize("name", ["sage", "puzzlemix"])
def test_a_permuted_batch_gives_the_permuted_images(name: str) -> None:
    method = build_method(name)
    assert isinstance(method, GuidedMethod)
    given, order = step(method), torch.randperm(N, generator=torch.Generator().manual_seed(1))
    # Each image keeps its partner if the keys are those of a permutation of two that exchanges neighbours.
    images, targets = method.augment(given)
    partners = torch.argsort(given.sample[:, 0], stable=True)
    rank = torch.empty(N, dtype=torch.float64)
    inverse = torch.argsort(order)
    rank[inverse[partners[order]]] = torch.arange(N, dtype=torch.float64)
    sample = given.sample[order].clone()
    sample[:, 0] = rank
    permuted = replace(given, images=given.images[order], targets=given.targets[order], sample=sample)
    again = method.augment(permuted)
    assert torch.allclose(again[0], images[order], atol=1e-4)
    assert torch.allclose(again[1], targets[order], atol=1e-5)


def test_the_gradient_is_that_of_each_image_alone_in_evaluation_mode() -> None:
    given = step(METHODS["sage"]())
    gradient = input_gradient(given)
    net = given.network.eval()
    for i in (0, 7):
        image = given.images[i : i + 1].clone().requires_grad_()
        criterion(net(image), given.targets[i : i + 1]).sum().backward()
        assert image.grad is not None
        assert torch.allclose(gradient[i], image.grad[0], rtol=1e-3, atol=1e-6)


def test_a_gradient_that_is_not_finite_counts_as_none() -> None:
    given = step(METHODS["sage"](), 3)
    given.images[1, 0, 0, 0] = torch.inf
    gradient = input_gradient(given)
    assert (gradient[1] == 0).all()
    assert (gradient[[0, 2]] != 0).any()


def test_modes_come_back_after_an_error() -> None:
    net = network()

    def fail(*_: object) -> None:
        assert not any(module.training for module in net.modules())
        raise RuntimeError("inside")

    net.layer1.register_forward_pre_hook(fail)
    with pytest.raises(RuntimeError, match="inside"), observing(net):
        net(torch.zeros(1, 3, SIDE, SIDE))
    assert all(module.training for module in net.modules())


def test_maps_are_divided_by_their_sum_and_empty_ones_become_constant() -> None:
    maps = torch.stack([torch.arange(6.0).view(2, 3), torch.zeros(2, 3)])
    scaled = unit_sum(maps)
    assert torch.allclose(scaled[0], maps[0] / 15)
    assert torch.allclose(scaled[1], torch.full((2, 3), 1 / 6))


@pytest.mark.parametrize(
    ("name", "parameters", "message"),
    [
        ("manifold_mixup", {"alpha": 0.0}, "alpha must be positive"),
        ("manifold_mixup", {"layers": ()}, "at least one layer's name"),
        ("manifold_mixup", {"layers": "input"}, "a list of strings, got 'input'"),
        ("dropblock", {"block_size": 0}, "block_size must be at least 1"),
        ("dropblock", {"keep": 0.0}, r"keep must be in \(0, 1\]"),
        ("dropblock", {"layers": []}, "at least one layer's name"),
        ("snapmix", {"beta": 0.0}, "beta must be positive"),
        ("snapmix", {"probability": 2.0}, "probability must be in"),
        ("sage", {"upper": 0.0}, r"upper must be in \(0, 1\]"),
        ("puzzlemix", {"alpha": 0.0}, "alpha must be positive"),
        ("puzzlemix", {"prior": -0.1}, "prior must be at least 0"),
        ("comixup", {"alpha": 0.0}, "alpha must be positive"),
        ("comixup", {"overlap": -1.0}, "overlap must be at least 0"),
    ],
)
def test_what_no_method_can_do_is_refused(name: str, parameters: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        build_method(name, **parameters)


def test_a_single_text_is_no_list_of_layers_where_the_class_is_called_either() -> None:
    for kind in (ManifoldMixup, DropBlock):
        with pytest.raises(UsageError, match="a list of at least one layer's name, got 'stage1'"):
            kind(layers="stage1")


@pytest.mark.parametrize(("name", "wanted"), [("puzzlemix", "even"), ("comixup", "multiples of 4")])
def test_images_that_do_not_divide_into_blocks_are_refused(name: str, wanted: str) -> None:
    method = METHODS[name]()
    given = step(method, 4)
    with pytest.raises(UsageError, match=f"{wanted}, got 32 x 29"):
        method.loss(replace(given, images=given.images[..., :29]))
