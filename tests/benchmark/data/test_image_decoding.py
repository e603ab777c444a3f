import io
from contextlib import suppress
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from image_trees import encoded, pixels
from PIL import Image
from torchvision.transforms import v2

from robustsweep.benchmark.data.files.pixels import IMAGE_SUFFIXES, Preprocessing, decode, decode_many
from robustsweep.benchmark.data.files.trees import FileTree
from robustsweep.errors import DataError

AS_IT_IS = Preprocessing()


def decoded(content: bytes, preprocessing: Preprocessing = AS_IT_IS) -> np.ndarray:
    return decode(content, "cat/1.jpg", preprocessing).permute(1, 2, 0).numpy()


def opened(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content))


@pytest.mark.parametrize("kind", ["PNG", "BMP", "PPM", "TIFF"])
def test_rgb_pixels_come_back_as_they_are(kind: str) -> None:
    image = pixels(1, 5, 9)
    assert np.array_equal(decoded(encoded(image, kind)), np.asarray(image))


@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
def test_lossy_files_are_what_pillow_makes_of_them(kind: str) -> None:
    content = encoded(pixels(1, 16, 24), kind, quality=60)
    assert np.array_equal(decoded(content), np.asarray(opened(content).convert("RGB")))


def test_every_suffix_has_a_format_that_is_read() -> None:
    for suffix in IMAGE_SUFFIXES:
        assert decoded(encoded(pixels(1), Image.registered_extensions()[suffix])).shape == (8, 8, 3)


def test_grey_becomes_three_equal_channels() -> None:
    grey = pixels(2).convert("L")
    expected = np.repeat(np.asarray(grey)[..., None], 3, axis=2)
    assert np.array_equal(decoded(encoded(grey)), expected)
    assert np.array_equal(decoded(encoded(grey.convert("1"))), np.asarray(grey.convert("1").convert("RGB")))


def test_a_palette_gives_its_colours_with_and_without_transparency() -> None:
    palette = pixels(3).convert("P")
    colours = np.asarray(palette.convert("RGB"))
    assert np.array_equal(decoded(encoded(palette)), colours)
    assert np.array_equal(decoded(encoded(palette, transparency=int(np.asarray(palette)[0, 0]))), colours)
    assert np.array_equal(decoded(encoded(palette, transparency=bytes(range(256)))), colours)


def test_transparency_is_dropped_and_not_blended() -> None:
    image = pixels(4)
    image.putalpha(pixels(5).convert("L"))
    assert np.array_equal(decoded(encoded(image)), np.asarray(image)[..., :3])
    grey = pixels(4).convert("L")
    grey.putalpha(pixels(5).convert("L"))
    assert np.array_equal(decoded(encoded(grey))[..., 1], np.asarray(grey)[..., 0])


def test_cmyk_is_converted_as_pillow_does() -> None:
    content = encoded(pixels(6, 16, 16).convert("CMYK"), "JPEG")
    assert opened(content).mode == "CMYK"
    assert np.array_equal(decoded(content), np.asarray(opened(content).convert("RGB")))


def test_sixteen_bit_grey_is_refused_by_name() -> None:
    deep = Image.fromarray(np.arange(64, dtype=np.uint16).reshape(8, 8) * 1000)
    for kind in ("PNG", "TIFF"):
        with pytest.raises(DataError, match="cat/1.jpg does not fit: it has Pillow's mode 'I;16'; convert it to 8-bit"):
            decoded(encoded(deep, kind))


@pytest.mark.parametrize("content", [b"", b"a text file", b"\xff\xd8\xff", b"<svg/>", b"\x89PNG\r\n\x1a\n"])
def test_what_is_no_image_is_refused_by_name(content: bytes) -> None:
    with pytest.raises(DataError, match="cat/1.jpg .*replace or remove the file"):
        decoded(content)


