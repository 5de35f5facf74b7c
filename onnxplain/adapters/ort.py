"""ONNX Runtime: forward passes and activations on the user's own graph."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from onnxplain import machine
from onnxplain.adapters.base import (
    FORWARD_VERBS,
    Array,
    Propagation,
    PullBack,
    Seed,
)
from onnxplain.adapters.batch_choice import BatchChoice, forward_batch, is_work
from onnxplain.adapters.batches import Batches, Shared, never
from onnxplain.adapters.changes import Engine, WindowChanges, WindowRun
from onnxplain.adapters.foreseen import Foreseen
from onnxplain.adapters.incremental.costs import arithmetic, node_seconds
from onnxplain.adapters.ort_faults import reason_of, whose_fault
from onnxplain.adapters.ort_sessions import Keeping, OrtSessions
from onnxplain.adapters.rerun import Rerun
from onnxplain.adapters.rerun import Session as RunFeeds
from onnxplain.adapters.side_by_side import SideBySide
from onnxplain.errors import OnnxplainError, UnsupportedModelError, UsageError
from onnxplain.graph.image_input import ImageInput
from onnxplain.graph.shapes import Shapes, infer_shapes
from onnxplain.graph.view import Graph, Node
from onnxplain.process.leftovers import temporary_folder
from onnxplain.relevance.composites import Composite
from onnxplain.relevance.kinds import Rectification

if TYPE_CHECKING:
    from onnxplain.adapters.incremental.engine import WindowEngine
    from onnxplain.graph.sections import Sections

T = TypeVar("T")
# Most inputs in one call; more are slower on a CPU, as activations leave its caches.
_BATCH = {"cpu": 32, "cuda": 128}
# Inputs that ran before another session is opened to run more at a time; most of them then.
_EARNED, _MOST = 64, 1024


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
        Inputs in one call of ONNX Runtime; if not given, up to 32, or what is found best where
        many inputs come at once.
    bound : mapping of str to array
        Values of all other inputs.
    threads : int, optional
        Threads within an operator; ONNX Runtime's own choice if not given.
    optimise : bool
        Let ONNX Runtime rewrite the graph, as it does where models are deployed. Without,
        every node is computed as the file says.
    shapes : callable, optional
        Returns the concrete shapes of all tensors; those that ONNX infers if not given.
    must_part : callable, optional
        See `Batches`; inputs run together if not given.
    measured : callable, optional
        See `Batches`; the largest batch is taken if not given.
    tried : bool
        Open the graph at once: what ONNX Runtime cannot run is refused here.
    repeats : callable, optional
        Whether nothing in the graph differs from run to run, so that one pass may answer two
        questions; not taken for granted.
    """

    capabilities = FORWARD_VERBS

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
        must_part: Callable[[], bool] = never,
        measured: Callable[[], bool] = never,
        tried: bool = True,
        repeats: Callable[[], bool] = never,
    ) -> None:
        self._graph = graph
        self._image = image
        self._output = output
        self._batch_given = batch_size
        self._fits: Batches | None = None
        self._meet = False
        self._shapes = shapes or (lambda: infer_shapes(graph, image))
        self._bound = dict(bound or {})
        self._threads = threads
        self._fewer: int | None = None
        self._sessions = OrtSessions(graph, device, threads=threads, optimise=optimise)
        self._reruns: dict[tuple[str, tuple[str, ...]], Rerun] = {}
        self._foreseen, self._repeats = Foreseen(), repeats
        self._seen = 0
        self.device = self._sessions.provider
        size = batch_size or _BATCH["cpu" if self.device.startswith("CPU") else "cuda"]
        self._batches = Batches(size, image.batch, must_part, measured)
        if tried:
            self._sessions.exposing(())

    def with_bound(self, bound: Mapping[str, Array]) -> OrtAdapter:
        """Return an engine that shares its sessions, with other values for further inputs."""
        other = copy.copy(self)
        other._bound = {**self._bound, **bound}
        other._reruns = {}
        other._foreseen = Foreseen()
        other.__dict__.pop("_windows", None)  # it has been given the old values
        return other

    def together(self) -> OrtAdapter:
        """Return an engine that shares its sessions, and lets inputs meet in a batch."""
        other = self.with_bound({})
        other._batches = self._batches.together()
        # A rule for speed must not part them: whoever asks looks at what they do to each other.
        other._fits, other._meet = None, True
        return other

    def leave(self, processors: int) -> None:
        """Leave processors to other work while single inputs run; the numbers are the same.

        Each thread of an operator waits for the slowest one, so that one which has no processor
        to itself holds up all of them.
        """
        threads = self._threads or machine.processors()
        self._fewer = max(1, threads - processors) if processors else None

    def forward(self, x: Array) -> Array:
        """Return the explained graph output."""
        return self.activations(x, [self._output])[self._output]

    def activations(self, x: Array, names: Sequence[str]) -> dict[str, Array]:
        """Return the named tensors; see `Adapter`.

        A name whose value is not a tensor but a sequence is left out. Of many inputs, how many
        run in one call is measured.

        Raises
        ------
        ImageError
            If ONNX Runtime rejects the input, but not plain pictures.
        UnsupportedModelError
            If it cannot run the model on these either.
        UsageError
            If a bound value does not fit its input.
        """
        if len(x) != 1 or not self._repeats():
            return self._activations(x, names, ("forward", *names))
        found = self._foreseen.answer(
            x, frozenset(names), lambda more: self._activations(x, sorted(more))
        )
        return {n: found[n] for n in names if n in found}

    def _activations(
        self, x: Array, names: Sequence[str], kind: tuple[str, ...] | None = None
    ) -> dict[str, Array]:
        """Return the named tensors, each once, by forward passes; see `Batches` for `kind`."""
        run = self._named(names, self._fewer if len(x) == 1 else None)
        x = x.astype(self._image.dtype, copy=False)
        shared = self._shared(names, len(x)) if kind is not None else None
        try:
            return self._fitting(len(x)).run(run, x, kind, shared)
        except MemoryError as error:
            count = self._image.batch or min(len(x), self._batches.size)
            raise UnsupportedModelError(
                f"{count:,} inputs of shape {x.shape[1:]} need more memory than is available"
            ) from error

    def _named(
        self, names: Sequence[str], threads: int | None = None
    ) -> Callable[[Array], dict[str, Array]]:
        """Return what gives the named tensors, each once, for one batch."""
        wanted = list(dict.fromkeys(names))
        inputs = [n for n in wanted if n == self._image.name]
        fetched = [n for n in wanted if n != self._image.name]
        session = self._sessions.exposing(fetched, threads)

        def run(batch: Array) -> dict[str, Array]:
            # Asked for nothing, ONNX Runtime returns all outputs.
            values = self._run(session, fetched, batch) if fetched else []
            found = dict(zip(fetched, values, strict=True)) | dict.fromkeys(inputs, batch)
            return {n: v for n, v in found.items() if isinstance(v, np.ndarray)}

        return run

    def _shared(self, names: Sequence[str], count: int) -> Shared | None:
        """Return how batches of so many more inputs run side by side, each in its share of threads.

        Small operators do not keep many threads busy. It takes a session more, which has to be
        worth it: None if it is not.
        """
        alone = count == 1 or self._image.batch or self._meet or self._side.calls == 1
        if alone or not self.device.startswith("CPU"):
            return None
        self._seen += count
        if self._seen <= _EARNED or not self._is_work:
            return None
        return Shared(partial(self._named, names, self._side.threads), self._side, self._room)

    @cached_property
    def _side(self) -> SideBySide:
        return SideBySide.of(self._threads or machine.processors())

    @cached_property
    def _is_work(self) -> bool:
        """Whether it takes some work, but has no weights that each thread would have to read."""
        nodes, shapes = self._graph.nodes, self._shapes()
        return not self._graph.weights and is_work(arithmetic(self._graph, nodes, shapes))

    @cached_property
    def _room(self) -> int:
        return forward_batch(self._graph.nodes, self._shapes(), _MOST)

    def shapes_of(self, x: Array, names: Sequence[str]) -> Shapes:
        """Shapes of the named tensors for one batch, without holding their values.

        A name whose value is not a tensor but a sequence is left out.
        """
        wanted = list(names)
        try:
            session, run = self._sessions.measuring(wanted)
        except UnsupportedModelError:  # a sequence is among them, which has no shape
            wanted = self._sessions.tensors_of(wanted)
            if not wanted:
                return {}
            session, run = self._sessions.measuring(wanted)
        values = self._said(session, run, x.astype(self._image.dtype, copy=False))
        return {n: tuple(map(int, v)) for n, v in zip(wanted, values, strict=True)}

    def _fitting(self, count: int) -> Batches:
        """Batches that fit into memory, unless somebody has said how large they are."""
        if count == 1 or self._batch_given or self._image.batch:
            return self._batches
        if self._fits is None:
            most = self._batches.size
            # On a GPU, small batches leave most of it idle.
            timed = self._meet or self._batches.measured() or not self.device.startswith("CPU")
            size = forward_batch(self._graph.nodes, self._shapes(), most, timed=timed)
            self._fits = replace(self._batches, size=size)
        return self._fits

    @property
    def sessions(self) -> OrtSessions:
        """What opens sessions of the graph."""
        return self._sessions

    def keep(self, session: Keeping, batch: Array) -> dict[str, Any]:
        """Run a forward pass of `OrtSessions.keeping` on one batch."""
        batch = np.ascontiguousarray(batch.astype(self._image.dtype, copy=False))
        return self._said(session.session, session.run, batch)

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
        """Refuse: ONNX Runtime has no backward pass here."""
        raise UsageError("ONNX Runtime gives no gradients; the PyTorch adapter does")

    def relevance(
        self,
        x: Array,
        seeds: Sequence[Seed],
        composite: Composite,
        names: Sequence[str],
        *,
        keep: Mapping[str, Array] | None = None,
    ) -> list[Propagation]:
        """Refuse: ONNX Runtime has no backward pass here."""
        raise UsageError("ONNX Runtime gives no relevance; the PyTorch adapter does")

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
        # Takes a while to load, and most methods change no windows.
        from onnxplain.adapters.incremental.engine import WindowEngine
        from onnxplain.adapters.incremental.work import Services
        from onnxplain.graph.sections import Sections

        graph, image = self._graph, self._image
        batches = self._fitting(self._batches.size)

        def batch_after(kind: tuple[str, ...], nodes: Sequence[Node]) -> BatchChoice:
            if self._batch_given or image.batch or batches.measured():
                return batches.choice(kind)
            # Behind the sections of a small network there is room for more inputs.
            size = forward_batch(nodes, self._shapes(), 4 * self._batches.size, timed=False)
            return replace(batches, size=size).choice(kind)

        apart = batches.apart(batches.size)
        side = self._side
        services = Services(
            sections=lambda names: Sections(graph, self._shapes(), image, names),
            open_session=lambda file, weights: self._open_part(file, weights, side.threads),
            forward=self._activations,
            shared=self._shared,
            profile=self._profile,
            bound=self._bound,
            batch=batches.choice,
            batch_after=batch_after,
            side=side,
            fixed=image.batch,
            obstacle=""
            if self.device.startswith("CPU")
            else "the costs of sections are known for the CPU only",
            wrong="each input has to run alone" if apart else "",
        )
        return WindowEngine(services, image.spatial)

    def _profile(
        self, batches: Sequence[Array], sections: Sections
    ) -> tuple[list[dict[str, Array]], Array]:
        """Named tensors of each batch, and seconds of each node for one input."""
        with temporary_folder("profile") as folder:
            session = self._sessions.profiling(sections.names, folder / "profile")
            found = []
            for batch in batches:
                values = self._run(session, list(sections.names), batch)
                found.append(dict(zip(sections.names, values, strict=True)))
            file = Path(session.end_profiling())
            return found, node_seconds(file, sections.nodes, len(batches[-1]), len(batches))

    def _run(self, session: Any, names: list[str], batch: Array) -> list[Any]:
        return self._said(session, partial(self._sessions.run, session, names), batch)

    def _said(self, session: Any, run: Callable[[Mapping[str, Array]], T], batch: Array) -> T:
        """Run a function of all inputs, and say whose fault it is if that fails."""
        try:
            return run({self._image.name: batch, **self._bound})
        except OnnxplainError:
            raise
        except Exception as error:  # onnxruntime's exceptions share no base class
            reason = reason_of(error)
            raise whose_fault(reason, session, run, self._image, batch, self._bound) from error

    def rerun_from(
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
        return self._reruns[key].run(x, values, self._fitting(len(values)))

    def _open_part(
        self, file: bytes, weights: Mapping[str, Array], threads: int | None = None
    ) -> RunFeeds:
        return self._sessions.open_part(file, weights, threads=threads)
