"""A small network with several kinds of answer, and the numbers explained, in PyTorch alone.

Weights and inputs are small multiples of powers of two: single precision adds and multiplies
them without rounding, so that ONNX Runtime and float64 say the same to the last bit.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
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

    def __init__(self, answer: str, *, linear: bool = False, biased: bool = False) -> None:
        super().__init__()
        self.answer = answer
        self.first = nn.Conv2d(3, 4, 3, padding=1, bias=False)
        self.second = nn.Conv2d(4, 5, 3, padding=1, bias=False)
        self.between = nn.Identity() if linear else nn.ReLU()
        self.dense = nn.Conv2d(5, 3, 1, bias=False)
        self.value = nn.Linear(5, 2, bias=False)
        self.embedding = nn.Linear(5, 4, bias=biased)
        rng = np.random.default_rng(7)
        with torch.no_grad():
            for weights in self.parameters():
                drawn = rng.integers(-2, 3, weights.shape)
                weights.copy_(torch.from_numpy(drawn.astype(np.float32)))

    def forward(self, x: Tensor) -> Tensor:
        return self.answered(self.later(self.maps(x)))

    def maps(self, x: Tensor) -> Tensor:
        """Feature maps of the first layer."""
        return self.between(self.first(x))

    def later(self, maps: Tensor) -> Tensor:
        """Feature maps of the second layer."""
        return self.between(self.second(maps))

    def answered(self, later: Tensor) -> Tensor:
        """What the network answers, from the maps of the second layer."""
        if self.answer == "dense":
            return self.dense(later)
        pooled = later.mean((2, 3))
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
        What a person asks for; `{folder}` stands for where the files are, `{later}` for the
        name of a tensor.
    score : callable
        The number, (N,), from the network and its second feature maps.
    unit : str
        What the number is called.
    length : callable
        What divides the number but counts as a constant in relevance propagation.
    """

    answer: str
    declared: dict[str, str]
    said: str
    score: Callable[[Any, Tensor], Tensor]
    unit: str
    length: Callable[[Any, Tensor], Tensor] | None = None


def cosine(net: Any, later: Tensor) -> Tensor:
    """Likeness of an embedding to the reference."""
    found, other = net.answered(later), torch.from_numpy(REFERENCE).to(later)
    return found @ other / found.norm(dim=1) / other.norm()


CASES = {
    "value": Case(
        "value", {"task": "values"}, "1", lambda net, later: net.answered(later)[:, 1], "value"
    ),
    "likeness": Case(
        "embedding", {"task": "embedding"}, "like={folder}/reference.npy", cosine, "cosine",
        lambda net, later: net.answered(later).norm(dim=1),
    ),
    "region": Case(
        "dense", {}, "2@{folder}/mask.npy",
        lambda net, later: net.answered(later)[:, 2][:, torch.from_numpy(MASK)].mean(dim=1),
        "logit",
    ),
    "element": Case(
        "value", {"task": "values"}, "{later}[2, 1:4, 3]",
        lambda net, later: later[(slice(None), *_PLACE)].mean(dim=1), "mean value",
    ),
}  # fmt: skip
LINEAR = [n for n in CASES if n != "likeness"]


class Opened:
    """A file opened by the product, beside the network it was exported from."""

    def __init__(
        self, name: str, folder: Path, *, linear: bool = False, biased: bool = False
    ) -> None:
        self.name, self.case, self.folder = name, CASES[name], folder
        np.save(folder / "reference.npy", REFERENCE)
        np.save(folder / "mask.npy", MASK)
        proto = _file(self.case.answer, linear, biased)
        self.net = Net(self.case.answer, linear=linear, biased=biased).double()
        self.model = onnxplain.load(
            proto, preprocess=RECIPE, precision="double", **self.case.declared
        )
        convolutions = [n for n in proto.graph.node if n.op_type == "Conv"]
        rectified = [n for n in proto.graph.node if n.op_type == "Relu"]
        self.layer, later = [n.output[0] for n in (convolutions if linear else rectified)[:2]]
        self.said = self.case.said.format(folder=folder, later=later)

    def explain(self, method: str, **options: Any) -> Any:
        """Explain the target by a method of the product."""
        return self.model.explain(PICTURE, method, self.said, **{"kind": "logit", **options})

    def map(self, method: str, **options: Any) -> np.ndarray:
        """Return the numbers of a method, in float64."""
        return self.explain(method, **options).attribution.astype(np.float64)

    def score_tensor(self, x: Tensor) -> Tensor:
        """Return the number of inputs, (N,), with its autograd graph."""
        return self.case.score(self.net, self.net.later(self.net.maps(x)))

    def score(self, x: np.ndarray) -> np.ndarray:
        """Return the number of inputs, (N,), by PyTorch in float64."""
        with torch.no_grad():
            return self.score_tensor(torch.from_numpy(x)).numpy()

    def score_of_maps(self, maps: np.ndarray) -> np.ndarray:
        """Return the number from the first layer's feature maps."""
        with torch.no_grad():
            return self.case.score(self.net, self.net.later(torch.from_numpy(maps))).numpy()

    def slopes(self, x: np.ndarray = X) -> np.ndarray:
        """Return the derivative with respect to the input, by autograd."""
        leaf = torch.from_numpy(x).requires_grad_()
        return torch.autograd.grad(self.score_tensor(leaf).sum(), leaf)[0].numpy()

    def layer_slopes(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the first layer's feature maps and the derivative with respect to them."""
        maps = self.net.maps(torch.from_numpy(X)).detach().requires_grad_()
        score = self.case.score(self.net, self.net.later(maps))
        slopes = torch.autograd.grad(score.sum(), maps)[0]
        return maps.detach().numpy()[0], slopes.numpy()[0]

    def parts(self) -> np.ndarray:
        """Return slope times input; lengths that divide count as constants."""
        leaf = torch.from_numpy(X).requires_grad_()
        later = self.net.later(self.net.maps(leaf))
        return X * torch.autograd.grad(self.undivided(later).sum(), leaf)[0].numpy()

    def undivided(self, later: Tensor) -> Tensor:
        """Return the number, its length a constant, from the second feature maps."""
        score = self.case.score(self.net, later)
        if self.case.length is None:
            return score
        length = self.case.length(self.net, later)
        return score * length / length.detach()


@functools.cache
def _file(answer: str, linear: bool, biased: bool) -> Any:
    net = Net(answer, linear=linear, biased=biased).eval()
    return export(net, torch.from_numpy(X).float())
