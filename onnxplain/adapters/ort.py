"""ONNX Runtime: forward passes and activations on the user's own graph.

This is the only module that imports onnxruntime.
"""

from __future__ import annotations

import copy
import os
import re
import tempfile
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort

from onnxplain.adapters.base import (
    Array,
    Capability,
    Derivatives,
    Propagation,
    in_batches,
)
from onnxplain.adapters.batch_choice import BatchChoice, candidates
from onnxplain.adapters.behind import Rerun
from onnxplain.adapters.behind import Session as RunFeeds
from onnxplain.adapters.changes import Engine, WindowChanges, WindowRun
from onnxplain.adapters.device import cuda_device_count, parse_device
from onnxplain.adapters.incremental.costs import node_seconds
from onnxplain.adapters.incremental.engine import WindowEngine
from onnxplain.adapters.incremental.work import Services
from onnxplain.errors import ImageError, UnsupportedModelError, UsageError
from onnxplain.graph.image_input import ImageInput
from onnxplain.graph.light import take_out
from onnxplain.graph.sections import Sections
from onnxplain.graph.shapes import Shapes, infer_shapes
from onnxplain.graph.view import Graph
from onnxplain.relevance.composites import Composite
from onnxplain.relevance.kinds import Rectification
from onnxplain.target import Target

# Errors reach the user as exceptions; the log would repeat them as a page of C++.
ort.set_default_logger_severity(4)
# Batches that are timed for whole inputs; larger ones are slower on a CPU, as activations
# leave its caches.
_BATCHES = {"cpu": (4, 8, 16), "cuda": (16, 64, 128)}
_BATCH = 32


