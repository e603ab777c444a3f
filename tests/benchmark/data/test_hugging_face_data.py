"""Data sets of Hugging Face: by name from the cache, and from folders; columns, labels, and what is refused."""

import io
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import robustsweep
from robustsweep.benchmark.data import Dataset, open_data
from robustsweep.errors import DataError, UsageError

datasets = pytest.importorskip("datasets", reason="datasets is not installed", exc_type=ImportError)
pytestmark = pytest.mark.filterwarnings("ignore")  # what the library says of its own fingerprints


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of the library, on a machine that is not to ask the network."""
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "cache"


def table(*labels: int, names: tuple[str, ...] = ("cat", "dog", "emu"), side: int = 32, image: str = "img") -> Any:
    """An image of grey 20 k is row k."""
    features = datasets.Features({image: datasets.Image(), "label": datasets.ClassLabel(names=list(names))})
    pictures = [Image.fromarray(np.full((side, side, 3), 20 * row, np.uint8)) for row in range(len(labels))]
    return datasets.Dataset.from_dict({image: pictures, "label": list(labels)}, features=features)


def opened(spec: str) -> Dataset:
    found = open_data(spec)
    assert isinstance(found, Dataset)
    return found


def check(data: Dataset, labels: list[int]) -> None:
    assert data.labels.tolist() == labels
    assert data.ids.tolist() == list(range(len(labels)))
    assert [int(image[0, 0, 0]) // 20 for image in data.images(np.arange(len(labels)))] == list(range(len(labels)))


def test_what_save_to_disk_writes_is_read_with_its_class_names(tmp_path: Path) -> None:
    table(2, 0, 1).save_to_disk(tmp_path / "flowers")
    data = opened(f"hfdata:{tmp_path / 'flowers'}")
    check(data, [2, 0, 1])
    assert (data.name, data.split, data.classes, data.size) == ("flowers", "all", 3, (32, 32))
    assert data.class_names() == ("cat", "dog", "emu")
    assert data.paths == ("2/000000000.image", "0/000000001.image", "1/000000002.image")


def test_the_test_split_is_taken_unless_another_is_named(tmp_path: Path) -> None:
    splits = datasets.DatasetDict(train=table(0, 1), test=table(1, 1, 2), validation=table(2))
    splits.save_to_disk(tmp_path / "saved")
    assert (opened(f"hfdata:{tmp_path / 'saved'}").split, len(opened(f"hfdata:{tmp_path / 'saved'},split=train"))) == (
        *("test",),
        2,
    )
    with pytest.raises(DataError, match="there is no split 'dev'; it has train, test, validation"):
        open_data(f"hfdata:{tmp_path / 'saved'},split=dev")


def test_parquet_and_arrow_files_are_parted_into_splits_by_their_names(tmp_path: Path) -> None:
    (tmp_path / "pq" / "data").mkdir(parents=True)
    table(0, 1).to_parquet(tmp_path / "pq" / "data" / "train-00000-of-00001.parquet")
    for part in range(2):
        table(*[part] * 2).to_parquet(tmp_path / "pq" / "data" / f"test-0000{part}-of-00002.parquet")
    data = opened(f"hfdata:{tmp_path / 'pq'}")
    assert (data.name, data.split, data.labels.tolist()) == ("pq", "test", [0, 0, 1, 1])
    assert data.class_names() == ("cat", "dog", "emu")
    file = tmp_path / "pq" / "data" / "train-00000-of-00001.parquet"
    assert opened(f"hfdata:{file}").labels.tolist() == [0, 1]
    table(1, 2).save_to_disk(tmp_path / "saved")
    (arrow,) = (tmp_path / "saved").glob("*.arrow")
    check(opened(f"hfdata:{arrow}"), [1, 2])


def test_a_name_is_found_in_the_library_s_cache_without_a_network(tmp_path: Path, cache: Path) -> None:
    table(0, 2).to_parquet(tmp_path / "test.parquet")
    datasets.load_dataset("parquet", data_files={"test": [str(tmp_path / "test.parquet")]})
    (made,) = cache.glob("parquet/*/*/*/parquet-test.arrow")
    shutil.copytree(made.parent, place := cache / "someone___flowers" / "default" / "0.0.0" / ("0" * 40))
    (place / "parquet-test.arrow").rename(place / "flowers-test.arrow")
    info = json.loads((place / "dataset_info.json").read_text())
    (place / "dataset_info.json").write_text(json.dumps(info | {"dataset_name": "flowers", "builder_name": "parquet"}))
    data = opened("hfdata:someone/flowers")
    check(data, [0, 2])
    assert data.name == "flowers"


def test_the_numbers_are_those_of_the_python_interface(tmp_path: Path) -> None:
    found = table(*[0, 1, 2] * 3)
    found.save_to_disk(tmp_path / "saved")
    network = torch.nn.Sequential(torch.nn.AvgPool2d(16), torch.nn.Flatten(), torch.nn.Linear(12, 3))
    by_spec, by_table = (
        robustsweep.evaluate(network, data, ("clean", "gaussian_noise@5")).frame.set_index("condition").sort_index()
        for data in (f"hfdata:{tmp_path / 'saved'}", found)
    )
    columns = [column for column in by_spec.columns if column in ("accuracy", "error", "nll", "brier")]
    assert len(columns) > 1
    assert by_spec[columns].equals(by_table[columns])


def test_columns_are_found_or_named(tmp_path: Path) -> None:
    both = table(0, 1, image="photo").add_column("other", [1, 0])
    both.save_to_disk(tmp_path / "saved")
    assert opened(f"hfdata:{tmp_path / 'saved'}").labels.tolist() == [0, 1]
    named = opened(f"hfdata:{tmp_path / 'saved'},image=photo,label=other,classes=4,name=mine")
    assert (named.labels.tolist(), named.classes, named.name, named.class_names()) == ([1, 0], 4, "mine", ())
    for key, sentence in (
        ("image=none", "no column 'none'; it has photo, label, other"),
        ("image=other", "no image files"),
    ):
        with pytest.raises(DataError, match=sentence):
            open_data(f"hfdata:{tmp_path / 'saved'},{key}")
    with pytest.raises(DataError, match=r"says that it has 3 classes; leave classes= out"):
        open_data(f"hfdata:{tmp_path / 'saved'},classes=4")


def test_images_are_decoded_as_files_are_and_may_be_resized(tmp_path: Path) -> None:
    file = io.BytesIO()
    Image.fromarray(np.full((50, 40), 90, np.uint8)).save(file, "JPEG")
    features = datasets.Features({"image": datasets.Image(), "label": datasets.Value("int64")})
    rows = {"image": [{"bytes": file.getvalue(), "path": "a.jpg"}], "label": [4]}
    datasets.Dataset.from_dict(rows, features=features).save_to_disk(tmp_path / "saved")
    data = opened(f"hfdata:{tmp_path / 'saved'},resize=32,crop=32")
    assert (data.classes, data.size, data.images(np.array([0]))[0, :, 16, 16].tolist()) == (5, (32, 32), [90, 90, 90])
    assert "JPEG" in data.notes[0]


def test_another_order_another_label_or_another_image_is_another_fingerprint(tmp_path: Path) -> None:
    tables = {"a": table(0, 1, 2), "b": table(0, 2, 1), "c": table(0, 1), "d": table(0, 1, 2).select([0, 2, 1])}
    for name, one in tables.items():
        one.save_to_disk(tmp_path / name)
    assert len({opened(f"hfdata:{tmp_path / name}").fingerprint for name in tables}) == 4
    (tmp_path / "again").mkdir()
    table(0, 1, 2).to_parquet(tmp_path / "again" / "test.parquet")
    assert opened(f"hfdata:{tmp_path / 'again'}").fingerprint == opened(f"hfdata:{tmp_path / 'a'}").fingerprint


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        ({"image": [{"bytes": None, "path": "/etc/passwd"}], "label": [0]}, "holds no image file, at most the path"),
        ({"image": [None], "label": [0]}, "row 0 holds no image file"),
        ({"image": [{"bytes": b"x", "path": None}], "label": [-1]}, "has the label -1, so this split has no labels"),
        ({"image": [{"bytes": b"x", "path": None}], "label": [None]}, "holds rows without a label"),
        ({"image": [{"bytes": b"x", "path": None}], "label": [0]}, "is not an image"),
    ],
)
def test_rows_that_are_not_labelled_images_are_a_sentence(tmp_path: Path, rows: dict[str, Any], sentence: str) -> None:
    features = datasets.Features({"image": datasets.Image(decode=False), "label": datasets.Value("int64")})
    datasets.Dataset.from_dict(rows, features=features).to_parquet(tmp_path / "test.parquet")
    with pytest.raises(DataError, match=sentence):
        open_data(f"hfdata:{tmp_path / 'test.parquet'}")


def test_a_table_without_rows_is_a_sentence(tmp_path: Path) -> None:
    table().save_to_disk(tmp_path / "saved")
    with pytest.raises(DataError, match="saved cannot be read as a data set of Hugging Face"):
        open_data(f"hfdata:{tmp_path / 'saved'}")
    ipc = pytest.importorskip("pyarrow.ipc")
    ipc.new_stream(tmp_path / "none.arrow", table(0).data.schema).close()
    with pytest.raises(DataError, match=r"none\.arrow holds no row"):
        open_data(f"hfdata:{tmp_path / 'none.arrow'}")


@pytest.mark.parametrize("label", [[0.5], ["cat"]])
def test_labels_that_are_not_numbers_are_a_sentence(tmp_path: Path, label: list[Any]) -> None:
    rows = {"image": [{"bytes": b"x", "path": None}], "label": label}
    datasets.Dataset.from_dict(rows).to_parquet(tmp_path / "test.parquet")
    with pytest.raises(DataError, match=r"the column 'label' holds (double|string), expected whole numbers"):
        open_data(f"hfdata:{tmp_path / 'test.parquet'}")


def test_what_is_not_there_or_damaged_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 nothing PAR1")
    (tmp_path / "bad.arrow").write_bytes(b"nothing")
    cases = {
        "empty": "holds no .parquet or .arrow file",
        "bad.parquet": "cannot be read as a data set of Hugging Face",
        "bad.arrow": "cannot be read as a data set of Hugging Face",
        "none": "does not exist; give hfdata:FOLDER or hfdata:ORG/NAME",
    }
    for name, sentence in cases.items():
        with pytest.raises(DataError, match=sentence):
            open_data(f"hfdata:{tmp_path / name}")
    with pytest.raises(DataError, match="cannot be loaded .*it must be in the cache of datasets"):
        open_data("hfdata:no/such-data")
    with pytest.raises(UsageError, match="does not say which data"):
        open_data("hfdata")


def test_a_parquet_file_that_unpacks_to_gigabytes_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table(0).to_parquet(tmp_path / "test.parquet")
    monkeypatch.setattr("robustsweep.untrusted.growth.most_unpacked", lambda *_: 1)
    with pytest.raises(DataError, match="write it again without compression"):
        open_data(f"hfdata:{tmp_path / 'test.parquet'}")
