"""The normalisation of a network's input, and the module that keeps it inside the checkpoint."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from robustsweep.errors import CheckpointError
from robustsweep.printable import printable
from robustsweep.registry import unknown_name

_LARGEST = 1e6
_SHOWN = 200


@dataclass(frozen=True, slots=True)
class Normalisation:
    """Per-channel constants for images in [0, 1]: the network sees (image - mean) / std.

    Attributes:
        mean: Three floats, RGB.
        std: Three positive floats, RGB.
    """

    mean: tuple[float, float, float]
    std: tuple[float, float, float]

    def __post_init__(self) -> None:
        numbers = (*self.mean, *self.std)
        are_numbers = all(isinstance(number, int | float) and abs(number) <= _LARGEST for number in numbers)
        if len(self.mean) != 3 or len(self.std) != 3 or not are_numbers or min(self.std) < 1 / _LARGEST:
            shown = printable(f"{self.mean} and {self.std}")[:_SHOWN]
            raise CheckpointError(
                "A normalisation is three finite means and three finite positive deviations that float32 can divide "
                f"by, got {shown}."
            )

    def __str__(self) -> str:
        """Write the constants as ``norm=`` takes them."""
        return "/".join(f"{number:.6g}" for number in (*self.mean, *self.std))


NORMALISATIONS = {
    "none": Normalisation((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
    "half": Normalisation((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
    "imagenet": Normalisation((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "cifar10": Normalisation((0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)),
    # Most public CIFAR-10 code, pytorchcv's too, divides by these: the mean over images of each image's own deviation.
    "cifar10-2023": Normalisation((0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010)),
    "cifar100": Normalisation((0.5071, 0.4865, 0.4409), (0.2673, 0.2564, 0.2762)),
    # The same deviations, as most public CIFAR-100 code has copied them.
    "cifar100-2675": Normalisation((0.5071, 0.4867, 0.4408), (0.2675, 0.2565, 0.2761)),
    # The constants of the CutMix, Cutout and WideResNet code, used there for both CIFAR sets.
    "cutmix": Normalisation(
        (125.3 / 255, 123.0 / 255, 113.9 / 255),
        (63.0 / 255, 62.1 / 255, 66.7 / 255),
    ),
}


def parse_normalisation(text: str) -> Normalisation:
    """Read a name of ``NORMALISATIONS``, or six numbers parted by spaces or slashes: three means, three deviations.

    Raises:
        CheckpointError: If the text is neither.
    """
    parts = text.replace("/", " ").split()
    if len(parts) == 1 and text not in NORMALISATIONS:
        raise unknown_name("normalisation", text, [*NORMALISATIONS, "six numbers such as '.5 .5 .5 .25 .25 .25'"])
    if len(parts) == 1:
        return NORMALISATIONS[text]
    try:
        red, green, blue, *deviations = (float(part) for part in parts)
        red_std, green_std, blue_std = deviations
    except ValueError:
        raise CheckpointError(
            f"norm={text!r} is neither a known name ({', '.join(NORMALISATIONS)}) nor six numbers."
        ) from None
    return Normalisation((red, green, blue), (red_std, green_std, blue_std))


class Normalised(nn.Module):
    """A network that takes float32 images of shape (N, 3, H, W) in [0, 1] and normalises them itself.

    Args:
        network: Maps normalised images to logits of shape (N, classes).
        normalisation: The constants.
        resize_to: Side to which images are resized (bilinear, antialiased) before anything else; None: not at all.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, network: nn.Module, normalisation: Normalisation, resize_to: int | None = None) -> None:
        super().__init__()
        self.network = network
        self.resize_to = resize_to
        self.register_buffer("mean", torch.tensor(normalisation.mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(normalisation.std).view(1, 3, 1, 1), persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits, shape (N, classes)."""
        logits: Tensor = self.network(self.normalised(self.resized(images)))
        return logits

    def resized(self, images: Tensor) -> Tensor:
        """Return the images at the side that the network expects, shape (N, 3, side, side), still in [0, 1]."""
        if self.resize_to is None:
            return images
        size = (self.resize_to, self.resize_to)
        if images.shape[-2:] == size:
            return images
        return nn.functional.interpolate(images, size, mode="bilinear", antialias=True)

    def normalised(self, images: Tensor) -> Tensor:
        """Return what the network gets for images (N, 3, H, W) in [0, 1] of its own size."""
        return (images - self.mean) / self.std
