"""What gradient methods must say of a target, by autograd on the source network."""

from __future__ import annotations

import itertools

import numpy as np
import torch
from scipy.linalg import expm
from torch import Tensor

from tests.methods.expected_maps import Expected, Table
from tests.methods.guided_path import guided_path
from tests.methods.other_targets import BLACK, REFERENCE, SIDE, Opened, X

WHITE = np.full_like(X, 255 / 128 - 1)
_GOLDEN = (5**0.5 - 1) / 2
_NOISE = {"samples": 6, "noise_level": 0.3, "seed": 5}
_WAY = X - BLACK


def gradient(case: Opened) -> Expected:
    """dS/dx."""
    return Expected(case.slopes()[0])


def gradient_x_input(case: Opened) -> Expected:
    """x dS/dx."""
    return Expected(X[0] * case.slopes()[0])


def saliency(case: Opened) -> Expected:
    """Largest |dS/dx| over the channels."""
    return Expected(np.abs(case.slopes()[0]).max(axis=0))


def integrated_gradients(case: Opened) -> Expected:
    """Mean slope on the way from black, at the middles of many more steps."""
    steps, own = 1024, 256
    ways = (np.arange(steps) + 0.5) / steps
    points = BLACK + ways.reshape(-1, 1, 1, 1) * _WAY
    each = np.concatenate([case.slopes(p) for p in np.split(points, 16)])
    # Each kink on the way is missed by less than one step, by each of both sums.
    kinks = np.abs(np.diff(each, axis=0)).sum(axis=0)
    slack = (1 / own + 1 / steps) * np.abs(_WAY[0]) * kinks + 1e-9
    options = {"baseline": "black", "steps": own, "max_steps": own}
    return Expected(_WAY[0] * each.mean(axis=0), options, slack=slack)


def expected_gradients(case: Opened) -> Expected:
    """(x - x') dS/dx at the points that the seed draws, baseline by baseline, one at a time."""
    first = np.random.default_rng(5).random(2)
    each: list[list[np.ndarray]] = [[], []]
    for k in range(12):
        which, turn = k % 2, k // 2
        start = (BLACK, WHITE)[which]
        share = (first[which] + turn * _GOLDEN) % 1.0
        slope = case.slopes(start + share * (X - start))[0]
        each[which].append((X - start)[0] * slope)
    mean = (np.mean(each[0], axis=0) + np.mean(each[1], axis=0)) / 2
    return Expected(mean, {"baselines": "black, white", "samples": 12, "seed": 5}, 1e-10)


def guided_ig(case: Opened) -> Expected:
    """Mean slopes at the ends of each piece of the path that the paper describes."""

    def slope(x: np.ndarray) -> np.ndarray:
        return case.slopes(x[None])[0]

    points = guided_path(X[0], BLACK[0], slope, 6, 0.25, 0.1)
    total = np.zeros_like(X[0])
    for before, after in itertools.pairwise(points):
        total += (after - before) * (slope(before) + slope(after)) / 2
    return Expected(total, {"steps": 6, "max_distance": 0.1, "baseline": "black"}, 1e-9)


def blur_ig(case: Opened) -> Expected:
    """Slope at the middle of each of many short pieces of the path that diffusion makes."""
    steps, own, widest = 2048, 256, 2.0
    flow = np.diag(np.full(SIDE, -2.0)) + np.eye(SIDE, k=1) + np.eye(SIDE, k=-1)
    flow[0, 0] = flow[-1, -1] = -1.0
    points = []
    for k in range(2 * steps + 1):
        kernel = expm((widest * k / (2 * steps)) ** 2 / 2 * flow)
        points.append(kernel @ X[0] @ kernel.T)
    points = np.array(points)
    each = np.concatenate([case.slopes(p) for p in np.split(points[1::2], 32)])
    pieces = points[:-2:2] - points[2::2]
    # Each kink on the way is missed by less than one step, by each of both sums.
    kinks = np.abs(np.diff(each, axis=0)).sum(axis=0)
    fastest = steps * np.abs(pieces).max(axis=0)
    slack = (np.pi / (2 * own) + 1 / steps) * fastest * kinks + 1e-6
    options = {"max_sigma": widest, "steps": own, "max_steps": own}
    return Expected((each * pieces).sum(axis=0), options, slack=slack)


