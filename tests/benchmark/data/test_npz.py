import io
import pickle
import zipfile
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import torch
from image_trees import everything, opened
from tiny_sweeps import stored, swept

from robustsweep.benchmark.architectures import build_architecture
from robustsweep.benchmark.data import open_data
from robustsweep.benchmark.plan.request import SweepRequest, plan_of
from robustsweep.errors import DataError, UsageError

N = 12
IMAGES = np.random.default_rng(0).integers(0, 256, (N, 32, 40, 3), dtype=np.uint8)
LABELS = np.arange(N) % 5
IDS = np.arange(N, dtype=np.int64) * 7919 - 40_000


def written(path: Path, **arrays: Any) -> Path:
    """Write images and labels; an array that is None is left out."""
    content: dict[str, Any] = {"images": IMAGES, "labels": LABELS} | arrays
    np.savez(path, **{key: value for key, value in content.items() if value is not None})
    return path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return written(tmp_path / "mine.v2.npz")


def test_images_and_labels_are_read_as_they_lie_there(file: Path) -> None:
    data = opened(f"npz:{file}")
    assert (data.name, data.split, data.classes, data.size, len(data)) == ("mine.v2", "all", 5, (32, 40), N)
    assert np.array_equal(everything(data), IMAGES.transpose(0, 3, 1, 2))
    assert data.labels.tolist() == LABELS.tolist()
    assert data.ids.tolist() == list(range(N))
    assert np.array_equal(data.images(np.array([7, 0, 7])).numpy(), everything(data)[[7, 0, 7]])
    assert opened(f"npz:{file},name=other").name == "other"


def test_compressed_files_are_the_same_data(file: Path, tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "small.npz", images=IMAGES, labels=LABELS, class_names=np.array(["a", "b"]))
    assert opened(f"npz:{tmp_path / 'small.npz'}").fingerprint == opened(f"npz:{file}").fingerprint


@pytest.mark.parametrize("dtype", ["uint8", "int8", "int32", ">i8", "uint64"])
def test_labels_are_integers_of_any_kind(tmp_path: Path, dtype: str) -> None:
    data = opened(f"npz:{written(tmp_path / 'a.npz', labels=LABELS.astype(dtype))}")
    assert data.labels.dtype == np.int64
    assert data.labels.tolist() == LABELS.tolist()


@pytest.mark.parametrize("order", ["C", "F"])
def test_images_of_any_side_and_layout_in_memory_are_read(tmp_path: Path, order: Literal["C", "F"]) -> None:
    images = np.asarray(IMAGES[:, :8, :9], order=order)
    data = opened(f"npz:{written(tmp_path / 'a.npz', images=images)}")
    assert data.size == (8, 9)
    assert np.array_equal(everything(data), images.transpose(0, 3, 1, 2))


@pytest.mark.parametrize("grey", [IMAGES[..., 1], IMAGES[..., 1:2]], ids=["without channels", "one channel"])
def test_grey_images_have_three_equal_channels(tmp_path: Path, grey: np.ndarray) -> None:
    data = opened(f"npz:{written(tmp_path / 'grey.npz', images=grey)}")
    assert np.array_equal(everything(data), np.repeat(IMAGES[..., 1][:, None], 3, axis=1))


def test_ids_name_the_images_whatever_their_order_in_the_file(tmp_path: Path) -> None:
    torch.save(build_architecture("resnet8", 5, seed=3).state_dict(), tmp_path / "net.pth")
    order = np.random.default_rng(1).permutation(N)
    files = {
        "sorted": written(tmp_path / "a.npz", ids=IDS),
        "shuffled": written(tmp_path / "b.npz", images=IMAGES[order], labels=LABELS[order], ids=IDS[order]),
    }
    assert opened(f"npz:{files['shuffled']}").ids.tolist() == IDS[order].tolist()
    for name, path in files.items():
        checkpoint = f"{tmp_path / 'net.pth'},arch=resnet8,norm=half"
        swept(plan_of(SweepRequest((checkpoint,), f"npz:{path}", ("clean", "gaussian_noise@5"))), tmp_path / name)
    first, second = stored(tmp_path / "sorted"), stored(tmp_path / "shuffled")
    assert len(first) == 2
    for cell in first:
        assert np.allclose(second[cell]["nll"], first[cell]["nll"][order], atol=1e-5), cell


def test_a_subset_without_the_last_class_says_how_many_there_are(tmp_path: Path) -> None:
    path = written(tmp_path / "a.npz", labels=LABELS % 3)
    assert opened(f"npz:{path}").classes == 3
    assert opened(f"npz:{path},classes=10").classes == 10
    assert opened(f"npz:{path},classes=3").classes == 3
    with pytest.raises(DataError, match="labels should be from 0 to 1, because classes=2; they go from 0 to 2"):
        open_data(f"npz:{path},classes=2")
    for wrong in ("0", "-1", "ten", "1.5"):
        with pytest.raises(UsageError, match="classes= must be"):
            open_data(f"npz:{path},classes={wrong}")


