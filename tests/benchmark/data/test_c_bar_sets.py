"""The published files of C-bar: arrays and trees, read as those of C, and wrong ones refused."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from image_trees import archive_of, encoded, opened_official, pixels, write_files

from robustsweep.benchmark.data import open_data
from robustsweep.benchmark.data.files.wordnet import IMAGENET_1K, TINY_IMAGENET, WordnetClasses
from robustsweep.benchmark.writing import plan_writing, write_corrupted
from robustsweep.corruptions import CIFAR_C_BAR, CORRUPTIONS, IMAGENET_C_BAR
from robustsweep.errors import DataError

N = 6
LABELS = np.arange(N) % 10
RAW = {name: [f"{row[0]:.2f}" for row in CORRUPTIONS[name].severities["imagenet"]] for name in IMAGENET_C_BAR}


def write_arrays(folder: Path, *names: str) -> Path:
    folder.mkdir(parents=True)
    for name in names:
        values = np.random.default_rng(len(name)).integers(0, 256, (5 * N, 32, 32, 3), dtype=np.uint8)
        np.save(folder / f"{name}.npy", values)
    # The authors' script writes int64.
    np.save(folder / "labels.npy", np.tile(LABELS, 5))
    return folder


@pytest.mark.parametrize("scheme", ["cifar10-c-bar", "cifar100-c-bar"])
def test_arrays_are_read_in_the_sets_order_by_severity(tmp_path: Path, scheme: str) -> None:
    folder = write_arrays(tmp_path / "CIFAR-10-C-Bar", *CIFAR_C_BAR)
    data = opened_official(f"{scheme}:{folder}")
    assert (data.name, data.corruptions, data.notes) == (scheme, CIFAR_C_BAR, ())
    assert data.labels.tolist() == LABELS.tolist()
    read = data.read("lines", 4, np.array([5, 0])).numpy().transpose(0, 2, 3, 1)
    assert np.array_equal(read, np.load(folder / "lines.npy")[3 * N :][[5, 0]])


def test_what_is_missing_or_misnamed_is_said(tmp_path: Path) -> None:
    folder = write_arrays(tmp_path / "set", *CIFAR_C_BAR[1:], "blue_noise")
    data = opened_official(f"cifar10-c-bar:{folder}")
    assert data.corruptions == CIFAR_C_BAR[1:]
    assert data.notes == (
        "blue_noise.npy is not read; in some copies it is blue_noise_sample, so rename it to blue_noise_sample.npy if "
        "it is.",
        "cifar10-c-bar lacks blue_noise_sample; means that need these are not given.",
    )


def test_files_of_another_benchmark_are_refused(tmp_path: Path) -> None:
    folder = write_arrays(tmp_path / "CIFAR-10-C", "fog", "snow")
    with pytest.raises(DataError, match=r"no corruption of cifar10-c-bar, such as blue_noise_sample\.npy"):
        open_data(f"cifar10-c-bar:{folder}")
    np.save(folder / "ripple.npy", np.zeros((5 * N, 3, 32, 32), dtype=np.uint8))
    with pytest.raises(DataError, match=r"ripple\.npy should hold uint8 of shape \(30, 32, 32, 3\)"):
        opened_official(f"cifar10-c-bar:{folder}").check("ripple")


def photos(kind: WordnetClasses, *corruptions: str, raw: bool = False) -> dict[str, bytes]:
    names = [f"{kind.wnids[3]}/ILSVRC2012_val_00000040.JPEG", f"{kind.wnids[90]}/ILSVRC2012_val_00000007.JPEG"]
    return {
        f"{corruption}/{RAW[corruption][severity - 1] if raw else severity}/{name}": encoded(
            pixels(1000 * place + 10 * severity + len(corruption), 16, 16), "JPEG"
        )
        for corruption in corruptions
        for severity in range(1, 6)
        for place, name in enumerate(names)
    }


@pytest.mark.parametrize("suffix", ["", ".tar"])
def test_a_tree_with_raw_severities_is_the_published_one(tmp_path: Path, suffix: str) -> None:
    plain = write_files(tmp_path / "plain", photos(IMAGENET_1K, *IMAGENET_C_BAR))
    raw = write_files(tmp_path / "raw", photos(IMAGENET_1K, *IMAGENET_C_BAR, raw=True))
    first = opened_official(f"imagenet-c-bar:{plain}")
    where = archive_of(raw, suffix, "ImageNet-C-Bar/") if suffix else raw
    other = opened_official(f"imagenet-c-bar:{where}")
    assert first.corruptions == other.corruptions == IMAGENET_C_BAR
    assert (first.labels.tolist(), first.classes, first.notes) == ([3, 90], 1000, ())
    assert other.fingerprint == first.fingerprint
    for name in IMAGENET_C_BAR:
        other.check(name)
        for severity in (1, 5):
            rows = np.array([1, 0])
            assert torch.equal(other.read(name, severity, rows), first.read(name, severity, rows))


def test_a_severity_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    tree = write_files(tmp_path / "tree", photos(IMAGENET_1K, "caustic_refraction"))
    shutil.copytree(tree / "caustic_refraction" / "1", tree / "caustic_refraction" / "2.35")
    with pytest.raises(DataError, match=r"caustic_refraction/1 and caustic_refraction/2\.35, which are the same"):
        open_data(f"imagenet-c-bar:{tree}")


def test_a_tree_of_c_is_refused_and_a_part_is_read_with_a_note(tmp_path: Path) -> None:
    of_c = {name.replace("sparkles", "fog"): content for name, content in photos(IMAGENET_1K, "sparkles").items()}
    with pytest.raises(DataError, match=r"holds none of caustic_refraction, .*, but fog\."):
        open_data(f"imagenet-c-bar:{write_files(tmp_path / 'c', of_c)}")
    part = opened_official(f"imagenet-c-bar:{write_files(tmp_path / 'part', photos(IMAGENET_1K, 'sparkles'))}")
    assert part.notes == (
        "imagenet-c-bar holds only sparkles of the 10 corruptions; means that need the others are not given.",
    )


def test_what_corrupt_writes_is_read_by_the_same_names_as_generated(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (N, 32, 32, 3), dtype=np.uint8)
    np.savez(tmp_path / "clean.npz", images=images, labels=LABELS)
    writing = plan_writing(f"npz:{tmp_path / 'clean.npz'},classes=10", ["cifar-c-bar"], layout="arrays")
    write_corrupted(writing, tmp_path / "out")
    data = opened_official(f"cifar10-c-bar:{tmp_path / 'out'}")
    assert (data.provenance, data.corruptions) == ("generated", CIFAR_C_BAR)
    (condition,) = (one for one in writing.conditions if one.name == "ripple@2")
    source = writing.source
    expected = source.generate(condition, source.read_clean(source.positions), torch.from_numpy(source.ids))
    assert torch.equal(data.read("ripple", 2, np.arange(N)), expected)


def test_a_tree_of_tiny_imagenet_has_its_classes(tmp_path: Path) -> None:
    tree = write_files(tmp_path / "tree", photos(TINY_IMAGENET, *IMAGENET_C_BAR))
    data = opened_official(f"tiny-imagenet-c-bar:{tree}")
    assert (data.classes, data.labels.tolist(), data.corruptions) == (200, [3, 90], IMAGENET_C_BAR)
