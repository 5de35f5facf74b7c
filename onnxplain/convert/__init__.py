"""ONNX to PyTorch: onnx2torch is the engine, completed by the converters of this package.

`missing_operators` and `register` need neither PyTorch nor onnx2torch; everything else
loads them on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from onnxplain.convert.coverage import missing_operators
from onnxplain.convert.extensions import Registration, register

if TYPE_CHECKING:
    from onnxplain.convert.program import Program
    from onnxplain.convert.step import Step
    from onnxplain.graph.view import Graph

__all__ = ["Program", "Registration", "Step", "missing_operators", "register", "to_torch"]


def to_torch(graph: Graph, *, double: bool = False) -> Program:
    """Convert a prepared graph into a PyTorch program, keyed by ONNX tensor name.

    Parameters
    ----------
    graph : Graph
        The prepared graph.
    double : bool
        Compute everything in float64.

    Returns
    -------
    Program
        In evaluation mode, on the CPU, without trainable parameters.

    Raises
    ------
    ConversionError
        If operators are missing or used in a form that is not supported; one message
        names all of them.
    """
    from onnxplain.convert.torch_threads import import_torch

    import_torch()
    from onnxplain.convert.conversion import convert

    return convert(graph, double=double)


def __getattr__(name: str) -> Any:
    if name in ("Program", "Step"):
        from onnxplain.convert import program

        return getattr(program, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
