import io
import os
import re
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch
from image_trees import archive_of, encoded, everything, opened, opened_official, pixels, snapshot, write_files
from PIL import Image
from tiny_sweeps import stored, swept

from robustsweep.benchmark.architectures import build_architecture
from robustsweep.benchmark.data import open_data
from robustsweep.benchmark.data.dataset import path_id
from robustsweep.benchmark.data.wordnet import IMAGENET_1K, TINY_IMAGENET
from robustsweep.benchmark.request import SweepRequest, plan_of
from robustsweep.corruptions import CORRUPTIONS, corrupt, jpeg_round_trip
from robustsweep.errors import DataError, UsageError

SHARED = Path(os.environ.get("ROBUSTSWEEP_SHARED", Path(__file__).parents[2] / ".." / "shared")).resolve()
FIRST, MIDDLE, LAST = (TINY_IMAGENET.wnids[index] for index in (0, 57, 199))
# In the published order the files of a class are scattered, and val_10 sorts before val_2.
ANNOTATED = {"val_0.JPEG": LAST, "val_2.JPEG": FIRST, "val_10.JPEG": FIRST, "val_3.JPEG": MIDDLE, "val_11.JPEG": LAST}
IN_ORDER = sorted(f"{wnid}/{file}" for file, wnid in ANNOTATED.items())
CLASS_OF = {FIRST: 0, MIDDLE: 57, LAST: 199}
LABELS = [CLASS_OF[name.split("/")[0]] for name in IN_ORDER]
# A wnid of ImageNet-1k that Tiny-ImageNet lacks.
FOREIGN = next(wnid for wnid in IMAGENET_1K.wnids if wnid not in TINY_IMAGENET.wnids)


def jpeg(seed: int, side: int = 64) -> bytes:
    return encoded(pixels(seed, side, side), "JPEG", quality=90)


def decoded(content: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))


def seed_of(file: str) -> int:
    return int(file.removesuffix(".JPEG").split("_")[-1])


def annotations(lines: dict[str, str]) -> bytes:
    return "".join(f"{file}\t{wnid}\t0\t32\t44\t62\n" for file, wnid in lines.items()).encode()


def published(root: Path) -> Path:
    """Write the published layout with a few images of each split."""
    training = [f"{wnid}/images/{wnid}_{i}.JPEG" for wnid in (MIDDLE, FIRST) for i in (0, 1)]
    return write_files(
        root,
        {
            # As published: not sorted.
            "wnids.txt": f"{LAST}\n{FIRST}\n{MIDDLE}\n".encode(),
            "words.txt": f"{FIRST}\tgoldfish, Carassius auratus\n".encode(),
            "val/val_annotations.txt": annotations(ANNOTATED),
            **{f"val/images/{file}": jpeg(seed_of(file)) for file in ANNOTATED},
            "test/images/test_0.JPEG": jpeg(77),
            **{f"train/{FIRST}/{FIRST}_boxes.txt": b"boxes", f"train/{MIDDLE}/{MIDDLE}_boxes.txt": b"boxes"},
            **{f"train/{name}": jpeg(100 + seed) for seed, name in enumerate(training)},
        },
    )


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    return published(tmp_path / "set" / "tiny-imagenet-200")


def test_the_wnids_are_two_hundred_of_imagenets_in_sorted_order() -> None:
    wnids = TINY_IMAGENET.wnids
    assert len(TINY_IMAGENET) == len(set(wnids)) == 200
    assert list(wnids) == sorted(wnids)
    assert set(wnids) < set(IMAGENET_1K.wnids)
    # Goldfish, Egyptian cat, espresso and acorn, where torchvision's ImageFolder puts them.
    assert [wnids[i] for i in (0, 32, 193, 199)] == ["n01443537", "n02124075", "n07920052", "n12267677"]


def test_validation_images_are_numbered_by_sorted_wnids_whatever_their_files_are_called(tiny: Path) -> None:
    data = opened(f"tiny-imagenet:{tiny}")
    assert (data.name, data.split, data.classes, data.size) == ("tiny-imagenet", "val", 200, (64, 64))
    assert data.labels.tolist() == LABELS == [0, 0, 57, 199, 199]
    assert data.ids.tolist() == [path_id(name) for name in IN_ORDER]
    for image, name in zip(everything(data), IN_ORDER, strict=True):
        assert np.array_equal(image.transpose(1, 2, 0), decoded(jpeg(seed_of(name))))
    assert opened(f"tiny-imagenet:{tiny},name=mine,split=val").name == "mine"


