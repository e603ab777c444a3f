import os
import pickle
import struct
import tarfile
from pathlib import Path

import numpy as np
import pytest
from image_trees import everything, opened
from sklearn.datasets import load_digits

from robustsweep.benchmark.data import open_data
from robustsweep.benchmark.data.dataset import from_array, path_id, stratified_positions
from robustsweep.errors import DataError, UsageError


def test_the_digits_are_split_once_and_for_all() -> None:
    train, test = opened("digits,split=train"), opened("digits")
    assert (len(train), len(test), train.split, test.split) == (1437, 360, "train", "test")
    assert (test.classes, test.size) == (10, (32, 32))
    together = np.concatenate([everything(train), everything(test)])
    assert len(np.unique(together[:, 0].reshape(1797, -1), axis=0)) == 1797, "one image is in both parts"
    everything_there = np.bincount(load_digits().target)
    assert np.array_equal(np.bincount(train.labels) + np.bincount(test.labels), everything_there)
    assert np.abs(np.bincount(test.labels) - everything_there * 360 / 1797).max() < 1


def test_the_digits_are_grey_bytes_over_the_whole_range() -> None:
    images = everything(opened("digits"))
    assert images.dtype == np.uint8
    assert np.array_equal(images[:, 0], images[:, 1])
    assert np.array_equal(images[:, 0], images[:, 2])
    assert (images.min(), images.max()) == (0, 255)


def test_the_digits_keep_the_mean_of_what_they_were_made_from() -> None:
    train, test = opened("digits,split=train"), opened("digits")
    # Interpolation to four times the side repeats the border, which is darker than the rest.
    original = (load_digits().images / 16).mean()
    mean = np.concatenate([everything(train), everything(test)]).mean() / 255
    assert mean == pytest.approx(original, abs=0.01)


def test_the_digits_fingerprint_is_that_of_these_pixels() -> None:
    first, again, train = opened("digits"), opened("digits,split=test"), opened("digits,split=train")
    assert first.fingerprint == again.fingerprint != train.fingerprint
    assert len(first.fingerprint) == 64


@pytest.mark.parametrize("spec", ["digits:here", "digits,split=val", "digits,name=x", "digits,resize=3"])
def test_the_digits_take_no_other_options(spec: str) -> None:
    with pytest.raises(UsageError, match="digits"):
        open_data(spec)


def batch(n: int, classes: int, seed: int, entry: str = "labels") -> dict[bytes, object]:
    generator = np.random.default_rng(seed)
    data = generator.integers(0, 256, (n, 3072), dtype=np.uint8)
    return {b"batch_label": b"a batch", entry.encode(): generator.integers(0, classes, n).tolist(), b"data": data}


def text(value: bytes) -> bytes:
    return b"U" + struct.pack("<B", len(value)) + value


def published_bytes(content: dict[bytes, object]) -> bytes:
    """Write a batch as Python 2 did: protocol 2, byte strings, and NumPy 1's names."""
    data = content[b"data"]
    assert isinstance(data, np.ndarray)
    n = len(data)
    array = b"".join([
        b"cnumpy.core.multiarray\n_reconstruct\n", b"cnumpy\nndarray\n", b"K\x00\x85", text(b"b"), b"\x87R",
        b"(K\x01", b"M" + struct.pack("<H", n), b"M" + struct.pack("<H", 3072), b"\x86",
        b"cnumpy\ndtype\n", text(b"u1"), b"K\x00K\x01\x87R",
        b"(K\x03", text(b"|"), b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb", b"\x89",
        b"T" + struct.pack("<i", data.nbytes) + data.tobytes(), b"tb",
    ])  # fmt: skip
    parts = [b"\x80\x02}("]
    for key, value in content.items():
        parts.append(text(key))
        if key == b"data":
            parts.append(array)
        elif isinstance(value, bytes):
            parts.append(text(value))
        else:
            assert isinstance(value, list)
            parts.append(b"](" + b"".join(b"K" + struct.pack("<B", item) for item in value) + b"e")
    return b"".join([*parts, b"u."])


CIFAR10_FILES = {**{f"data_batch_{i}": i for i in range(1, 6)}, "test_batch": 6}


@pytest.fixture
def cifar10(tmp_path: Path) -> Path:
    folder = tmp_path / "cifar" / "cifar-10-batches-py"
    folder.mkdir(parents=True)
    for name, seed in CIFAR10_FILES.items():
        (folder / name).write_bytes(published_bytes(batch(300, 10, seed)))
    return folder.parent


