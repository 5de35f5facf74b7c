"""Verbs of engines for a single target, as most tests need them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from onnxplain.adapters import back_project as projecting
from onnxplain.adapters.base import Adapter
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


def logits_of(graph: Graph) -> str:
    """Tensor in front of the final activation of a graph."""
    return Network(graph).head.logits
