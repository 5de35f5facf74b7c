"""Where relevance is lost on its way, for the record."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Leak:
    """Relevance that one node took in and did not hand on.

    Attributes
    ----------
    tensor, op_type : str
        The node's first output tensor and its operator.
    absorbed : float
        Relevance at the outputs minus relevance at the inputs, summed over the batch, in
        units of the score.
    """

    tensor: str
    op_type: str
    absorbed: float
