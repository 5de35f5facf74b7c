"""The prepared graph in PyTorch, on its device: arrays become tensors, and its tensors are run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from onnxplain.adapters.base import Array
from onnxplain.adapters.device import parse_device
from onnxplain.convert import to_torch
from onnxplain.convert.program import Program
from onnxplain.errors import UsageError
from onnxplain.graph.expand import expand
from onnxplain.graph.view import Graph
from onnxplain.relevance.kinds import Rectification
from onnxplain.relevance.rectify import run_rectified
from onnxplain.relevance.walk import Walker


class Converted:
    """A graph converted to PyTorch, with the values of its further inputs.

    Parameters
    ----------
    graph : Graph
        The prepared graph.
    image : str
        The input that varies.
    device : str
        ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
    bound : mapping of str to array
        Values of all other inputs.
    double : bool
        Compute in float64.
    channels : bool
        Whether axis 1 of the image holds its channels.

    Attributes
    ----------
    graph, program
        The graph, and the same in PyTorch.
    device : torch.device
        Where it is computed.

    Raises
    ------
    ConversionError
        If operators are missing.
    UsageError
        If the device is not there.
    """

    def __init__(
        self,
        graph: Graph,
        image: str,
        *,
        device: str,
        bound: Mapping[str, Array],
        double: bool,
        channels: bool = False,
    ) -> None:
        self.graph = graph
        self.device = _torch_device(device)
        self._image = image
        self._double = double
        # PyTorch's convolutions on a CPU are at least as fast if the channels of a place are
        # neighbours in memory; what follows keeps the order of its input.
        self._interleave = channels and self.device.type == "cpu" and not double
        self.program = self._convert(graph)
        self._bound = {name: self.side_input(values) for name, values in bound.items()}

    def _convert(self, graph: Graph) -> Program:
        # In float16, derivatives would underflow.
        return to_torch(graph, double=self._double).widen_halves().to(self.device)

    @cached_property
    def _expanded(self) -> tuple[Graph, Program]:
        """The graph with its integer operators written out, and in PyTorch."""
        graph = expand(self.graph)
        return graph, self.program if graph is self.graph else self._convert(graph)

    @cached_property
    def walker(self) -> Walker:
        """Relevance propagation through the graph."""
        return Walker(*self._expanded, self._image)

    def tensor(self, values: Array) -> Tensor:
        """Return floating values on the device."""
        tensor = torch.from_numpy(np.array(values)).to(self.device)
        # Also integer pixels become floating: their derivative is asked for.
        return tensor.to(torch.float64 if self._double else torch.float32)

    def side_input(self, values: Array) -> Tensor:
        """Return values on the device; integers stay what they are."""
        if np.issubdtype(values.dtype, np.floating):
            return self.tensor(values)
        return torch.from_numpy(np.array(values)).to(self.device)

    def feeds(self, image: Tensor) -> dict[str, Tensor]:
        """Return the values of all graph inputs."""
        if self._interleave and image.ndim == 4:
            image = image.contiguous(memory_format=torch.channels_last)
        return {self._image: image, **self._bound}

    def compute(self, feeds: Mapping[str, Tensor], names: Sequence[str]) -> dict[str, Array]:
        """Return the named tensors, without a trace for derivatives.

        Autograd refuses what inference mode made; nothing of it outlives this call but arrays.
        """
        with torch.inference_mode():
            values = self.program.run(feeds, list(names))
        return {n: as_array(values[n]) for n in names}

    def attached(
        self,
        leaf: Tensor,
        names: Sequence[str],
        rectify: Rectification | None,
        resample: bool = False,
    ) -> dict[str, Tensor]:
        """Return the named tensors with the autograd graph that leads to `leaf`, the image.

        With `rectify`, derivatives are filtered at ReLU-like nodes; see `run_rectified`.
        """
        feeds = self.feeds(leaf)
        if rectify is None:
            return self.program.run(feeds, names)
        # Written out, integer operators show the ReLUs that they absorbed.
        graph, program = self._expanded
        image = self._image
        return run_rectified(graph, program, image, feeds, names, rectify, resample=resample)[0]


def as_array(tensor: Tensor) -> Array:
    """Return the values of a tensor, wherever it lies."""
    return tensor.detach().cpu().numpy()


def _torch_device(device: str) -> torch.device:
    kind, index = parse_device(device)
    if kind != "cpu" and torch.cuda.is_available() and index < torch.cuda.device_count():
        return torch.device("cuda", index)
    if kind == "cuda":
        raise UsageError(f"device {device!r} is not usable by PyTorch here; use --device cpu")
    return torch.device("cpu")
