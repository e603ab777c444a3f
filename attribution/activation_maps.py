"""CAM and Grad-CAM: weighted sums of the last feature map's channels.

Sources: Zhou, Khosla, Lapedriza, Oliva and Torralba, "Learning deep features for discriminative localization" (CVPR
2016), section 2; Selvaraju, Cogswell, Das, Vedantam, Parikh and Batra, "Grad-CAM: visual explanations from deep
networks via gradient-based localization" (ICCV 2017), equations 1 and 2.
Differences: nothing is scaled to [0, 1], since that would turn an all-negative map into one with a peak.
"""

import torch
from torch import Tensor, nn

from robustsweep.attacks.target import check_labels
from robustsweep.attribution.explained import explaining, gradient_at
from robustsweep.attribution.feature_maps import FeatureMapRecorder
from robustsweep.augmentations.parts import activation_map


def cam(network: nn.Module, images: Tensor, targets: Tensor) -> Tensor:
    """Compute class activation maps: the sum over channels k of w_ck f_k, without the layer's bias.

    Args:
        network: From images in [0, 1] to logits, ending in a linear layer on the mean of a feature map; it is left as
            it is.
        images: float32 (N, 3, H, W) in [0, 1].
        targets: int64 (N,), the classes to explain.

    Returns:
        float32 (N, h, w), signed, of the size of the last feature map, in units of the logit; its mean is the logit
        minus the bias. Nothing is drawn.

    Raises:
        UsageError: If the network does not end in a linear layer on the mean of a feature map.
        DataError: If images or targets do not fit.

    Examples:
        >>> import torch
        >>> from robustsweep import load
        >>> from robustsweep.attribution import cam
        >>> network = load("torchvision:resnet18,weights=random,classes=10,input_size=64")
        >>> tuple(cam(network, torch.rand(2, 3, 64, 64), torch.tensor([3, 7])).shape)
        (2, 2, 2)
    """
    with explaining(network, images, targets, "cam") as explained:
        check_labels(targets, explained.verdict(images[:1]))
        return activation_map.activation_maps(network, images, targets, "cam")


def gradcam(network: nn.Module, images: Tensor, targets: Tensor) -> Tensor:
    """Compute Grad-CAM: the positive part of the channels' sum, weighted by the spatial means of their gradients.

    The feature map is the last one before the pooling, after its activation; the gradient is that of the logit.

    Args:
        network: From images in [0, 1] to logits, convolutional; it is left as it is.
        images: float32 (N, 3, H, W) in [0, 1].
        targets: int64 (N,), the classes to explain.

    Returns:
        float32 (N, h, w), not negative, of the size of the last feature map; 0 everywhere if nothing speaks for the
        class. Nothing is drawn.

    Raises:
        UsageError: If the network is not convolutional.
        DataError: If images or targets do not fit.
        NoGradientError: If there is no gradient, or it is not finite.
    """
    with explaining(network, images, targets, "gradcam") as explained:
        with FeatureMapRecorder() as recorder:
            _, logits = explained.differentiable(images)
        features = recorder.found("gradcam")
        weights = gradient_at(explained, features, logits, targets).mean((2, 3))
        return torch.einsum("nk,nkhw->nhw", weights, features.detach().float()).relu()