class OrtAdapter:
    """Execute the graph in ONNX Runtime.

    One session is kept for each set of exposed tensors. Only what is asked for is
    exposed: every extra output can keep ONNX Runtime from fusing nodes.

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
    batch_size : int, optional
        Largest batch in one call of ONNX Runtime; if not given, 32, or what a short probe
        finds best for windows.
    bound : mapping of str to array
        Values of all other inputs.
    threads : int, optional
        Threads within an operator; ONNX Runtime's own choice if not given.
    optimise : bool
        Let ONNX Runtime rewrite the graph, as it does where models are deployed. Without,
        every node is computed as the file says.
    shapes : callable, optional
        Returns the concrete shapes of all tensors; those that ONNX infers if not given.
    """

    capabilities = Capability.FORWARD | Capability.ACTIVATIONS

    def __init__(
        self,
        graph: Graph,
        image: ImageInput,
        output: str,
        *,
        device: str = "auto",
        batch_size: int | None = None,
        bound: Mapping[str, Array] | None = None,
        threads: int | None = None,
        optimise: bool = True,
        shapes: Callable[[], Shapes] | None = None,
    ) -> None:
        self._graph = graph
        self._image = image
        self._output = output
        self._batch_size = batch_size or _BATCH
        self._batch_given = batch_size
        self._shapes = shapes or (lambda: infer_shapes(graph, image))
        self._bound = dict(bound or {})
        self._threads = threads
        self._optimise = optimise
        self._providers = _providers(device)
        self._file, self._fed = _without_large_weights(graph)
        self._sessions: dict[frozenset[str], ort.InferenceSession] = {}
        self._reruns: dict[tuple[str, tuple[str, ...]], Rerun] = {}
        self.device = self._session(frozenset()).get_providers()[0]

    def with_bound(self, bound: Mapping[str, Array]) -> OrtAdapter:
        """Return an engine that shares its sessions, with other values for further inputs."""
        other = copy.copy(self)
        other._bound = {**self._bound, **bound}
        other._reruns = {}
        other.__dict__.pop("_windows", None)  # it has been given the old values
        return other

    def forward(self, x: Array) -> Array:
        """Return the explained graph output; see `Adapter`."""
        return self.activations(x, [self._output])[self._output]

    def activations(self, x: Array, names: Sequence[str]) -> dict[str, Array]:
        """Return the named tensors; see `Adapter`.

        A name whose value is no tensor but a sequence is left out.

        Raises
        ------
        ImageError
            If ONNX Runtime rejects the input.
        """
        wanted = list(dict.fromkeys(names))
        outputs = {o.name for o in self._graph.outputs}
        inputs = [n for n in wanted if n == self._image.name]
        fetched = [n for n in wanted if n != self._image.name]
        session = self._session(frozenset(fetched) - outputs)

        def run(batch: Array) -> dict[str, Array]:
            feeds = {self._image.name: batch, **self._bound}
            try:
                # Asked for nothing, ONNX Runtime returns all outputs.
                values = session.run(fetched, feeds) if fetched else []
            except Exception as error:  # onnxruntime's exceptions share no base class
                raise ImageError(
                    f"ONNX Runtime rejects input {self._image.name!r} of shape {batch.shape}: "
                    f"{_reason(error)}"
                ) from error
            found = zip(fetched, values, strict=True)
            tensors = {n: v for n, v in found if isinstance(v, np.ndarray)}
            return tensors | dict.fromkeys(inputs, batch)

        x = x.astype(self._image.dtype, copy=False)
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
        """Refuse: ONNX Runtime has no backward pass here."""
        raise UsageError("ONNX Runtime gives no gradients; the PyTorch adapter does")

    def gradients_of_each(
        self,
        x: Array,
        targets: Sequence[Target],
        names: Sequence[str],
        *,
        rectify: Rectification | None = None,
        baseline: Array | None = None,
    ) -> list[Derivatives]:
        """Refuse, as `gradients` does."""
        return [self.gradients(x, target, names) for target in targets]

    def relevance(
        self, x: Array, target: Target, composite: Composite, names: Sequence[str]
    ) -> Propagation:
        """Refuse: ONNX Runtime has no backward pass here."""
        raise UsageError("ONNX Runtime gives no relevance; the PyTorch adapter does")

    def relevance_of_each(
        self, x: Array, targets: Sequence[Target], composite: Composite, names: Sequence[str]
    ) -> list[Propagation]:
        """Refuse, as `relevance` does."""
        return [self.relevance(x, target, composite, names) for target in targets]

    def windowed(
        self, base: Array, changes: WindowChanges, names: Sequence[str], *, engine: Engine = "auto"
    ) -> WindowRun:
        """Return the named tensors for changed inputs; see `Adapter`.

        Raises
        ------
        UsageError
            If the incremental engine is asked for and not possible.
        """
        return self._windows.run(base.astype(self._image.dtype), changes, names, engine)

    @cached_property
    def _windows(self) -> WindowEngine:
        graph, image = self._graph, self._image
        kind = "cpu" if self.device.startswith("CPU") else "cuda"
        given = image.batch or self._batch_given
        sizes = [given] if given else candidates(graph, self._shapes(), _BATCHES[kind])
        services = Services(
            sections=lambda names: Sections(graph, self._shapes(), image, names),
            open_session=self._open_part,
            forward=self.activations,
            profile=self._profile,
            bound=self._bound,
            batch=BatchChoice(sizes),
            fixed=image.batch,
            obstacle="" if kind == "cpu" else "the costs of sections are known for the CPU only",
        )
        return WindowEngine(services, image.spatial)

    def _profile(
        self, batches: Sequence[Array], sections: Sections
    ) -> tuple[list[dict[str, Array]], Array]:
        """Named tensors of each batch, and seconds of each node for one input."""
        with tempfile.TemporaryDirectory() as folder:
            options = self._options()
            options.enable_profiling = True
            options.profile_file_prefix = str(Path(folder) / "profile")
            session = self._open(self._exposing(sections.names), self._fed, options)
            found = []
            for batch in batches:
                values = session.run(list(sections.names), {self._image.name: batch, **self._bound})
                found.append(dict(zip(sections.names, values, strict=True)))
            file = Path(session.end_profiling())
            return found, node_seconds(file, sections.nodes, len(batches[-1]), len(batches))

    def rerun_behind(
        self, x: Array, tensor: str, values: Array, names: Sequence[str]
    ) -> dict[str, Array]:
        """Return the named tensors when `tensor` had other values; see `Adapter`.

        Raises
        ------
        MethodRefusedError
            If they do not depend on it, or the graph cannot be cut there.
        """
        key = (tensor, tuple(names))
        if key not in self._reruns:
            self._reruns[key] = Rerun(
                self._graph, tensor, names, self.activations, self._open_part, self._bound
            )
        return self._reruns[key].run(x, values, self._batch_size, self._image.batch)

    def back_project(
        self,
        x: Array,
        tensor: str,
        seeds: Array,
        *,
        rectify: Rectification | None = None,
        resample: bool = False,
    ) -> Array:
        """Refuse: ONNX Runtime has no backward pass here."""
        raise UsageError("ONNX Runtime projects nothing back; the PyTorch adapter does")

    def _session(self, exposed: frozenset[str]) -> ort.InferenceSession:
        if exposed not in self._sessions:
            self._sessions[exposed] = self._open(self._exposing(exposed), self._fed)
        return self._sessions[exposed]

    def _exposing(self, names: Collection[str]) -> bytes:
        """Return the file with more outputs."""
        extra = onnx.ModelProto()
        for name in sorted(set(names) - {o.name for o in self._graph.outputs}):
            extra.graph.output.append(onnx.helper.make_empty_tensor_value_info(name))
        # Protocol buffers merge by concatenation: the weights are not copied into a
        # second message just to name one more output.
        return self._file + extra.SerializeToString() if extra.graph.output else self._file

    def _options(self) -> ort.SessionOptions:
        options = ort.SessionOptions()
        options.log_severity_level = 4
        if self._threads:
            options.intra_op_num_threads = self._threads
        if machine_is_busy():
            # Threads that wait by spinning take the time of those that others wait for.
            options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        if not self._optimise:
            options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
        return options

    def _open(
        self,
        file: bytes,
        fed: Mapping[str, ort.OrtValue],
        options: ort.SessionOptions | None = None,
    ) -> ort.InferenceSession:
        options = options or self._options()
        if fed:
            options.add_external_initializers(list(fed), list(fed.values()))
        try:
            return ort.InferenceSession(file, options, providers=self._providers)
        except Exception as error:  # onnxruntime's exceptions share no base class
            raise UnsupportedModelError(
                f"ONNX Runtime {ort.__version__} cannot run this model: {_reason(error)}"
            ) from error

    def _open_part(self, file: bytes, weights: Mapping[str, Array]) -> RunFeeds:
        values = {n: ort.OrtValue.ortvalue_from_numpy(w) for n, w in weights.items()}
        session = self._open(file, values)

        def run(feeds: Mapping[str, Array]) -> Sequence[Array]:
            try:
                return session.run(None, dict(feeds))
            except Exception as error:  # onnxruntime's exceptions share no base class
                raise UnsupportedModelError(
                    f"ONNX Runtime cannot run a part of this model: {_reason(error)}"
                ) from error

        return run


