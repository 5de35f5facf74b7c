"""Everything about one model file that methods may ask: its graph, layers and engines."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.adapters.base import Adapter, Array, Capability
from onnxplain.adapters.ort import OrtAdapter
from onnxplain.errors import MethodRefusedError, UsageError
from onnxplain.graph.axes import Axes, tag_axes
from onnxplain.graph.cam_head import CamHead, find_cam_head
from onnxplain.graph.expand import expand
from onnxplain.graph.head import Head, find_head
from onnxplain.graph.image_input import ImageInput, find_image_input
from onnxplain.graph.layers import SpatialLayer, layer_candidates, refuse_layer, spatial_layer
from onnxplain.graph.output_axes import OutputAxes, output_axes
from onnxplain.graph.preprocessing_chain import cut_at
from onnxplain.graph.quantised import quantisation_step
from onnxplain.graph.shapes import Shapes, infer_shapes
from onnxplain.graph.view import Graph, TensorInfo
from onnxplain.targets.classes import Activation, Kind

if TYPE_CHECKING:
    from onnxplain.adapters.torch import TorchAdapter

# Some input that moves the scores, and how exact float16 probabilities may be.
_PROBE_RANGE, _SUM_SLACK = 2.0, 1e-3
_FORWARD = Capability.FORWARD | Capability.ACTIVATIONS


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
        self.head: Head = find_head(graph, output)
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
            output=self.head.output,
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
            self.head.output,
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
            self.head.output,
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
    def output_axes(self) -> OutputAxes:
        """Which axis of the explained output holds the classes, and which the places.

        Raises
        ------
        UnsupportedModelError
            If the output has no axis beside the batch.
        """
        return output_axes(self.head, self.shapes, self.axes, self.image)

    @property
    def classes(self) -> int:
        """Number of classes."""
        return self.output_axes.classes

    @cached_property
    def sums_to_one(self) -> bool:
        """Whether the output holds probabilities although no final Softmax was found."""
        if self.head.kind != "logits" or self.classes < 2:
            return False
        x = np.random.default_rng(0).random((1, *self.image.shape[1:])) * _PROBE_RANGE
        values = self.ort.activations(x.astype(self.image.dtype), [self.head.output])
        scores = self.output_axes.by_class(values[self.head.output])
        # Quantised probabilities are each off by half a step at most.
        slack = max(_SUM_SLACK, self.classes * quantisation_step(self.graph, self.head.output) / 2)
        return bool((scores >= 0).all() and (np.abs(scores.sum(axis=1) - 1.0) < slack).all())

    def read(self, kind: Kind) -> tuple[str, Activation]:
        """Tensor to read for a score of that kind, and what to apply to it."""
        if self.sums_to_one:
            return self.head.output, "none"
        return self.head.read(kind, self.classes)

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
