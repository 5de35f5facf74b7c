"""What rules of the first nodes know of their input beside its values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from onnxplain.errors import UsageError
from onnxplain.graph.view import Graph
from onnxplain.relevance.composites import Composite
from onnxplain.symbolic.back import Back
from onnxplain.symbolic.builder import Builder
from onnxplain.symbolic.copies import copy_forward
from onnxplain.symbolic.facts import Facts


def write_box(
    graph: Graph,
    facts: Facts,
    build: Builder,
    data: str,
    image: str,
    composite: Composite,
) -> tuple[str, str]:
    """Write the bounds of a tensor: those of the input, carried through the graph.

    Parameters
    ----------
    graph, facts, build
        See `onnxplain.symbolic.pull_back.pull_back`.
    data : str
        The tensor.
    image : str
        Name of the explained input.
    composite : Composite
        Its bounds are those of the input.

    Raises
    ------
    UsageError
        If it has none.
    """
    if composite.bounds is None:
        raise UsageError("rule z-box needs the bounds of the input: Composite.within(bounds)")
    ends = []
    for bound in composite.bounds:
        held = np.asarray(bound, facts.types[image])
        whole = build.add("Expand", build.constant(held), _one_picture(build, facts, image))
        copied = (
            {image: whole} if data == image else copy_forward(graph, build, [data], {image: whole})
        )
        ends.append(copied[data])
    if data == image:
        return ends[0], ends[1]
    # A negative factor on the way exchanges them.
    return build.add("Min", *ends), build.add("Max", *ends)


def write_support(
    graph: Graph, facts: Facts, build: Builder, data: str, names: Mapping[str, str]
) -> str:
    """Write ones where a node reads the signal, and zeros where a Pad node made it wider.

    Parameters
    ----------
    graph, facts, build
        See `onnxplain.symbolic.pull_back.pull_back`.
    data : str
        The tensor that the node reads.
    names : mapping of str to str
        Where tensors of the graph have another name in what is written.
    """
    pad = graph.producers.get(data)
    one = _typed(build, facts, data, np.ones(()))
    if pad is None or pad.op_type != "Pad" or pad.attributes.get("mode", "constant") != "constant":
        return build.add("Expand", one, _one_picture(build, facts, data))
    inside = build.add("Expand", one, _one_picture(build, facts, pad.inputs[0]))
    at = Back(graph, facts, build, pad, names, (), ())
    further = [at.name(n) if n else "" for n in pad.inputs[1:]]
    wide = build.add("Pad", inside, *further, **pad.attributes)
    return at.cast(build.add("Equal", wide, one))


def _one_picture(build: Builder, facts: Facts, tensor: str) -> str:
    """Shape of a tensor for one picture, if the batch is open."""
    return build.integers(*(1 if d is None else d for d in facts.shapes[tensor]))


def _typed(build: Builder, facts: Facts, tensor: str, value: NDArray[Any]) -> str:
    code = onnx.helper.np_dtype_to_tensor_dtype(facts.types[tensor])
    return build.add("Cast", build.constant(value.astype(np.float32)), to=code)
