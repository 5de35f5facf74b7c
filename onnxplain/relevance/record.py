"""The forward pass of a relevance walk: every step with a small autograd graph of its own."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

import torch
from torch import Tensor

from onnxplain.convert.program import Program
from onnxplain.convert.step import Step
from onnxplain.relevance.fixed_scale import with_fixed_scale
from onnxplain.relevance.kinds import NORMALISING


@dataclass(frozen=True)
class Record:
    """One executed step, with its own small autograd graph.

    Attributes
    ----------
    step : Step
        What was executed.
    inputs : tuple of (Tensor or None)
        Operands as given; those that carry the signal are leaves that require gradients.
    outputs : tuple of Tensor
        Results, attached to the leaves.
    """

    step: Step
    inputs: tuple[Tensor | None, ...]
    outputs: tuple[Tensor, ...]

    def leaves(self) -> dict[int, Tensor]:
        """Operands that carry the signal, by position."""
        return {
            k: v
            for k, v in enumerate(self.inputs)
            if v is not None and v.is_floating_point() and v.requires_grad
        }


def record_steps(
    program: Program,
    feeds: Mapping[str, Tensor],
    fixed: Mapping[str, Tensor],
    needed: AbstractSet[str],
    dynamic: AbstractSet[str],
    own_pass: AbstractSet[str],
) -> tuple[dict[str, Tensor], dict[str, Record]]:
    """Execute a program step by step.

    Parameters
    ----------
    program : Program
        The converted graph.
    feeds : mapping of str to Tensor
        All graph inputs.
    fixed : mapping of str to Tensor
        Tensors that depend on initializers alone; they are not computed again.
    needed : set of str
        Steps that compute none of these are left out.
    dynamic : set of str
        Tensors that carry the signal.
    own_pass : set of str
        First outputs of the steps that need no autograd graph here, because their rule
        builds the passes that it needs from weights of its own.

    Returns
    -------
    dict of str to Tensor
        All values, detached.
    dict of str to Record
        By first output, the steps that the signal passes.
    """
    values: dict[str, Tensor] = {**feeds, **fixed}
    records: dict[str, Record] = {}
    for step in program.steps:
        name = step.outputs[0]
        if name in fixed or needed.isdisjoint(step.outputs):
            continue
        record = _execute(step, values, dynamic, name in own_pass)
        for output, value in zip(step.outputs, record.outputs, strict=False):
            if output:
                values[output] = value.detach()
        if any(y.requires_grad for y in record.outputs if y is not None):
            records[name] = record
    return values, records


def _execute(
    step: Step, values: Mapping[str, Tensor], dynamic: AbstractSet[str], own_pass: bool
) -> Record:
    operands: list[Tensor | None] = []
    for name in step.inputs:
        value = values[name] if name else None
        if value is not None and name in dynamic and value.is_floating_point() and not own_pass:
            value = value.detach().requires_grad_()
        operands.append(value)
    carries = any(v is not None and v.requires_grad for v in operands)
    with torch.set_grad_enabled(carries):
        if step.node.op_type in NORMALISING and not step.node.domain:
            result = with_fixed_scale(step, operands)
        else:
            result = step.module(*operands)
    outputs = tuple(result) if isinstance(result, (tuple, list)) else (result,)
    return Record(step, tuple(operands), outputs)
