"""The one interface of all engines: two of the library's, and those of users.

Arrays in, arrays out; tensors are named by their ONNX tensor name, the one identity that
survives in both engines. The PyTorch adapter can do all that the ONNX Runtime adapter can,
so every forward-only method runs on both, and ONNX Runtime is the oracle.

Engines know values, products with transposed Jacobians and relevance; what is explained
(a class, a value, a region, a likeness) is a `Seed` to them (``docs/decisions/024-targets.md``).

If you are about to add a verb, pause: few verbs keep a fake adapter in a test at one
screen. Another one needs a reason in ``docs/decisions``, as `windowed` has in 015 and
`rerun_from` in 016.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from onnxplain.adapters.changes import Engine, WindowChanges, WindowRun
from onnxplain.adapters.side_by_side import ONE_BY_ONE, SideBySide
from onnxplain.errors import UsageError
from onnxplain.relevance.composites import Composite
from onnxplain.relevance.growth import Growth
from onnxplain.relevance.kinds import Rectification
from onnxplain.relevance.leak import Leak

Array = NDArray[Any]


class Capability(enum.Flag):
    """What a method needs and what an adapter gives.

    Attributes
    ----------
    FORWARD, ACTIVATIONS
        `Adapter.activations` of graph outputs, and of any tensor.
    WINDOWS, RERUN, GRADIENTS, RELEVANCE
        `Adapter.windowed`, `rerun_from`, `pull_back`, `relevance`.
    SIGNALS
        `pull_back` with `rectify` or `baseline`: what goes back is no derivative.
    """

    FORWARD = enum.auto()
    ACTIVATIONS = enum.auto()
    WINDOWS = enum.auto()
    RERUN = enum.auto()
    GRADIENTS = enum.auto()
    RELEVANCE = enum.auto()
    SIGNALS = enum.auto()


# What needs no backward pass.
FORWARD_VERBS = Capability.FORWARD | Capability.ACTIVATIONS | Capability.WINDOWS | Capability.RERUN


class Seed(Protocol):
    """Where signals start on their way back: tensors, and what stands at each.

    A `Target` is one.
    """

    @property
    def tensors(self) -> tuple[str, ...]:
        """Names of the tensors."""
        ...

    def slopes(self, values: Mapping[str, Array]) -> Mapping[str, Array]:
        """Return the signal at each tensor, in its shape, from the tensors' values."""
        ...

    def starts(self, values: Mapping[str, Array]) -> Mapping[str, Array]:
        """Return the relevance of each tensor."""
        ...

    def secants(self, here: Mapping[str, Array], there: Mapping[str, Array]) -> Mapping[str, Array]:
        """Return the multiplier of each tensor between two inputs."""
        ...


@dataclass(frozen=True, eq=False)
class Signal:
    """Given numbers that start at one tensor.

    Attributes
    ----------
    tensor : str
        Its name.
    values : (N, ...) array
        For each input, in the tensor's shape.
    """

    tensor: str
    values: Array

    @property
    def tensors(self) -> tuple[str, ...]:
        """Name of the tensor."""
        return (self.tensor,)

    def slopes(self, values: Mapping[str, Array]) -> dict[str, Array]:
        """Return the numbers as they are."""
        return {self.tensor: self.values}

    def starts(self, values: Mapping[str, Array]) -> dict[str, Array]:
        """Return the numbers as they are."""
        return {self.tensor: self.values}

    def secants(self, here: Mapping[str, Array], there: Mapping[str, Array]) -> dict[str, Array]:
        """Return the numbers as they are."""
        return {self.tensor: self.values}

    def of_rows(self, rows: Array) -> Signal:
        """Return the part of some inputs."""
        return Signal(self.tensor, self.values[rows])


def of_rows(seed: Seed, rows: Array) -> Seed:
    """Return what starts at some of the inputs only."""
    return seed.of_rows(rows) if isinstance(seed, Signal) else seed


@dataclass(frozen=True)
class PullBack:
    """What one forward pass and a backward pass for each seed give.

    Attributes
    ----------
    values : mapping of str to array
        The named tensors, and those at which seeds start.
    gradients : tuple of mapping of str to array
        For each seed, the derivative of each input's own signal with respect to the named
        tensors.
    growth : tuple of Growth
        For each seed, how far what DeepLIFT's multipliers attribute grew in magnitude; empty
        for derivatives.
    """

    values: Mapping[str, Array]
    gradients: tuple[Mapping[str, Array], ...]
    growth: tuple[Growth, ...] = ()


def starts_of(seeds: Sequence[Seed]) -> tuple[str, ...]:
    """Return the tensors at which some seeds start, each once."""
    return tuple(dict.fromkeys(t for seed in seeds for t in seed.tensors))


