"""Verbs of engines for a single target, as most tests need them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from onnxplain.adapters import back_project as projecting
from onnxplain.adapters.base import Adapter
from onnxplain.graph.answers.find import find_answers
from onnxplain.graph.answers.outputs import Outputs, class_keys, find_outputs
from onnxplain.graph.head import Head, head_of
from onnxplain.graph.image_input import find_image_input
from onnxplain.graph.shapes import infer_shapes
from onnxplain.graph.view import Graph
from onnxplain.network.context import Derivatives
from onnxplain.network.network import Network
from onnxplain.targets.target import Target


def gradients(
    engine: Adapter, x: np.ndarray, target: Target, names: list[str], **options: Any
) -> Derivatives:
    """Return the score with its derivatives."""
    found = engine.pull_back(x, [target], names, **options)
    return Derivatives(target.score(found.values), found.values, found.gradients[0])


def relevance(
    engine: Adapter, x: np.ndarray, target: Target, *options: Any, **more: Any
) -> SimpleNamespace:
    """Return the score with its relevance and leaks."""
    (found,) = engine.relevance(x, [target], *options, **more)
    scores = target.score(found.values)
    return SimpleNamespace(scores=scores, relevance=found.relevance, leaks=found.leaks)


def back_project(
    engine: Adapter, x: np.ndarray, tensor: str, seeds: np.ndarray, **options: Any
) -> np.ndarray:
    """Carry signals back to the input ``image``."""
    return projecting.back_project(engine, x, "image", tensor, seeds, **options)


def outputs_of(graph: Graph, output: str | None = None) -> Outputs:
    """Return which output of a graph is explained."""
    return find_outputs(graph, output, lambda: find_image_input(graph), {})


def find_head(graph: Graph, output: str | None = None) -> Head:
    """Return the head of the output that is explained."""
    explained = outputs_of(graph, output).explained
    image = find_image_input(graph)
    answers = find_answers(graph, infer_shapes(graph, image), image, {})
    return head_of(next(a for a in answers if a.output == explained), graph)


def keys_of(graph: Graph, output: str | None = None) -> tuple[str, ...]:
    """Names that a file itself gives to the explained classes."""
    return class_keys(graph, outputs_of(graph, output))


def logits_of(graph: Graph) -> str:
    """Tensor in front of the final activation of a graph."""
    return Network(graph).head.logits
