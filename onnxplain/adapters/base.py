"""The one interface behind which the two engines sit.

Arrays in, arrays out; tensors are named by their ONNX tensor name, the one identity that
survives in both engines. The PyTorch adapter can do all that the ONNX Runtime adapter can,
so every forward-only method runs on both, and ONNX Runtime is the oracle.

If you are about to add a verb, pause: few verbs keep a fake adapter in a test at one
screen. Another one needs a reason in ``docs/decisions``, as `gradients_of_each` and
`relevance_of_each` have in 012, `back_project` in 014, `windowed` in 015 and `rerun_from` in 016.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from onnxplain.adapters.changes import Engine, WindowChanges, WindowRun
from onnxplain.errors import UsageError
from onnxplain.relevance.composites import Composite
from onnxplain.relevance.kinds import Rectification
from onnxplain.relevance.leak import Leak
from onnxplain.targets.classes import Target

Array = NDArray[Any]


class Capability(enum.Flag):
    """What a method needs and what an adapter gives."""

    FORWARD = enum.auto()
    ACTIVATIONS = enum.auto()
    GRADIENTS = enum.auto()
    RELEVANCE = enum.auto()


@dataclass(frozen=True)
class Derivatives:
    """What one forward and backward pass gives.

    Attributes
    ----------
    scores : (N,) array
        The explained scalar for each input.
    values : mapping of str to array
        The named tensors.
    gradients : mapping of str to array
        Derivative of each input's own score with respect to the named tensors.
    """

    scores: Array
    values: Mapping[str, Array]
    gradients: Mapping[str, Array]


@dataclass(frozen=True)
class Propagation:
    """What one relevance pass gives.

    Attributes
    ----------
    scores : (N,) array
        The explained scalar for each input.
    relevance : mapping of str to array
        Relevance of the named tensors, in units of the score.
    leaks : tuple of Leak
        Every node's leak, the largest magnitude first.
    """

    scores: Array
    relevance: Mapping[str, Array]
    leaks: tuple[Leak, ...]


class Adapter(Protocol):
    """Something that executes the prepared graph.

    Attributes
    ----------
    capabilities : Capability
        Which of the verbs work.
    device : str
        Where it runs, for the record, for example ``"CPUExecutionProvider"``.
    """

    capabilities: Capability
    device: str

    def forward(self, x: Array) -> Array:
        """Return the explained graph output for inputs `x`."""
        ...

    def activations(self, x: Array, names: Sequence[str]) -> dict[str, Array]:
        """Return the named tensors for inputs `x`; axis 0 is the batch."""
        ...

    def gradients(
        self,
        x: Array,
        target: Target,
        names: Sequence[str],
        *,
        rectify: Rectification | None = None,
        baseline: Array | None = None,
    ) -> Derivatives:
        """Return derivatives of the target's score with respect to the named tensors.

        With `rectify`, gradients are filtered at ReLU-like nodes (guided backpropagation
        or deconvnet). With `baseline`, of the shape of `x`, DeepLIFT multipliers stand in
        the place of the derivatives.
        """
        ...

    def gradients_of_each(
        self,
        x: Array,
        targets: Sequence[Target],
        names: Sequence[str],
        *,
        rectify: Rectification | None = None,
        baseline: Array | None = None,
    ) -> list[Derivatives]:
        """Do the same for several targets of one tensor, with one forward pass for all."""
        ...

    def relevance(
        self,
        x: Array,
        target: Target,
        composite: Composite,
        names: Sequence[str],
        *,
        keep: Mapping[str, Array] | None = None,
    ) -> Propagation:
        """Return the relevance of the named tensors for the target's score.

        With `keep`, the relevance of those tensors is multiplied by the given factors, which
        broadcast against them, before it flows on.
        """
        ...

    def relevance_of_each(
        self,
        x: Array,
        targets: Sequence[Target],
        composite: Composite,
        names: Sequence[str],
        *,
        keep: Mapping[str, Array] | None = None,
    ) -> list[Propagation]:
        """Do the same for several targets of one tensor, with one forward pass for all."""
        ...

    def windowed(
        self, base: Array, changes: WindowChanges, names: Sequence[str], *, engine: Engine = "auto"
    ) -> WindowRun:
        """Return the named tensors for inputs that differ from `base` inside a window each.

        `base` is one input without its batch axis. Whatever the engine, the values are
        those of `activations` for the whole changed inputs, up to float rounding.
        """
        ...

    def rerun_from(
        self, x: Array, tensor: str, values: Array, names: Sequence[str]
    ) -> dict[str, Array]:
        """Return the named tensors for one input `x` when `tensor` had other values.

        `x` has the shape (1, ...), `values` (M, ...): a tensor's values for M inputs. Only
        what lies behind the tensor runs; everything else is as for `x`.
        """
        ...

    def back_project(
        self,
        x: Array,
        tensor: str,
        seeds: Array,
        *,
        rectify: Rectification | None = None,
        resample: bool = False,
    ) -> Array:
        """Carry signals that start at one tensor back to the explained input.

        Parameters
        ----------
        x : (N, ...) array
            Inputs.
        tensor : str
            Where the signals start.
        seeds : (N, S, ...) array
            S signals for each input, each of the shape of that input's value of `tensor`.
        rectify : {"guided", "deconvnet", "linear"}, optional
            How they pass ReLU-like nodes; as derivatives if not given.
        resample : bool
            With `rectify`: leave no grid behind strided convolutions.

        Returns
        -------
        (N, S, ...) array
            Each signal times the transposed Jacobian, in the shape of the input. There is
            one forward pass, whatever the number of signals.
        """
        ...


def in_batches(
    function: Callable[[Array], dict[str, Array]], x: Array, size: int, fixed: int | None = None
) -> dict[str, Array]:
    """Run `function` on slices of `x` and join the results along axis 0.

    Parameters
    ----------
    function : callable
        Takes a batch, returns arrays.
    x : (N, ...) array
        All inputs, N >= 1.
    size : int
        Largest batch.
    fixed : int, optional
        The batch size that the model file insists on; the last slice is filled up by
        repeating its last element, and the surplus results are dropped.

    Returns
    -------
    dict of str to array
        Arrays of axis 0 length N. What has no such axis (positional data, windows that
        stand beside the batch) is returned as it is if one slice is enough.

    Raises
    ------
    UsageError
        If such an array would have to be joined from several slices.
    """
    step = fixed or max(1, size)
    parts: list[dict[str, Array]] = []
    for start in range(0, len(x), step):
        batch = x[start : start + step]
        count = len(batch)
        if fixed and count < fixed:
            batch = np.concatenate([batch, np.repeat(batch[-1:], fixed - count, axis=0)])
        result = function(batch)
        loose = [k for k, v in result.items() if v.ndim == 0 or len(v) != len(batch)]
        if loose and len(x) > step:
            raise UsageError(
                f"tensor {loose[0]!r} of shape {result[loose[0]].shape} does not hold the batch "
                f"of {len(batch)} on its first axis; read it for one input at a time"
            )
        parts.append({k: v if k in loose else v[:count] for k, v in result.items()})
    if len(parts) == 1:
        return parts[0]
    return {k: np.concatenate([p[k] for p in parts]) for k in parts[0]}
