"""Which engine a network uses for what."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cached_property
from typing import TYPE_CHECKING

from onnxplain.adapters.base import FORWARD_VERBS, Adapter, Array, Capability
from onnxplain.adapters.batch_choice import asked_for_gradients, gradient_batch, is_work
from onnxplain.adapters.engines import EngineSettings, Factory
from onnxplain.adapters.incremental.costs import arithmetic
from onnxplain.adapters.ort import OrtAdapter
from onnxplain.errors import UnsupportedModelError
from onnxplain.graph.image_input import ImageInput
from onnxplain.graph.shapes import Shapes
from onnxplain.graph.view import Graph
from onnxplain.machine import lacks_pytorch
from onnxplain.network.slopes import open_slopes, opens_quickly, require_slopes, suits_onnx

if TYPE_CHECKING:
    from onnxplain.adapters.independence import Independence
    from onnxplain.adapters.slopes_engine import SlopesEngine
    from onnxplain.adapters.torch import TorchAdapter

AUTO = "auto"
# Inputs that gradients take at a time, where memory allows.
_GRADIENTS = 16
# What is called before PyTorch takes over, and in which network: of the running call alone.
_BEFORE_PYTORCH: ContextVar[tuple[Engines, Callable[[], None]] | None] = ContextVar(
    "before pytorch", default=None
)


class Engines:
    """The part of a `Network` that chooses engines.

    Attributes
    ----------
    gradients_by : {"auto", "onnxruntime", "pytorch"}
        Which of the library's engines was asked for.
    passing : bool
        Whether the network will be asked little, so that what takes long to open is not worth it.
    """

    graph: Graph
    image: ImageInput
    bound: Mapping[str, Array]
    precision: str
    gradients_by: str
    passing: bool = False
    example: Callable[[], Array]
    _engine: Factory | None
    _device: str
    batch_asked_for: int | None
    _threads: int | None

    if TYPE_CHECKING:

        @cached_property
        def ort(self) -> OrtAdapter:
            """The ONNX Runtime engine."""

        @cached_property
        def torch(self) -> TorchAdapter:
            """The PyTorch engine."""

        @cached_property
        def independence(self) -> Independence:
            """Whether one input stands for itself."""

        @cached_property
        def shapes(self) -> Shapes:
            """Concrete shapes of all tensors."""

        def _open_ort(self, graph: Graph | None = None, *, optimise: bool = True) -> OrtAdapter: ...

    def adapter(self, needs: Capability) -> Adapter:
        """Return the cheapest engine that can do all that is needed; the user's own first."""
        if self._engine is not None and needs in self.own_engine.capabilities:
            return self.own_engine
        if needs in FORWARD_VERBS:
            return self.ort
        if self.slopes_in_onnx(needs):
            return self.slopes
        require_slopes(self.gradients_by)
        return self.torch

    def slopes_in_onnx(self, needs: Capability) -> bool:
        """Whether ONNX Runtime is to be asked first for what is needed."""
        if needs in FORWARD_VERBS or needs & Capability.SIGNALS:
            return False
        if self._engine is not None and needs in self.own_engine.capabilities:
            return False
        if Capability.RELEVANCE in needs and self.gradients_by == AUTO and not lacks_pytorch():
            return self._prefers_onnx and not self.passing and self._opens_quickly
        return self.gradients_by == "onnxruntime" or self._prefers_onnx

    def in_pytorch(self, needs: Capability) -> bool:
        """Whether what is needed comes from PyTorch, or from the user's engine in its place."""
        if needs in FORWARD_VERBS:
            return False
        return not self.slopes_in_onnx(needs) or bool(self.slopes.obstacle)

    @cached_property
    def _prefers_onnx(self) -> bool:
        return self.gradients_by == AUTO and suits_onnx(
            self.graph, self.image, self.precision, self.ort.device
        )

    @cached_property
    def _opens_quickly(self) -> bool:
        return opens_quickly(self.graph)

    @cached_property
    def slopes(self) -> SlopesEngine:
        """Derivatives from ONNX Runtime, and from PyTorch where that fails."""

        def reopened(graph: Graph) -> OrtAdapter:
            return self.ort if graph is self.graph else self._open_ort(graph)

        def pytorch() -> Adapter:
            asked = _BEFORE_PYTORCH.get()
            if asked is not None and asked[0] is self:
                asked[1]()
            return self.torch

        only = self.gradients_by == "onnxruntime"
        return open_slopes(
            *(self.graph, self.image, reopened, pytorch, self._settings, self.example),
            batch_size=self.gradient_batch,
            measured=lambda: self._measured,
            only=only,
        )

    @property
    def gradient_batch(self) -> int:
        """How many inputs gradients take at a time, in either engine."""
        if self.batch_asked_for is None:
            return gradient_batch(self.graph, self.shapes, _GRADIENTS)
        try:
            shapes = self.shapes
        except UnsupportedModelError:  # ONNX Runtime does not open what PyTorch may run
            return self.batch_asked_for
        return asked_for_gradients(self.graph, shapes, self.batch_asked_for)

    def batch_warnings(self, needs: Capability) -> tuple[str, ...]:
        """Say that gradients take fewer inputs at a time than somebody asked for."""
        asked = self.batch_asked_for
        if asked is None or needs in FORWARD_VERBS or self.gradient_batch >= asked:
            return ()
        return (
            f"gradients of {asked:,} inputs at a time would take more memory than a process may "
            f"hold: {self.gradient_batch:,} at a time are computed",
        )

    @cached_property
    def _measured(self) -> bool:
        """Whether batches are to be timed: nobody has said how large they are, and they matter."""
        given = self.batch_asked_for or self.image.batch
        return not given and is_work(arithmetic(self.graph, self.graph.nodes, self.shapes))

    @contextmanager
    def before_pytorch(self, check: Callable[[], None]) -> Iterator[None]:
        """Call `check` before PyTorch gives derivatives in the place of ONNX Runtime."""
        token = _BEFORE_PYTORCH.set((self, check))
        try:
            yield
        finally:
            _BEFORE_PYTORCH.reset(token)

    @property
    def converted(self) -> Adapter:
        """The engine that is compared with ONNX Runtime: the user's own, or PyTorch."""
        if self._engine is not None and Capability.GRADIENTS in self.own_engine.capabilities:
            return self.own_engine
        return self.torch

    @cached_property
    def own_engine(self) -> Adapter:
        """The engine that the user registered and asked for."""
        assert self._engine is not None
        return self._engine(self.graph, self.image, self._settings)

    @property
    def _settings(self) -> EngineSettings:
        return EngineSettings(
            *(self._device, self.batch_asked_for, self.bound),
            double=self.precision == "double",
            threads=self._threads,
            must_part=lambda: self.independence.parts,
        )
