"""PyTorch through onnx2torch: forward, activations, gradients and relevance.

Imported only when a gradient or relevance is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

import numpy as np
import torch
from torch import Tensor

from onnxplain.adapters.base import (
    Array,
    Capability,
    Derivatives,
    Propagation,
    in_batches,
)
from onnxplain.adapters.batch_choice import BatchChoice
from onnxplain.adapters.changes import Engine, WindowChanges, WindowRun, changed_inputs
from onnxplain.adapters.converted import Converted, as_array
from onnxplain.errors import UsageError
from onnxplain.graph.image_input import ImageInput
from onnxplain.graph.view import Graph, Node
from onnxplain.relevance.composites import Composite
from onnxplain.relevance.kinds import Rectification
from onnxplain.relevance.leak import Leak
from onnxplain.relevance.multipliers import multipliers
from onnxplain.relevance.score_slopes import class_scores, score_secant, score_slope
from onnxplain.targets.classes import Target


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

    Raises
    ------
    ConversionError
        If operators are missing.
    UsageError
        If the device is not there.
    """

    capabilities = (
        Capability.FORWARD | Capability.ACTIVATIONS | Capability.GRADIENTS | Capability.RELEVANCE
    )

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
    ) -> None:
        self._image = image
        self._output = output
        self._batch_size = batch_size
        self._converted = Converted(
            graph, image.name, device=device, bound=bound or {}, double=double
        )
        self.device = f"torch {self._converted.device}"

    def forward(self, x: Array) -> Array:
        """Return the explained graph output; see `Adapter`."""
        return self.activations(x, [self._output])[self._output]

    def activations(self, x: Array, names: Sequence[str]) -> dict[str, Array]:
        """Return the named tensors; see `Adapter`."""

        def run(batch: Array) -> dict[str, Array]:
            converted = self._converted
            return converted.compute(converted.feeds(converted.tensor(batch)), names)

        return in_batches(run, x, self._batch_size, self._image.batch)

    def gradients(
        self,
        x: Array,
        target: Target,
        names: Sequence[str],
        *,
        rectify: Rectification | None = None,
        baseline: Array | None = None,
    ) -> Derivatives:
        """Return derivatives of the score with respect to the named tensors; see `Adapter`."""
        return self.gradients_of_each(x, [target], names, rectify=rectify, baseline=baseline)[0]

    def gradients_of_each(
        self,
        x: Array,
        targets: Sequence[Target],
        names: Sequence[str],
        *,
        rectify: Rectification | None = None,
        baseline: Array | None = None,
    ) -> list[Derivatives]:
        """Return derivatives of several scores, by one forward pass; see `Adapter`."""
        if baseline is not None:
            return self._multipliers(x, baseline, targets, names)

        def run(batch: Array) -> dict[str, Array]:
            leaf = self._converted.tensor(batch).requires_grad_()
            wanted = list(dict.fromkeys([*names, *(t.tensor for t in targets)]))
            with torch.enable_grad():
                values = self._converted.attached(leaf, wanted, rectify)
                scores = [t.select(class_scores(values[t.tensor], t)) for t in targets]
            sources = [values[n] for n in names]
            result = {f"value:{n}": as_array(values[n]) for n in names}
            for k, score in enumerate(scores):
                # Each row's score depends on that row alone, so one pass serves the batch.
                slopes = torch.autograd.grad(
                    score.sum(), sources, allow_unused=True, retain_graph=k + 1 < len(scores)
                )
                result[f"score:{k}"] = as_array(score)
                for name, value, slope in zip(names, sources, slopes, strict=True):
                    known = torch.zeros_like(value) if slope is None else slope
                    result[f"gradient:{k}:{name}"] = as_array(known)
            return result

        joined = in_batches(run, x, self._batch_size, self._image.batch)
        return [_derivatives(joined, names, k) for k in range(len(targets))]

    def relevance(
        self,
        x: Array,
        target: Target,
        composite: Composite,
        names: Sequence[str],
        *,
        keep: Mapping[str, Array] | None = None,
    ) -> Propagation:
        """Return the relevance of the named tensors; see `Adapter`.

        Relevance is seeded with the class score itself, so that it is in its units.

        Raises
        ------
        UsageError
            If the target is a probability: relevance starts at the logits.
        MethodRefusedError
            If an operator on the way has no rule.
        """
        return self.relevance_of_each(x, [target], composite, names, keep=keep)[0]

    def relevance_of_each(
        self,
        x: Array,
        targets: Sequence[Target],
        composite: Composite,
        names: Sequence[str],
        *,
        keep: Mapping[str, Array] | None = None,
    ) -> list[Propagation]:
        """Return the relevance for several scores, by one forward pass; see `Adapter`."""
        if any(t.activation != "none" or t.kind != "logit" for t in targets):
            raise UsageError("relevance propagation explains logits; drop `kind=probability`")
        leaks: list[dict[tuple[str, str], float]] = [{} for _ in targets]
        left = len(x)
        masks = {name: self._converted.tensor(mask) for name, mask in (keep or {}).items()}

        def run(batch: Array) -> dict[str, Array]:
            nonlocal left
            own, left = left, left - len(batch)

            def seed(target: Target, y: Tensor) -> Tensor:
                # What only fills up a fixed batch starts at zero, so that it leaks nothing.
                relevance = score_slope(y, target) * y
                relevance[own:] = 0
                return relevance

            feeds = self._converted.feeds(self._converted.tensor(batch))
            seeds = [partial(seed, target) for target in targets]
            (tensor,) = {t.tensor for t in targets}
            found = self._converted.walker.walk(feeds, tensor, seeds, composite, names, masks)
            result = {}
            for k, (target, walked) in enumerate(zip(targets, found, strict=True)):
                for leak in walked.leaks:
                    key = (leak.tensor, leak.op_type)
                    leaks[k][key] = leaks[k].get(key, 0.0) + leak.absorbed
                result[f"score:{k}"] = as_array(target.select(class_scores(walked.output, target)))
                result |= {f"relevance:{k}:{n}": as_array(walked.relevance[n]) for n in names}
            return result

        joined = in_batches(run, x, self._batch_size, self._image.batch)
        return [
            Propagation(
                joined[f"score:{k}"],
                {n: joined[f"relevance:{k}:{n}"] for n in names},
                tuple(
                    Leak(tensor, op, absorbed)
                    for (tensor, op), absorbed in sorted(own.items(), key=lambda i: -abs(i[1]))
                ),
            )
            for k, own in enumerate(leaks)
        ]

    def windowed(
        self, base: Array, changes: WindowChanges, names: Sequence[str], *, engine: Engine = "auto"
    ) -> WindowRun:
        """Run the changed inputs as a whole; see `Adapter`.

        Raises
        ------
        UsageError
            If the incremental engine is asked for, which only ONNX Runtime has.
        """
        if engine == "incremental":
            raise UsageError("the incremental engine runs in ONNX Runtime; use engine=auto")
        choice = BatchChoice([self._image.batch or self._batch_size])

        def compute(indices: Sequence[int]) -> dict[str, Array]:
            inputs = changed_inputs(base, changes, indices, self._image.spatial)
            return self.activations(inputs, names)

        record = {"name": "brute-force", "because": "PyTorch", "batch": choice.chosen}
        return WindowRun(record, choice.run(compute, range(len(changes))))

    def rerun_from(
        self, x: Array, tensor: str, values: Array, names: Sequence[str]
    ) -> dict[str, Array]:
        """Return the named tensors when `tensor` had other values; see `Adapter`."""

        def run(batch: Array) -> dict[str, Array]:
            converted = self._converted
            image = converted.tensor(np.repeat(x, len(batch), axis=0))
            feeds = {**converted.feeds(image), tensor: converted.tensor(batch)}
            return converted.compute(feeds, names)

        return in_batches(run, values, self._batch_size, self._image.batch)

    def back_project(
        self,
        x: Array,
        tensor: str,
        seeds: Array,
        *,
        rectify: Rectification | None = None,
        resample: bool = False,
    ) -> Array:
        """Carry signals from a tensor back to the input; see `Adapter`."""

        def run(rows: Array) -> dict[str, Array]:
            leaf = self._converted.tensor(x[rows]).requires_grad_()
            with torch.enable_grad():
                value = self._converted.attached(leaf, [tensor], rectify, resample)[tensor]
            signals = self._converted.tensor(np.moveaxis(seeds[rows], 1, 0)).reshape(
                -1, *value.shape
            )
            # One by one: as fast as a batch of all, and no operator lacks a rule for it.
            arrived = [torch.autograd.grad(value, leaf, s, retain_graph=True)[0] for s in signals]
            return {"input": as_array(torch.stack(arrived, 1))}

        rows = np.arange(len(x))
        return in_batches(run, rows, self._batch_size, self._image.batch)["input"]

    def _multipliers(
        self, x: Array, baseline: Array, targets: Sequence[Target], names: Sequence[str]
    ) -> list[Derivatives]:
        if any(target.activation != "none" for target in targets):
            raise UsageError("DeepLIFT explains tensors of the model; drop `kind=probability`")
        (tensor,) = {t.tensor for t in targets}
        seeds = [partial(score_secant, target) for target in targets]
        both = np.stack([x, np.broadcast_to(baseline, x.shape)], axis=1)
        converted, image = self._converted, self._image.name

        def run(batch: Array) -> dict[str, Array]:
            feeds = [converted.feeds(converted.tensor(batch[:, k])) for k in (0, 1)]
            values, found = multipliers(
                converted.graph, converted.program, image, feeds, tensor, seeds, names
            )
            result = {f"value:{n}": as_array(values[n]) for n in names}
            for k, (target, slopes) in enumerate(zip(targets, found, strict=True)):
                scores = target.select(class_scores(values[tensor], target))
                result[f"score:{k}"] = as_array(scores)
                result |= {f"gradient:{k}:{n}": as_array(slopes[n]) for n in names}
            return result

        joined = in_batches(run, both, self._batch_size, self._image.batch)
        return [_derivatives(joined, names, k) for k in range(len(targets))]

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
                yield step.node, converted.compute(feeds, [n for n in step.outputs if n])


def _derivatives(joined: Mapping[str, Array], names: Sequence[str], k: int) -> Derivatives:
    return Derivatives(
        joined[f"score:{k}"],
        {n: joined[f"value:{n}"] for n in names},
        {n: joined[f"gradient:{k}:{n}"] for n in names},
    )
