"""CIFAR batches that were saved again, in another layout or by another program."""

import pickle
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from image_trees import everything, opened

from robustsweep.benchmark.data import open_data
from robustsweep.benchmark.data.files.pickles import read_pickle
from robustsweep.errors import DataError

N = 7
ROWS = np.random.default_rng(0).integers(0, 256, (N, 3072), dtype=np.uint8)
CHANNELS_FIRST = ROWS.reshape(N, 3, 32, 32)
CHANNELS_LAST = CHANNELS_FIRST.transpose(0, 2, 3, 1)
LABELS = list(range(N))


def saved(folder: Path, batch: object, protocol: int = 4) -> str:
    (folder / "test_batch").write_bytes(pickle.dumps(batch, protocol=protocol))
    return f"cifar10:{folder}"


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
@pytest.mark.parametrize(
    "data",
    [ROWS, CHANNELS_FIRST, CHANNELS_LAST, np.ascontiguousarray(CHANNELS_LAST),
     np.asfortranarray(ROWS), np.asfortranarray(CHANNELS_FIRST)],
    ids=["rows", "channels first", "channels last, a view", "channels last", "rows by column", "by column"],
)  # fmt: skip
def test_every_layout_of_the_pixels_gives_the_same_images(tmp_path: Path, data: np.ndarray, protocol: int) -> None:
    spec = saved(tmp_path, {b"data": data, b"labels": LABELS}, protocol)
    assert np.array_equal(everything(opened(spec)), CHANNELS_FIRST)


@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
@pytest.mark.parametrize(
    "labels",
    [LABELS, tuple(LABELS), np.arange(N), np.arange(N, dtype=np.uint8), np.arange(N, dtype=">i4"), list(np.arange(N))],
    ids=["list", "tuple", "int64", "uint8", "other byte order", "NumPy integers"],
)
def test_labels_are_integers_however_they_are_kept(tmp_path: Path, labels: object, protocol: int) -> None:
    assert opened(saved(tmp_path, {"data": ROWS, "labels": labels}, protocol)).labels.tolist() == LABELS


@pytest.mark.parametrize("label", [1.0, True, "1", None, np.float32(1), np.bool_(True), [1], 10**40, b"1"])
def test_a_label_that_is_no_integer_is_refused_and_never_rounded(tmp_path: Path, label: object) -> None:
    with pytest.raises(
        DataError, match="test_batch is not a CIFAR batch: labels holds .*, expected integers such as 3"
    ):
        open_data(saved(tmp_path, {b"data": ROWS, b"labels": [*LABELS[:-1], label]}))


@pytest.mark.parametrize("shape", [(N, 32, 3, 32), (N, 1024, 3), (N * 3, 1024), (N * 3072,), (1, N, 3072)])
def test_pixels_of_another_shape_are_refused_naming_it_and_what_was_expected(
    tmp_path: Path, shape: tuple[int, ...]
) -> None:
    with pytest.raises(DataError) as caught:
        open_data(saved(tmp_path, {b"data": ROWS.reshape(shape), b"labels": LABELS}))
    assert f"data has shape {shape}, expected (N, 3072), (N, 3, 32, 32) or (N, 32, 32, 3)" in str(caught.value)


def peak_bytes(content: bytes) -> int:
    tracemalloc.start()
    try:
        with pytest.raises(Exception):  # noqa: B017, PT011 - any kind, see read_pickle
            read_pickle(content)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_memo_with_a_far_place_takes_no_memory() -> None:
    tracemalloc.start()
    assert read_pickle(b"\x80\x02Nr\x00\x00\x00\x20.") is None
    assert tracemalloc.get_traced_memory()[1] < 1 << 20
    tracemalloc.stop()


def test_a_text_that_is_turned_into_bytes_over_and_over_is_refused() -> None:
    text = b"X\x00\x40\x00\x00" + b"a" * 0x4000
    start = b"\x80\x02c_codecs\nencode\nq\x00" + text + b"q\x01X\x06\x00\x00\x00latin1q\x02]("
    content = start + b"h\x00h\x01h\x02\x86R" * 2000 + b"e."
    assert peak_bytes(content) < 4 * len(content) + (1 << 20)