def test_the_published_bytes_are_what_numpy_reads() -> None:
    content = batch(300, 10, 1)
    read = pickle.loads(published_bytes(content), encoding="bytes")
    assert np.array_equal(read[b"data"], content[b"data"])
    assert read[b"labels"] == content[b"labels"]


def test_cifar10_is_read_from_its_published_files(cifar10: Path) -> None:
    test, train = opened(f"cifar10:{cifar10}"), opened(f"cifar10:{cifar10},split=train")
    assert (test.name, test.split, len(test), test.classes, test.size) == ("cifar10", "test", 300, 10, (32, 32))
    assert len(train) == 1500
    expected = batch(300, 10, CIFAR10_FILES["data_batch_3"])
    assert np.array_equal(everything(train)[600:900].reshape(300, 3072), expected[b"data"])
    assert train.labels[600:900].tolist() == expected[b"labels"]
    assert test.ids.tolist() == list(range(300))


def test_a_folder_its_parent_and_the_archive_are_the_same_data(cifar10: Path) -> None:
    archive = cifar10.parent / "elsewhere" / "cifar-10-python.tar.gz"
    archive.parent.mkdir()
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(cifar10 / "cifar-10-batches-py", "cifar-10-batches-py")
    forms = [cifar10, cifar10 / "cifar-10-batches-py", archive, archive.parent]
    assert len({opened(f"cifar10:{form}").fingerprint for form in forms}) == 1


@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_batches_written_by_todays_numpy_are_read(cifar10: Path, protocol: int) -> None:
    before = opened(f"cifar10:{cifar10}").fingerprint
    content = pickle.dumps(batch(300, 10, CIFAR10_FILES["test_batch"]), protocol=protocol)
    (cifar10 / "cifar-10-batches-py" / "test_batch").write_bytes(content)
    assert opened(f"cifar10:{cifar10}").fingerprint == before


def test_cifar100_takes_its_fine_labels(tmp_path: Path) -> None:
    content = batch(40, 100, 3, "fine_labels") | {b"coarse_labels": [0] * 40}
    (tmp_path / "test").write_bytes(pickle.dumps(content, protocol=2))
    data = opened(f"cifar100:{tmp_path}")
    assert data.labels.tolist() == content[b"fine_labels"]
    assert (data.name, data.classes) == ("cifar100", 100)
    with pytest.raises(DataError, match="no file 'train'"):
        open_data(f"cifar100:{tmp_path},split=train")


def test_the_home_folder_can_be_written_short(cifar10: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(cifar10.parent))
    assert len(opened("cifar10:~/cifar")) == 300


class Trap:
    def __init__(self, sentinel: Path) -> None:
        self.sentinel = sentinel

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (f"touch {self.sentinel}",)


@pytest.mark.parametrize("protocol", [0, 2, 5])
def test_a_batch_that_asks_to_run_code_is_refused_and_nothing_runs(cifar10: Path, protocol: int) -> None:
    sentinel = cifar10 / "sentinel"
    content = pickle.dumps(batch(300, 10, 6) | {b"more": Trap(sentinel)}, protocol=protocol)
    (cifar10 / "cifar-10-batches-py" / "test_batch").write_bytes(content)
    with pytest.raises(DataError, match=r"asks to run (posix|nt)\.system"):
        open_data(f"cifar10:{cifar10}")
    assert not sentinel.exists()


def wrong(**changes: object) -> bytes:
    return pickle.dumps({**batch(300, 10, 6), **{key.encode(): value for key, value in changes.items()}}, protocol=2)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (wrong(labels=[0] * 299), "300 images but 299 labels"),
        (wrong(labels=[11] * 300), r"labels outside 0\.\.9; is it cifar10"),
        (wrong(labels=[-1] * 300), r"labels outside 0\.\.9"),
        (wrong(labels=None), "labels is a NoneType, expected a list of integers"),
        (pickle.dumps({b"labels": [], b"data": np.zeros((0, 3072), np.uint8)}, protocol=3), "0 images but 0 labels"),
        (
            wrong(data=np.zeros((300, 3072), np.float32)),
            "data is float32 of shape .*, expected uint8 of shape .N, 3072",
        ),
        (wrong(data=np.zeros((300, 3000), np.uint8)), r"data has shape \(300, 3000\), expected \(N, 3072\)"),
        (wrong(data=np.zeros((300, 32, 3, 32), np.uint8)), r"data has shape \(300, 32, 3, 32\), expected"),
        (wrong(data=np.zeros((100, 3 * 3072), np.uint8)), r"data has shape \(100, 9216\), expected"),
        (wrong(data=np.zeros((300, 3072), object)), "an array of"),
        (wrong(data=[1, 2]), "data is a list, expected a uint8 array"),
        (wrong(labels=[1.0] * 300), "labels holds '1.0', expected integers"),
        (wrong(labels=[True] * 300), "labels holds 'True', expected integers"),
        (wrong(labels=["3"] * 300), "labels holds '3', expected integers"),
        (wrong(labels=[None] * 300), "labels holds 'None', expected integers"),
        (wrong(labels=[10**30] * 300), "labels holds '1000.*', expected integers"),
        (wrong(labels=list(np.zeros(300, np.float32))), "labels holds .*float32.*, expected integers"),
        (wrong(labels=np.zeros(300)), "labels is float64 of shape"),
        (wrong(labels=np.zeros((300, 1), np.int64)), r"labels is int64 of shape \(300, 1\)"),
        (pickle.dumps({b"data": np.zeros((3, 3072), np.uint8)}), "no entry 'labels', but data"),
        (pickle.dumps([1, 2], protocol=2), "holds a list, expected a dict of data and labels"),
        (wrong()[:5000], "not a readable CIFAR batch"),
        (b"", "not a readable CIFAR batch"),
        (b"version https://git-lfs.github.com/spec/v1", "not a readable CIFAR batch"),
    ],
)
def test_a_batch_that_is_malformed_is_refused(cifar10: Path, content: bytes, sentence: str) -> None:
    (cifar10 / "cifar-10-batches-py" / "test_batch").write_bytes(content)
    with pytest.raises(DataError, match=sentence):
        open_data(f"cifar10:{cifar10}")


