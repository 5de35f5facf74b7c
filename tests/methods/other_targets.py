"""A small network with several kinds of answer, and the numbers explained, in PyTorch alone.

Weights and inputs are small multiples of powers of two: single precision adds and multiplies
them without rounding, so that ONNX Runtime and float64 say the same to the last bit.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from nets import export
from torch import Tensor, nn

import onnxplain
from onnxplain.inputs.preprocess import Preprocess

SIDE = 8
RECIPE = Preprocess(
    name="exact", layout="NCHW", size=(SIDE, SIDE), color="RGB", resize="stretch",
    scale=1 / 128, mean=(1.0,) * 3, std=(1.0,) * 3,
)  # fmt: skip
PICTURE = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), np.uint8)
X = (PICTURE.transpose(2, 0, 1)[None] / 128 - 1).astype(np.float64)
BLACK = -np.ones_like(X)
REFERENCE = np.array([1.0, -2.0, 0.5, 3.0])
MASK = np.zeros((SIDE, SIDE), bool)
MASK[2:5, 3:7] = True
_PLACE = (2, slice(1, 4), 3)


class Net(nn.Module):
    """Two convolutions and one head for each kind of answer."""

    def __init__(self, answer: str, *, linear: bool = False) -> None:
        super().__init__()
        self.answer = answer
        self.first = nn.Conv2d(3, 4, 3, padding=1, bias=False)
        self.second = nn.Conv2d(4, 5, 3, padding=1, bias=False)
        self.between = nn.Identity() if linear else nn.ReLU()
        self.dense = nn.Conv2d(5, 3, 1, bias=False)
        self.value = nn.Linear(5, 2, bias=False)
        self.embedding = nn.Linear(5, 4, bias=False)
        rng = np.random.default_rng(7)
        with torch.no_grad():
            for weights in self.parameters():
                drawn = rng.integers(-2, 3, weights.shape)
                weights.copy_(torch.from_numpy(drawn.astype(np.float32)))

    def forward(self, x: Tensor) -> Tensor:
        return self.behind(self.maps(x))

    def maps(self, x: Tensor) -> Tensor:
        """Feature maps of the first layer."""
        return self.between(self.first(x))

    def inner(self, maps: Tensor) -> Tensor:
        """Feature maps of the second layer."""
        return self.between(self.second(maps))

    def behind(self, maps: Tensor) -> Tensor:
        """What the network answers, from the maps of the first layer."""
        inner = self.inner(maps)
        if self.answer == "dense":
            return self.dense(inner)
        pooled = inner.mean((2, 3))
        return self.embedding(pooled) if self.answer == "embedding" else self.value(pooled)


@dataclass(frozen=True)
class Case:
    """A target, and the same number in PyTorch.

    Attributes
    ----------
    answer : str
        Head of the network.
    declared : dict
        What is said of the file.
    said : str
        What a person asks for; `{folder}` stands for where the files are, `{inner}` for the
        name of a tensor.
    score : callable
        The number, (N,), from the network and its first feature maps.
    length : callable
        What divides the number but counts as a constant in relevance propagation.
    """

    answer: str
    declared: dict[str, str]
    said: str
    score: Callable[[Net, Tensor], Tensor]
    unit: str
    length: Callable[[Net, Tensor], Tensor] | None = None


def _cosine(net: Net, maps: Tensor) -> Tensor:
    found, other = net.behind(maps), torch.from_numpy(REFERENCE).to(maps)
    return found @ other / found.norm(dim=1) / other.norm()


CASES = {
    "value": Case(
        "value", {"task": "values"}, "1", lambda net, maps: net.behind(maps)[:, 1], "value"
    ),
    "likeness": Case(
        "embedding", {"task": "embedding"}, "like={folder}/reference.npy", _cosine, "cosine",
        lambda net, maps: net.behind(maps).norm(dim=1),
    ),
    "region": Case(
        "dense", {}, "2@{folder}/mask.npy",
        lambda net, maps: net.behind(maps)[:, 2][:, torch.from_numpy(MASK)].mean(dim=1), "logit",
    ),
    "element": Case(
        "value", {"task": "values"}, "{inner}[2, 1:4, 3]",
        lambda net, maps: net.inner(maps)[(slice(None), *_PLACE)].mean(dim=1), "mean value",
    ),
}  # fmt: skip
LINEAR = [n for n in CASES if n != "likeness"]


class Opened:
    """A file opened by the product, beside the network it was exported from."""

    def __init__(self, name: str, folder: Any, *, linear: bool = False) -> None:
        self.case = CASES[name]
        np.save(folder / "reference.npy", REFERENCE)
        np.save(folder / "mask.npy", MASK)
        proto = _file(self.case.answer, linear)
        self.net = Net(self.case.answer, linear=linear).double()
        self.model = onnxplain.load(
            proto, preprocess=RECIPE, precision="double", **self.case.declared
        )
        convolutions = [n for n in proto.graph.node if n.op_type == "Conv"]
        rectified = [n for n in proto.graph.node if n.op_type == "Relu"]
        self.layer, inner = [n.output[0] for n in (convolutions if linear else rectified)[:2]]
        self.said = self.case.said.format(folder=folder, inner=inner)

    def explain(self, method: str, **options: Any) -> Any:
        """Explain the target by a method of the product."""
        return self.model.explain(PICTURE, method, self.said, **options)

    def map(self, method: str, **options: Any) -> np.ndarray:
        """Return the numbers of a method, in float64."""
        return self.explain(method, **options).attribution.astype(np.float64)

    def score(self, x: np.ndarray) -> np.ndarray:
        """Return the number of inputs, (N,), by PyTorch in float64."""
        with torch.no_grad():
            return self.case.score(self.net, self.net.maps(torch.from_numpy(x))).numpy()

    def score_of_maps(self, maps: np.ndarray) -> np.ndarray:
        """Return the number from the first layer's feature maps."""
        with torch.no_grad():
            return self.case.score(self.net, torch.from_numpy(maps)).numpy()

    def slopes(self, x: np.ndarray = X) -> np.ndarray:
        """Return the derivative with respect to the input, by autograd."""
        leaf = torch.from_numpy(x).requires_grad_()
        total = self.case.score(self.net, self.net.maps(leaf)).sum()
        return torch.autograd.grad(total, leaf)[0].numpy()

    def layer_slopes(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the first layer's feature maps and the derivative with respect to them."""
        maps = self.net.maps(torch.from_numpy(X)).detach().requires_grad_()
        slopes = torch.autograd.grad(self.case.score(self.net, maps).sum(), maps)[0]
        return maps.detach().numpy()[0], slopes.numpy()[0]

    def parts(self) -> np.ndarray:
        """Return slope times input; lengths that divide count as constants."""
        leaf = torch.from_numpy(X).requires_grad_()
        maps = self.net.maps(leaf)
        score = self.case.score(self.net, maps)
        if self.case.length is not None:
            length = self.case.length(self.net, maps)
            score = score * length / length.detach()
        return X * torch.autograd.grad(score.sum(), leaf)[0].numpy()


@functools.cache
def _file(answer: str, linear: bool) -> Any:
    return export(Net(answer, linear=linear).eval(), torch.from_numpy(X).float())
