"""What relevance methods must say of a target, rule by rule on the source network."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from tests.methods.expected_maps import Expected, Refused, Table
from tests.methods.other_targets import Opened, X

# What the product adds to denominators, with their sign.
STABILIZER = 1e-6
# Pixels lie between these, 0 and 255.
LOW, HIGH = -1.0, 255 / 128 - 1


def lrp(case: Opened) -> Expected:
    """The epsilon rule of a piecewise linear network without biases: slope times input."""
    return Expected(case.parts()[0], {"composite": "epsilon", "epsilon": 1e-14}, 1e-9)


def libragrad(case: Opened) -> Expected:
    """Nothing to balance in a piecewise linear network: slope times input."""
    return Expected(case.parts()[0], {}, 1e-9)


def deep_taylor(case: Opened) -> Expected:
    """z-plus at every layer with weights, and the box of pixels at the first one."""
    net, x = case.net, torch.from_numpy(X)
    maps = net.maps(x).detach()
    later = net.later(maps).detach()
    R = _shared(lambda a: _wide(net.second, a, positive=True), maps, _of_later(case, later))
    low, high = torch.full_like(x, LOW), torch.full_like(x, HIGH)
    parts = [(x, 0), (low, 1), (high, -1)]
    leaves = [v.clone().requires_grad_() for v, _ in parts]
    total = torch.zeros_like(maps)
    for leaf, (_, sign) in zip(leaves, parts, strict=True):
        weight = net.first.weight
        kept = weight if sign == 0 else (sign * weight).clamp(min=0) * sign
        found = functional.conv2d(leaf, kept, padding=1)
        total = total + found if sign == 0 else total - found
    shares = torch.autograd.grad(total, leaves, R / _stable(total.detach()))
    at_pixels = sum(v * s for (v, _), s in zip(parts, shares, strict=True))
    return Expected(at_pixels[0].numpy(), {}, 1e-9)


def _of_later(case: Opened, later: Tensor) -> Tensor:
    """Relevance at the second feature maps."""
    net = case.net
    leaf = later.clone().requires_grad_()
    if case.name == "element":
        return leaf.detach() * torch.autograd.grad(case.undivided(leaf).sum(), leaf)[0]
    # Each number of the answer starts with its part of what is explained.
    answer = net.answered(leaf).detach().requires_grad_()
    start = answer.detach() * torch.autograd.grad(_explained(case, answer), answer)[0]
    if case.name == "region":
        return _shared(lambda a: _wide(net.dense, a, positive=True), later, start)
    head = net.embedding if case.name == "likeness" else net.value
    pooled = later.mean((2, 3))
    R = _shared(lambda a: a @ head.weight.clamp(min=0).T, pooled, start)
    return _shared(lambda a: a.mean((2, 3)), later, R)


def _explained(case: Opened, answer: Tensor) -> Tensor:
    """The explained number of an answer; a length that divides is a constant."""

    class Answering:
        @staticmethod
        def answered(_: Tensor) -> Tensor:
            return answer

    length = 1.0 if case.case.length is None else answer.norm(dim=1) / answer.norm(dim=1).detach()
    return (case.case.score(Answering, answer) * length).sum()


def _wide(layer: torch.nn.Conv2d, a: Tensor, *, positive: bool) -> Tensor:
    weight = layer.weight.clamp(min=0) if positive else layer.weight
    return functional.conv2d(a, weight, padding=layer.padding)


def _shared(layer: Callable[[Tensor], Tensor], x: Tensor, R: Tensor) -> Tensor:
    """R_i = x_i sum over j of w_ij R_j / z_j."""
    leaf = x.detach().requires_grad_()
    z = layer(leaf)
    return (leaf * torch.autograd.grad(z, leaf, R / _stable(z))[0]).detach()


def _stable(z: Tensor) -> Tensor:
    return z + STABILIZER * torch.where(z < 0, -1.0, 1.0)


def clear(case: Opened) -> Expected | Refused:
    """The response of the class times its slope."""
    if case.name != "region":
        return Refused("clear compares the classes of one tensor")
    return Expected(case.score(X)[0] * case.slopes()[0], {"positive": False}, 1e-10)


def without_attention(case: Opened) -> Refused:
    """These need attention: see `attending_targets`."""
    return Refused("attention")


RELEVANCE: Table = {
    "lrp": lrp,
    "libragrad": libragrad,
    "deep-taylor": deep_taylor,
    "clear": clear,
    "attn-lrp": without_attention,
    "attention-rollout": without_attention,
    "gradient-attention-rollout": without_attention,
}