def test_training_images_are_numbered_alike(tiny: Path) -> None:
    data = opened(f"tiny-imagenet:{tiny},split=train")
    names = [f"{wnid}/{wnid}_{i}.JPEG" for wnid in (FIRST, MIDDLE) for i in (0, 1)]
    assert (data.split, data.classes, data.labels.tolist()) == ("train", 200, [0, 0, 57, 57])
    assert data.ids.tolist() == [path_id(name) for name in names]
    assert np.array_equal(everything(data)[2].transpose(1, 2, 0), decoded(jpeg(100)))


def test_grey_images_become_three_equal_channels(tiny: Path) -> None:
    grey = pixels(1, 64, 64).convert("L")
    write_files(tiny, {"val/images/val_3.JPEG": encoded(grey, "JPEG")})
    image = everything(opened(f"tiny-imagenet:{tiny}"))[LABELS.index(57)]
    assert np.array_equal(image, np.broadcast_to(decoded(encoded(grey, "JPEG"))[..., 0], (3, 64, 64)))


@pytest.mark.parametrize("suffix", [".tar", ".tar.xz", ".zip"])
@pytest.mark.parametrize("wrapper", ["", "tiny-imagenet-200/"])
@pytest.mark.parametrize("split", ["val", "train"])
def test_the_layout_is_read_alike_from_a_folder_and_from_archives(
    tiny: Path, suffix: str, wrapper: str, split: str
) -> None:
    folder = opened(f"tiny-imagenet:{tiny},split={split}")
    archive = opened(f"tiny-imagenet:{archive_of(tiny, suffix, wrapper)},split={split}")
    assert archive.fingerprint == folder.fingerprint == opened(f"tiny-imagenet:{tiny.parent},split={split}").fingerprint
    assert archive.ids.tolist() == folder.ids.tolist()
    assert archive.labels.tolist() == folder.labels.tolist()
    assert np.array_equal(everything(archive), everything(folder))


def test_one_split_alone_is_enough_and_the_other_is_missed_in_a_sentence(tmp_path: Path, tiny: Path) -> None:
    validation = {"val/val_annotations.txt": annotations({"val_2.JPEG": FIRST}), "val/images/val_2.JPEG": jpeg(2)}
    only = archive_of(write_files(tmp_path / "only", validation), ".tar.xz", "tiny-imagenet-200/")
    assert opened(f"tiny-imagenet:{only}").labels.tolist() == [0]
    with pytest.raises(DataError, match=r"holds no train/WNID/images/FILE; .*use imagefolder:"):
        open_data(f"tiny-imagenet:{only},split=train")
    with pytest.raises(DataError, match=r"holds no val/val_annotations\.txt; .*use imagefolder:"):
        open_data(f"tiny-imagenet:{tiny / 'train'}")


def test_validation_images_sorted_into_class_folders_are_the_same_data(tiny: Path, tmp_path: Path) -> None:
    sorted_into = write_files(tmp_path / "sorted", {f"val/{name}": jpeg(seed_of(name)) for name in IN_ORDER})
    folders, data = opened(f"imagefolder:{sorted_into}"), opened(f"tiny-imagenet:{tiny}")
    assert folders.ids.tolist() == data.ids.tolist()
    assert folders.fingerprint == data.fingerprint


def test_another_class_for_an_image_is_other_data(tiny: Path) -> None:
    before = opened(f"tiny-imagenet:{tiny}").fingerprint
    path = tiny / "val" / "val_annotations.txt"
    path.write_bytes(annotations(ANNOTATED | {"val_3.JPEG": FIRST}))
    os.utime(path, ns=(1, 1))
    after = opened(f"tiny-imagenet:{tiny}")
    assert after.fingerprint != before
    assert after.labels.tolist() == [0, 0, 0, 199, 199]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (annotations(ANNOTATED | {"val_3.JPEG": FOREIGN}), f"'{FOREIGN}' is no Tiny-ImageNet wnid"),
        (annotations(ANNOTATED | {"val_3.JPEG": ""}), "'' is no Tiny-ImageNet wnid"),
        (annotations(ANNOTATED | {"val_3.JPEG": f"../{FIRST}"}), r"'\.\.' is no Tiny-ImageNet wnid"),
        (annotations(ANNOTATED | {"val_4.JPEG": FIRST}), r"lacks val/images/val_4\.JPEG, which .* lists"),
        (annotations(ANNOTATED | {"../../wnids.txt": FIRST}), r"lacks val/images/\.\./\.\./wnids\.txt"),
        (annotations(ANNOTATED) + annotations({"val_0.JPEG": FIRST}), "line 6 of .* lists a file twice"),
        (annotations(ANNOTATED) + b"val_5.JPEG " + FIRST.encode(), "line 6 of .* has no wnid: 'val_5"),
        (annotations({"val_0.JPEG": LAST}), r"holds val/images/val_10\.JPEG, which .* does not list"),
        (b"\xff\xfe\x00", "line 1 of .* has no wnid"),
        (b"", r"holds val/images/val_0\.JPEG, which .* does not list"),
    ],
)
def test_annotations_that_do_not_fit_the_images_are_refused(tiny: Path, content: bytes, sentence: str) -> None:
    (tiny / "val" / "val_annotations.txt").write_bytes(content)
    with pytest.raises(DataError, match=sentence):
        open_data(f"tiny-imagenet:{tiny}")


