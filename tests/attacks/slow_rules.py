"""Every step rule again, one image at a time and from the papers' formulas, apart from the engine and its rules."""

import math

import torch
from torch import Tensor


def iterates(spec, image: Tensor, noise: Tensor | None, evaluate):
    """Yield the start and the point after each step; ``evaluate`` maps a point to its loss and gradient."""
    eps = float(spec.eps[0])
    walk = {"mifgsm": momentum_walk}.get(spec.rule, auto_walk if spec.rule.startswith("apgd") else plain_walk)
    point = image
    if noise is not None:
        if spec.rule.startswith("apgd"):
            noise = noise / (noise.abs().max() if spec.norm == "linf" else noise.norm())
        point = (image + (eps * noise).float()).clamp(0, 1)
    yield from walk(spec, image, point, eps, eps * float(spec.step_ratio), evaluate)


def nearest_walk(spec, image, evaluate, fools):
    """Yield the points of FMN or DDN; ``fools`` says of a point whether it fools."""
    length, slope = {
        "linf": (lambda delta: float(delta.abs().max()), lambda gradient: float(gradient.abs().sum())),
        "l2": (lambda delta: float(delta.norm()), lambda gradient: float(gradient.norm())),
    }[spec.norm]
    point, eps, nearest = image, 1.0 if spec.rule == "ddn" else math.inf, math.inf
    for i in range(spec.steps):
        yield point
        loss, gradient = evaluate(point)
        falling = 0.5 * (1 + math.cos(math.pi * i / spec.steps))
        delta = point - image
        moved = delta + (0.01 + 0.99 * falling) * gradient / gradient.norm()
        if spec.rule == "ddn":
            eps *= 0.95 if fools(point) else 1.05
            point = (image + eps * moved / moved.norm()).clamp(0, 1)
            continue
        share = 0.001 + 0.049 * falling
        if fools(point):
            nearest = min(nearest, length(delta))
            eps = min(eps * (1 - share), nearest)
        elif nearest < math.inf:
            eps *= 1 + share
        else:
            eps = (length(delta) + abs(loss) / slope(gradient)) * (1 + share)
        point = back(spec, image, image + moved, eps)
    yield point


def pursuit_walk(spec, image, noise, nearest, evaluate, fools):
    """Yield the points of one start of nearest-image PGD, ``nearest`` being the distance that others found."""

    def length(delta):
        return float(delta.abs().max() if spec.norm == "linf" else delta.norm())

    eps, before = nearest, image
    point = image if noise is None or eps == math.inf else (image + (eps * noise).float()).clamp(0, 1)
    before = point
    for i in range(spec.steps):
        yield point
        loss, gradient = evaluate(point)
        falling = 0.5 * (1 + math.cos(math.pi * i / spec.steps))
        share = 0.0005 + 0.0995 * falling
        if fools(point):
            nearest = min(nearest, length(point - image))
            eps = min(eps, nearest) * (1 - share)
        elif nearest < math.inf:
            eps = min(eps * (1 + share), nearest * (1 - 0.0005))
        elif eps < math.inf:
            eps *= 1.5
        else:
            slope = float(gradient.abs().sum() if spec.norm == "linf" else gradient.norm())
            eps = min((length(point - image) + abs(loss) / slope) * (1 + share), length(torch.ones_like(image)))
        target = back(spec, image, point + (0.005 + 0.995 * falling) * eps * uphill(spec, gradient), eps)
        if i > 0:
            target = back(spec, image, point + 0.75 * (target - point) + 0.25 * (point - before), eps)
        before, point = point, target
    yield point


def back(spec, image, point, eps):
    delta = point - image
    if spec.norm == "linf":
        delta = delta.clamp(-eps, eps)
    elif delta.norm() > eps:
        delta = delta * (eps / delta.norm())
    return (image + delta).clamp(0, 1)


def uphill(spec, gradient):
    return gradient.sign() if spec.norm == "linf" else gradient / gradient.norm()


def plain_walk(spec, image, point, eps, size, evaluate):
    yield point
    for _ in range(spec.steps):
        point = back(spec, image, point + size * uphill(spec, evaluate(point)[1]), eps)
        yield point


def momentum_walk(spec, image, point, eps, size, evaluate):
    yield point
    momentum = torch.zeros_like(image)
    for _ in range(spec.steps):
        gradient = evaluate(point)[1]
        momentum = momentum + gradient / gradient.abs().sum()
        point = back(spec, image, point + size * momentum.sign(), eps)
        yield point


def auto_walk(spec, image, point, eps, size, evaluate):
    yield point
    loss, gradient = evaluate(point)
    losses, history = [loss], [(loss, point, gradient)]
    before, last_check, reduced, best_then = point, 0, True, loss
    interval = max(int(0.22 * spec.steps), 1)
    for i in range(spec.steps):
        target = back(spec, image, point + size * uphill(spec, gradient), eps)
        if i > 0:
            target = back(spec, image, point + 0.75 * (target - point) + 0.25 * (point - before), eps)
        before, point = point, target
        yield point
        loss, gradient = evaluate(point)
        losses.append(loss)
        history.append((loss, point, gradient))
        if i + 1 - last_check == interval:
            rises = sum(losses[j + 1] > losses[j] for j in range(last_check, i + 1))
            best = max(history, key=lambda entry: entry[0])
            stuck = not reduced and best[0] == best_then
            reduced = rises <= 0.75 * interval or stuck
            if reduced:
                size, (_, point, gradient) = size / 2, best
            last_check, best_then = i + 1, best[0]
            interval = max(interval - max(int(0.03 * spec.steps), 1), max(int(0.06 * spec.steps), 1))
