"""torchattacks as an independent implementation, where it is installed."""

import pytest

from robustsweep.attacks import parse_attack, run_attack

torchattacks = pytest.importorskip("torchattacks")


def compare(net, images, labels, ids, name, peer):
    outcome = run_attack(net, images, labels, parse_attack(name), seed=0, ids=ids, keep_images=True)
    # torchattacks returns the last iterate: ours for those that stand, and for those that fall at the last step.
    last = (outcome.rung == 1) | (outcome.step == parse_attack(name).steps)
    assert int(last.sum()) > 5
    difference = (outcome.images - peer(images, labels))[last].abs().max()
    assert float(difference) < 1e-6


def test_fgsm_gives_the_same_pixels(net, images, labels, ids):
    compare(net, images, labels, ids, "fgsm-linf@8/255", torchattacks.FGSM(net, eps=8 / 255))


def test_pgd_from_the_clean_image_ends_at_the_same_pixels(net, images, labels, ids):
    linf = torchattacks.PGD(net, eps=4 / 255, alpha=1 / 255, steps=5, random_start=False)
    compare(net, images, labels, ids, "pgd5-linf@4/255:start=clean", linf)
    # Its 1e-10 added to the norm shortens the steps of images whose gradient is about as small.
    l2 = torchattacks.PGDL2(net, eps=0.2, alpha=0.05, steps=5, random_start=False, eps_for_division=1e-30)
    compare(net, images, labels, ids, "pgd5-l2@0.2:start=clean", l2)
