"""Tiny-ImageNet-C: its trees, its clean images, and what is generated in its place."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from image_trees import archive_of, encoded, everything, opened, opened_official, write_files
from PIL import Image
from tiny_imagenet_files import CLASS_OF, FIRST, FOREIGN, IN_ORDER, LABELS, LAST, MIDDLE, decoded, jpeg, seed_of
from tiny_sweeps import stored, swept

from robustsweep.benchmark.architectures import build_architecture
from robustsweep.benchmark.data import open_data
from robustsweep.benchmark.data.dataset import path_id
from robustsweep.benchmark.plan.request import SweepRequest, plan_of
from robustsweep.corruptions import CORRUPTIONS, corrupt_batch, jpeg_round_trip
from robustsweep.errors import DataError

# Names as in the published Tiny-ImageNet-C, which are not those of the validation images.
CORRUPTED = (f"{LAST}/test_7.JPEG", f"{FIRST}/test_1103.JPEG", f"{FIRST}/test_9.JPEG")


def corrupted_files(*corruptions: str, names: tuple[str, ...] = CORRUPTED, side: int = 64) -> dict[str, bytes]:
    return {
        f"{corruption}/{severity}/{name}": jpeg(1000 * list(CORRUPTIONS).index(corruption) + 100 * severity + row, side)
        for corruption in corruptions
        for severity in range(1, 6)
        for row, name in enumerate(names)
    }


@pytest.mark.parametrize(
    ("folder", "corruptions"),
    [("Tiny-ImageNet-C", ("brightness", "snow")), ("Tiny-ImageNet-C-extra", ("saturate", "speckle_noise"))],
)
@pytest.mark.parametrize("suffix", ["", ".tar", ".tar.xz", ".zip"])
def test_the_published_tree_is_read_alike_from_a_folder_and_from_archives(
    tmp_path: Path, folder: str, corruptions: tuple[str, ...], suffix: str
) -> None:
    files = corrupted_files(*corruptions)
    root = write_files(tmp_path / folder, files)
    data = opened_official(f"tiny-imagenet-c:{archive_of(root, suffix, f'{folder}/') if suffix else tmp_path}")
    names = sorted(CORRUPTED)
    assert (data.name, data.classes, data.size, data.clean) == ("tiny-imagenet-c", 200, (64, 64), None)
    assert set(data.corruptions) == set(corruptions)
    assert data.labels.tolist() == [0, 0, 199]
    assert data.ids.tolist() == [path_id(name) for name in names]
    assert data.fingerprint == opened_official(f"tiny-imagenet-c:{root}").fingerprint
    for corruption in corruptions:
        data.check(corruption)
        images = data.read(corruption, 4, np.array([2, 0])).numpy().transpose(0, 2, 3, 1)
        for image, position in zip(images, (2, 0), strict=True):
            assert np.array_equal(image, decoded(files[f"{corruption}/4/{names[position]}"]))


@pytest.mark.parametrize("kept", [(FIRST, LAST), (LAST,), (MIDDLE,)])
def test_a_tree_with_only_some_classes_keeps_their_indices(tmp_path: Path, kept: tuple[str, ...]) -> None:
    names = tuple(f"{wnid}/test_{row}.JPEG" for row, wnid in enumerate(kept))
    root = write_files(tmp_path / "some", corrupted_files("fog", names=names))
    data = opened_official(f"tiny-imagenet-c:{root}")
    assert data.labels.tolist() == sorted(CLASS_OF[wnid] for wnid in kept)
    assert data.classes == 200


def faulty_frost(root: Path, *others: str) -> Path:
    """Write a tree as the first published one was: its frost has classes that the rest lacks."""
    more = (*CORRUPTED, f"{FOREIGN}/test_5.JPEG")
    return write_files(root, corrupted_files(*others) | corrupted_files("frost", names=more))


def test_the_frost_with_a_thousand_classes_is_refused_naming_where_the_mended_one_is(tmp_path: Path) -> None:
    fault = f"frost: '{FOREIGN}' is not a wnid of Tiny-ImageNet.* record 2536630 has 1000 classes; .* record 8206060"
    data = opened_official(f"tiny-imagenet-c:{faulty_frost(tmp_path / 'tree', 'brightness', 'snow')}")
    data.check("brightness")
    data.check("snow")
    with pytest.raises(DataError, match=fault):
        data.check("frost")
    with pytest.raises(DataError, match=fault):
        open_data(f"tiny-imagenet-c:{faulty_frost(tmp_path / 'alone')}")


def test_classes_of_others_elsewhere_are_no_fault_of_frost(tmp_path: Path) -> None:
    names = (*CORRUPTED, f"{FOREIGN}/test_5.JPEG")
    root = write_files(tmp_path / "tree", corrupted_files("brightness") | corrupted_files("snow", names=names))
    with pytest.raises(DataError, match=f"'{FOREIGN}' is not a wnid of Tiny-ImageNet") as caught:
        opened_official(f"tiny-imagenet-c:{root}").check("snow")
    assert "2536630" not in str(caught.value)
    fewer = write_files(tmp_path / "fewer", corrupted_files("fog") | corrupted_files("frost", names=CORRUPTED[:2]))
    assert opened_official(f"tiny-imagenet-c:{fewer}").absent == {f"frost@{severity}" for severity in range(1, 6)}


VALIDATION_NAMES = tuple(reversed(IN_ORDER[1:]))


def test_clean_images_are_matched_to_the_tree_by_class_and_file(tiny: Path, tmp_path: Path) -> None:
    tree = write_files(tmp_path / "tree", corrupted_files("fog", names=VALIDATION_NAMES))
    data = opened_official(f"tiny-imagenet-c:{tree},clean=tiny-imagenet:{tiny}")
    assert data.clean is not None
    assert data.clean.ids.tolist() == data.ids.tolist() == [path_id(name) for name in IN_ORDER[1:]]
    assert data.clean.labels.tolist() == data.labels.tolist() == LABELS[1:]
    for image, name in zip(everything(data.clean), IN_ORDER[1:], strict=True):
        assert np.array_equal(image.transpose(1, 2, 0), decoded(jpeg(seed_of(name))))


def test_clean_images_that_do_not_belong_to_the_tree_are_refused(tiny: Path, tmp_path: Path) -> None:
    tree = write_files(tmp_path / "tree", corrupted_files("fog"))
    advice = re.escape("made from imagenet_val_bbox_crop (test_N.JPEG, resized to 64x64), not from Tiny-ImageNet's")
    with pytest.raises(DataError, match=rf"clean= lacks 3 of 3 images .* paths CLASS/FILE must agree\. .*{advice}"):
        open_data(f"tiny-imagenet-c:{tree},clean=tiny-imagenet:{tiny}")
    three = write_files(tmp_path / "three", {name: jpeg(1) for name in CORRUPTED})
    with pytest.raises(DataError, match="clean= has 2 classes .* has 200 and 64x64"):
        open_data(f"tiny-imagenet-c:{tree},clean=imagefolder:{three}")
    small = write_files(tmp_path / "small", corrupted_files("fog", names=VALIDATION_NAMES, side=32))
    with pytest.raises(DataError, match="200 classes and images of 64x64 pixels, .* has 200 and 32x32"):
        open_data(f"tiny-imagenet-c:{small},clean=tiny-imagenet:{tiny}")


@pytest.fixture
def checkpoint(tmp_path: Path) -> str:
    torch.save(build_architecture("resnet8", 200, seed=3).state_dict(), tmp_path / "net.pth")
    return f"{tmp_path / 'net.pth'},arch=resnet8,norm=half"


def test_generated_images_and_the_tree_that_they_are_saved_as_give_the_same_predictions(
    tiny: Path, tmp_path: Path, checkpoint: str
) -> None:
    clean = opened(f"tiny-imagenet:{tiny}")
    names = ("defocus_blur", "gaussian_noise")
    files = {}
    for name in names:
        for severity in range(1, 6):
            images = corrupt_batch(
                clean.images(np.arange(5)), name, severity, table="tiny", seed=0, ids=torch.from_numpy(clean.ids)
            )
            for image, path in zip(images.permute(0, 2, 3, 1).numpy(), IN_ORDER, strict=True):
                files[f"{name}/{severity}/{path}"] = encoded(Image.fromarray(image), "JPEG", quality=85, optimize=True)
    tree = write_files(tmp_path / "tree", files)
    request = SweepRequest(checkpoints=(checkpoint,), data=f"tiny-imagenet:{tiny}", suites=("clean", "tiny-imagenet-c"))
    plan = plan_of(request)
    kept = tuple(c for c in plan.conditions if c.name == "clean" or c.name.split("@")[0] in names)
    official = plan_of(
        SweepRequest(
            checkpoints=(checkpoint,),
            data=f"tiny-imagenet-c:{tree},clean=tiny-imagenet:{tiny}",
            suites=tuple(c.name for c in kept),
        )
    )
    generated_run, official_run = tmp_path / "generated", tmp_path / "official"
    swept(type(plan)(plan.source, plan.checkpoints, kept, ()), generated_run)
    swept(official, official_run)
    generated, read = stored(generated_run), stored(official_run)
    assert len(generated) == 11
    assert generated.keys() == read.keys()
    for cell in generated:
        assert np.array_equal(generated[cell]["prediction"], read[cell]["prediction"]), cell
        assert np.array_equal(generated[cell]["nll"], read[cell]["nll"]), cell


def test_generated_images_end_with_the_round_trip_of_the_official_files(tiny: Path, checkpoint: str) -> None:
    data = f"tiny-imagenet:{tiny}"
    clean, ids = opened(data).images(np.arange(5)), torch.from_numpy(opened(data).ids)
    for final_jpeg in (True, False):
        request = SweepRequest((checkpoint,), data, ("tiny-imagenet-c-extra",), final_jpeg=final_jpeg)
        plan = plan_of(request)
        (blur,) = (c for c in plan.conditions if c.name == "gaussian_blur@3")
        expected = corrupt_batch(clean, "gaussian_blur", 3, table="tiny", seed=0, ids=ids)
        if final_jpeg:
            expected = jpeg_round_trip(expected, 85)
        assert torch.equal(plan.source.generate(blur, clean, ids), expected)
