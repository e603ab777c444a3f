"""What ``corrupt`` gives back: what it got, whatever the form, and the pixels of the batched function."""

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision import tv_tensors

from robustsweep import corrupt
from robustsweep.corruptions import corrupt_batch
from robustsweep.errors import DataError, UsageError


def levels(n: int = 3, height: int = 32, width: int = 40) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(256, (n, 3, height, width), generator=generator, dtype=torch.uint8)


def expected(images: torch.Tensor, ids: list[int], table: str = "cifar", seed: int = 0) -> torch.Tensor:
    return corrupt_batch(images, "gaussian_noise", 3, table=table, seed=seed, ids=torch.tensor(ids))


def test_a_batch_of_bytes_is_what_the_batched_function_gives():
    images = levels()
    assert torch.equal(corrupt(images, "gaussian_noise", 3), expected(images, [0, 1, 2]))
    assert torch.equal(corrupt(images, "gaussian_noise", 3, ids=[7, -2, 9]), expected(images, [7, -2, 9]))
    assert torch.equal(corrupt(images, "gaussian_noise", 3, seed=4), expected(images, [0, 1, 2], seed=4))
    assert torch.equal(
        corrupt(images, "gaussian_noise", 3, table="imagenet"), expected(images, [0, 1, 2], table="imagenet")
    )


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("is_single", [True, False])
def test_floats_in_the_unit_range_come_back_as_they_came(dtype, is_single):
    images = levels()
    if dtype == torch.bfloat16:
        images = images // 128 * 255  # which alone it holds exactly
    values = (images.double() / 255).to(dtype)
    chosen, reference = (values[0], images[:1]) if is_single else (values, images)
    found = corrupt(chosen, "gaussian_noise", 3)
    assert found.dtype == dtype
    assert found.shape == chosen.shape
    assert torch.equal(
        found, (expected(reference, list(range(len(reference)))).double() / 255).to(dtype).view_as(found)
    )


def test_every_level_survives_the_way_through_floats():
    ramp = torch.arange(256, dtype=torch.uint8).repeat(48).view(1, 3, 64, 64)
    from robustsweep.api.inputs.image_forms import open_images

    for dtype in (torch.float16, torch.float32, torch.float64):
        opened = open_images((ramp.double() / 255).to(dtype))
        assert torch.equal(opened.pixels, ramp)
        assert torch.equal(opened.restored(ramp), (ramp.double() / 255).to(dtype))


@pytest.mark.parametrize("dtype", [np.uint8, np.float16, np.float32, np.float64, np.dtype(">f4")])
def test_arrays_have_their_channels_last(dtype):
    images = levels()
    array = images.permute(0, 2, 3, 1).numpy()
    given = array if dtype is np.uint8 else (array / 255.0).astype(dtype)
    given.flags.writeable = False
    wanted = expected(images, [0, 1, 2]).permute(0, 2, 3, 1).numpy()
    found = corrupt(given, "gaussian_noise", 3)
    assert isinstance(found, np.ndarray)
    assert found.dtype == np.dtype(dtype).newbyteorder("=")
    assert np.array_equal(found, wanted if dtype is np.uint8 else (wanted / 255.0).astype(dtype))
    assert np.array_equal(corrupt(given[0], "gaussian_noise", 3), found[0])
    assert corrupt(given[:, ::-1], "fog", 1).shape == given.shape


def test_an_image_of_pillow_comes_back_as_one():
    images = levels(1)
    image = Image.fromarray(images[0].permute(1, 2, 0).numpy())
    found = corrupt(image, "gaussian_noise", 3)
    assert isinstance(found, Image.Image)
    assert found.size == (40, 32)
    assert np.array_equal(np.array(found), expected(images, [0])[0].permute(1, 2, 0).numpy())


def test_a_list_holds_images_of_any_size_and_form_and_each_has_the_id_of_its_position():
    small, large = levels(2), levels(1, 48, 48)
    given = [
        Image.fromarray(small[0].permute(1, 2, 0).numpy()),
        large[0],
        small[1].permute(1, 2, 0).numpy(),
    ]
    found = corrupt(given, "gaussian_noise", 3)
    assert [type(one) for one in found] == [Image.Image, torch.Tensor, np.ndarray]
    assert np.array_equal(np.array(found[0]), expected(small[:1], [0])[0].permute(1, 2, 0).numpy())
    assert torch.equal(found[1], expected(large, [1], table="cifar")[0])
    assert np.array_equal(found[2], expected(small[1:], [2])[0].permute(1, 2, 0).numpy())
    assert corrupt([], "fog", 3) == []


def test_tensors_of_torchvision_keep_their_class_and_nothing_keeps_a_graph():
    image = tv_tensors.Image(levels()[0])
    assert type(corrupt(image, "fog", 3)) is tv_tensors.Image
    leaf = torch.rand(1, 3, 32, 32, requires_grad=True)
    assert not corrupt(leaf, "fog", 3).requires_grad


@pytest.mark.gpu
def test_the_device_is_kept_and_the_draws_are_those_of_the_cpu():
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    images = levels()
    found = corrupt(images.cuda(), "impulse_noise", 3)
    assert found.is_cuda
    assert torch.equal(found.cpu(), corrupt(images, "impulse_noise", 3))


@pytest.mark.parametrize(
    ("images", "sentence"),
    [
        (torch.zeros(32, 32), r"\(3, H, W\) or \(N, 3, H, W\), got \(32, 32\)"),
        (torch.zeros(2, 32, 32, 3), "permute moves the channels"),
        (torch.zeros(1, 32, 32), "repeat the channel of grey images"),
        (np.zeros((3, 32, 32)), "transpose moves the channels"),
        (torch.zeros(3, 32, 32, dtype=torch.int64), "uint8, or floating-point values in .0, 1., got int64"),
        (np.zeros((32, 32, 3), dtype=bool), "got bool"),
        (torch.full((3, 32, 32), 3.0), "must lie in .0, 1., they span 3 to 3"),
        (torch.full((3, 32, 32), torch.nan), "span nan to nan"),
        (Image.new("L", (32, 32)), r"mode RGB, got L; call image.convert\('RGB'\)"),
        (torch.zeros(3, 31, 32), "at least 32 pixels on each side, not 31 x 32"),
        ("photo.png", "Images must be a tensor .* got str"),
        ([torch.zeros(2, 3, 32, 32)], "single images, got a batch"),
    ],
)
def test_images_in_another_form_are_refused_with_a_sentence(images, sentence):
    with pytest.raises(DataError, match=sentence):
        corrupt(images, "fog", 3)


@pytest.mark.parametrize("ids", [[1], [1.0, 2.0, 3.0], [[1, 2, 3]], 4, [True, False, True]])
def test_ids_that_do_not_fit_are_refused(ids):
    with pytest.raises(DataError, match="ids must be 3 whole numbers"):
        corrupt(levels(), "fog", 3, ids=ids)


@pytest.mark.parametrize(
    ("name", "options", "sentence"),
    [
        ("fogg", {}, "did you mean 'fog'"),
        ("fog", {"severity": 6}, "integer from 1 to 5, not 6"),
        ("fog", {"table": "imagenette"}, "Unknown severity table 'imagenette'"),
        ("fog", {"seed": 1.5}, "seed must be a whole number, got 1.5"),
    ],
)
def test_wrong_names_get_the_sentences_of_the_command_line(name, options, sentence):
    with pytest.raises(UsageError, match=sentence):
        corrupt(levels(), name, **{"severity": 3, **options})
