"""PyTorch through onnx2torch: forward, activations, gradients and relevance.

Imported only when a gradient or relevance is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import torch
from torch import Tensor

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
from onnxplain.adapters.batch_choice import BatchChoice
from onnxplain.adapters.batches import Batches, never
from onnxplain.adapters.changes import Engine, WindowChanges, WindowRun
from onnxplain.adapters.converted import Converted, as_array
from onnxplain.adapters.tally import Tally
from onnxplain.adapters.whole_windows import whole_windows
from onnxplain.convert.torch_threads import limited_threads
from onnxplain.graph.image_input import ImageInput
from onnxplain.graph.view import Graph, Node
from onnxplain.process.journal import sign_of_life
from onnxplain.relevance.composites import Composite
from onnxplain.relevance.growth import Growth
from onnxplain.relevance.kinds import Rectification
from onnxplain.relevance.multipliers import Values, multipliers


class TorchAdapter:
    """Execute the graph in PyTorch.

    Parameters
    ----------
    graph : Graph
        The prepared graph.
    image : ImageInput
        The input that varies.
    output : str
        The graph output that `forward` returns.
    device : str
        ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
    batch_size : int
        Largest batch in one pass.
    bound : mapping of str to array
        Values of all other inputs.
    double : bool
        Compute in float64 and return float64.
    threads : int, optional
        Threads within an operator, while something is computed here.
    must_part : callable, optional
        See `Batches`; inputs run together if not given.
    measured : callable, optional
        See `Batches`; the largest batch is taken if not given.

    Raises
    ------
    ConversionError
        If operators are missing.
    UsageError
        If the device is not there.
    """

    capabilities = FORWARD_VERBS | Capability.GRADIENTS | Capability.RELEVANCE | Capability.SIGNALS

    def __init__(
        self,
        graph: Graph,
        image: ImageInput,
        output: str,
        *,
        device: str = "auto",
        batch_size: int = 16,
        bound: Mapping[str, Array] | None = None,
        double: bool = False,
        threads: int | None = None,
        must_part: Callable[[], bool] = never,
        measured: Callable[[], bool] = never,
    ) -> None:
        self._image = image
        self._output = output
        self._threads = threads
        self._batches = Batches(batch_size, image.batch, must_part, measured)
        self._converted = Converted(
            graph,
            image.name,
            device=device,
            bound=bound or {},
            double=double,
            channels=image.layout == "NCHW",
        )
        self.device = f"torch {self._converted.device}"

    def _in_batches(
        self,
        function: Callable[[Array], dict[str, Array]],
        x: Array,
        kind: tuple[object, ...],
    ) -> dict[str, Array]:
        def run(batch: Array) -> dict[str, Array]:
            found = function(batch)
            sign_of_life()
            return found

        with limited_threads(self._threads):
            return self._batches.run(run, x, kind)

    def forward(self, x: Array) -> Array:
        """Return the explained graph output."""
        return self.activations(x, [self._output])[self._output]

    def activations(self, x: Array, names: Sequence[str]) -> dict[str, Array]:
        """Return the named tensors; see `Adapter`."""

        def run(batch: Array) -> dict[str, Array]:
            converted = self._converted
            return converted.compute(converted.feeds(converted.tensor(batch)), names)

        return self._in_batches(run, x, ("forward", *names))

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
        """Carry slopes back by one forward pass; see `Adapter`."""
        if baseline is not None:
            return self._multipliers(x, baseline, seeds, names)
        starts = starts_of(seeds)

        def run(rows: Array) -> dict[str, Array]:
            leaf = self._converted.tensor(x[rows]).requires_grad_()
            with torch.enable_grad():
                wanted = list(dict.fromkeys([*names, *starts]))
                values = self._converted.attached(leaf, wanted, rectify, resample)
            arrays = {n: as_array(v) for n, v in values.items() if n in wanted}
            result = {f"value:{n}": arrays[n] for n in wanted}
            sources = [values[n] for n in names]
            for k, seed in enumerate(seeds):
                signals = of_rows(seed, rows).slopes(arrays)
                # Each row's signal depends on that row alone, so one pass serves the batch.
                # One by one: as fast as a batch of all, and no operator lacks a rule for it.
                slopes = _grad(values, signals, sources, keep=k + 1 < len(seeds))
                for name, value, slope in zip(names, sources, slopes, strict=True):
                    known = torch.zeros_like(value) if slope is None else slope
                    result[f"gradient:{k}:{name}"] = as_array(known)
            return result

        kind = ("back", rectify, resample, starts, *names)
        joined = self._run_backward(run, np.arange(len(x)), kind)
        return pulled(joined, names, len(seeds))

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
        """
        tally = Tally(seeds)
        left = len(x)
        masks = {name: self._converted.tensor(mask) for name, mask in (keep or {}).items()}
        starts = starts_of(seeds)

        def run(rows: Array) -> dict[str, Array]:
            nonlocal left
            own, left = left, left - len(rows)

            def start(seed: Seed, values: Mapping[str, Tensor]) -> dict[str, Tensor]:
                given = of_rows(seed, rows).starts({n: as_array(v) for n, v in values.items()})
                found = {n: torch.from_numpy(np.asarray(r)).to(values[n]) for n, r in given.items()}
                for relevance in found.values():
                    # What only fills up a fixed batch starts at zero, so that it leaks nothing.
                    relevance[own:] = 0
                return found

            feeds = self._converted.feeds(self._converted.tensor(x[rows]))
            begun = [partial(start, seed) for seed in seeds]
            found = self._converted.walker.walk(feeds, starts, begun, composite, names, masks)
            result = {f"value:{n}": as_array(found[0].outputs[n]) for n in starts}
            for k, walked in enumerate(found):
                tally.add(k, walked.leaks, walked.growth)
                result |= {f"relevance:{k}:{n}": as_array(walked.relevance[n]) for n in names}
            return result

        joined = self._run_backward(run, np.arange(len(x)), ("relevance", starts, *names))
        return tally.result(joined, names)

    def windowed(
        self, base: Array, changes: WindowChanges, names: Sequence[str], *, engine: Engine = "auto"
    ) -> WindowRun:
        """Run the changed inputs as a whole; see `Adapter`.

        Raises
        ------
        UsageError
            If the incremental engine is asked for, which only ONNX Runtime has.
        """
        size = BatchChoice([self._batches.at_once(len(changes))])
        return whole_windows(
            self.activations, base, changes, names, self._image.spatial, size, engine, "PyTorch"
        )

    def rerun_from(
        self, x: Array, tensor: str, values: Array, names: Sequence[str]
    ) -> dict[str, Array]:
        """Return the named tensors when `tensor` had other values; see `Adapter`."""

        def run(batch: Array) -> dict[str, Array]:
            converted = self._converted
            image = converted.tensor(np.repeat(x, len(batch), axis=0))
            feeds = {**converted.feeds(image), tensor: converted.tensor(batch)}
            return converted.compute(feeds, names)

        return self._in_batches(run, values, ("after", tensor, *names))

    def _run_backward(
        self,
        run: Callable[[Array], dict[str, Array]],
        x: Array,
        kind: tuple[object, ...],
    ) -> dict[str, Array]:
        with limited_threads(self._threads):
            return self._batches.run_backward(run, x, kind)

    def _multipliers(
        self, x: Array, baseline: Array, seeds: Sequence[Seed], names: Sequence[str]
    ) -> PullBack:
        both = np.stack([x, np.broadcast_to(baseline, x.shape)], axis=1)
        converted, image = self._converted, self._image.name
        starts = starts_of(seeds)
        growth = [Growth() for _ in seeds]

        def start(seed: Seed, here: Values, there: Values) -> dict[str, Tensor]:
            ends = [{n: as_array(v[n]) for n in seed.tensors} for v in (here, there)]
            found = seed.secants(*ends)
            return {n: torch.from_numpy(np.asarray(m)).to(here[n]) for n, m in found.items()}

        def run(rows: Array) -> dict[str, Array]:
            # Channel by channel: interleaved kernels round the places of a flat baseline
            # differently, and max-pooling would choose among equals by that rounding.
            pictures = [converted.tensor(both[rows, k]) for k in (0, 1)]
            feeds = [{**converted.feeds(p), image: p} for p in pictures]
            begun = [partial(start, of_rows(seed, rows)) for seed in seeds]
            values, found, grown = multipliers(
                converted.graph, converted.program, image, feeds, starts, begun, names
            )
            growth[:] = map(max, growth, grown)
            result = {f"value:{n}": as_array(values[n]) for n in (*names, *starts)}
            for k, slopes in enumerate(found):
                result |= {f"gradient:{k}:{n}": as_array(slopes[n]) for n in names}
            return result

        joined = self._run_backward(run, np.arange(len(x)), ("multipliers", starts, *names))
        return replace(pulled(joined, names, len(seeds)), growth=tuple(growth))

    def recompute(self, values: Mapping[str, Array]) -> Iterator[tuple[Node, dict[str, Array]]]:
        """Compute every node on its own, from given values of its inputs.

        Parameters
        ----------
        values : mapping of str to array
            Inputs and activations; a node that reads another tensor is left out.

        Yields
        ------
        Node
            In order.
        dict of str to array
            Its outputs.
        """
        converted = self._converted
        known = values.keys() | converted.program.constants().keys()
        for step in converted.program.steps:
            if all(n in known for n in step.inputs if n):
                feeds = {n: converted.side_input(values[n]) for n in step.inputs if n in values}
                with limited_threads(self._threads):
                    found = converted.compute(feeds, [n for n in step.outputs if n])
                yield step.node, found


def _grad(
    values: Mapping[str, Tensor],
    signals: Mapping[str, Array],
    sources: Sequence[Tensor],
    *,
    keep: bool,
) -> Sequence[Tensor | None]:
    """Derivatives of the sum of signal times value, over all tensors that have a signal."""
    # A tensor that does not depend on the input has no trace, and nothing flows from it.
    traced = [n for n in signals if values[n].requires_grad]
    if not traced:
        return [None] * len(sources)
    given = [torch.from_numpy(np.asarray(signals[n])).to(values[n]) for n in traced]
    return torch.autograd.grad(
        [values[n] for n in traced],
        list(sources),
        [g.reshape(values[n].shape) for g, n in zip(given, traced, strict=True)],
        allow_unused=True,
        retain_graph=keep,
    )
