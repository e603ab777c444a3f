"""The gallery of methods: what each makes of one pair of photos, group by group."""

import io
from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from torch import Tensor

from robustsweep.augmentations.method import METHODS
from robustsweep.benchmark.data.photos import example_photos
from robustsweep.results.method_names import in_groups, written_name
from robustsweep.results.stored.files import write_atomically
from robustsweep.training.exhibits import Exhibit, exhibit, photo_network

_SIDE_PX = 128
_COLUMNS = 6
# Of one picture, of the mask below it, and of the name of a group.
_WIDTH_INCHES, _PICTURE_INCHES, _MASK_INCHES, _NAME_INCHES = 2.05, 2.65, 2.15, 0.3

_Picture = tuple[str, Exhibit]


def draw_gallery(path: Path) -> None:
    """Draw every registered method with its default parameters, in the groups of ``list methods``.

    Each method takes a training step on the two photos; one that asks its network says so under the picture.

    Args:
        path: The PNG to write.
    """
    images = example_photos(_SIDE_PX)
    network = photo_network(images)
    lines: list[tuple[str, Sequence[_Picture]]] = []
    for group, names in in_groups(METHODS):
        shown = [(written_name(name), exhibit(METHODS[name](), images, network)) for name in names]
        if not group:
            shown = [("image a", _alone(images[0])), ("partner b", _alone(images[1])), *shown]
        lines += [(group if not at else "", shown[at : at + _COLUMNS]) for at in range(0, len(shown), _COLUMNS)]
    heights = [_height(group, pictures) for group, pictures in lines]
    figure = Figure(figsize=(_WIDTH_INCHES * _COLUMNS, sum(heights)), dpi=130, layout="constrained")
    parts = figure.subfigures(len(lines), 1, squeeze=False, height_ratios=heights)[:, 0]
    for part, (group, pictures) in zip(parts, lines, strict=True):
        _draw_line(part, group, pictures)
    content = io.BytesIO()
    figure.savefig(content, format="png", metadata={"Software": None})
    write_atomically(path, content.getvalue())


def _alone(image: Tensor) -> Exhibit:
    return Exhibit(image=image / 255, mask=None, weight=1, note="")


def _has_masks(pictures: Sequence[_Picture]) -> bool:
    return any(one.mask is not None for _, one in pictures)


def _height(group: str, pictures: Sequence[_Picture]) -> float:
    return _PICTURE_INCHES + bool(group) * _NAME_INCHES + _has_masks(pictures) * _MASK_INCHES


def _draw_line(part: SubFigure, group: str, pictures: Sequence[_Picture]) -> None:
    """Draw some pictures side by side, and their masks below them if any has one."""
    if group:
        part.suptitle(group, x=0.005, horizontalalignment="left", fontsize=12, color="0.35")
    axes = part.subplots(1 + _has_masks(pictures), _COLUMNS, squeeze=False)
    for each in axes.flat:
        each.set_axis_off()
    for column, (name, one) in enumerate(pictures):
        _show(axes[0, column], one.image, name, one.caption)
        if one.mask is not None:
            _show(axes[1, column], one.mask.expand(3, -1, -1), "", f"mask: mean {float(one.mask.mean()):.2f}")


def _show(axes: Axes, image: Tensor, title: str, below: str) -> None:
    axes.set_axis_on()
    axes.set(xticks=[], yticks=[])
    axes.imshow(image.permute(1, 2, 0).numpy(), vmin=0, vmax=1, interpolation="nearest")
    axes.set_title(title, fontsize=10, fontweight="bold")
    axes.set_xlabel(below, fontsize=8.5)