def _without_large_weights(graph: Graph) -> tuple[bytes, dict[str, ort.OrtValue]]:
    """Serialise a graph; if it is large, hand its weights to ONNX Runtime where they lie."""
    model, weights = (graph.model, graph.weights) if graph.weights else take_out(graph.model)
    values = {n: ort.OrtValue.ortvalue_from_numpy(w) for n, w in weights.items()}
    return model.SerializeToString(), values


def machine_is_busy() -> bool:
    """Whether more processes want to run than there are cores; False where that is unknown."""
    if not hasattr(os, "getloadavg"):  # Windows
        return False
    return os.getloadavg()[0] > (os.cpu_count() or 1)


def _providers(device: str) -> list[Any]:
    kind, index = parse_device(device)
    if kind == "cpu":
        return ["CPUExecutionProvider"]
    if cuda_loads(index):
        return [("CUDAExecutionProvider", {"device_id": index}), "CPUExecutionProvider"]
    if kind == "cuda":
        raise UsageError(
            f"device {device!r} is not usable by ONNX Runtime here "
            f"({cuda_device_count()} CUDA devices found); use --device cpu"
        )
    return ["CPUExecutionProvider"]


@lru_cache(maxsize=8)
def cuda_loads(index: int = 0) -> bool:
    """Whether ONNX Runtime's CUDA provider really loads and sees device `index`."""
    if index >= cuda_device_count() or "CUDAExecutionProvider" not in ort.get_available_providers():
        return False
    ort.preload_dlls()  # finds the CUDA libraries that PyTorch's wheels brought
    info = onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1])
    probe = onnx.helper.make_model(
        onnx.helper.make_graph(
            [onnx.helper.make_node("Relu", ["x"], ["y"])],
            "probe",
            [info],
            [onnx.helper.make_empty_tensor_value_info("y")],
        ),
        ir_version=8,
        opset_imports=[onnx.helper.make_opsetid("", 13)],
    )
    options = ort.SessionOptions()
    options.log_severity_level = 4
    try:
        session = ort.InferenceSession(
            probe.SerializeToString(),
            options,
            providers=[("CUDAExecutionProvider", {"device_id": index}), "CPUExecutionProvider"],
        )
        session.run(None, {"x": np.ones(1, np.float32)})
    except Exception:  # whatever goes wrong here means: use the CPU
        return False
    return session.get_providers()[0] == "CUDAExecutionProvider"


def _reason(error: Exception) -> str:
    text = " ".join(str(error).split())
    # "[ONNXRuntimeError] : 10 : INVALID_GRAPH : the part that says something"
    said = text.split(" : ", 3)[-1]
    # "/onnxruntime_src/file.h:46 void function(arguments) the part that says something"
    return re.sub(r"^/\S+:\d+ [^)]*\) (const )?", "", said)[:400]