@pytest.mark.parametrize("kind", ["EPS", "PDF", "ICO", "TGA", "PCX"])
def test_formats_of_no_listed_suffix_are_refused_whatever_the_file_is_called(kind: str) -> None:
    with pytest.raises(DataError, match="cat/1.jpg is not an image"):
        decoded(encoded(pixels(7), kind))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "BMP", "PPM", "TIFF", "WEBP"])
def test_a_truncated_file_is_refused_by_name(kind: str) -> None:
    content = encoded(pixels(8, 32, 32), kind)
    for share in (0.02, 0.2, 0.5, 0.9):
        with pytest.raises(DataError, match=r"cat/1\.jpg"):
            decoded(content[: int(len(content) * share)])


@pytest.mark.filterwarnings("ignore")  # Pillow may warn of what it finds
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "BMP", "PPM", "TIFF", "WEBP"])
def test_a_damaged_file_gives_pixels_or_a_data_error_and_nothing_else(kind: str) -> None:
    generator = np.random.default_rng(0)
    content = np.frombuffer(encoded(pixels(9, 16, 16), kind), np.uint8)
    for _ in range(150):
        damaged = content.copy()
        where = generator.integers(0, min(len(content), 200), 3)
        damaged[where] = generator.integers(0, 256, 3)
        with suppress(DataError):
            assert decoded(damaged.tobytes()).dtype == np.uint8


def test_a_file_that_would_unpack_to_gigabytes_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(DataError, match="cannot be decoded"):
        decoded(encoded(pixels(1, 32, 32)))


@pytest.mark.parametrize(("height", "width"), [(300, 401), (401, 300), (256, 256), (224, 500), (100, 90)])
def test_preprocessing_equals_torchvisions_on_pillow_images(height: int, width: int) -> None:
    image = pixels(10, height, width)
    theirs = v2.Compose([v2.Resize(256), v2.CenterCrop(224)])(image)
    assert np.array_equal(decoded(encoded(image), Preprocessing(resize=256, crop=224)), np.asarray(theirs))


def test_resizing_filters_before_it_samples() -> None:
    columns = np.zeros((64, 64, 3), np.uint8)
    columns[:, ::2] = 255
    small = decoded(encoded(Image.fromarray(columns)), Preprocessing(resize=8))
    assert small.shape == (8, 8, 3)
    assert np.abs(small.astype(int) - 127).max() <= 16


def test_a_crop_takes_the_centre_and_never_pads() -> None:
    image = pixels(11, 10, 12)
    assert np.array_equal(decoded(encoded(image), Preprocessing(crop=4)), np.asarray(image)[3:7, 4:8])
    with pytest.raises(DataError, match="cat/1.jpg does not fit: it is 12x10, smaller than crop=11; add resize="):
        decoded(encoded(image), Preprocessing(crop=11))


def test_images_of_different_sizes_need_preprocessing() -> None:
    files = {"a/1.png": encoded(pixels(1, 8, 8)), "b/2.png": encoded(pixels(2, 8, 9))}
    tree = FileTree(Path("set.zip"), {name: len(file) for name, file in files.items()}, files.__getitem__, "")
    many = partial(decode_many, tree, list(files), size=(8, 8), workers=2, advice="add resize=")
    with pytest.raises(DataError, match=r"set\.zip: b/2\.png is 9x8, the first image is 8x8; add resize=\."):
        many(preprocessing=AS_IT_IS)
    batch = many(preprocessing=Preprocessing(crop=8))
    assert (batch.shape, batch.dtype) == ((2, 3, 8, 8), torch.uint8)
    assert all(torch.equal(batch[i], decode(files[n], n, Preprocessing(crop=8))) for i, n in enumerate(files))


def test_what_was_done_is_said_in_words() -> None:
    assert str(AS_IT_IS) == "none"
    assert str(Preprocessing(resize=256, crop=224)) == "resize 256 bilinear antialiased, centre crop 224"
