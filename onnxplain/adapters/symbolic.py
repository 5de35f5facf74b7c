"""Derivatives in ONNX Runtime: a forward pass that keeps what the way back reads, and that way.

The way back is a model of its own, written by `onnxplain.symbolic`; PyTorch is not loaded.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from onnxplain.adapters.base import (
    FORWARD_VERBS,
    Array,
    Capability,
    Propagation,
    PullBack,
    Seed,
    of_rows,
    pulled,
    starts_of,
)
from onnxplain.adapters.batches import Batches, never
from onnxplain.adapters.changes import Engine, WindowChanges, WindowRun
from onnxplain.adapters.ort import OrtAdapter
from onnxplain.adapters.ort_faults import reason_of
from onnxplain.adapters.ort_sessions import Keeping
from onnxplain.adapters.tally import Tally
from onnxplain.errors import ConversionError, UnsupportedModelError, UsageError
from onnxplain.graph.image_input import ImageInput
from onnxplain.graph.view import Graph
from onnxplain.process.background import begin
from onnxplain.relevance.composites import Composite
from onnxplain.relevance.kinds import Rectification
from onnxplain.symbolic.facts import Facts, measure_facts
from onnxplain.symbolic.opset import with_recent_opset
from onnxplain.symbolic.part import WayBack, between, way_back

if TYPE_CHECKING:
    from onnxplain.relevance.nodes.part import RelevanceWay

# Ways back that are kept, the latest used ones.
_KEPT = 8
_SPARE = 8
_NARROW = 4


@dataclass(frozen=True, eq=False)
class _Pass:
    """One way back with its sessions, and what reads its balance if relevance goes there.

    To open the way back takes longest: it begins beside the thread that asked for it.
    """

    forward: Keeping
    back: Future[Keeping]
    way: WayBack
    relevance: RelevanceWay | None = None


class SymbolicAdapter:
    """Execute the graph, and the way back through it, in ONNX Runtime.

    Parameters
    ----------
    graph : Graph
        The prepared graph.
    image : ImageInput
        The input that varies.
    open_ort : callable
        Opens ONNX Runtime for the graph, or for the same graph in a newer opset.
    batch_size : int
        Largest batch in one pass.
    bound : mapping of str to array
        Values of all other inputs.
    must_part : callable, optional
        See `Batches`; inputs run together if not given.
    measured : callable, optional
        See `Batches`; the largest batch is taken if not given.
    """

    capabilities = FORWARD_VERBS | Capability.GRADIENTS | Capability.RELEVANCE

    def __init__(
        self,
        graph: Graph,
        image: ImageInput,
        open_ort: Callable[[Graph], OrtAdapter],
        *,
        batch_size: int = 16,
        bound: Mapping[str, Array] | None = None,
        must_part: Callable[[], bool] = never,
        measured: Callable[[], bool] = never,
    ) -> None:
        self._given, self._image, self._open = graph, image, open_ort
        self._own = open_ort(graph)
        self._bound = dict(bound or {})
        self._batches = Batches(batch_size, image.batch, must_part, measured)
        self._passes: OrderedDict[Hashable, _Pass] = OrderedDict()
        self._known: dict[frozenset[str], Facts] = {}
        self.device = f"{self._own.device}, derivatives in ONNX nodes"

    @cached_property
    def _graph(self) -> Graph:
        return with_recent_opset(self._given)

    @cached_property
    def _ort(self) -> OrtAdapter:
        return self._own if self._graph is self._given else self._open(self._graph)

    def activations(self, x: Array, names: Sequence[str]) -> dict[str, Array]:
        """Return the named tensors; see `Adapter`."""
        return self._own.activations(x, names)

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
        """Carry slopes back by one forward pass; see `Adapter`.

        Raises
        ------
        ConversionError
            If an operator on the way has no rule.
        UsageError
            If signals are to pass otherwise than as derivatives, or the file would round `x`.
        """
        if rectify is not None or resample or baseline is not None:
            raise UsageError(
                "ONNX Runtime computes plain derivatives only; use PyTorch for the others"
            )
        if np.dtype(self._image.dtype).kind in "iu" and (x != np.rint(x)).any():
            raise UsageError(
                f"input {self._image.name!r} takes integers, and this method needs fractions, "
                "which ONNX Runtime would round; choose --engine pytorch"
            )
        starts = starts_of(seeds)
        names = tuple(dict.fromkeys(names))
        ready = self._pass(x, starts, names)

        def run(rows: Array) -> dict[str, Array]:
            arrays, read = self._forward(ready, x[rows], (*names, *starts))
            result = {f"value:{n}": arrays[n] for n in dict.fromkeys([*names, *starts])}
            for k, seed in enumerate(seeds):
                signals = of_rows(seed, rows).slopes(arrays)
                feeds = {**read, **self._signals(ready.way, signals, arrays)}
                found = _run(ready.back.result(), feeds)
                for name in names:
                    output = ready.way.outputs.get(name)
                    slope = np.zeros_like(arrays[name]) if output is None else found[output].numpy()
                    result[f"gradient:{k}:{name}"] = _as_long(slope, arrays[name], name)
            return result

        joined = self._batches.run_backward(run, np.arange(len(x)), ("back", starts, names))
        return pulled(joined, names, len(seeds))

    def _forward(
        self, ready: _Pass, x: Array, names: Sequence[str]
    ) -> tuple[dict[str, Array], dict[str, Any]]:
        """Run the forward pass; return some tensors, and what the way back reads."""
        batch = np.ascontiguousarray(x.astype(self._image.dtype, copy=False))
        kept = dict(self._ort.keep(ready.forward, batch))
        arrays = {n: _real(kept[n].numpy()) for n in names if n in kept}
        arrays.update({n: _real(batch) for n in names if n == self._image.name})
        kept.update(self._bound, **{self._image.name: batch})
        return arrays, {n: kept[n] for n in ready.way.reads}

    @staticmethod
    def _signals(
        way: WayBack, signals: Mapping[str, Array], values: Mapping[str, Array]
    ) -> dict[str, Array]:
        found = {}
        for tensor, name in way.seeds.items():
            value = values[tensor]
            given = signals.get(tensor)
            slope = np.zeros(value.shape) if given is None else np.asarray(given)
            found[name] = np.ascontiguousarray(slope.reshape(value.shape), value.dtype)
        return found

    def _pass(self, x: Array, starts: tuple[str, ...], names: tuple[str, ...]) -> _Pass:
        return self._kept((starts, names), lambda: self._write(x, starts, names))

    def _kept(self, key: Hashable, write: Callable[[], _Pass]) -> _Pass:
        if key not in self._passes:
            self._passes[key] = write()
            while len(self._passes) > _KEPT:
                self._passes.popitem(last=False)
        self._passes.move_to_end(key)
        return self._passes[key]

    def _write(
        self,
        x: Array,
        starts: tuple[str, ...],
        names: tuple[str, ...],
        composite: Composite | None = None,
    ) -> _Pass:
        """Write a way back for derivatives, or with a composite for relevance."""
        ends = names if composite is None else (self._image.name, *names)
        wanted = {n for n in between(self._graph, starts, ends) if n not in self._bound}
        facts, relevance = self._facts(x[:1], wanted), None
        if composite is None:
            way = way_back(self._graph, facts, starts, names)
        else:
            from onnxplain.relevance.nodes.part import relevance_way  # takes a while to load

            relevance = relevance_way(
                self._graph, facts, starts, composite, names, self._image.name
            )
            way = relevance.back
        fed = {self._image.name, *self._bound}
        measured = wanted - fed
        kept = [n for n in dict.fromkeys([*way.reads, *names, *starts]) if n not in fed]
        sessions = self._ort.sessions
        outputs = [o.name for o in way.model.graph.output]
        file, weights = way.model.SerializeToString(), way.weights
        quickly = composite is not None
        back = begin(lambda: sessions.keeping_part(file, weights, outputs, quickly=quickly))
        # The session in which facts were measured serves if it exposes few tensors in vain, which
        # could keep nodes from being fused.
        spare = len(measured.difference(kept)) <= _SPARE
        return _Pass(sessions.keeping(kept, measured if spare else ()), back, way, relevance)

    def _facts(self, one: Array, wanted: set[str]) -> Facts:
        """Measure facts once, from two batch sizes if the file takes them."""
        if (known := self._known.get(frozenset(wanted))) is not None:
            return known
        engine, fixed = self._ort.together(), self._image.batch
        try:
            batches = [np.repeat(one, n, axis=0) for n in ([fixed] if fixed else [2, 3])]
            facts = measure_facts(self._graph, batches, engine.activations, wanted)
        except (UnsupportedModelError, UsageError):
            facts = measure_facts(self._graph, [one], engine.activations, wanted)
        for name in sorted(wanted):
            kind = facts.types.get(name)
            if kind is None:
                raise ConversionError(f"the value of {name!r} is not a tensor")
            if kind.name == "bfloat16" or (kind.kind == "f" and kind.itemsize < _NARROW):
                raise ConversionError(
                    f"tensor {name!r} is {kind.name}, in which derivatives underflow"
                )
        self._known[frozenset(wanted)] = facts
        return facts

    def relevance(
        self,
        x: Array,
        seeds: Sequence[Seed],
        composite: Composite,
        names: Sequence[str],
        *,
        keep: Mapping[str, Array] | None = None,
    ) -> list[Propagation]:
        """Return the relevance of the named tensors, by one forward pass; see `Adapter`.

        Raises
        ------
        MethodRefusedError
            If an operator on the way has no rule.
        ConversionError
            If a rule cannot be written in ONNX nodes.
        UsageError
            If only a part of the relevance of a tensor is to go on.
        """
        if keep:
            raise UsageError(
                "ONNX Runtime carries back all relevance; use PyTorch for a part of it"
            )
        starts, names = starts_of(seeds), tuple(dict.fromkeys(names))
        ready = self._relevance_pass(x, starts, names, composite)
        assert ready.relevance is not None
        way, tally, left = ready.relevance, Tally(seeds), len(x)

        def run(rows: Array) -> dict[str, Array]:
            nonlocal left
            own, left = left, left - len(rows)
            arrays, read = self._forward(ready, x[rows], starts)
            result = {f"value:{n}": arrays[n] for n in starts}
            for k, seed in enumerate(seeds):
                signals = self._signals(ready.way, of_rows(seed, rows).starts(arrays), arrays)
                for relevance in signals.values():
                    # What only fills up a fixed batch starts at zero, so that it leaks nothing.
                    relevance[own:] = 0
                found = _run(ready.back.result(), {**read, **signals})
                tally.add(k, *way.balance.read(found[way.sums].numpy()))
                for name in names:
                    result[f"relevance:{k}:{name}"] = found[ready.way.outputs[name]].numpy()
            return result

        kind = ("relevance", starts, names)
        joined = self._batches.run_backward(run, np.arange(len(x)), kind)
        return tally.result(joined, names)

    def open_relevance(
        self, x: Array, seeds: Sequence[Seed], composite: Composite, names: Sequence[str]
    ) -> None:
        """Write the way back of `relevance`, and begin to open it; parameters and errors as there.

        What is done meanwhile on this thread is won.
        """
        self._relevance_pass(x, starts_of(seeds), tuple(dict.fromkeys(names)), composite)

    def _relevance_pass(
        self, x: Array, starts: tuple[str, ...], names: tuple[str, ...], composite: Composite
    ) -> _Pass:
        key = ("relevance", starts, names, _key(composite))
        return self._kept(key, lambda: self._write(x, starts, names, composite))

    def windowed(
        self, base: Array, changes: WindowChanges, names: Sequence[str], *, engine: Engine = "auto"
    ) -> WindowRun:
        """Return the named tensors for changed inputs; see `Adapter`."""
        return self._own.windowed(base, changes, names, engine=engine)

    def rerun_from(
        self, x: Array, tensor: str, values: Array, names: Sequence[str]
    ) -> dict[str, Array]:
        """Return the named tensors when `tensor` had other values; see `Adapter`."""
        return self._own.rerun_from(x, tensor, values, names)


def _run(back: Keeping, feeds: Mapping[str, Any]) -> dict[str, Any]:
    try:
        return back.run(feeds)
    except Exception as error:  # onnxruntime's exceptions share no base class
        raise ConversionError(
            f"ONNX Runtime cannot run the derivatives: {reason_of(error)}"
        ) from error


def _as_long(slope: Array, values: Array, name: str) -> Array:
    """Return a slope, or refuse one that has not the shape of what it belongs to."""
    if slope.shape != values.shape:
        raise ConversionError(
            f"the derivatives in ONNX nodes have shape {slope.shape} at tensor {name!r} of shape "
            f"{values.shape}: ONNX Runtime reads an operator on the way differently"
        )
    return slope


def _real(values: Any) -> Array:
    """Values as the numbers that derivatives are taken of: integers become float32."""
    return values if values.dtype.kind == "f" else values.astype(np.float32)


def _key(composite: Composite) -> Hashable:
    """What tells composites apart: the bounds belong to it."""
    return composite, composite.bounds and tuple(b.tobytes() for b in composite.bounds)
