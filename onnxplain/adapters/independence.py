"""Does one input stand for itself: whatever else its batch holds, and each time it is asked?

Most methods ask about many inputs at once, and take for granted that what the file says of
one depends on that one alone. A file may break this: by statistics of its batch, by a shape
that mixes inputs, by random numbers (``docs/decisions/023-one-input-stands-for-itself.md``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from onnxplain.adapters.base import Array
from onnxplain.adapters.coupling import first_coupled
from onnxplain.adapters.ort import OrtAdapter
from onnxplain.adapters.parity import TOLERANCE, resolution
from onnxplain.adapters.trio import Trio, unequal
from onnxplain.boundary import foreign
from onnxplain.errors import OnnxplainError, UnsupportedModelError
from onnxplain.graph.draws import random_nodes
from onnxplain.graph.image_input import ImageInput
from onnxplain.graph.quantised import quantisation_step
from onnxplain.graph.training import described, training_nodes
from onnxplain.graph.view import Graph

# The same kernel on the same numbers gives the same bits; this leaves room for one that rounds
# by what stands beside. Two engines are each as far from the truth as their difference.
_ROUNDINGS, _SELF_FACTOR = 4.0, 2.0
# A GPU may multiply with ten bits (TF32), by kernels that depend on the number of inputs.
_GPU_TOLERANCE = 1e-2
# Runs of one input; of a file that holds random nodes more, since a rare draw may be missed.
_RUNS, _RUNS_OF_RANDOM = 2, 8


@dataclass(frozen=True)
class Independence:
    """What was found when one input was run alone, again, and in different batches.

    Attributes
    ----------
    coupled : bool
        Whether what the file says of an input depends on the rest of its batch.
    cause : str
        The node at which the rest of the batch comes in, why no batch runs, or what differs
        from run to run; empty if unknown.
    influence : float or None
        Largest change of a score that the rest of the batch made, as a share of the largest
        difference between two inputs; ``None`` if it is not known.
    repeats : bool
        Whether all runs gave the same.
    drawn_by : tuple of str
        Nodes that draw random numbers on the way to the scores.
    spread : float or None
        Largest difference between runs of one input, in the unit of `influence`.
    batch : int or None
        The batch size that the file insists on.
    refused : bool
        Whether ONNX Runtime runs no batch of several inputs at all; `coupled` as well.
    """

    coupled: bool = False
    cause: str = ""
    influence: float | None = 0.0
    repeats: bool = True
    drawn_by: tuple[str, ...] = ()
    spread: float | None = 0.0
    batch: int | None = None
    refused: bool = False

    @property
    def parts(self) -> bool:
        """Whether each input has to run alone.

        Where scores differ from run to run, nobody can tell what the batch does to them.
        """
        return self.coupled or not self.repeats

    @property
    def batched(self) -> str:
        """What the batch does to an input, as a clause; empty if nothing."""
        if not self.coupled:
            return ""
        if self.refused:
            return f"the file takes one input at a time only: {self.cause}"
        cause = f", from {self.cause} on" if self.cause else ""
        return f"scores depend on the other inputs of a batch{cause}{_share(self.influence)}"

    @property
    def unsteady(self) -> str:
        """What differs from run to run, or may, as a clause; empty if nothing."""
        nodes = ", ".join(self.drawn_by)
        if self.repeats:
            verb = "draws" if len(self.drawn_by) == 1 else "draw"
            seen = f"{nodes} {verb} random numbers, but {_RUNS_OF_RANDOM} runs gave the same result"
            return seen if nodes else ""
        cause = f": {self.cause}" if self.cause else ""
        return f"scores of the same input differ from run to run{cause}{_share(self.spread)}"

    @property
    def warnings(self) -> tuple[str, ...]:
        """What has to be known about results of this file, one line each."""
        copies = (
            f"as a batch of {self.batch} copies of itself" if (self.batch or 1) > 1 else "alone"
        )
        alone = f"{self.batched}; every input is run {copies}" if self.batched else ""
        return tuple(filter(None, (alone, self.unsteady)))

    @property
    def is_random(self) -> bool:
        """Whether scores differ from run to run by random numbers, so that they have a mean."""
        return not self.repeats and bool(self.drawn_by)

    def require_repeatable(self) -> None:
        """Refuse scores that differ from run to run.

        Raises
        ------
        UnsupportedModelError
            With the nodes, and the ways on.
        """
        if self.repeats:
            return
        way = ", or explain the mean of several runs: `explain --average N`"
        raise UnsupportedModelError(
            f"{self.unsteady}; export the model for inference, without training mode or noise"
            f"{way if self.is_random else ''}"
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain data for a record: the attributes; ``coupled`` is null where it is unknown."""
        return {
            **vars(self),
            "coupled": self.coupled if self.coupled or self.repeats else None,
            "drawn_by": list(self.drawn_by),
        }