@pytest.mark.parametrize(
    ("arrays", "sentence"),
    [
        (
            {"images": None},
            "no array 'images'; it has labels; write images, labels and optionally ids",
        ),
        ({"labels": None, "label": LABELS}, "no array 'labels'; it has images, label;"),
        (
            {"images": IMAGES.astype(np.float32)},
            r"images should be uint8 of shape \(N, H, W, 3\), or of .*; they are float32 of",
        ),
        ({"images": IMAGES.astype(np.int8)}, "they are int8"),
        ({"images": IMAGES.transpose(0, 3, 1, 2)}, r"images should be .*; they are uint8 of shape \(12, 3, 32, 40\)"),
        ({"images": IMAGES[..., :2]}, r"of shape \(12, 32, 40, 2\)"),
        (
            {"images": IMAGES[0, ..., 0]},
            r"or of shape \(N, H, W\) if they are grey; they are uint8 of shape \(32, 40\)",
        ),
        ({"images": IMAGES[:0], "labels": LABELS[:0]}, r"images should be .* of shape \(0, 32, 40, 3\)"),
        ({"images": IMAGES[:, :0]}, r"of shape \(12, 0, 40, 3\)"),
        ({"images": np.uint8(3)}, r"images should be .* of shape \(\)"),
        ({"labels": LABELS[:-1]}, r"labels should be integers of shape \(12,\), one for each image; .* shape \(11,\)"),
        ({"images": IMAGES[:-1]}, r"labels should be integers of shape \(11,\), .* shape \(12,\)"),
        ({"labels": LABELS.astype(np.float64)}, "labels should be integers .* they are float64"),
        ({"labels": LABELS > 2}, "labels should be integers .* they are bool"),
        ({"labels": LABELS.astype(str)}, "labels should be integers .* they are <U"),
        ({"labels": np.eye(5, dtype=np.int64)[LABELS]}, r"labels should be integers .* of shape \(12, 5\)"),
        ({"labels": LABELS - 1}, "labels should be from 0 up; they go from -1 to 3"),
        ({"labels": LABELS.astype(np.uint64) + np.uint64(2**63)}, "from 0 up; they go from 9223372036854775808"),
        ({"ids": IDS.astype(np.int32)}, r"ids should be int64 of shape \(12,\), one for each image; they are int32"),
        ({"ids": IDS.astype(np.float64)}, "they are float64"),
        ({"ids": IDS.astype(">i8")}, "they are >i8"),
        ({"ids": IDS[:-1]}, r"ids should be int64 .* of shape \(11,\)"),
        ({"ids": IDS[np.r_[0, 1, 1, 3:12]]}, f"ids should be given once each; {IDS[1]} is there 2 times"),
        ({"images": np.array([None] * N)}, "cannot be read .*images.npy holds object, not numbers"),
        ({"labels": np.array([1, "two", None] * 4, dtype=object)}, "cannot be read"),
        ({"ids": np.array([{}] * N)}, "cannot be read"),
    ],
)
def test_arrays_that_do_not_fit_are_one_sentence(tmp_path: Path, arrays: dict[str, Any], sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        open_data(f"npz:{written(tmp_path / 'a.npz', **arrays)}")


def npy(values: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, values)
    return buffer.getvalue()


def zipped(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "cannot be read .*not a whole npz file"),
        (b"a text", "cannot be read .*not a whole npz file"),
        (b"PK\x03\x04 and no more", "cannot be read"),
        (pickle.dumps({"images": 1}), "cannot be read .*not a whole npz file"),
        (npy(IMAGES), "cannot be read .*not a whole npz file"),
        (zipped(), "it has nothing"),
        (zipped(images=b"no array", labels=npy(LABELS)), "cannot be read .*magic string"),
        (zipped(images=npy(IMAGES), labels=b""), "cannot be read"),
        (zipped(images=npy(IMAGES)[:-1], labels=npy(LABELS)), "cannot be read"),
        (zipped(images=npy(IMAGES)[:90], labels=npy(LABELS)), "cannot be read"),
        (zipped(images=npy(IMAGES), labels=npy(LABELS))[:-30], "cannot be read"),
    ],
)
def test_what_is_no_npz_file_is_refused(tmp_path: Path, content: bytes, sentence: str) -> None:
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(DataError, match=sentence):
        open_data(f"npz:{tmp_path / 'a.npz'}")


def test_a_header_that_asks_for_more_memory_than_there_can_be_is_refused(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        buffer, {"descr": "|u1", "fortran_order": False, "shape": (10**6, 10**5, 10**6, 3)}
    )
    (tmp_path / "a.npz").write_bytes(zipped(images=buffer.getvalue(), labels=npy(LABELS)))
    with pytest.raises(DataError, match="cannot be read"):
        open_data(f"npz:{tmp_path / 'a.npz'}")


def test_a_flipped_byte_is_found_or_changes_nothing(file: Path, tmp_path: Path) -> None:
    content, fingerprint = file.read_bytes(), opened(f"npz:{file}").fingerprint
    generator = np.random.default_rng(2)
    for position in generator.integers(0, len(content), 100).tolist():
        damaged = bytearray(content)
        damaged[position] ^= 255
        (tmp_path / "damaged.npz").write_bytes(damaged)
        try:
            found = opened(f"npz:{tmp_path / 'damaged.npz'}").fingerprint
        except DataError:
            continue
        # Zip files have bytes, such as a time, that say nothing about the pixels.
        assert found == fingerprint, position


def test_an_object_array_runs_nothing(tmp_path: Path) -> None:
    sentinel = tmp_path / "sentinel"

    class Trap:
        def __reduce__(self) -> tuple[Any, ...]:
            return Path.touch, (sentinel,)

    trapped = np.array([Trap()] * N, dtype=object)
    for key in ("images", "labels", "ids"):
        with pytest.raises(DataError, match="cannot be read"):
            open_data(f"npz:{written(tmp_path / 'a.npz', **{key: trapped})}")
    assert not sentinel.exists()


def test_files_that_are_none_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not exist; give an .npz file"):
        open_data(f"npz:{tmp_path / 'none.npz'}")
    with pytest.raises(DataError, match="is not a regular file; give an .npz file"):
        open_data(f"npz:{tmp_path}")
    with pytest.raises(UsageError, match="needs an .npz file: npz:PATH"):
        open_data("npz")
    with pytest.raises(UsageError, match="has no meaning here; allowed: name, classes"):
        open_data(f"npz:{tmp_path},split=test")
