"""All forward verbs of an engine, for a library that runs an ONNX model."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence

import onnx

from onnxplain.adapters.base import (
    FORWARD_VERBS,
    Array,
    Capability,
    Propagation,
    PullBack,
    Seed,
)
from onnxplain.adapters.batch_choice import BatchChoice
from onnxplain.adapters.batches import Batches
from onnxplain.adapters.changes import Engine, WindowChanges, WindowRun
from onnxplain.adapters.engines import EngineSettings
from onnxplain.adapters.rerun import Rerun, Session
from onnxplain.adapters.whole_windows import whole_windows
from onnxplain.errors import UsageError
from onnxplain.graph.image_input import ImageInput
from onnxplain.graph.light import filled_in
from onnxplain.graph.view import Graph
from onnxplain.relevance.composites import Composite
from onnxplain.relevance.kinds import Rectification

_BATCH = 32


class ForwardEngine(ABC):
    """An engine without a backward pass; a subclass says how a model is run.

    Parameters
    ----------
    graph, image, settings
        See `onnxplain.adapters.engines.Factory`.
    """

    capabilities: Capability = FORWARD_VERBS
    device: str = "cpu"

    def __init__(self, graph: Graph, image: ImageInput, settings: EngineSettings) -> None:
        self._graph, self._image = graph, image
        self._bound = dict(settings.bound)
        self._batch_size = settings.batch_size or _BATCH
        self._batches = Batches(self._batch_size, image.batch, settings.must_part)
        self._sessions: dict[tuple[str, ...], Session] = {}
        self._reruns: dict[tuple[str, tuple[str, ...]], Rerun] = {}

    @abstractmethod
    def open(self, model: onnx.ModelProto) -> Callable[[Mapping[str, Array]], Sequence[Array]]:
        """Return a function that takes the model's inputs by name and returns its outputs."""

    def activations(self, x: Array, names: Sequence[str]) -> dict[str, Array]:
        """Return the named tensors; see `Adapter`."""
        wanted = tuple(dict.fromkeys(n for n in names if n != self._image.name))
        if wanted and wanted not in self._sessions:
            self._sessions[wanted] = self.open(self._model_of(wanted))

        def run(batch: Array) -> dict[str, Array]:
            feeds = {self._image.name: batch, **self._bound}
            values = self._sessions[wanted](feeds) if wanted else []
            found = dict(zip(wanted, values, strict=True))
            return {n: found.get(n, batch) for n in names}

        x = x.astype(self._image.dtype, copy=False)
        return self._batches.run(run, x)

    def windowed(
        self, base: Array, changes: WindowChanges, names: Sequence[str], *, engine: Engine = "auto"
    ) -> WindowRun:
        """Run the changed inputs as a whole; see `Adapter`."""
        size = BatchChoice([self._batches.at_once(len(changes))])
        return whole_windows(
            self.activations, base, changes, names, self._image.spatial, size, engine, self.device
        )

    def rerun_from(
        self, x: Array, tensor: str, values: Array, names: Sequence[str]
    ) -> dict[str, Array]:
        """Return the named tensors when `tensor` had other values; see `Adapter`."""
        key = (tensor, tuple(names))
        if key not in self._reruns:
            self._reruns[key] = Rerun(
                self._graph, tensor, names, self.activations, self._open_part, self._bound
            )
        return self._reruns[key].run(x, values, self._batches)

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
        """Refuse: there is no backward pass."""
        raise UsageError(f"engine {self.device!r} gives no gradients")

    def relevance(
        self,
        x: Array,
        seeds: Sequence[Seed],
        composite: Composite,
        names: Sequence[str],
        *,
        keep: Mapping[str, Array] | None = None,
    ) -> list[Propagation]:
        """Refuse: there is no backward pass."""
        raise UsageError(f"engine {self.device!r} gives no relevance")

    def _model_of(self, names: Sequence[str]) -> onnx.ModelProto:
        model = filled_in(self._graph.model, self._graph.weights)
        known = {o.name: o for o in model.graph.output}
        outputs = [known.get(n, onnx.helper.make_empty_tensor_value_info(n)) for n in names]
        del model.graph.output[:]
        model.graph.output.extend(outputs)
        return model

    def _open_part(self, file: bytes, weights: Mapping[str, Array]) -> Session:
        return self.open(filled_in(onnx.load_model_from_string(file), weights))
