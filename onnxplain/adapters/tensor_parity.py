"""Tensor by tensor: where do ONNX Runtime and PyTorch part?

Every tensor is compared twice: as the engines compute it from the picture, and as PyTorch
computes its node alone from ONNX Runtime's values. The second tells a wrong conversion from
rounding that adds up. ONNX Runtime runs without optimisations, because with them many
tensors of the file do not exist.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from onnxplain.adapters.base import Adapter, Array
from onnxplain.adapters.parity import TOLERANCE, largest, resolution
from onnxplain.graph.quantised import quantisation_step
from onnxplain.graph.view import Graph

if TYPE_CHECKING:
    from onnxplain.adapters.torch import TorchAdapter

# Sums of many products are rounded more than once.
_ROUNDINGS = 4.0


@dataclass(frozen=True)
class TensorParity:
    """Agreement at one tensor.

    Attributes
    ----------
    tensor, operator : str
        Its name and the operator that writes it.
    error : float
        Largest difference when both engines start from the picture, divided by the largest
        change of the tensor between the picture and a plain one (by its largest value if it
        does not change).
    own_error : float
        The same, when PyTorch computes the node from ONNX Runtime's values of its inputs.
    tolerance : float
        0.001, or a step of quantisation and the rounding of the element type, if more.
    """

    tensor: str
    operator: str
    error: float
    own_error: float
    tolerance: float

    @property
    def parts(self) -> bool:
        """Whether the node itself computes something else."""
        return not self.own_error <= self.tolerance

    @property
    def differs(self) -> bool:
        """Whether the engines differ here, by this node or by what comes before it."""
        return not self.error <= self.tolerance


def compare_tensors(
    graph: Graph, reference: Adapter, converted: TorchAdapter, inputs: tuple[Array, Array]
) -> list[TensorParity]:
    """Compare every tensor that a node writes, in the order of the graph.

    Parameters
    ----------
    graph : Graph
        The prepared graph.
    reference : Adapter
        ONNX Runtime without optimisations.
    converted : TorchAdapter
        The same graph in PyTorch.
    inputs : (array, array)
        A picture as model input, and a plain one.

    Returns
    -------
    list of TensorParity
        Tensors of other kinds than numbers are left out.
    """
    names = list(graph.tensor_names())
    wanted, start = (reference.activations(i, names) for i in inputs)
    numeric = [n for n in names if n in wanted and wanted[n].dtype.kind in "fiubV"]
    got = converted.activations(inputs[0], numeric)
    found = []
    for node, outputs in converted.recompute({n: wanted[n] for n in numeric}):
        for name, own in outputs.items():
            if name not in numeric:
                continue
            value = wanted[name]
            magnitude = float(np.max(np.abs(value.astype(np.float64)), initial=0.0))
            change = largest(value, start[name]) if value.shape == start[name].shape else 0.0
            scale = change or magnitude or 1.0
            step = 1.0 if value.dtype.kind in "iu" else quantisation_step(graph, name)
            allowed = (_ROUNDINGS * resolution(value) * magnitude + step) / scale
            found.append(
                TensorParity(
                    name,
                    node.op_type,
                    _distance(value, got[name]) / scale,
                    _distance(value, own) / scale,
                    max(TOLERANCE, allowed),
                )
            )
    return found


def _distance(wanted: Array, got: Array) -> float:
    return largest(wanted, got) if wanted.shape == got.shape else float("inf")