def _noisy(case: Opened) -> np.ndarray:
    """Slopes at six noisy copies."""
    random = np.random.default_rng(5)
    deviation = 0.3 * (X.max() - X.min())
    return np.stack(
        [case.slopes(X + deviation * random.standard_normal(X.shape))[0] for _ in range(6)]
    )


def smoothgrad(case: Opened) -> Expected:
    """Mean of the slopes."""
    return Expected(_noisy(case).mean(axis=0), _NOISE, 1e-10)


def smoothgrad_squared(case: Opened) -> Expected:
    """Mean of their squares."""
    return Expected((_noisy(case) ** 2).mean(axis=0), _NOISE, 1e-10)


def vargrad(case: Opened) -> Expected:
    """Their variance."""
    return Expected(_noisy(case).var(axis=0), _NOISE, 1e-10)


def deeplift(case: Opened) -> Expected:
    """The rescale rule: each ReLU by its difference quotient, a cosine by its mean slope."""
    net, x, black = case.net, torch.from_numpy(X).requires_grad_(), torch.from_numpy(BLACK)
    first, first_black = net.first(x), net.first(black)
    second, second_black = net.second(first.relu()), net.second(first_black.relu())
    maps = first * _quotient(first, first_black)
    later = net.second(maps) * _quotient(second, second_black)
    if case.name == "likeness":
        ends = [net.answered(m.relu())[0].detach().numpy() for m in (second_black, second)]
        weights = torch.from_numpy(_mean_slope_of_cosine(*ends))
        total = net.answered(later)[0] @ weights
    else:
        total = case.case.score(net, later).sum()
    multiplier = torch.autograd.grad(total, x)[0].numpy()
    return Expected((_WAY * multiplier)[0], {"baseline": "black"}, 1e-9)


def _quotient(z: Tensor, z_black: Tensor) -> Tensor:
    change = z - z_black
    same = change == 0
    rise = (z.relu() - z_black.relu()) / torch.where(same, 1.0, change)
    return torch.where(same, (z > 0).to(z), rise).detach()


def _mean_slope_of_cosine(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    nodes, weights = np.polynomial.legendre.leggauss(400)
    other = REFERENCE / np.linalg.norm(REFERENCE)
    mean = np.zeros(4)
    for node, weight in zip(nodes, weights, strict=True):
        e = start + (node + 1) / 2 * (end - start)
        length = np.linalg.norm(e)
        mean += weight / 2 * (other - (e @ other) * e / length**2) / length
    return mean


def guided_backprop(case: Opened) -> Expected:
    """relu(G) where the activation let the signal through."""
    return Expected(_rectified(case, "guided"))


def deconvnet(case: Opened) -> Expected:
    """relu(G)."""
    return Expected(_rectified(case, "deconvnet"))


def _rectified(case: Opened, how: str) -> np.ndarray:
    """Slopes with a function of PyTorch that has its own derivative in the place of ReLU."""

    class Rectified(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x.clamp(min=0)

        @staticmethod
        def backward(ctx, slope):
            (x,) = ctx.saved_tensors
            passed = slope.clamp(min=0)
            return passed * (x > 0) if how == "guided" else passed

    usual = case.net.between
    del case.net.between
    try:
        case.net.between = Rectified.apply
        return case.slopes()[0]
    finally:
        del case.net.between
        case.net.between = usual


GRADIENTS: Table = {
    "gradient": gradient,
    "gradient-x-input": gradient_x_input,
    "saliency": saliency,
    "integrated-gradients": integrated_gradients,
    "expected-gradients": expected_gradients,
    "guided-ig": guided_ig,
    "blur-ig": blur_ig,
    "smoothgrad": smoothgrad,
    "smoothgrad-squared": smoothgrad_squared,
    "vargrad": vargrad,
    "deeplift": deeplift,
    "guided-backprop": guided_backprop,
    "deconvnet": deconvnet,
}
