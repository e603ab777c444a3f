"""Corrupted copies of photos of several sizes, without classes."""

import io
from pathlib import Path

import pytest
import torch
from corrupted_folders import checksums, contents, written
from image_trees import archive_of, encoded, pixels, write_files
from PIL import Image
from torch import Tensor
from typer.testing import CliRunner

from robustsweep.api.corrupt import corrupt
from robustsweep.benchmark.data import Photos, open_data
from robustsweep.benchmark.data.dataset import path_id
from robustsweep.benchmark.plan.conditions import Corrupted
from robustsweep.benchmark.plan.source import Source
from robustsweep.benchmark.writing import plan_writing
from robustsweep.cli.commands import app
from robustsweep.errors import DataError, UsageError

SIZES = {"b/small.png": (32, 40), "a.jpg": (64, 48), "b/c/deep.PNG": (48, 64), "wide.webp": (33, 90)}
ORIENTATION = 274


def held_upright(height: int, width: int) -> bytes:
    """A JPEG whose EXIF data say that it lies on its side."""
    image = pixels(7, height, width)
    exif = image.getexif()
    exif[ORIENTATION] = 6
    return encoded(image, "JPEG", exif=exif.tobytes())


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    kinds = {".png": "PNG", ".jpg": "JPEG", ".webp": "WEBP"}
    files = {
        name: encoded(pixels(k, *size), kinds[Path(name).suffix.lower()])
        for k, (name, size) in enumerate(SIZES.items())
    }
    return write_files(tmp_path / "photos", files | {"notes.txt": b"no photo"})


def opened(spec: str) -> Photos:
    data = open_data(spec, photos=True)
    assert isinstance(data, Photos)
    return data


def saved(path: Path) -> torch.Tensor:
    with Image.open(path) as image:
        assert image.mode == "RGB"
        return torch.frombuffer(bytearray(image.tobytes()), dtype=torch.uint8).view(image.height, image.width, 3)


def test_every_photo_has_a_copy_of_its_own_size_beside_the_others(photos: Path, tmp_path: Path) -> None:
    wanted = ["frost@2", "pinch_and_twirl@5"]
    assert written(f"photos:{photos}", wanted, tmp_path / "out").written == 2
    names = {"b/small.png": "b/small.png", "a.jpg": "a.png", "b/c/deep.PNG": "b/c/deep.png", "wide.webp": "wide.png"}
    found = contents(tmp_path / "out")
    assert found.keys() == {"corrupt.json", "SHA256SUMS"} | {
        f"{condition.replace('@', '/')}/{name}" for condition in wanted for name in names.values()
    }
    assert checksums(tmp_path / "out") == {name: digest for name, digest in found.items() if "/" in name}
    data = opened(f"photos:{photos}")
    assert data.notes == ("Left out: 1 file beside the photos, not read as images (1 .txt).",)
    for position, name in enumerate(data.paths or ()):
        clean = data.photo(position)
        assert data.sizes[position] == tuple(clean.shape[1:]) == SIZES[name]
        for condition in wanted:
            corruption, severity = condition.split("@")
            # What an image becomes hangs on its path, its pixels and its own size alone.
            ids = path_id(f"{name.rpartition('.')[0]}.JPEG")
            expected = corrupt(clean, corruption, int(severity), ids=ids)
            pixels_of_copy = saved(tmp_path / "out" / corruption / severity / names[name])
            assert torch.equal(pixels_of_copy.permute(2, 0, 1), expected)


def test_the_copies_of_an_archive_and_of_a_subset_are_those_of_the_folder(photos: Path, tmp_path: Path) -> None:
    written(f"photos:{photos}", ["gaussian_noise@3"], tmp_path / "all")
    whole = checksums(tmp_path / "all")
    written(f"photos:{archive_of(photos, '.zip')}", ["gaussian_noise@3"], tmp_path / "packed")
    assert checksums(tmp_path / "packed") == whole
    written(f"photos:{photos}", ["gaussian_noise@3"], tmp_path / "some", limit=2)
    assert len(checksums(tmp_path / "some").items() & whole.items()) == 2


