"""The explained number of a file as nodes: what it needs, how it is chosen, where slopes start."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx.helper import np_dtype_to_tensor_dtype

from onnxplain.symbolic.back import slope_type
from onnxplain.symbolic.builder import Builder
from onnxplain.symbolic.facts import Facts

#: Names of the inputs that say what is explained.
TARGET, CONTRAST, REGION, LABEL, REFERENCE = "target", "contrast", "region", "label", "reference"
#: Values of the input ``target``, and of ``contrast``.
PREDICTED, NONE, RIVAL, OTHERS = -1, -1, -2, -3


@dataclass(frozen=True, eq=False)
class Given:
    """A further input of a file.

    Attributes
    ----------
    name : str
        Its name; lengthened if the file has that name already.
    default : array
        What it is if nobody feeds it.
    axes : tuple of (int or str)
        Its declared shape; a text is an open length.
    """

    name: str
    default: NDArray[Any] = field(repr=False)
    axes: tuple[int | str, ...]


@dataclass(frozen=True)
class Pass:
    """One forward pass in what is written.

    Attributes
    ----------
    build : Builder
        Where nodes go.
    facts : Facts
        What is known of the tensors of the graph.
    names : mapping of str to str
        Where tensors of the graph have another name in this pass.
    """

    build: Builder
    facts: Facts
    names: Mapping[str, str]

    def tensor(self, name: str) -> str:
        """Name of a tensor of the graph in this pass."""
        return self.names.get(name, name)


@dataclass(frozen=True)
class Score:
    """The explained number of one pass.

    Attributes
    ----------
    value : str
        The number of each input, (N,).
    slopes : mapping of str to str
        For each tensor of the graph that it is read from its derivative, in the tensor's shape.
    """

    value: str
    slopes: Mapping[str, str]


class Explained(ABC):
    """What a file explains.

    Attributes
    ----------
    unit : str
        What the number is: ``logit``, ``probability``, ``score``, ``value``, ``cosine``.
    """

    unit: str

    @property
    @abstractmethod
    def tensors(self) -> tuple[str, ...]:
        """Tensors of the graph that are read, to choose or to score."""

    @property
    @abstractmethod
    def given(self) -> tuple[Given, ...]:
        """Inputs that say what is explained."""

    @property
    def one_by_one(self) -> bool:
        """Whether the tensors tell inputs apart only if each is run on its own."""
        return False

    @abstractmethod
    def choose(self, at: Pass, inputs: Mapping[str, str]) -> Mapping[str, str]:
        """Write what is explained, from a pass of the picture; it stays along a path."""

    @abstractmethod
    def score(self, at: Pass, chosen: Mapping[str, str]) -> Score:
        """Write the number that was chosen, and its slopes, for any pass."""


def with_defaults(given: tuple[Given, ...], defaults: Mapping[str, Any]) -> tuple[Given, ...]:
    """Return inputs with other defaults, by name."""
    return tuple(
        replace(g, default=np.asarray(defaults[g.name], g.default.dtype))
        if g.name in defaults
        else g
        for g in given
    )


def write_index(build: Builder, given: str, default: str, like: str, count: int) -> str:
    """Write the index that an input means, (N,).

    An index that is none stops the run: Gather does not accept it.

    Parameters
    ----------
    build : Builder
        Where nodes go.
    given : str
        The input, (1,) or (N,).
    default : str
        What -1 stands for.
    like : str
        Has the shape (N,).
    count : int
        Number of indices that there are.
    """
    negative = build.add("Less", given, build.integer(0))
    index = build.add("Where", negative, build.integer(count), given)
    index = build.add("Where", build.add("Equal", given, build.integer(PREDICTED)), default, index)
    index = build.add("Expand", index, build.add("Shape", like))
    return build.add("Gather", build.constant(np.arange(count)), index)


def write_one_hot(build: Builder, index: str, count: int, real: np.dtype[Any]) -> str:
    """Write a one at each index (N,) of as many as there are, (N, count), and zeros beside it."""
    column = build.add("Unsqueeze", index, build.integers(1))
    hit = build.add("Equal", column, build.constant(np.arange(count)))
    return write_cast(build, hit, real)


def write_wide(at: Pass, tensor: str, slopes: str) -> str:
    """Write slopes at a tensor in the type of derivatives, which is wider than half precision."""
    return write_cast(at.build, slopes, slope_type(at.facts.types[tensor]))


def write_cast(build: Builder, x: str, dtype: np.dtype[Any]) -> str:
    """Write a cast."""
    return build.add("Cast", x, to=np_dtype_to_tensor_dtype(dtype))