def pulled(joined: Mapping[str, Array], names: Sequence[str], count: int) -> PullBack:
    """Return what batches gave that are joined: ``value:TENSOR`` and ``gradient:SEED:TENSOR``."""
    values = {k[len("value:") :]: v for k, v in joined.items() if k.startswith("value:")}
    return PullBack(
        values, tuple({n: joined[f"gradient:{k}:{n}"] for n in names} for k in range(count))
    )


@dataclass(frozen=True)
class Propagation:
    """What one relevance pass gives.

    Attributes
    ----------
    values : mapping of str to array
        The tensors at which relevance started.
    relevance : mapping of str to array
        Relevance of the named tensors, in units of the score.
    leaks : tuple of Leak
        Every node's leak, the largest magnitude first.
    growth : Growth
        How far it grew in magnitude.
    """

    values: Mapping[str, Array]
    relevance: Mapping[str, Array]
    leaks: tuple[Leak, ...]
    growth: Growth = field(default_factory=Growth)


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

    def activations(self, x: Array, names: Sequence[str]) -> dict[str, Array]:
        """Return the named tensors for inputs `x`; axis 0 is the batch."""
        ...

    def pull_back(
        self,
        x: Array,
        seeds: Sequence[Seed],
        names: Sequence[str],
        *,
        rectify: Rectification | None = None,
        resample: bool = False,
        baseline: Array | None = None,
    ) -> PullBack:
        """Carry slopes from tensors of the graph back to the named ones.

        Parameters
        ----------
        x : (N, ...) array
            Inputs.
        seeds : sequence of Seed
            Where signals start, such as a `Target`: each has its own backward pass, and all
            share the forward pass.
        names : sequence of str
            Tensors whose derivatives are wanted.
        rectify : {"guided", "deconvnet", "linear"}, optional
            How signals pass ReLU-like nodes; as derivatives if not given.
        resample : bool
            With `rectify`: leave no grid after strided convolutions.
        baseline : (N, ...) array, optional
            DeepLIFT multipliers between `x` and these inputs stand in the place of the
            derivatives.
        """
        ...

    def relevance(
        self,
        x: Array,
        seeds: Sequence[Seed],
        composite: Composite,
        names: Sequence[str],
        *,
        keep: Mapping[str, Array] | None = None,
    ) -> list[Propagation]:
        """Return the relevance of the named tensors, for each seed.

        Relevance starts with `Seed.starts`. With `keep`, the relevance of those tensors is
        multiplied by the given factors, which broadcast against them, before it flows on.
        """
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
        what follows the tensor runs; everything else is as for `x`.
        """
        ...


def in_batches(
    function: Callable[[Array], dict[str, Array]],
    x: Array,
    size: int,
    fixed: int | None = None,
    *,
    apart: bool = False,
    side: SideBySide = ONE_BY_ONE,
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
    apart : bool
        No two elements of `x` in one slice; a fixed batch holds copies of one.
    side : SideBySide
        How many slices run at a time.

    Returns
    -------
    dict of str to array
        Arrays of axis 0 length N. What has no such axis (positional data, windows that
        stand beside the batch) is returned as it is if one slice is enough; of a file that
        takes one input at a time, the values for each input are stacked.

    Raises
    ------
    UsageError
        If such an array would have to be joined from several slices.
    """
    step = 1 if apart else (fixed or max(1, size))
    if len(x) <= step and fixed in (None, len(x)):  # the most frequent case by far
        return function(x)
    stacked: set[str] = set()
    parts: list[dict[str, Array]] = []

    def of(start: int) -> tuple[int, int, dict[str, Array]]:
        batch = x[start : start + step]
        count = len(batch)
        if fixed and count < fixed:
            batch = np.concatenate([batch, np.repeat(batch[-1:], fixed - count, axis=0)])
        return count, len(batch), function(batch)

    for count, ran, result in side.map(of, range(0, len(x), step)):
        loose = [k for k, v in result.items() if v.ndim == 0 or len(v) != ran]
        stacked.update(loose if step == 1 else ())
        if loose and len(x) > step and fixed != 1:
            raise UsageError(
                f"tensor {loose[0]!r} of shape {result[loose[0]].shape} does not hold the batch "
                f"of {ran} on its first axis; run one input at a time"
            )
        filled = count < ran
        parts.append({k: v[:count] if filled and k not in loose else v for k, v in result.items()})
    if len(parts) == 1:
        return parts[0]
    joined = {}
    for name in parts[0]:
        values = [p[name] for p in parts]
        if len({v.shape for v in values}) > 1 and name in stacked:
            shapes = " and ".join(sorted({str(v.shape) for v in values}))
            raise UsageError(
                f"the shape of tensor {name!r} depends on the input ({shapes}); run one input at "
                "a time"
            )
        joined[name] = np.stack(values) if name in stacked else np.concatenate(values)
    return joined
