"""Corruptions as transforms for torchvision's v2 pipelines and for the workers of a DataLoader.

They take what v2 transforms take: Pillow's RGB images, ``tv_tensors.Image`` and tensors (..., 3, H, W), uint8 or
floating point in [0, 1], alone or with labels beside them. They belong before the normalisation.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from PIL import Image
from torch import nn
from torchvision import tv_tensors
from torchvision.transforms.v2.functional import is_pure_tensor

from robustsweep.api.corrupt import corrupt
from robustsweep.api.inputs.image_forms import content_ids, open_images
from robustsweep.corruptions import COMMON, CORRUPTIONS, SEVERITIES
from robustsweep.errors import UsageError
from robustsweep.values import whole_number

if TYPE_CHECKING:  # torchvision ships no types; its transforms are modules
    Transform = nn.Module
else:
    from torchvision.transforms.v2 import Transform

__all__ = ["Corrupt", "RandomCorruption"]


class _ImageTransform(Transform):
    """What both transforms apply to: images, and neither boxes nor masks nor labels."""

    _transformed_types: ClassVar[tuple[Any, ...]] = (is_pure_tensor, tv_tensors.Image, Image.Image)


class Corrupt(_ImageTransform):
    """Corrupts every image in the same way, for an evaluation.

    What is drawn for an image belongs to (seed, its pixels): two images get different noise, and one image the same,
    in every epoch, in any order and with any number of workers. No global generator is read.

    Args:
        name: Name of a corruption, such as ``"fog"``.
        severity: 1 to 5.
        seed: Seed of everything drawn.
        table: Severity constants; None: by image size, see ``robustsweep.corrupt``.

    Raises:
        UsageError: If a name, the severity or the table is unknown.

    Examples:
        >>> import torch
        >>> from robustsweep.transforms import Corrupt
        >>> Corrupt("fog", 3)(torch.zeros(3, 32, 32, dtype=torch.uint8)).shape
        torch.Size([3, 32, 32])
    """

    def __init__(self, name: str, severity: int, *, seed: int = 0, table: str | None = None) -> None:
        super().__init__()
        _check(name, severity, table)
        self.name, self.severity, self.seed, self.table = name, severity, whole_number(seed, "seed"), table

    def transform(self, image: Any, params: dict[str, Any]) -> Any:
        """Corrupt one image or a batch; called by torchvision."""
        ids = content_ids(open_images(image).pixels)
        return corrupt(image, self.name, self.severity, seed=self.seed, ids=ids, table=self.table)


class RandomCorruption(_ImageTransform):
    """Corrupts by a random corruption and severity, as an augmentation.

    Draws come from PyTorch's global generator, as those of torchvision's own transforms: a DataLoader seeds it
    differently in every worker and epoch, and ``torch.manual_seed`` repeats them. A batch gets one corruption and one
    severity, and each of its images its own noise.

    A network that trains with it has seen the benchmark's corruptions: say so beside its corruption errors.

    Args:
        names: Corruptions to draw from; None: the fifteen common ones.
        severities: Severities to draw from.
        p: Chance that an image is corrupted at all, in [0, 1].
        table: Severity constants; None: by image size.

    Raises:
        UsageError: If a name, a severity or the table is unknown, or ``p`` is not in [0, 1].
    """

    def __init__(
        self,
        names: Sequence[str] | None = None,
        severities: Sequence[int] = SEVERITIES,
        *,
        p: float = 1.0,
        table: str | None = None,
    ) -> None:
        super().__init__()
        self.names = COMMON if names is None else (names,) if isinstance(names, str) else tuple(names)
        self.severities, self.p, self.table = tuple(severities), p, table
        if not self.names or not self.severities:
            raise UsageError("RandomCorruption draws from at least one corruption and one severity.")
        for name in self.names:
            for severity in self.severities:
                _check(name, severity, table)
        if not 0 <= p <= 1:
            raise UsageError(f"p must be a chance in [0, 1], got {p!r}.")

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        """Draw what happens to the images of one call; called by torchvision."""
        is_corrupted = bool(torch.rand(()) < self.p)
        name = self.names[int(torch.randint(len(self.names), ()))] if is_corrupted else None
        severity = self.severities[int(torch.randint(len(self.severities), ()))]
        return {"name": name, "severity": severity, "seed": int(torch.randint(2**62, ()))}

    def transform(self, image: Any, params: dict[str, Any]) -> Any:
        """Corrupt one image or a batch; called by torchvision."""
        if params["name"] is None:
            return image
        return corrupt(image, params["name"], params["severity"], seed=params["seed"], table=self.table)


def _check(name: str, severity: int, table: str | None) -> None:
    """Name a mistake when the transform is made, and not in a worker."""
    corruption = CORRUPTIONS[name]
    corruption.parameters(next(iter(corruption.severities)) if table is None else table, severity)