def test_annotations_end_their_lines_as_they_like(tiny: Path) -> None:
    before = opened(f"tiny-imagenet:{tiny}").fingerprint
    (tiny / "val" / "val_annotations.txt").write_bytes(annotations(ANNOTATED).replace(b"\n", b"\r\n") + b"\r\n")
    assert opened(f"tiny-imagenet:{tiny}").fingerprint == before


def test_an_image_of_another_size_or_none_at_all_is_named(tiny: Path) -> None:
    write_files(tiny, {"val/images/val_3.JPEG": jpeg(3, side=32)})
    with pytest.raises(DataError, match=rf"{MIDDLE}/val_3\.JPEG is 32x32, the first image is 64x64; .*fetch it again"):
        everything(opened(f"tiny-imagenet:{tiny}"))
    write_files(tiny, {"val/images/val_3.JPEG": b"no image"})
    with pytest.raises(DataError, match=rf"{MIDDLE}/val_3\.JPEG is no image"):
        everything(opened(f"tiny-imagenet:{tiny}"))


@pytest.mark.parametrize("option", ["split=test", "resize=32", "classes=200", "clean=digits"])
def test_the_test_split_and_options_of_others_are_refused(tiny: Path, option: str) -> None:
    with pytest.raises(UsageError, match=r"split must be train or val, got 'test'|allowed: split, name\."):
        open_data(f"tiny-imagenet:{tiny},{option}")


@pytest.mark.parametrize("scheme", ["tiny-imagenet", "tiny-imagenet-c"])
@pytest.mark.parametrize("suffix", [".tar", ".tar.xz"])
def test_archives_that_lead_out_of_their_folder_are_refused(tmp_path: Path, scheme: str, suffix: str) -> None:
    path = archive_of(published(tmp_path / "tiny"), suffix)
    with tarfile.open(path, f"w:{suffix.removeprefix('.tar').removeprefix('.')}") as archive:
        archive.addfile(tarfile.TarInfo(f"val/images/../../../{FIRST}.JPEG"))
    before = snapshot(tmp_path)
    with pytest.raises(DataError, match="unsafe member name"):
        open_data(f"{scheme}:{path}")
    assert snapshot(tmp_path) == before


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
    fault = f"frost: '{FOREIGN}' is no Tiny-ImageNet wnid.* record 2536630 has 1000 classes; .* record 8206060"
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
    with pytest.raises(DataError, match=f"'{FOREIGN}' is no Tiny-ImageNet wnid") as caught:
        opened_official(f"tiny-imagenet-c:{root}").check("snow")
    assert "2536630" not in str(caught.value)
    fewer = write_files(tmp_path / "fewer", corrupted_files("fog") | corrupted_files("frost", names=CORRUPTED[:2]))
    with pytest.raises(DataError, match=rf"frost/1 should hold the same 3 images .* it holds 2; .* {CORRUPTED[2]}\.$"):
        opened_official(f"tiny-imagenet-c:{fewer}").check("frost")


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
            images = corrupt(
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
        expected = corrupt(clean, "gaussian_blur", 3, table="tiny", seed=0, ids=ids)
        if final_jpeg:
            expected = jpeg_round_trip(expected, 85)
        assert torch.equal(plan.source.generate(blur, clean, ids), expected)


SHARED_FILE = SHARED / "data" / "tiny-imagenet-val.tar.xz"


@pytest.mark.skipif(not SHARED_FILE.is_file(), reason="Tiny-ImageNet's validation images are not beside the checkout")
def test_the_published_validation_images_are_fifty_of_each_class() -> None:
    data = opened(f"tiny-imagenet:{SHARED_FILE}")
    assert (len(data), data.classes, data.size) == (10_000, 200, (64, 64))
    assert np.bincount(data.labels).tolist() == [50] * 200
    # The first line of its annotations: val_0.JPEG is of n03444034.
    row = data.ids.tolist().index(path_id("n03444034/val_0.JPEG"))
    assert TINY_IMAGENET.wnids[data.labels[row]] == "n03444034"
    with tarfile.open(SHARED_FILE) as archive:
        listed = archive.extractfile("tiny-imagenet-200/wnids.txt")
        assert listed is not None
        assert sorted(listed.read().decode().split()) == list(TINY_IMAGENET.wnids)
