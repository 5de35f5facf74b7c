"""The explained score as a function of the tensor it is read from, and its slopes there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import torch
from torch import Tensor

from onnxplain.targets.classes import Activation, Target

_ACTIVATIONS: Mapping[Activation, Callable[[Tensor], Tensor]] = {
    "none": lambda scores: scores,
    "softmax": lambda scores: scores.softmax(1),
    "sigmoid": torch.sigmoid,
    "exp": torch.exp,
}


def class_scores(values: Tensor, target: Target) -> Tensor:
    """(N, K) scores from the values of the tensor that a target reads."""
    return _ACTIVATIONS[target.activation](target.at_position(values))


def score_slope(values: Tensor, target: Target) -> Tensor:
    """Derivative of the score with respect to the tensor that the target reads."""
    with torch.enable_grad():
        leaf = values.detach().requires_grad_()
        score = target.select(class_scores(leaf, target)).sum()
    return torch.autograd.grad(score, leaf)[0]


def score_secant(target: Target, here: Tensor, there: Tensor) -> Tensor:
    """Multiplier of the tensor that the target reads: exact where its rival class changes.

    A rise of the largest other score is that of the class which is the largest for the
    picture, a fall that of the class which was the largest for the baseline.
    """
    whole = score_slope(here, target)
    if not target.margin:
        return whole
    plain = score_slope(here, replace(target, margin=False))
    rivals = whole - plain, score_slope(there, target) - plain

    def total(values: Tensor) -> Tensor:
        return values.flatten(1).sum(1).reshape(-1, *[1] * (values.dim() - 1))

    change = total(rivals[0] * here) - total(rivals[1] * there)
    rival = torch.where(change < 0, *rivals)
    moved = total(rival * (here - there))
    return plain + rival * change / torch.where(moved == 0, 1.0, moved)
