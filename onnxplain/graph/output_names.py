"""What the outputs of a file are called, also those that are no tensors."""

from __future__ import annotations

from onnxplain.errors import UnknownNameError, UsageError
from onnxplain.graph.left_out import Wrapped
from onnxplain.graph.view import Graph

_NO_NUMBERS = frozenset({"string", "bool", "complex64", "complex128"})


def own_outputs(graph: Graph) -> list[str]:
    """Graph outputs that the file has itself, without those that only a wrapped one holds."""
    added = {tensor for wrapped in graph.wrapped.values() for tensor in wrapped.added}
    return [o.name for o in graph.outputs if o.name not in added]


def file_outputs(graph: Graph) -> list[str]:
    """All outputs of the file: tensors, what is not a tensor, and what was left out."""
    return list(dict.fromkeys((*own_outputs(graph), *graph.wrapped, *graph.left_out.outputs)))


def named_output(graph: Graph, output: str) -> str:
    """Graph output that a person means by a name.

    Parameters
    ----------
    graph : Graph
        The prepared graph.
    output : str
        An output of the file, or a tensor in an output that is not a tensor.

    Raises
    ------
    UnknownNameError
        If there is none.
    UsageError
        If it holds no tensor of numbers.
    """
    known = {o.name: o for o in graph.outputs}
    merged = graph.origin.get(output, output)
    if merged in known and known[merged].kind not in _NO_NUMBERS:
        return merged
    if merged in known:
        raise UsageError(f"output {output!r} holds no scores: it is {known[merged].kind}")
    if output in graph.wrapped:
        raise UsageError(f"output {describe_wrapped(graph.wrapped[output], output)}")
    names = list(dict.fromkeys((*known, *graph.wrapped)))
    raise UnknownNameError("output", output, names, f"outputs: {', '.join(names)}")


def describe_wrapped(wrapped: Wrapped, name: str) -> str:
    """Say what an output that is not a tensor holds, and how to explain it."""
    inside = ", ".join(map(repr, wrapped.tensors))
    way = f"name a tensor that it holds with --output: {inside}" if inside else "it holds no scores"
    return f"{name!r} is not a tensor but {wrapped.kind} ({way})"


def no_scores(graph: Graph) -> str:
    """List outputs of which none can be explained."""
    own = set(own_outputs(graph))
    listed = [f"{o.name} {o.kind} {list(o.shape or ())}" for o in graph.outputs if o.name in own]
    listed += [describe_wrapped(w, n) for n, w in graph.wrapped.items() if n not in own]
    return ", ".join(listed)
