"""The gallery of corruptions: what each makes of one photo at every severity."""

import io
from collections.abc import Sequence
from pathlib import Path

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from robustsweep.benchmark.data.photos import Upright, example_photos, read_photo
from robustsweep.corruptions import (
    CIFAR_C_BAR,
    COMMON,
    CORRUPTIONS,
    EXTRA,
    IMAGENET_C_BAR,
    SEVERITIES,
    corrupt_batch,
)
from robustsweep.results.stored.files import write_atomically

_SIDE_PX = 224
_GAP_PX = 6
_STRIP_INCHES, _TITLE_INCHES, _MARGIN_INCHES = 7.4, 0.32, 0.12
_WHITE = 255


def draw_corruption_gallery(path: Path, photo: Path | None = None) -> None:
    """Draw every registered corruption at all severities, from the least at the left to the strongest at the right.

    The benchmark's fifteen and whatever else is registered stand at the left, those of C-bar at the right below the
    photo as it is. Severities are those nearest to the photo's size, draws those of seed 0.

    Args:
        path: The PNG to write.
        photo: An image file, whose shorter side is made 224 px, and of which at most twice its width is shown of its
            height; None: one that comes with scikit-learn.

    Raises:
        DataError: If the photo cannot be read.
    """
    image = example_photos(_SIDE_PX)[0] if photo is None else read_photo(photo, Upright(resize=_SIDE_PX))
    most = 2 * image.shape[2]
    image = image[:, max(0, (image.shape[1] - most) // 2) :][:, :most]
    in_c_bar = tuple(name for name in CORRUPTIONS if name in CIFAR_C_BAR + IMAGENET_C_BAR)
    others = tuple(name for name in CORRUPTIONS if name not in COMMON + EXTRA + in_c_bar)
    columns = ((*COMMON, *EXTRA, *others), in_c_bar)
    rows, height, width = max(len(columns[0]), 1 + len(in_c_bar)), image.shape[1], image.shape[2]
    strip = _STRIP_INCHES * height / (len(SEVERITIES) * width)
    row = strip + _TITLE_INCHES
    figure = Figure(figsize=(2 * _STRIP_INCHES + 3 * _MARGIN_INCHES, rows * row + _MARGIN_INCHES), dpi=130)
    across, down = _MARGIN_INCHES / figure.get_figwidth(), 1 / figure.get_figheight()
    places = {"left": across, "right": 1 - across, "wspace": _MARGIN_INCHES / _STRIP_INCHES}
    places |= {"bottom": _MARGIN_INCHES * down, "top": 1 - _TITLE_INCHES * down, "hspace": _TITLE_INCHES / strip}
    grid = figure.subplots(rows, 2, squeeze=False, gridspec_kw=places)
    for axes in grid.flat:
        axes.set_axis_off()
    # As wide as a strip, so that it is shown at the strips' scale.
    clean = [image, *(torch.full_like(image, _WHITE) for _ in SEVERITIES[1:])]
    _show(grid[0, 1], _strip(clean), f"the photo as it is, {width}x{height}")
    for column, names in enumerate(columns):
        for place, name in enumerate(names, start=rows - len(names)):
            _show(grid[place, column], _strip([_corrupted(image, name, s) for s in SEVERITIES]), _title(name))
    content = io.BytesIO()
    figure.savefig(content, format="png", metadata={"Software": None})
    write_atomically(path, content.getvalue())


def _corrupted(image: Tensor, name: str, severity: int) -> Tensor:
    table = CORRUPTIONS[name].nearest_table(image.shape[1], image.shape[2])
    return corrupt_batch(image[None], name, severity, table=table, seed=0, ids=torch.zeros(1, dtype=torch.int64))[0]


def _title(name: str) -> str:
    sets = {"extra": EXTRA, "CIFAR-C-bar": CIFAR_C_BAR, "ImageNet-C-bar": IMAGENET_C_BAR}
    found = [label for label, names in sets.items() if name in names]
    return f"{name}  ({', '.join(found)})" if found else name


def _strip(images: Sequence[Tensor]) -> Tensor:
    """Put images (3, H, W) side by side, a white gap between them."""
    gap = torch.full((3, images[0].shape[1], _GAP_PX), _WHITE, dtype=torch.uint8)
    parts = [part for image in images for part in (image, gap)]
    return torch.cat(parts[:-1], dim=2)


def _show(axes: Axes, strip: Tensor, title: str) -> None:
    axes.imshow(strip.permute(1, 2, 0).numpy(), interpolation="antialiased")
    axes.set_title(title, loc="left", fontsize=10, fontweight="bold")
