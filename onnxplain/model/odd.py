"""Is a model file odd, so that it is better opened behind a wall?

Odd is what ordinary exporters do not write and native code is seldom tested with. It is no
fault: behind the wall the file is explained as any other.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import onnx
from numpy.typing import NDArray

from onnxplain.graph.bodies import nodes_with_bodies
from onnxplain.graph.budget import OverBudgetError, budget, halved, within
from onnxplain.graph.prepare import prepare
from onnxplain.graph.view import Graph
from onnxplain.process.wanted import WallNeeded, is_wall_wanted
from onnxplain.text import shown

# Domains whose operators come with ONNX Runtime and are in wide use.
_USUAL = frozenset({"", "ai.onnx", "ai.onnx.ml", "com.microsoft", "com.microsoft.nchwc"})
# Their parameters have ended ONNX Runtime's process, or their rounds are open.
_RISKY = frozenset(
    "RandomNormal RandomNormalLike RandomUniform RandomUniformLike Multinomial Bernoulli "
    "Loop Scan SequenceMap StringNormalizer StringSplit StringConcat RegexFullMatch "
    "TfIdfVectorizer LabelEncoder Optional OptionalGetElement".split()
)


def prepared(model: onnx.ModelProto, weights: Mapping[str, NDArray[Any]], name: str) -> Graph:
    """Prepare a model, see `prepare`, and call for a wall if it is odd and one is to be had.

    Raises
    ------
    WallNeeded
        If it has operators of other domains or such as have ended the process before, or takes
        more than half of what a budget allows.
    ModelFileError
        As `prepare` does.
    """
    if not is_wall_wanted():
        return prepare(model, weights)
    try:
        with within(halved(budget())):
            graph = prepare(model, weights)
    except OverBudgetError as error:
        raise WallNeeded(f"{name} takes more than half of what a budget allows") from error
    if why := _oddity(graph):
        raise WallNeeded(f"{name} has {why}")
    return graph


def _oddity(graph: Graph) -> str:
    for node, _ in nodes_with_bodies(graph):
        if node.domain not in _USUAL:
            return f"operators of the domain {shown(node.domain[:40])!r}"
        if node.op_type in _RISKY:
            return f"the operator {node.op_type}"
    return ""
