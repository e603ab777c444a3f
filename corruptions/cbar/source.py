"""The source that all fifteen share, and their tables of raw severities."""

from collections.abc import Sequence

from robustsweep.corruptions.corruption import Parameters, severities

SOURCE = (
    "Mintun, Kirillov and Xie, On interaction between data augmentations and corruptions (NeurIPS 2021), and its "
    "generator github.com/facebookresearch/augmentation-corruption, imagenet_c_bar"
)


def raw_severities(*, cifar: Sequence[float] = (), imagenet: Sequence[float] = ()) -> dict[str, tuple[Parameters, ...]]:
    """Write a corruption's raw severities down for the sets that hold it.

    ImageNet's stand for 64 and 299 pixels too: nothing is published for these sizes.
    """
    return severities(cifar=cifar, tiny=imagenet, imagenet=imagenet, inception=imagenet)
