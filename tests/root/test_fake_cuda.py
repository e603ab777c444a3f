"""Corruptions, attacks, methods and metrics stay on the device of their input, tried without a GPU."""

from collections.abc import Callable, Iterator
from itertools import islice

import pytest
import torch
import torch.nn.functional as F
from fake_cuda import fake_cuda
from torch import Tensor, nn

from robustsweep.attacks.engine import run_attack
from robustsweep.attacks.loops import nearest
from robustsweep.attacks.losses import LOSSES
from robustsweep.attacks.square_attack import square
from robustsweep.attacks.steps.catalogue import ATTACKS
from robustsweep.augmentations import METHODS, build_method
from robustsweep.augmentations.method import Step
from robustsweep.benchmark.architectures import build_architecture
from robustsweep.benchmark.checkpoints.normalisation import Normalisation
from robustsweep.benchmark.sweep.evaluation import evaluate
from robustsweep.corruptions import CORRUPTIONS, corrupt_batch
from robustsweep.draws import Draws
from robustsweep.training.epoch import train_epoch
from robustsweep.training.images.training_images import TrainingImages
from robustsweep.training.recipe import Recipe

pytestmark = pytest.mark.skipif(torch.cuda.is_available(), reason="the tests of CUDA run on the device that is there")

N, CLASSES, SIDE = 4, 5, 32
CLOSE_STARTS = nearest._close_starts

# What cannot run without values, with the beginning of what is then said.
NEED_VALUES = {
    "zoom_blur": "NVIDIA|not compiled with CUDA",  # a sparse matrix is compressed, which no fake tensor is
    "circular_motion_blur": "NVIDIA|not compiled with CUDA",
    "comixup": "invalid value encountered in divide",  # shares of a saliency read back, which are zero
}
# What would run on and on, or for seconds.
NOT_TRIED = {
    "shot_noise": "builds its alias tables from a distribution, number by number",
    "glass_blur": "follows chains of pixels until each has ended",
    "sage": "tries hundreds of shifts",
    "chain": "its parts are tried alone",
    "ipmix": "makes its textures as pixmix does, and chains as augmix does",
}


@pytest.fixture(autouse=True, scope="module")
def _fake_cuda() -> Iterator[None]:
    with fake_cuda():
        yield


def empty(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.empty(shape, dtype=dtype, device="cuda")


def pixels() -> Tensor:
    return empty(N, 3, SIDE, SIDE, dtype=torch.uint8)


def whole(n: int = N) -> Tensor:
    return empty(n, dtype=torch.int64)


def network() -> nn.Module:
    with torch.device("cuda"):
        return build_architecture("resnet8", CLASSES)


def criterion(logits: Tensor, targets: Tensor) -> Tensor:
    return F.cross_entropy(logits, targets, reduction="none")


def holds(name: str, run: Callable[[], Tensor]) -> None:
    if name in NEED_VALUES:
        with pytest.raises(Exception, match=NEED_VALUES[name]):
            run()
    else:
        assert run().device.type == "cuda"


def test_tensors_of_two_devices_do_not_mix() -> None:
    with pytest.raises(RuntimeError, match="Expected all tensors to be on the same device|two different devices"):
        empty(2) + torch.ones(2)
    with pytest.raises(TypeError, match="numpy"):
        empty(2).numpy()


@pytest.mark.parametrize("name", [name for name in CORRUPTIONS if name not in NOT_TRIED])
def test_a_corruption_stays_on_the_device(name: str) -> None:
    table = CORRUPTIONS[name].nearest_table(SIDE, SIDE)
    holds(name, lambda: corrupt_batch(pixels(), name, 3, table=table, seed=0, ids=whole()))


@pytest.mark.parametrize("name", [name for name in METHODS if name not in NOT_TRIED])
def test_a_method_stays_on_the_device(name: str) -> None:
    method = build_method(name)

    def run() -> Tensor:
        sample = method.sample(Draws(0, "sample", whole()))
        images = method.pixels(pixels(), sample).to(torch.float32)
        assert images.device.type == sample.device.type == "cuda"
        return method.loss(Step(network().train(), images, empty(N, CLASSES), sample, criterion, 0.5))

    holds(name, run)


def test_a_training_step_stays_on_the_device() -> None:
    class Images(TrainingImages):
        n_held_out = 0

        def crops(self, batches: Tensor, *_: object) -> Iterator[Tensor]:
            yield from (pixels() for _ in batches)

        def held_out_batches(self) -> Iterator[tuple[Tensor, Tensor]]:
            yield from ()

    data = Images(whole(2 * N), CLASSES, whole(2 * N), Normalisation((0.5, 0.5, 0.5), (0.2, 0.2, 0.2)))
    recipe = Recipe("tiny", epochs=1, batch_size=N, learning_rate=0.1, weight_decay=0.0)
    net = network().train()
    optimiser = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    for parameter in net.parameters():
        parameter.grad = torch.empty_like(parameter)
    assert train_epoch(net, optimiser, data, build_method("cutmix"), recipe, 0, 0) == 0.0


@pytest.mark.parametrize("name", list(LOSSES))
def test_a_loss_stays_on_the_device(name: str) -> None:
    assert LOSSES[name](empty(N, CLASSES), whole(), whole()).device.type == "cuda"


@pytest.mark.parametrize(("rule", "norm"), [(rule, norm) for rule in ATTACKS for norm in ATTACKS[rule].norms])
def test_an_attack_stays_on_the_device(rule: str, norm: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nearest, "_CLOSE_STEPS", 1)
    monkeypatch.setattr(nearest, "_close_starts", lambda stepper: islice(CLOSE_STARTS(stepper), 1))
    length = "" if ATTACKS[rule].single_step else "2x2" if ATTACKS[rule].restarts > 1 else "2"
    spec = f"{rule}{length}-{norm}@{'8/255' if norm == 'linf' else '0.5'}"
    images = empty(N, 3, SIDE, SIDE)
    outcome = run_attack(network(), images, whole(), spec, seed=0, ids=whole(), keep_images=True, search="as-is")
    assert outcome.images is not None
    assert outcome.images.device.type == "cuda"


def test_square_attack_stays_on_the_device() -> None:
    images = empty(N, 3, SIDE, SIDE)
    outcome = square(network(), images, whole(), eps="8/255", queries=3, ids=whole(), keep_images=True)
    assert outcome.images is not None
    assert outcome.images.device.type == "cuda"


def test_metrics_read_back_from_the_device() -> None:
    found = evaluate(network(), pixels(), whole(), batch_size=4, device=torch.device("cuda"))
    assert found.prediction.shape == found.nll.shape == (N,)
