"""A small transformer with several kinds of answer, explained where no class is.

The attention weights are kept with the autograd graph, and `Ruled` is the same network under the
rules of AttnLRP: its slope times its input is relevance.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import numpy as np
import torch
from nets import export
from seeded import made
from torch import Tensor, nn

import onnxplain
from tests.methods.other_targets import CASES, PICTURE, RECIPE, REFERENCE, Case, X

WIDTH, HEADS, GRID = 8, 2, (4, 4)
MASK = np.zeros(GRID, bool)
MASK[1:3, 1:4] = True


class Block(nn.Module):
    """Attention and two linear layers, each behind a normalisation."""

    def __init__(self) -> None:
        super().__init__()
        self.norms = nn.ModuleList([nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)])
        self.qkv = nn.Linear(WIDTH, 3 * WIDTH)
        self.out = nn.Linear(WIDTH, WIDTH)
        self.wide = nn.Linear(WIDTH, 2 * WIDTH)
        self.narrow = nn.Linear(2 * WIDTH, WIDTH)


class Attending(nn.Module):
    """Patches of two pixels, two blocks, and a head for one kind of answer."""

    def __init__(self, answer: str) -> None:
        super().__init__()
        self.answer = answer
        self.patches = nn.Conv2d(3, WIDTH, 2, 2)
        self.blocks = nn.ModuleList([Block(), Block()])
        self.dense = nn.Conv2d(WIDTH, 3, 1)
        self.value = nn.Linear(WIDTH, 2)
        self.embedding = nn.Linear(WIDTH, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.answered(self.later(x))

    def later(self, x: Tensor) -> Tensor:
        """Tokens after both blocks."""
        tokens = self.convolved(self.patches, x).flatten(2).transpose(1, 2)
        for block in self.blocks:
            tokens = tokens + self.attended(block, self.normed(block.norms[0], tokens))
            wide = self.bent(block.wide(self.normed(block.norms[1], tokens)))
            tokens = tokens + block.narrow(wide)
        return tokens

    def convolved(self, layer: nn.Conv2d, x: Tensor) -> Tensor:
        """A convolution."""
        return layer(x)

    def attended(self, block: Block, tokens: Tensor) -> Tensor:
        """Attention of all tokens to each other."""
        n, count, _ = tokens.shape
        qkv = block.qkv(tokens).reshape(n, count, 3, HEADS, WIDTH // HEADS)
        q, k, v = qkv.permute(2, 0, 3, 1, 4).unbind(0)
        weights = (self.product(q, k.transpose(-2, -1)) * (WIDTH // HEADS) ** -0.5).softmax(-1)
        mixed = self.product(self.seen(weights), v)
        return block.out(mixed.transpose(1, 2).reshape(n, count, WIDTH))

    def answered(self, tokens: Tensor) -> Tensor:
        """What the network answers, from the last tokens."""
        if self.answer == "dense":
            return self.convolved(self.dense, tokens.transpose(1, 2).reshape(-1, WIDTH, *GRID))
        pooled = tokens.mean(1)
        return self.embedding(pooled) if self.answer == "embedding" else self.value(pooled)

    def seen(self, weights: Tensor) -> Tensor:
        """Attention weights, as they are."""
        return weights

    def product(self, a: Tensor, b: Tensor) -> Tensor:
        """Product of two signals."""
        return a @ b

    def normed(self, norm: nn.LayerNorm, x: Tensor) -> Tensor:
        """Layer normalisation."""
        return norm(x)

    def bent(self, x: Tensor) -> Tensor:
        """The activation."""
        return nn.functional.gelu(x)


class Remembering(Attending):
    """Keeps the attention weights of each block, with their gradients."""

    def seen(self, weights: Tensor) -> Tensor:
        weights.retain_grad()
        self.kept.append(weights)
        return weights


class Ruled(Attending):
    """Slope times value is relevance at every tensor (Achtibat et al. 2024, equations 5 to 15)."""

    constant_weights = False

    def convolved(self, layer: nn.Conv2d, x: Tensor) -> Tensor:
        found = layer(x)
        z = found.detach()
        # The gamma rule, which convolutions have with gamma = 0, divides by z and a stabilizer.
        return z + (found - z) * z / (z + 1e-6 * z.sign())

    def seen(self, weights: Tensor) -> Tensor:
        return weights.detach() if self.constant_weights else weights

    def product(self, a: Tensor, b: Tensor) -> Tensor:
        if self.constant_weights:
            return a.detach() @ b  # queries and keys get nothing: weights are constants
        return (a @ b.detach() + a.detach() @ b) / 2

    def normed(self, norm: nn.LayerNorm, x: Tensor) -> Tensor:
        centred = x - x.mean(-1, keepdim=True)
        deviation = (centred.pow(2).mean(-1, keepdim=True) + norm.eps).sqrt()
        return centred / deviation.detach() * norm.weight + norm.bias

    def bent(self, x: Tensor) -> Tensor:
        return x * (nn.functional.gelu(x) / x).detach()


@functools.cache
def weights_of(answer: str) -> Attending:
    """Random weights, large enough for attention that differs from place to place."""
    net = made(lambda: Attending(answer), seed=3)
    with torch.no_grad():
        for block in net.blocks:
            block.qkv.weight *= 4
    return net.float().eval()


class Opened:
    """A file opened by the product, beside its network in float64.

    `said` is what a person asks for, `case` the same number in PyTorch.
    """

    def __init__(self, name: str, folder: Path) -> None:
        self.name, self.case = name, _case(name)
        np.save(folder / "reference.npy", REFERENCE)
        np.save(folder / "mask.npy", MASK)
        self.said = self.case.said.format(folder=folder, later="")
        net = weights_of(self.case.answer)
        self.model = onnxplain.load(
            export(net, torch.from_numpy(X).float(), folded=True),
            preprocess=RECIPE, precision="double", **self.case.declared,
        )  # fmt: skip

    def explain(self, method: str, **options: Any) -> Any:
        """Explain the target by a method of the product."""
        return self.model.explain(PICTURE, method, self.said, **{"kind": "logit", **options})

    def net(self, kind: type[Attending] = Attending) -> Any:
        """The source network, or a relative with the same weights, in float64."""
        net = kind(self.case.answer).double()
        net.load_state_dict(weights_of(self.case.answer).state_dict())
        return net

    def attention(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Weights of each block with the slope of the number, (heads, tokens, tokens)."""
        net = self.net(Remembering)
        net.kept = []
        self.case.score(net, net.later(torch.from_numpy(X))).sum().backward()
        return [(a[0].detach().numpy(), a.grad[0].numpy()) for a in net.kept]

    def relevance(self, *, constant_weights: bool) -> np.ndarray:
        """Relevance of the input, by autograd on the network under the rules."""
        net = self.net(Ruled)
        net.constant_weights = constant_weights
        leaf = torch.from_numpy(X).requires_grad_()
        later = net.later(leaf)
        score = self.case.score(net, later)
        if self.case.length is not None:
            length = self.case.length(net, later)
            score = score * length / length.detach()
        return (X * torch.autograd.grad(score.sum(), leaf)[0].numpy())[0]


def _case(name: str) -> Case:
    if name != "region":
        return CASES[name]
    mask = torch.from_numpy(MASK)
    return Case(
        "dense", {}, CASES[name].said,
        lambda net, later: net.answered(later)[:, 2][:, mask].mean(dim=1), "logit",
    )  # fmt: skip
