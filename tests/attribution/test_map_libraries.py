"""The same maps by Captum and pytorch-grad-cam, wherever they are installed."""

import pytest
import torch
from small_networks import PooledHead, batch
from torch import nn

from robustsweep.attribution import cam, gradcam, guided_backprop, integrated_gradients, saliency, smoothgrad


def layered() -> nn.Sequential:
    """A network of modules, each used once: all that hooks of modules can follow."""
    parts = PooledHead()
    layers = (parts.first, nn.ReLU(), parts.second, nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), parts.head)
    return nn.Sequential(*layers).eval()


@pytest.mark.filterwarnings("ignore::UserWarning:captum")
def test_captum_gives_the_same_maps():
    attr = pytest.importorskip("captum.attr", reason="captum is not installed")
    network, (images, targets) = layered(), batch()
    expected = attr.IntegratedGradients(network).attribute(images, target=targets, n_steps=50)
    assert torch.allclose(integrated_gradients(network, images, targets), expected.float(), atol=1e-5)
    expected = attr.LayerGradCam(network, network[3]).attribute(images, target=targets, relu_attributions=True)
    assert torch.allclose(gradcam(network, images, targets), expected[:, 0].detach(), atol=1e-5)
    expected = attr.GuidedBackprop(network).attribute(images, target=targets)
    assert torch.allclose(guided_backprop(network, images, targets), expected, atol=1e-5)
    # Its noise is of the global generator, and of one scale for all images: only the mean can be compared.
    one, kind = images[:1], targets[:1]
    spread = float(0.15 * (one.max() - one.min()))
    torch.manual_seed(0)
    tunnel = attr.NoiseTunnel(attr.Saliency(network))
    expected = tunnel.attribute(one, target=kind, abs=False, nt_samples=500, stdevs=spread)
    found = smoothgrad(network, one, kind, samples=500)
    assert torch.corrcoef(torch.stack([found.flatten(), expected.flatten()]))[0, 1] > 0.98


def test_grad_cam_gives_the_same_maps_up_to_its_scale():
    library = pytest.importorskip("pytorch_grad_cam", reason="grad-cam is not installed")
    targets_of = pytest.importorskip("pytorch_grad_cam.utils.model_targets").ClassifierOutputTarget
    network, (images, targets) = layered(), batch()
    with library.GradCAM(network, [network[3]]) as theirs:
        shown = torch.from_numpy(theirs(images, [targets_of(int(one)) for one in targets]))
    ours = saliency(gradcam(network, images, targets), (16, 16))
    # It divides by the maximum plus 1e-7, twice, which moves small maps by their scale.
    peaks = [maps.amax((1, 2), keepdim=True) for maps in (ours, shown)]
    assert torch.allclose(ours / peaks[0], shown / peaks[1], atol=1e-4)
    assert torch.allclose(cam(network, images, targets).relu() / 256, ours, atol=1e-5)
