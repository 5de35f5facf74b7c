"""Derivatives from ONNX Runtime: when they are asked for, and how that engine is opened."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from onnxplain.adapters.base import Adapter, Array
from onnxplain.adapters.engines import EngineSettings
from onnxplain.adapters.ort import OrtAdapter
from onnxplain.errors import MethodRefusedError
from onnxplain.graph.image_input import ImageInput
from onnxplain.graph.quantised import rounds_values
from onnxplain.graph.view import Graph

if TYPE_CHECKING:
    from onnxplain.adapters.slopes_engine import SlopesEngine

_CPU = "CPUExecutionProvider"
# Nodes, and bytes of weights, up to which relevance in ONNX nodes opens as soon as PyTorch.
_QUICK_NODES, _QUICK_BYTES = 150, 32 << 20


def suits_onnx(graph: Graph, image: ImageInput, precision: str, provider: str) -> bool:
    """Whether ONNX Runtime is the better engine for derivatives of a graph.

    It is where it was measured to be: on the CPU. Those of graphs that round depend on the last
    bits of each engine, only PyTorch computes in double precision, and only there can an input of
    integers have the values between them that paths and noise are made of. The clock is not asked,
    nor what the process has loaded: the same command computes the same numbers.

    Parameters
    ----------
    graph : Graph
        The prepared graph.
    image : ImageInput
        The input that varies.
    precision : {"single", "double"}
        What is asked of derivatives.
    provider : str
        Where ONNX Runtime runs.
    """
    rounds = rounds_values(graph) or np.dtype(image.dtype).kind in "iu"
    return precision == "single" and provider == _CPU and not rounds


def opens_quickly(graph: Graph) -> bool:
    """Whether relevance in ONNX nodes is ready about when PyTorch would be: of most small graphs.

    The rules write some 25 nodes for each of the graph's, and ONNX Runtime arranges its weights
    anew for most of them. Once open, a picture takes less time there than in PyTorch. The graph
    alone decides, see `suits_onnx`.
    """
    if len(graph.nodes) > _QUICK_NODES:
        return False
    return graph.model.ByteSize() + sum(w.nbytes for w in graph.weights.values()) <= _QUICK_BYTES


def require_slopes(asked: str) -> None:
    """Refuse what needs more than derivatives and relevance, if only ONNX Runtime may give it.

    Raises
    ------
    MethodRefusedError
        If so.
    """
    if asked == "onnxruntime":
        raise MethodRefusedError(
            "ONNX Runtime gives derivatives and relevance, and this method changes how signals "
            "pass; choose --engine pytorch"
        )


def open_slopes(
    graph: Graph,
    image: ImageInput,
    open_ort: Callable[[Graph], OrtAdapter],
    open_pytorch: Callable[[], Adapter],
    settings: EngineSettings,
    example: Callable[[], Array],
    *,
    batch_size: int,
    measured: Callable[[], bool],
    only: bool,
) -> SlopesEngine:
    """Open the engine that takes derivatives from ONNX Runtime first.

    Parameters
    ----------
    graph : Graph
        The prepared graph.
    image : ImageInput
        The input that varies.
    open_ort : callable
        Opens ONNX Runtime for the graph, or for the same in a newer opset.
    open_pytorch : callable
        Opens PyTorch for what ONNX Runtime does not give.
    settings : EngineSettings
        What was asked of all engines.
    example : callable
        Returns an input on which derivatives are checked.
    batch_size : int
        Largest batch in one pass.
    measured : callable
        See `Batches`.
    only : bool
        Refuse what ONNX Runtime does not give.
    """
    # What writes the way back takes a while to load: methods that look forwards do without.
    from onnxplain.adapters.slopes_engine import SlopesEngine
    from onnxplain.adapters.symbolic import SymbolicAdapter

    symbolic = SymbolicAdapter(
        graph,
        image,
        open_ort,
        batch_size=batch_size,
        bound=settings.bound,
        must_part=settings.must_part,
        measured=measured,
    )
    return SlopesEngine(graph, image, symbolic, open_pytorch, example, only=only)