@dataclass(frozen=True)
class _Scale:
    """What differences of one tensor mean: by how much inputs, runs and roundings differ."""

    change: float
    spread: float
    rounding: float
    slack: float

    @property
    def repeats(self) -> bool:
        return self.spread <= self.rounding + self.slack

    def share(self, difference: float) -> float | None:
        """A difference in units of what inputs change; ``None`` if that says nothing."""
        if not difference:
            return 0.0
        found = difference / self.change if self.change else float("inf")
        return found if np.isfinite(found) else None


def measure_independence(
    graph: Graph,
    image: ImageInput,
    engine: OrtAdapter,
    as_written: Callable[[], OrtAdapter],
    x: Array,
    names: Sequence[str],
) -> Independence:
    """Run inputs alone, again, and in batches of different other inputs.

    Parameters
    ----------
    graph : Graph
        The prepared graph.
    image : ImageInput
        Its picture.
    engine : OrtAdapter
        ONNX Runtime as it is deployed.
    as_written : callable
        Opens ONNX Runtime without graph optimisations; called only if there is something to
        look into.
    x : (1, ...) array
        An input like those that will be explained.
    names : sequence of str
        Tensors that scores are read from.

    Raises
    ------
    OnnxplainError
        If not even one input runs.
    """
    engine = engine.together()
    nodes = tuple(str(n) for n in random_nodes(graph, names))
    with foreign(lambda why: UnsupportedModelError(f"batches of {image.batch} inputs: {why}")):
        trio = Trio.of(x.astype(image.dtype), image)
    runs = _RUNS_OF_RANDOM if nodes else _RUNS
    first, *again = (engine.activations(trio.first, names) for _ in range(runs))
    # Text is selected from scores, which are compared themselves.
    names = [n for n in names if first[n].dtype.kind != "O"]
    last = engine.activations(trio.last, names)
    exact = engine.device.startswith("CPU")
    scales = {n: _scale(first[n], last[n], [a[n] for a in again], exact) for n in names}
    spread = _most({n: s.share(s.spread) for n, s in scales.items()})
    drawn: dict[str, Any] = {"drawn_by": nodes, "spread": spread, "batch": image.batch}
    if not all(s.repeats for s in scales.values()):
        return Independence(
            cause=_unsteady_cause(graph, names, nodes), influence=None, repeats=False, **drawn
        )
    if image.batch == 1:
        return Independence(**drawn)
    try:
        found = [engine.activations(b, names) for b in trio.batches]
    except OnnxplainError as error:
        return Independence(True, str(error), None, refused=True, **drawn)
    apart = {n: trio.differences([f[n] for f in found], first[n], last[n]) for n in names}
    mixed = any(
        content > scales[n].rounding + scales[n].slack + _SELF_FACTOR * scales[n].spread
        for n, (content, _) in apart.items()
    )
    share = TOLERANCE if exact else _GPU_TOLERANCE
    if not mixed and any(place > share * scales[n].change for n, (_, place) in apart.items()):
        # Another number of inputs may mean other kernels, which add in another order.
        written = as_written().together()
        own = [written.activations(i, names) for i in (trio.first, trio.last)]
        for n, (_, place) in apart.items():
            noise = max(unequal(first[n], own[0][n]), unequal(last[n], own[1][n]))
            step = 1.0 if first[n].dtype.kind in "iu" else quantisation_step(graph, n)
            allowed = max(_SELF_FACTOR * noise, step) + scales[n].rounding
            mixed |= place > max(allowed, share * scales[n].change)
    if not mixed:
        return Independence(**drawn)
    cause = first_coupled(graph, as_written().together(), trio, names)
    influence = _most({n: scales[n].share(max(both)) for n, both in apart.items()})
    return Independence(True, cause, influence, **drawn)


def _scale(first: Array, last: Array, again: Sequence[Array], exact: bool) -> _Scale:
    change = unequal(first, last)
    top = max(float(np.max(np.abs(v.astype(np.float64)), initial=0.0)) for v in (first, last))
    return _Scale(
        change if np.isfinite(change) else 0.0,
        max(unequal(first, a) for a in again),
        _ROUNDINGS * resolution(first) * (top if np.isfinite(top) else 0.0),
        # Sums on a GPU are added in no fixed order.
        0.0 if exact else TOLERANCE * change,
    )


def _unsteady_cause(graph: Graph, names: Sequence[str], random: Sequence[str]) -> str:
    if random:
        return f"random numbers from {', '.join(random)}"
    trained = [described(n) for n in training_nodes(graph, names)]
    if trained:
        # It writes running statistics over constants, also where others read these.
        return f"ONNX Runtime overwrites constants at {', '.join(trained)}"
    return ""


def _most(shares: Mapping[str, float | None]) -> float | None:
    """The largest of some shares; unknown if one of them is."""
    known = [s for s in shares.values() if s is not None]
    return max(known) if len(known) == len(shares) else None


def _share(value: float | None) -> str:
    return "" if value is None else f" (by up to {value:.2g} times what two inputs differ by)"
