"""The random search that needs no gradient."""

import pytest
import torch
from small_models import Linear

from robustsweep.attacks import parse_attack, run_attack, square
from robustsweep.attacks.square_attack import window_side
from robustsweep.errors import AttackError, DataError, UsageError

N = 16


@pytest.fixture
def linear(generator):
    weight = torch.randn(2, 16, generator=generator)
    return Linear(weight, -0.5 * weight.sum(1)).eval()


@pytest.fixture
def near(generator):
    """Small images near the middle of the box, of one channel, so that a window of one pixel reaches the optimum."""
    return 0.4 + 0.2 * torch.rand(N, 1, 4, 4, generator=generator)


def verdicts(outcome):
    return torch.stack([outcome.eps_level.long(), outcome.restart.long(), outcome.step.long()], dim=1)


@pytest.mark.parametrize("batch_size", [1, 3, 8])
def test_on_a_linear_model_exactly_the_images_within_reach_fall(linear, near, batch_size):
    labels = linear(near).argmax(1)
    uphill = (linear.weight[1 - labels] - linear.weight[labels]).detach().view_as(near)
    logits = linear(near).detach()
    gap = logits.gather(1, labels[:, None]) - logits.gather(1, 1 - labels[:, None])
    reach = 0.02 * uphill.abs().flatten(1).sum(1)
    within = gap.squeeze(1) < reach
    assert 2 < int(within.sum()) < N - 2
    assert float((gap.squeeze(1) - reach).abs().min()) > 1e-4

    outcome = square(linear, near, labels, eps=0.02, queries=500, batch_size=batch_size, keep_images=True)

    assert torch.equal(outcome.eps_level == 0, within)
    stood = ~within
    assert torch.allclose(outcome.images[stood], (near + 0.02 * uphill.sign())[stood], atol=1e-6)


def test_an_outcome_is_complete_and_within_the_budget(net, images, labels, ids):
    outcome = square(net, images, labels, eps="12/255", queries=60, ids=ids, keep_images=True)
    assert torch.equal(outcome.logits.argmax(1) != labels, outcome.eps_level < 1)
    assert torch.equal(outcome.eps_level == -1, net(images).argmax(1) != labels)
    fooled = outcome.eps_level == 0
    assert 3 < int(fooled.sum()) < 33
    assert torch.equal(outcome.step > 0, fooled)
    assert torch.equal(outcome.restart == 0, fooled)
    assert int(outcome.step.max()) > 1
    assert torch.allclose(net(outcome.images), outcome.logits, atol=1e-5)
    assert torch.equal(outcome.images[outcome.eps_level == -1], images[outcome.eps_level == -1])
    assert float((outcome.images - images).abs().max()) <= 12 / 255 + 1e-6
    assert float(outcome.images.min()) == 0.0
    assert float(outcome.images.max()) == 1.0
    assert outcome.eps_level.dtype == torch.int8
    assert (outcome.restart.dtype, outcome.step.dtype) == (torch.int16, torch.int16)


def test_batch_size_and_order_do_not_matter_and_the_seed_does(net, images, labels, ids):
    options = {"eps": "8/255", "queries": 150, "keep_images": True}
    whole = square(net, images, labels, ids=ids, **options)
    for batch_size in (1, 7):
        parts = square(net, images, labels, ids=ids, batch_size=batch_size, **options)
        assert torch.equal(verdicts(whole), verdicts(parts))
        assert torch.equal(whole.images, parts.images)
    order = torch.randperm(40, generator=torch.Generator().manual_seed(0))
    shuffled = square(net, images[order], labels[order], ids=ids[order], **options)
    assert torch.equal(verdicts(whole)[order], verdicts(shuffled))
    assert torch.equal(whole.images[order], shuffled.images)
    other = square(net, images, labels, ids=ids, seed=1, **options)
    assert not torch.equal(whole.images, other.images)


def test_more_queries_fool_more_and_white_box_attacks_fool_most(net, images, labels, ids):
    stripes, few, many = (square(net, images, labels, eps="8/255", queries=n, ids=ids) for n in (1, 30, 400))
    fooled = [int((outcome.eps_level == 0).sum()) for outcome in (stripes, few, many)]
    assert fooled[0] < fooled[1] < fooled[2]
    white = run_attack(net, images, labels, parse_attack("apgd-ce50-linf@8/255"), seed=0, ids=ids)
    assert fooled[2] <= int((white.eps_level == 0).sum())


