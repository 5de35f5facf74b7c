"""Relevance that flows through chosen channels of a tensor, and through nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.adapters.base import Adapter, Propagation
from onnxplain.relevance.composites import Composite
from onnxplain.targets.target import Target


def relevance_through(
    engine: Adapter,
    x: NDArray[Any],
    target: Target,
    rules: Composite,
    tensor: str,
    masks: Sequence[NDArray[Any]],
    image: str,
) -> list[Propagation]:
    """Relevance of the input, and of a tensor, that flows through parts of that tensor.

    What reaches the input around the tensor, as by a residual connection, belongs to none of its
    channels: it is propagated once with all of them closed, and taken away.

    Parameters
    ----------
    engine : Adapter
        One that propagates relevance.
    x : (N, ...) array
        Inputs.
    target : Target
        What is explained.
    rules : Composite
        The rules, with the bounds of the input.
    tensor : str
        Where the channels are.
    masks : sequence of array
        One for what may pass, zero for what may not; broadcast against the tensor.
    image : str
        Name of the explained input.

    Returns
    -------
    list of Propagation
        One for each mask. Over masks that add up to one, the relevance of the input adds up to
        what flows through the tensor at all.

    Notes
    -----
    Achtibat et al. 2023, "From attribution maps to human-understandable explanations through
    Concept Relevance Propagation", Nature Machine Intelligence 5, equation 2.
    """
    names = list(dict.fromkeys([image, tensor]))

    def passed(mask: NDArray[Any]) -> Propagation:
        return engine.relevance(x, [target], rules, names, keep={tensor: mask})[0]

    if tensor == image:
        return [passed(mask) for mask in masks]
    around = passed(np.zeros_like(masks[0])).relevance[image]
    found = []
    for mask in masks:
        one = passed(mask)
        own = {**one.relevance, image: one.relevance[image] - around}
        found.append(replace(one, relevance=own))
    return found
