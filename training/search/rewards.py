"""The reward of a policy: how many unseen images a trained network recognises although the policy distorts them.

Source: Lim et al., "Fast AutoAugment" (NeurIPS 2019), and the authors' code: each image is drawn five times, through
the crop and flip of the training as well, and counts as right where any of the five is. Policies that leave many images
as they are do well by that; so the reward of the identity belongs beside any other.
"""

import torch
from torch import Tensor, nn

from robustsweep.augmentations.policies.policy_file import Policy
from robustsweep.augmentations.policies.policy_pixels import apply_policy, sample_policy
from robustsweep.draws import Draws
from robustsweep.process.precision import full_precision
from robustsweep.training.images.training_images import IMAGES_PER_EVALUATION, TrainingImages
from robustsweep.training.recipe import Recipe

_MULTIPLE = 50


@torch.inference_mode()
def right_in_any_draw(
    network: nn.Module, images: TrainingImages, policy: Policy, recipe: Recipe, *, draws: int, seed: int
) -> Tensor:
    """Say which images are recognised in at least one draw.

    Args:
        network: In evaluation mode, on the images' device.
        images: Images that it was not trained on, with the normalisation that it was trained with.
        policy: Applied after crop and flip.
        recipe: Says which crop, and whether images are mirrored.
        draws: How often each image is drawn.
        seed: Every policy meets the same draws of (seed, draw, id), so that policies are compared and not their luck.

    Returns:
        bool, shape (N,), on the images' device.
    """
    is_right = torch.zeros(len(images), dtype=torch.bool, device=images.ids.device)
    for draw in range(draws):
        sample = sample_policy(Draws(seed, f"search/policy/{draw}", images.ids))
        left = (~is_right).nonzero()[:, 0]  # what is right already needs no other draw
        batches = torch.split(_filled(left), IMAGES_PER_EVALUATION) if len(left) else ()
        for rows, crops in zip(batches, images.crops(batches, recipe, seed, draw), strict=True):
            with full_precision():
                logits = network(images.normalised(apply_policy(policy, crops, sample[rows])))
            is_right[rows] = logits.argmax(1) == images.labels[rows]
    return is_right


def _filled(rows: Tensor) -> Tensor:
    """Repeat the first row up to a multiple of 50: libraries prepare themselves for every new number of images."""
    return torch.cat([rows, rows[:1].expand(-len(rows) % _MULTIPLE)])
