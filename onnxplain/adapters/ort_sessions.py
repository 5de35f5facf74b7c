"""How ONNX Runtime is opened: which provider, which options, which outputs are exposed.

This is the only module that imports onnxruntime.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import Future
from contextlib import nullcontext, suppress
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort

from onnxplain import machine
from onnxplain.adapters.base import Array
from onnxplain.adapters.device import cuda_device_count, parse_device
from onnxplain.adapters.large_blocks import large_blocks_returned
from onnxplain.adapters.ort_deadline import run_in_time
from onnxplain.adapters.ort_faults import reason_of
from onnxplain.adapters.rerun import Session as RunFeeds
from onnxplain.errors import OnnxplainError, UnsupportedModelError, UsageError
from onnxplain.graph.budget import memory_allowed
from onnxplain.graph.light import fed_as_inputs, take_out
from onnxplain.graph.rounds import has_loops
from onnxplain.graph.view import Graph
from onnxplain.process.background import begin
from onnxplain.process.journal import in_hand

# Errors reach the user as exceptions; the log would repeat them as a page of C++.
ort.set_default_logger_severity(4)

# Microseconds that idle threads of a session spin: long enough for two runs in a row.
_SPIN = "1000"
# Bytes of weights above which sessions read them where they lie, instead of a copy in each.
_SHARED = 1 << 20
# Outputs that hold shapes.
_SHAPE = "onnxplain/shape/"


class OrtSessions:
    """Sessions of one graph; one is kept for each set of exposed tensors.

    Parameters
    ----------
    graph : Graph
        The prepared graph.
    device : str
        ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
    threads : int, optional
        Threads within an operator; ONNX Runtime's own choice if not given.
    optimise : bool
        Let ONNX Runtime rewrite the graph.

    Raises
    ------
    UsageError
        If the device is not there.
    """

    def __init__(
        self, graph: Graph, device: str, *, threads: int | None = None, optimise: bool = True
    ) -> None:
        self._outputs = {o.name for o in graph.outputs}
        self._threads = threads
        self._optimise = optimise
        self._providers = _providers(device)
        # A graph with many weights hands them to ONNX Runtime where they lie.
        model, weights = graph.model, graph.weights
        if not weights:
            model, weights = take_out(model, _SHARED)
        self._file, self._fed = model.SerializeToString(), _values(weights)
        # A real network that suppresses boxes in a Loop may be slow for its other nodes.
        self._loops = graph.is_small and has_loops(graph.model)
        # By exposed tensors and threads within an operator.
        self._kept: dict[tuple[frozenset[str], int | None], ort.InferenceSession] = {}
        self._ahead: dict[frozenset[str], Future[ort.InferenceSession]] = {}

    @property
    def provider(self) -> str:
        """Name of what runs the sessions."""
        first = self._providers[0]
        return first if isinstance(first, str) else str(first[0])

    def exposing(self, names: Collection[str], threads: int | None = None) -> ort.InferenceSession:
        """Return the session whose outputs are the named tensors beside the graph's own.

        With `threads` given, it is one with so many, for calls that run side by side.

        Raises
        ------
        UnsupportedModelError
            If ONNX Runtime cannot run the graph.
        """
        extra = frozenset(names) - self._outputs
        if (extra, threads) not in self._kept:
            pending = None if threads else self._ahead.pop(extra, None)
            self._kept[extra, threads] = pending.result() if pending else self._new(extra, threads)
        return self._kept[extra, threads]

    def open_ahead(self, names: Collection[str]) -> None:
        """Begin to open the session of `exposing`, while this thread goes on with something else.

        Whoever asks for it waits until it is open, and is told of what went wrong.
        """
        extra = frozenset(names) - self._outputs
        if (extra, None) not in self._kept and extra not in self._ahead:
            self._ahead[extra] = begin(partial(self._new, extra))

    def _new(self, extra: frozenset[str], threads: int | None = None) -> ort.InferenceSession:
        return self._open(self._with_outputs(extra), self._fed, self._options(threads))

    def measuring(self, names: Sequence[str]) -> tuple[ort.InferenceSession, RunFeeds]:
        """Open a session whose last outputs are the shapes of the named tensors.

        The tensors themselves are let go as soon as nothing reads them: all of them at once
        may take far more memory than the graph does. Weights that lie beside the graph are fed,
        because a session copies and rearranges what it holds itself; where ONNX Runtime wants
        constants, it holds them.

        Returns
        -------
        onnxruntime.InferenceSession
            The session.
        callable
            Takes feeds by name, returns the shapes in order.

        Raises
        ------
        UnsupportedModelError
            If ONNX Runtime cannot run the graph, or a value is no tensor.
        """
        extra = onnx.ModelProto()
        shapes = [f"{_SHAPE}{k}" for k in range(len(names))]
        for name, shape in zip(names, shapes, strict=True):
            extra.graph.node.append(onnx.helper.make_node("Shape", [name], [shape]))
            extra.graph.output.append(onnx.helper.make_empty_tensor_value_info(shape))
        asked = extra.SerializeToString()
        fed: Mapping[str, ort.OrtValue] = {}
        session = None
        if self._fed:
            with suppress(UnsupportedModelError):
                file = fed_as_inputs(self._file, self._fed.keys())
                session, fed = self._open(file + asked, {}, self._options()), self._fed
        session = session or self._open(self._file + asked, self._fed, self._options())

        def run(feeds: Mapping[str, Array]) -> Sequence[Array]:
            if not fed:
                return self.run(session, shapes, feeds)
            try:
                return self.run(session, shapes, {**feeds, **fed})
            except OnnxplainError:
                raise
            except Exception:  # a kernel may ask for constants not before it runs
                whole = self._open(self._file + asked, self._fed, self._options())
                return self.run(whole, shapes, feeds)

        return session, run

    def tensors_of(self, names: Sequence[str]) -> list[str]:
        """Those of some values that are tensors, and no sequences of them."""
        types = {o.name: o.type for o in self.exposing(names).get_outputs()}
        return [name for name in names if types.get(name, "").startswith("tensor(")]

    def keeping(self, names: Sequence[str], exposed: Collection[str] = ()) -> Keeping:
        """Open a forward pass that leaves the named tensors in ONNX Runtime's memory.

        Its session exposes further tensors if they are given: that of `exposing` then serves.
        """
        extra = frozenset([*names, *exposed]) - self._outputs
        session = self._kept.get((extra, None)) or self._new(extra)
        return Keeping(session, names, self._fed, loops=self._loops)

    def keeping_part(
        self,
        file: bytes,
        weights: Mapping[str, Array],
        names: Sequence[str],
        *,
        quickly: bool = False,
    ) -> Keeping:
        """Open a part of the graph, as `open_part`, for tensors that another run left.

        `quickly` leaves out what takes longer than it gains in ten runs of a graph of many nodes.
        """
        # What the whole graph holds already is not held twice.
        own = _values({n: w for n, w in weights.items() if n not in self._fed})
        fed = {n: own[n] if n in own else self._fed[n] for n in weights}
        options = self._options()
        if quickly and self._optimise:
            options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_BASIC
        return Keeping(self._open(file, fed, options), names, fed, loops=self._loops)

    def run(
        self, session: ort.InferenceSession, names: Sequence[str] | None, feeds: Mapping[str, Array]
    ) -> list[Any]:
        """Run a session of this graph, for no longer than the budget allows."""
        given = dict(feeds)
        return run_in_time(
            lambda options: session.run(names, given, options), ort.RunOptions(), loops=self._loops
        )

    def profiling(self, names: Collection[str], prefix: Path) -> ort.InferenceSession:
        """Open a session that writes a profile to a file whose name begins with `prefix`."""
        options = self._options()
        options.enable_profiling = True
        options.profile_file_prefix = str(prefix)
        return self._open(self._with_outputs(names), self._fed, options)

    def open_part(
        self, file: bytes, weights: Mapping[str, Array], *, threads: int | None = None
    ) -> RunFeeds:
        """Open a part of the graph, with the same provider and options.

        Parameters
        ----------
        file : bytes
            The serialised model.
        weights : mapping of str to array
            What was left out of it.
        threads : int, optional
            Threads within an operator, if others than those of the graph.

        Returns
        -------
        callable
            Takes feeds by name, returns the outputs in order.
        """
        fed = _values(weights)
        # The session reads the weights where they lie: they are kept as long as it is.
        opened = self._open(file, fed, self._options(threads)), fed

        def run(feeds: Mapping[str, Array]) -> Sequence[Array]:
            session, _ = opened
            try:
                return self.run(session, None, feeds)
            except Exception as error:  # onnxruntime's exceptions share no base class
                raise UnsupportedModelError(
                    f"ONNX Runtime cannot run a part of this model: {reason_of(error)}"
                ) from error

        return run

    def _with_outputs(self, names: Collection[str]) -> bytes:
        """Return the file with more outputs."""
        extra = onnx.ModelProto()
        for name in sorted(set(names) - self._outputs):
            extra.graph.output.append(onnx.helper.make_empty_tensor_value_info(name))
        # Protocol buffers merge by concatenation: the weights are not copied into a
        # second message just to name one more output.
        return self._file + extra.SerializeToString() if extra.graph.output else self._file

    def _options(self, threads: int | None = None) -> ort.SessionOptions:
        options = ort.SessionOptions()
        options.log_severity_level = 4
        _make_arena()
        options.add_session_config_entry("session.use_env_allocators", "1")
        if threads := threads or self._threads:
            options.intra_op_num_threads = threads
        # Each session has threads of its own. After a run they spin for some 20 ms if one lets
        # them, in the way of the session that runs next: the way back after a forward pass.
        options.add_session_config_entry("session.intra_op.spin_duration_us", _SPIN)
        if machine.is_busy():
            # Threads that wait by spinning take the time of those that others wait for.
            options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        if not self._optimise:
            options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
        return options

    def _open(
        self, file: bytes, fed: Mapping[str, ort.OrtValue], options: ort.SessionOptions
    ) -> ort.InferenceSession:
        if fed:
            options.add_external_initializers(list(fed), list(fed.values()))
        try:
            blocks = large_blocks_returned() if fed else nullcontext()
            with in_hand("opening the model in ONNX Runtime", of_many=False), blocks:
                return ort.InferenceSession(file, options, providers=self._providers)
        except Exception as error:  # onnxruntime's exceptions share no base class
            raise UnsupportedModelError(
                f"ONNX Runtime {ort.__version__} cannot run this model: {reason_of(error)}"
            ) from error


class Keeping:
    """Runs a session whose inputs and outputs stay where ONNX Runtime has them: no copies.

    Parameters
    ----------
    session : onnxruntime.InferenceSession
        The session.
    names : sequence of str
        The outputs that are wanted.
    weights : mapping of str to OrtValue
        What the session reads where it lies.
    loops : bool
        Whether there is a Loop in the graph.
    """

    def __init__(
        self,
        session: ort.InferenceSession,
        names: Sequence[str],
        weights: Mapping[str, ort.OrtValue],
        *,
        loops: bool,
    ) -> None:
        self.session, self._names, self._loops = session, list(names), loops
        self._weights = weights  # kept as long as the session

    def run(self, feeds: Mapping[str, Any]) -> dict[str, ort.OrtValue]:
        """Return the outputs for arrays, or for what another run left."""
        given = {n: v if isinstance(v, ort.OrtValue) else ort.OrtValue.ortvalue_from_numpy(v)
                 for n, v in feeds.items()}  # fmt: skip
        if not self._names:
            return {}  # asked for nothing, ONNX Runtime returns all outputs
        found = run_in_time(
            lambda options: self.session.run_with_ort_values(self._names, given, options),
            ort.RunOptions(),
            loops=self._loops,
        )
        return dict(zip(self._names, found, strict=True))


@lru_cache
def _make_arena() -> None:
    """Make one arena of host memory for all sessions that ask for it; once is enough.

    It holds no more than the budget that is in force then.

    An arena of its own would keep what a session's largest batch needed. The sections of a
    model run one after the other, so they can use the same memory: half of what the first map
    of a picture would otherwise touch for the first time, and less at the peak.
    """
    device, kind = ort.OrtMemType.DEFAULT, ort.OrtAllocatorType.ORT_ARENA_ALLOCATOR
    power_of_two, automatic = 0, -1
    ort.create_and_register_allocator(
        ort.OrtMemoryInfo("Cpu", kind, 0, device),
        ort.OrtArenaCfg(memory_allowed(), power_of_two, automatic, automatic),
    )


def _values(weights: Mapping[str, Array]) -> dict[str, ort.OrtValue]:
    """Weights as ONNX Runtime takes them: it reads the arrays where they lie, in one piece.

    They belong to the caller, who keeps what is returned as long as the session.
    """
    return {
        n: ort.OrtValue.ortvalue_from_numpy(np.asarray(w, order="C")) for n, w in weights.items()
    }


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
