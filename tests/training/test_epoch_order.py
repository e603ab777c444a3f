import numpy as np
import torch

from robustsweep.draws import Draws
from robustsweep.training.epoch import order_of


def test_an_epoch_takes_every_image_of_a_large_set_once_in_the_order_of_its_word():
    ids = torch.arange(60_000) * 7
    words = Draws(3, "training/order/2", ids).words(1)[:, 0].numpy()
    order = order_of(ids, seed=3, epoch=2).numpy()
    assert np.array_equal(order, np.argsort(words, kind="stable"))
    assert np.array_equal(np.sort(order), np.arange(60_000))


def test_an_order_belongs_to_the_seed_the_epoch_and_the_id():
    ids = torch.arange(500)
    order = order_of(ids, seed=0, epoch=0)
    assert not torch.equal(order, order_of(ids, seed=1, epoch=0))
    assert not torch.equal(order, order_of(ids, seed=0, epoch=1))
    shuffled = torch.randperm(500, generator=torch.Generator().manual_seed(0))
    assert torch.equal(shuffled[order_of(ids[shuffled], seed=0, epoch=0)], order)
