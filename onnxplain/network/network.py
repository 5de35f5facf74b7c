"""Everything about one model file that methods may ask: its graph, layers and engines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.adapters.base import Adapter, Array, Capability
from onnxplain.adapters.ort import OrtAdapter
from onnxplain.errors import MethodRefusedError, UsageError
from onnxplain.graph.answers.answer import Answer
from onnxplain.graph.answers.choose import choose
from onnxplain.graph.answers.declare import declared
from onnxplain.graph.answers.find import find_answers
from onnxplain.graph.axes import Axes, tag_axes
from onnxplain.graph.cam_head import CamHead, find_cam_head
from onnxplain.graph.expand import expand
from onnxplain.graph.head import Head, head_of
from onnxplain.graph.image_input import ImageInput, find_image_input
from onnxplain.graph.layers import SpatialLayer, layer_candidates, refuse_layer, spatial_layer
from onnxplain.graph.preprocessing_chain import cut_at
from onnxplain.graph.quantised import quantisation_step
from onnxplain.graph.shapes import Shapes, infer_shapes
from onnxplain.graph.view import Graph, TensorInfo

if TYPE_CHECKING:
    from onnxplain.adapters.torch import TorchAdapter

_SUM = "its values are not negative and sum to one, on a probe"
_TAKEN = (
    "the scores are taken as probabilities, since they are not negative and sum to one; if they "
    "are none, declare --scores raw"
)
# Some input that moves the scores, and how exact float16 probabilities may be.
_PROBE_RANGE, _SUM_SLACK = 2.0, 1e-3
_FORWARD = Capability.FORWARD | Capability.ACTIVATIONS


@dataclass(frozen=True)
class _Asked:
    """What the user asked of the output, and what the file says of itself."""

    output: str | None
    task: str | None
    scores: str | None
    metadata: Mapping[str, str]


class Network:
    """A prepared graph with its engines.

    Engines are opened on first use and kept; PyTorch is loaded only when a gradient or
    relevance is asked for.

    Parameters
    ----------
    graph : Graph
        The prepared graph.
    output : str, optional
        The graph output to explain, if there are several.
    task, scores : str, optional
        What the output answers and what its numbers are, see `declared`; told by the graph if
        not given.
    metadata : mapping of str to str, optional
        What the model file says of itself.
    input_name, layout, size
        See `find_image_input`.
    device : str
        ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
    batch_size : int, optional
        Largest batch; 32 for ONNX Runtime (or what a short probe finds best for windows) and
        16 for PyTorch if not given.
    precision : {"single", "double"}
        Arithmetic of the PyTorch engine.
    bound : mapping of str to array
        Values of all inputs but the explained one.
    cut : bool
        Whether the explained input is a tensor inside of the user's graph.
    threads : int, optional
        Threads within an operator of ONNX Runtime; its own choice if not given.
    """

    def __init__(
        self,
        graph: Graph,
        *,
        output: str | None = None,
        task: str | None = None,
        scores: str | None = None,
        metadata: Mapping[str, str] | None = None,
        input_name: str | None = None,
        layout: str | None = None,
        size: tuple[int, int] | None = None,
        device: str = "auto",
        batch_size: int | None = None,
        precision: str = "single",
        bound: Mapping[str, Array] | None = None,
        cut: bool = False,
        threads: int | None = None,
    ) -> None:
        if precision not in ("single", "double"):
            raise UsageError(f"precision {precision!r} is not known; allowed: single, double")
        if batch_size is not None and batch_size < 1:
            raise UsageError(f"batch size {batch_size} is not possible; it must be 1 or more")
        self.graph = graph
        self.image: ImageInput = find_image_input(graph, name=input_name, layout=layout, size=size)
        self._asked = _Asked(output, task, scores, dict(metadata or {}))
        self.precision = precision
        if threads is not None and threads < 1:
            raise UsageError(f"{threads} threads are not possible; it must be 1 or more")
        self._threads = threads
        self._device = device
        self._batch_size = batch_size
        self._bound = _bind(self.image, bound or {})
        self.cut = cut

    def with_graph(
        self,
        graph: Graph,
        *,
        input_name: str | None = None,
        layout: str | None = None,
        size: tuple[int, int] | None = None,
        bound: Mapping[str, Array] | None = None,
    ) -> Network:
        """Return a network of the same settings for another form of the graph.

        Its input is that of this network unless another one is described; `bound` holds the
        values of inputs that the graph has in addition.
        """
        left = {i.name for i in graph.inputs}
        return Network(
            graph,
            output=self.answer.output,
            task=self._asked.task,
            scores=self._asked.scores,
            metadata=self._asked.metadata,
            input_name=input_name or self.image.name,
            layout=layout or self.image.layout,
            size=size or self.image.size,
            device=self._device,
            batch_size=self._batch_size,
            precision=self.precision,
            bound={n: v for n, v in {**self._bound, **(bound or {})}.items() if n in left},
            cut=self.cut or input_name is not None,
            threads=self._threads,
        )

    @property
    def batch_size(self) -> int:
        """Inputs that a method should perturb at a time."""
        return self._batch_size or 32

    @cached_property
    def ort(self) -> OrtAdapter:
        """The ONNX Runtime engine."""
        return self._open_ort()

    @cached_property
    def ort_as_written(self) -> OrtAdapter:
        """ONNX Runtime without its graph optimisations: every node as the file says."""
        return self._open_ort(optimise=False)

    def _open_ort(self, *, optimise: bool = True) -> OrtAdapter:
        return OrtAdapter(
            self.graph,
            self.image,
            lambda: self.answer.output,
            device=self._device,
            batch_size=self._batch_size,
            bound=self._bound,
            threads=self._threads,
            optimise=optimise,
            shapes=lambda: self.shapes,
        )

    @cached_property
    def torch(self) -> TorchAdapter:
        """The PyTorch engine; opening it converts the graph."""
        from onnxplain.adapters.torch import TorchAdapter

        return TorchAdapter(
            self.graph,
            self.image,
            lambda: self.answer.output,
            device=self._device,
            batch_size=self._batch_size or 16,
            bound=self._bound,
            double=self.precision == "double",
        )

    def cut_at(self, tensor: TensorInfo, layout: str, size: tuple[int, int]) -> Network:
        """Return the rest of this network, with a tensor inside of it as the explained input.

        Raises
        ------
        MethodRefusedError
            If the scores depend on the picture by another way too.
        """
        graph = cut_at(self.graph, tensor, self.head.output)
        return self.with_graph(graph, input_name=tensor.name, layout=layout, size=size)

    def adapter(self, needs: Capability) -> Adapter:
        """Return the cheapest engine that can do all that is needed."""
        return self.ort if needs in _FORWARD else self.torch

    @cached_property
    def shapes(self) -> Shapes:
        """Concrete shapes of all tensors for a batch of one."""
        shapes = infer_shapes(self.graph, self.image)
        unknown = [n for n in self.graph.tensor_names() if n not in shapes]
        if unknown:
            x = np.zeros((self.image.batch or 1, *self.image.shape[1:]), self.image.dtype)
            measured = self.ort.activations(x, unknown)
            shapes |= {name: values.shape for name, values in measured.items()}
        return shapes

    @cached_property
    def answers(self) -> list[Answer]:
        """What every graph output answers, in the order of the file."""
        return find_answers(self.graph, self.shapes, self.image, self._asked.metadata)

    @cached_property
    def _choice(self) -> tuple[Answer, str]:
        return choose(self.answers, self._asked.output)

    @property
    def choice_of_output(self) -> str:
        """Which output was chosen, among which others and why; empty if there was no choice."""
        return self._choice[1]

    @cached_property
    def answer(self) -> Answer:
        """What the explained output answers, after what the user declared.

        Raises
        ------
        UnknownNameError
            If there is no such output, task or kind of scores.
        UsageError
            If what was declared contradicts the output.
        """
        found = declared(self._choice[0], self._asked.task, self._asked.scores)
        plain = found.task == "classes" and found.probability is None and not found.places
        if plain and self._asked.scores is None and self._sums_to_one(found):
            return replace(found, probability=found.raw, logit=None, evidence=_SUM, doubt=_TAKEN)
        return found

    @cached_property
    def head(self) -> Head:
        """Tensors that hold the scores, and what stands behind them."""
        return head_of(self.answer, self.graph)

    def _sums_to_one(self, answer: Answer) -> bool:
        """Whether the output holds probabilities although no final Softmax was found."""
        x = np.random.default_rng(0).random((1, *self.image.shape[1:])) * _PROBE_RANGE
        values = self.ort.activations(x.astype(self.image.dtype), answer.raw.tensors)
        scores = answer.raw.read(values)
        # Quantised probabilities are each off by half a step at most.
        step = quantisation_step(self.graph, answer.output)
        slack = max(_SUM_SLACK, scores.shape[1] * step / 2)
        return bool((scores >= 0).all() and (np.abs(scores.sum(axis=1) - 1.0) < slack).all())

    @property
    def has_logits(self) -> bool:
        """Whether a tensor holds the scores in front of the final activation."""
        return self.answer.logit is not None

    @cached_property
    def axes(self) -> Axes:
        """What the axes of every tensor mean."""
        return tag_axes(self.graph, self.shapes, self.image)

    @cached_property
    def layers(self) -> list[SpatialLayer]:
        """Layers for class activation maps, the best first; may be empty."""
        return layer_candidates(self.graph, self.shapes, self.axes, self.image, self.head)

    def layer(self, name: str | None) -> SpatialLayer:
        """Return the named spatial layer, or the best one.

        Raises
        ------
        UnknownNameError
            If there is no such tensor.
        MethodRefusedError
            If the tensor, or the whole model, has no places in the picture.
        """
        if name is None:
            if not self.layers:
                raise refuse_layer(
                    self.graph,
                    self.shapes,
                    self.axes,
                    "no layer was chosen: nothing spatial dominates the output",
                )
            return self.layers[0]
        tensor = self.graph.resolve(name)
        found = spatial_layer(self.graph, self.shapes, self.axes, tensor)
        if found is None:
            shape = list(self.shapes.get(tensor, ()))
            what = f"layer {tensor!r} of shape {shape} has no height and width"
            raise refuse_layer(self.graph, self.shapes, self.axes, what)
        return found

    def cam_head(self, layer: SpatialLayer) -> CamHead:
        """Return the linear head behind a layer.

        Raises
        ------
        MethodRefusedError
            If the layer is not followed by global average pooling and one linear layer.
        """
        # Integer operators are linear too, once they are written out.
        head, reason = find_cam_head(expand(self.graph), self.shapes, layer, self.head)
        if head is None:
            raise MethodRefusedError(
                f"cam needs global average pooling and one linear layer behind {layer.name!r}: "
                f"{reason}; use grad-cam"
            )
        return head


def _bind(image: ImageInput, bound: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    missing = [n for n in image.others if n not in bound]
    unknown = [n for n in bound if n not in image.others]
    said = []
    if missing:
        said.append(f"inputs {missing} need a value (load(..., bound={{...}}))")
    if unknown:
        said.append(f"no input is named {unknown}; inputs to bind: {list(image.others)}")
    if said:
        raise UsageError(f"the model explains input {image.name!r}; {'; '.join(said)}")
    return dict(bound)