def test_missing_files_and_folders_say_what_was_expected(cifar10: Path, own_cache_folder: Path) -> None:
    (cifar10 / "cifar-10-batches-py" / "data_batch_4").unlink()
    with pytest.raises(DataError, match="no file 'data_batch_4'; expected the published python version of cifar10"):
        open_data(f"cifar10:{cifar10},split=train")
    with pytest.raises(DataError, match=f"{own_cache_folder}.* does not exist; .*download=yes"):
        open_data("cifar10")
    with pytest.raises(UsageError, match="download must be yes or no, got 'maybe'"):
        open_data("cifar10,download=maybe")


def test_downloads_are_asked_for_by_checksum_and_their_failure_is_a_sentence(
    own_cache_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []

    def offline(*arguments: object) -> None:
        asked.extend(arguments)
        raise OSError("no network")

    monkeypatch.setattr("torchvision.datasets.utils.download_url", offline)
    with pytest.raises(DataError, match="could not be fetched"):
        open_data("cifar100,download=yes")
    assert asked[1:] == [own_cache_folder / "datasets", "cifar-100-python.tar.gz", "eb9058c3a382ffc7106e4002c42a8d85"]


@pytest.mark.parametrize("spec", ["digit", "imagefoldr:x", "", "digits,splt=test"])
def test_unknown_data_and_keys_are_refused(spec: str) -> None:
    with pytest.raises(UsageError):
        open_data(spec)


def test_a_subset_takes_the_same_images_whatever_their_order() -> None:
    generator = np.random.default_rng(0)
    labels, ids = generator.integers(0, 7, 200), np.array([path_id(f"a/{i}.png") for i in range(200)])
    order = generator.permutation(200)
    chosen = stratified_positions(labels, ids, 50, seed=3)
    shuffled = stratified_positions(labels[order], ids[order], 50, seed=3)
    assert set(ids[chosen]) == set(ids[order][shuffled])
    assert set(np.bincount(labels[chosen])) <= {7, 8}
    assert set(ids[chosen]) != set(ids[stratified_positions(labels, ids, 50, seed=4)])
    assert set(stratified_positions(labels, ids, 20, seed=3)) < set(chosen)


def test_a_subset_exhausts_small_classes_and_never_exceeds_the_data() -> None:
    labels, ids = np.array([0] * 50 + [1] * 3), np.arange(53)
    assert np.bincount(labels[stratified_positions(labels, ids, 20, seed=0)]).tolist() == [17, 3]
    assert stratified_positions(labels, ids, 99, seed=0).tolist() == list(range(53))


def test_the_fingerprint_of_arrays_is_of_pixels_and_labels() -> None:
    images, labels = np.zeros((4, 3, 2, 2), np.uint8), np.zeros(4, np.int64)
    base = from_array("a", "test", images, labels, 3)
    brighter, relabelled = images.copy(), labels.copy()
    brighter[3, 2, 1, 1] = 1
    relabelled[3] = 1
    assert from_array("b", "train", images, labels, 3).fingerprint == base.fingerprint
    assert from_array("a", "test", brighter, labels, 3).fingerprint != base.fingerprint
    assert from_array("a", "test", images, relabelled, 3).fingerprint != base.fingerprint