def test_the_first_query_paints_columns_and_the_second_a_window(generator):
    images, zeros = torch.full((3, 2, 9, 6), 0.5), torch.zeros(3).long()
    net = Linear(torch.zeros(2, 108), torch.tensor([1.0, 0.0])).eval()
    net.weight.data[1] = torch.rand(108, generator=generator)
    net.bias.data[0] = 1e3
    stripes = square(net, images, zeros, eps=0.1, queries=1, keep_images=True).images
    assert torch.equal(stripes, stripes[:, :, :1].expand_as(stripes))
    assert sorted(stripes.unique().tolist()) == pytest.approx([0.4, 0.6])
    later = square(net, images, zeros, eps=0.1, queries=200, keep_images=True).images
    assert not torch.equal(later, later[:, :, :1].expand_as(later))
    assert sorted(later.unique().tolist()) == pytest.approx([0.4, 0.6])


def test_windows_reach_every_edge_of_an_image_that_is_not_square():
    images = torch.full((1, 1, 5, 9), 0.5)
    net = Linear(torch.stack([torch.zeros(45), torch.ones(45)]), torch.tensor([1e3, 0.0])).eval()
    found = square(net, images, torch.zeros(1).long(), eps=0.25, queries=700, keep_images=True).images
    assert torch.equal(found, torch.full_like(images, 0.75))


def test_windows_shrink_on_the_published_schedule():
    sides = [
        window_side(query, 10_000, 32, 32) for query in (2, 12, 13, 52, 53, 203, 503, 1003, 2003, 4003, 6003, 8003)
    ]
    shares = (0.8, 0.8, 0.4, 0.4, 0.2, 0.1, 0.05, 0.025, 0.0125, 0.00625, 0.003125, 0.0015625)
    assert sides == [max(round((share * 1024) ** 0.5), 1) for share in shares]
    assert window_side(2, 10, 5, 90) == 5
    # Half as many queries run through the schedule twice as fast.
    assert window_side(8, 5_000, 32, 32) == window_side(14, 10_000, 32, 32)


def test_a_model_without_a_gradient_can_be_attacked(images, ids):
    class Stepped(Linear):
        def forward(self, images):
            return super().forward((images * 8).round() / 8)

    model = Stepped(torch.randn(4, 48, generator=torch.Generator().manual_seed(0)), torch.zeros(4)).eval()
    outcome = square(model, images, model(images).argmax(1), eps=0.2, queries=50, ids=ids)
    assert int((outcome.eps_level == 0).sum()) > 10


def test_clean_mistakes_alone_cost_no_query(net, images, labels, ids):
    outcome = square(net, images, (net(images).argmax(1) + 1) % 4, eps=0.1, queries=5, ids=ids, keep_images=True)
    assert bool((outcome.eps_level == -1).all())
    assert torch.equal(outcome.images, images)


def test_bad_input_is_refused_with_what_to_do(net, images, labels, ids):
    for eps in (8, "2"):
        with pytest.raises(UsageError, match="at most 1"):
            square(net, images, labels, eps=eps, ids=ids)
    for queries in (0, 40_000):
        with pytest.raises(UsageError, match="1 to 32767 queries"):
            square(net, images, labels, eps=0.1, queries=queries, ids=ids)
    with pytest.raises(UsageError, match="Batch size"):
        square(net, images, labels, eps=0.1, ids=ids, batch_size=0)
    with pytest.raises(DataError, match=r"\(N, C, H, W\), got \(40, 48\)"):
        square(net, images.flatten(1), labels, eps=0.1, ids=ids)
    with pytest.raises(DataError, match="Label 7 is beyond"):
        square(net, images, torch.full_like(labels, 7), eps=0.1, ids=ids)
    with pytest.raises(AttackError, match="square9-linf@1/10: the model returned logits that are not finite"):
        square(Linear(torch.full((4, 48), torch.nan), torch.zeros(4)).eval(), images, labels, eps=0.1, queries=9)


@pytest.mark.gpu
def test_the_gpu_paints_what_the_cpu_does(net, images, labels, ids):
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device here")
    here = square(net.cpu(), images, labels, eps="8/255", queries=80, ids=ids, keep_images=True)
    there = square(net.cuda(), images, labels, eps="8/255", queries=80, ids=ids, keep_images=True)
    assert torch.equal(verdicts(here), verdicts(there))
    assert torch.allclose(here.images, there.images, atol=1e-6)
