"""The picture of all corruptions at all severities on one photo."""

from pathlib import Path
from typing import IO

import numpy as np
import pytest
from image_trees import encoded, pixels
from matplotlib.figure import Figure
from PIL import Image
from typer.testing import CliRunner

from robustsweep.benchmark.writing import corruption_gallery
from robustsweep.cli.commands import app
from robustsweep.corruptions import CORRUPTIONS


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """Let corruptions work on 32 px at two severities, and keep what is drawn, of which a blank picture is written."""
    figures: list[Figure] = []

    class Kept(Figure):
        def savefig(self, file: IO[bytes], **options: object) -> None:
            figures.append(self)
            file.write(encoded(pixels(0)))

    monkeypatch.setattr(corruption_gallery, "_SIDE_PX", 32)
    monkeypatch.setattr(corruption_gallery, "SEVERITIES", (1, 5))
    monkeypatch.setattr(corruption_gallery, "Figure", Kept)
    return figures


def test_every_corruption_is_shown_at_all_severities_on_a_photo_of_ones_own(
    drawn: list[Figure], tmp_path: Path
) -> None:
    pytest.importorskip("cv2", exc_type=ImportError)
    photo, file = tmp_path / "photo.png", tmp_path / "corruptions.png"
    photo.write_bytes(encoded(pixels(1, 64, 96)))
    command = ["list", "corruptions", "--gallery", str(file), "--photo", str(photo)]
    found = CliRunner().invoke(app, command)
    assert found.exit_code == 0, found.output
    assert "What each makes of one photo, severities 1 to 5" in found.output
    with Image.open(file) as image:
        assert image.format == "PNG"
    (figure,) = drawn
    shown = {axes.get_title(loc="left").partition("  (")[0]: axes for axes in figure.axes if axes.images}
    assert shown.keys() == {*CORRUPTIONS, "the photo as it is, 48x32"}
    for axes in shown.values():
        strip = np.asarray(axes.images[0].get_array())
        assert strip.shape == (32, 2 * 48 + 6, 3)
    strips = np.stack([np.asarray(axes.images[0].get_array()) for axes in shown.values()])
    assert len(np.unique(strips.reshape(len(strips), -1), axis=0)) == len(CORRUPTIONS) + 1


def test_a_tall_photo_is_cut_and_one_that_is_none_is_named(
    drawn: list[Figure], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(corruption_gallery, "COMMON", ())
    monkeypatch.setattr(corruption_gallery, "EXTRA", ())
    monkeypatch.setattr(corruption_gallery, "CORRUPTIONS", {name: CORRUPTIONS[name] for name in ("lines", "fog")})
    photo = tmp_path / "tall.png"
    photo.write_bytes(encoded(pixels(1, 300, 32)))
    corruption_gallery.draw_corruption_gallery(tmp_path / "out.png", photo)
    titles = [axes.get_title(loc="left") for axes in drawn[0].axes if axes.images]
    assert titles == ["the photo as it is, 32x64", "fog", "lines  (CIFAR-C-bar)"]
    photo.write_text("none")
    command = ["list", "corruptions", "--gallery", str(tmp_path / "again.png"), "--photo", str(photo)]
    found = CliRunner().invoke(app, command)
    assert found.exit_code != 0
    assert "is not an image" in str(found.exception)
    assert not (tmp_path / "again.png").exists()
    assert CliRunner().invoke(app, ["list", "methods", "--photo", str(photo)]).exit_code != 0