def test_suites_that_end_with_a_jpeg_write_jpeg_files_and_say_whose_severities_they_take(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("robustsweep.benchmark.plan.suites.COMMON", ("brightness",))
    writing = plan_writing(f"photos:{photos}", ["imagenet-c"])
    assert "all photos get the imagenet severities" in writing.notes[0]
    written(f"photos:{photos}", ["imagenet-c"], tmp_path / "out")
    with Image.open(io.BytesIO((tmp_path / "out/brightness/4/b/small.jpg").read_bytes())) as image:
        assert (image.format, image.size) == ("JPEG", (40, 32))
    written(f"photos:{photos}", ["imagenet-c"], tmp_path / "plain", final_jpeg=False)
    assert (tmp_path / "plain/brightness/4/b/small.png").is_file()
    with pytest.raises(UsageError, match=r"fog@1 has each image size its severities and no final JPEG; write them to"):
        plan_writing(f"photos:{photos}", ["imagenet-c", "fog"])


def test_photos_stand_upright_and_keep_their_suffix_where_that_alone_tells_them_apart(tmp_path: Path) -> None:
    root = write_files(tmp_path / "photos", {"a.jpg": held_upright(40, 60), "a.png": encoded(pixels(1, 40, 60))})
    assert opened(f"photos:{root}").sizes == ((40, 60), (60, 40))
    written(f"photos:{root}", ["contrast@1"], tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out/contrast/1").iterdir()) == ["a.jpg.png", "a.png.png"]
    assert opened(f"photos:{root},resize=32,crop=32").sizes == ((32, 32), (32, 32))


def test_photos_that_cannot_be_read_are_named_before_anything_is_written(photos: Path, tmp_path: Path) -> None:
    whole = (photos / "a.jpg").read_bytes()
    (photos / "broken.jpg").write_bytes(whole[: len(whole) // 2])
    (photos / "b" / "text.png").write_text("no photo")
    out = tmp_path / "out"
    found = CliRunner().invoke(app, ["corrupt", "--data", f"photos:{photos}", "--suite", "fog", "--out", str(out)])
    with pytest.raises(
        DataError, match=r"text\.png is not an image .*broken\.jpg cannot be decoded .* remove the file"
    ):
        open_data(f"photos:{photos}", photos=True)
    assert found.exit_code != 0
    assert not out.exists()


def test_photos_that_are_too_small_or_asked_for_otherwise_are_refused(photos: Path, tmp_path: Path) -> None:
    (photos / "thumb.png").write_bytes(encoded(pixels(3, 31, 300)))
    with pytest.raises(DataError, match=r"thumb\.png has 300x31 \(1 of 5 photos are too small\); remove them, or add"):
        plan_writing(f"photos:{photos}", ["fog"])
    (photos / "thumb.png").unlink()
    with pytest.raises(UsageError, match=r"layout of their own.*leave out --layout trees"):
        plan_writing(f"photos:{photos}", ["fog"], layout="trees")
    with pytest.raises(UsageError, match=r"photos have no classes .* imagefolder:DIR"):
        open_data(f"photos:{photos}")
    with pytest.raises(DataError, match="holds no images"):
        open_data(f"photos:{write_files(tmp_path / 'none', {'a.txt': b''})}", photos=True)


def test_a_writing_that_is_stopped_goes_on_with_the_photos_that_are_missing(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec, wanted, out = f"photos:{photos}", ["gaussian_noise@2", "fog@1"], tmp_path / "out"
    written(spec, wanted, tmp_path / "whole")
    made: list[tuple[str, tuple[int, ...]]] = []
    generate, stop = Source.generate, True

    def generating(self: Source, condition: Corrupted, clean: Tensor, ids: Tensor) -> Tensor:
        made.append((condition.name, tuple(clean.shape[2:])))
        if len(made) == 4 and stop:
            raise KeyboardInterrupt
        return generate(self, condition, clean, ids)

    monkeypatch.setattr(Source, "generate", generating)
    with pytest.raises(KeyboardInterrupt):
        written(spec, wanted, out)
    assert {path.name for path in out.iterdir()} == {".unfinished", "corrupt.json"}
    stopped, made[:], stop = made[-1], [], False
    assert written(spec, wanted, out).written == 2
    # Of the four sizes the smallest is there, and the second under one of two conditions.
    assert stopped in made
    assert len(made) == 2 * 4 - 3
    assert checksums(out) == checksums(tmp_path / "whole")
    assert {path.name for path in out.iterdir()} == {"gaussian_noise", "fog", "corrupt.json", "SHA256SUMS"}


def test_the_command_says_what_it_writes_and_finds_nothing_left_to_do(photos: Path, tmp_path: Path) -> None:
    command = ["corrupt", "--data", f"photos:{photos}", "--suite", "pixelate@1-2", "--out", str(tmp_path / "out")]
    found = CliRunner().invoke(app, command)
    assert found.exit_code == 0, found.output
    assert "photos: 4 images, 40x32 to 48x64" in found.output
    assert "2 conditions as photos: severities by the size of each, seed 0" in found.output
    assert "2 folders written" in found.output
    assert "next" not in found.output
    again = CliRunner().invoke(app, command)
    assert "nothing is left to write: all 2 folders are in" in again.output
