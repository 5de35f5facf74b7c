"""Everything about one model file that methods may ask: its graph, layers and engines."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from onnxplain.adapters.base import Array
from onnxplain.adapters.engines import OWN, Factory, engine_factory
from onnxplain.adapters.ort import OrtAdapter
from onnxplain.adapters.placement import Placement
from onnxplain.convert.torch_threads import import_torch
from onnxplain.errors import UsageError
from onnxplain.graph.answers.answer import Answer
from onnxplain.graph.answers.outputs import Outputs, find_outputs
from onnxplain.graph.axes import Axes, tag_axes
from onnxplain.graph.batch_first import read_batch_first, with_batch_first
from onnxplain.graph.cam_head import CamHead
from onnxplain.graph.draws import random_nodes
from onnxplain.graph.extract import cut_at
from onnxplain.graph.head import Head, head_of
from onnxplain.graph.image_input import ImageInput, find_image_input
from onnxplain.graph.layer_choice import LayerChoice, choose_layer
from onnxplain.graph.layers import SpatialLayer
from onnxplain.graph.shapes import Shapes
from onnxplain.graph.training import training_nodes
from onnxplain.graph.view import Graph, TensorInfo
from onnxplain.inputs.bound import BoundValue, bind_inputs
from onnxplain.network.answer import Asked, declared_answer, probed
from onnxplain.network.chosen_layer import about_layers, linear_head, named_layer
from onnxplain.network.concrete_shapes import concrete_shapes
from onnxplain.network.engines import AUTO, Engines
from onnxplain.network.placed_layer import placed

if TYPE_CHECKING:
    from onnxplain.adapters.independence import Independence
    from onnxplain.adapters.torch import TorchAdapter

# Some input that moves the scores.
_PROBE_RANGE, _PIXEL_RANGE = 2.0, 255


class Network(Engines):
    """A prepared graph with its engines.

    Engines are opened on first use and kept; PyTorch is loaded only when a gradient or
    relevance is asked for.

    Parameters
    ----------
    graph : Graph
        The prepared graph; what the explained output is not computed from is left out.
    output : str, optional
        The graph output to explain, if there are several.
    task, scores : str, optional
        What the output answers and what its numbers are, see `declared`; told by the graph if
        not given.
    metadata : mapping of str to str, optional
        What the model file says of itself.
    outputs : Outputs, optional
        What `find_outputs` found, if the graph has been cut to one of its outputs already.
    input_name, layout, size, channels
        See `find_image_input`.
    device : str
        ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
    batch_size : int, optional
        Inputs in one call. If not given, at most 32 in ONNX Runtime and 16 in PyTorch; where many
        inputs come at once, what timing the first of them finds best. Results of other batches
        may differ in their last bits.
    precision : {"single", "double"}
        Arithmetic of the PyTorch engine.
    bound : mapping of str to array
        Values of all inputs but the explained one; see `onnxplain.inputs.bound.bind_inputs`.
    cut : bool
        Whether the explained input is a tensor inside of the user's graph.
    threads : int, optional
        Threads within an operator; the engines' own choice if not given.
    example : callable, optional
        Returns an input like those that will be explained; random numbers if not given.
    engine : str or callable, optional
        A registered engine, or its factory, that is used wherever it can do what is needed; or
        ``onnxruntime`` or ``pytorch``, which then gives all derivatives.

    Attributes
    ----------
    gradients_by : {"auto", "onnxruntime", "pytorch"}
        Which of the library's engines was asked for.
    batch_asked_for : int, optional
        The batch size that was given.
    """

    def __init__(
        self,
        graph: Graph,
        *,
        output: str | None = None,
        task: str | None = None,
        scores: str | None = None,
        metadata: Mapping[str, str] | None = None,
        outputs: Outputs | None = None,
        input_name: str | None = None,
        layout: str | None = None,
        size: tuple[int, int] | None = None,
        channels: int | None = None,
        device: str = "auto",
        batch_size: int | None = None,
        precision: str = "single",
        bound: Mapping[str, BoundValue] | None = None,
        cut: bool = False,
        threads: int | None = None,
        example: Callable[[], Array] | None = None,
        engine: str | Factory | None = None,
    ) -> None:
        if precision not in ("single", "double"):
            raise UsageError(f"precision {precision!r} is not known; allowed: single, double")
        if batch_size is not None and batch_size < 1:
            raise UsageError(f"the batch size must be 1 or more, not {batch_size}")
        hints: dict[str, Any] = {"name": input_name, "layout": layout, "size": size}
        hints |= {"channels": channels, "bound": bound or ()}
        metadata = dict(metadata or {})
        self._outputs = outputs or find_outputs(
            graph, output, lambda: find_image_input(graph, **hints), metadata, boxes=task is None
        )
        self.graph = graph if outputs else self._outputs.cut(graph)
        image = find_image_input(self.graph, **hints)
        needed = {n: v for n, v in (bound or {}).items() if n not in self.graph.left_out.inputs}
        self.image: ImageInput
        self.bound, self.image = bind_inputs(self.graph, image, needed)
        self._asked = Asked(task, scores, metadata)
        self.precision = precision
        if threads is not None and threads < 1:
            raise UsageError(f"threads must be 1 or more, not {threads}")
        self._threads = threads
        self.gradients_by = engine if isinstance(engine, str) and engine in OWN else AUTO
        own = engine if self.gradients_by == AUTO and engine != AUTO else None
        self._engine = engine_factory(own) if isinstance(own, str) else own
        if self.gradients_by == "onnxruntime" and precision == "double":
            raise UsageError("only PyTorch computes in double precision; choose --engine pytorch")
        self._device = device
        self.batch_asked_for = batch_size
        self.cut = cut
        self.example = example or self.random_input
        self._whole: Network | None = None
        self.placements: dict[str, Placement] = {}
        self.cam_heads: dict[SpatialLayer, CamHead] = {}

    def with_graph(
        self,
        graph: Graph,
        *,
        input_name: str | None = None,
        layout: str | None = None,
        size: tuple[int, int] | None = None,
        bound: Mapping[str, BoundValue] | None = None,
    ) -> Network:
        """Return a network of the same settings for another form of the graph.

        Its input is that of this network unless another one is described; `bound` holds the
        values of inputs that the graph has in addition.
        """
        left = {i.name for i in graph.inputs}
        other = Network(
            graph,
            outputs=self._outputs,
            task=self._asked.task,
            scores=self._asked.scores,
            metadata=self._asked.metadata,
            input_name=input_name or self.image.name,
            layout=layout or self.image.layout,
            size=size or self.image.size,
            channels=None if input_name else self.image.channels,
            device=self._device,
            batch_size=self.batch_asked_for,
            precision=self.precision,
            bound={n: v for n, v in {**self.bound, **(bound or {})}.items() if n in left},
            cut=self.cut or input_name is not None,
            threads=self._threads,
            engine=self._engine or self.gradients_by,
            example=self.example if input_name is None else None,
        )
        # The same tensors, whatever the weights: places are no matter of these.
        other.placements = self.placements if input_name is None else {}
        return other.batch_first() if self._has_copies else other

    @property
    def _has_copies(self) -> bool:  # of its scores, with inputs on the first axis
        return self.answer.raw.tensors != self._declared.raw.tensors

    def batch_first(self) -> Network:
        """Return the network whose scores have the inputs on their first axis."""
        graph = with_batch_first(self.graph, self._declared, self.shapes)
        return self if graph is self.graph else self.with_graph(graph)

    @property
    def declared_scores(self) -> str | None:
        """What the user says that the numbers of the answer are."""
        return self._asked.scores

    @property
    def batch_size(self) -> int:
        """Inputs that a method should perturb at a time."""
        return self.batch_asked_for or 32

    @cached_property
    def ort(self) -> OrtAdapter:
        """The ONNX Runtime engine."""
        return self._open_ort()

    @cached_property
    def ort_as_written(self) -> OrtAdapter:
        """ONNX Runtime without its graph optimisations: every node as the file says."""
        return self._open_ort(optimise=False)

    def _open_ort(self, graph: Graph | None = None, *, optimise: bool = True) -> OrtAdapter:
        return OrtAdapter(
            graph or self.graph,
            self.image,
            self._outputs.explained,
            device=self._device,
            batch_size=self.batch_asked_for,
            bound=self.bound,
            threads=self._threads,
            optimise=optimise,
            shapes=lambda: self.shapes,
            must_part=lambda: self.independence.parts,
            measured=lambda: self._measured,
            tried=graph is None,
            repeats=lambda: not self._may_differ,
        )

    @cached_property
    def torch(self) -> TorchAdapter:
        """The PyTorch engine; opening it converts the graph."""
        import_torch()
        from onnxplain.adapters.torch import TorchAdapter

        return TorchAdapter(
            self.graph,
            self.image,
            self._outputs.explained,
            device=self._device,
            batch_size=self.gradient_batch,
            bound=self.bound,
            double=self.precision == "double",
            threads=self._threads,
            must_part=lambda: self.independence.parts,
            measured=lambda: self._measured,
        )

    @cached_property
    def independence(self) -> Independence:
        """Whether one input stands for itself; some forward passes find out, once.

        What follows a tensor is taken to be as the whole: values of several inputs do not
        meet there if they meet nowhere.
        """
        from onnxplain.adapters.independence import measure_independence  # takes a while to load

        if self._whole is not None:
            return self._whole.independence
        graph, image, x, names = self.graph, self.image, self.example(), self._scores
        return measure_independence(graph, image, self.ort, lambda: self.ort_as_written, x, names)

    @property
    def known_independence(self) -> Independence | None:
        """What is known of `independence` without a forward pass."""
        where = self if self._whole is None else self._whole
        return where.__dict__.get("independence")

    @cached_property
    def _may_differ(self) -> bool:
        """Whether a node draws random numbers, or keeps something from run to run."""
        if self._whole is not None:
            return self._whole._may_differ
        where = self.graph, (self._outputs.explained,)
        return bool(random_nodes(*where) or training_nodes(*where))

    @property
    def is_random(self) -> bool:
        """Whether scores differ by random numbers; no pass if no node is known to draw any."""
        return self._may_differ and self.independence.is_random

    def require_repeatable(self, *, averaged: bool = False) -> None:
        """Refuse scores that differ from run to run, unless random ones are to be averaged.

        Costs no forward pass if no node of the file is known to do so.

        Raises
        ------
        UnsupportedModelError
            With the nodes, and the ways on.
        """
        if self._may_differ and not (averaged and self.is_random):
            self.independence.require_repeatable()

    @property
    def _scores(self) -> tuple[str, ...]:
        whole = self.answer.raw.tensors if self._has_copies else (self.head.output,)
        return tuple(dict.fromkeys([*self.head.tensors, *whole]))

    def random_input(self) -> Array:
        """Some input that moves the scores, (1, ...)."""
        dtype = np.dtype(self.image.dtype)
        top = _PROBE_RANGE if dtype.kind == "f" else min(np.iinfo(dtype).max, _PIXEL_RANGE)
        x = np.random.default_rng(0).random((1, *self.image.shape[1:])) * top
        return x.astype(dtype)

    def cut_at(self, tensor: TensorInfo, layout: str, size: tuple[int, int]) -> Network:
        """Return the rest of this network, with a tensor inside of it as the explained input.

        Raises
        ------
        MethodRefusedError
            If the scores depend on the picture by another way too.
        """
        graph = cut_at(self.graph, tensor, self._outputs.explained)
        rest = self.with_graph(graph, input_name=tensor.name, layout=layout, size=size)
        rest._whole = self._whole or self
        rest.example = lambda: self.ort.activations(self.example(), [tensor.name])[tensor.name]
        return rest

    @cached_property
    def shapes(self) -> Shapes:
        """Concrete shapes of all tensors for a batch of one."""
        return concrete_shapes(self.graph, self.image, lambda: self.ort)

    @property
    def answers(self) -> list[Answer]:
        """What every output of the file answers, in its order; the explained one as declared."""
        own = self.answer
        others = self._outputs.answers or (own,)
        return [own if a.output == own.output else a for a in others]

    @property
    def choice_of_output(self) -> str:
        """Which output was chosen, among which others and why; empty if there was no choice."""
        return self._outputs.sentence

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
        return probed(self, read_batch_first(self.graph, self._declared), self._asked)

    @cached_property
    def _declared(self) -> Answer:
        """The answer at the tensors of the file, whatever their batch axis."""
        return declared_answer(self, self._outputs, self._asked)

    @cached_property
    def head(self) -> Head:
        """Tensors that hold the scores, and what follows them."""
        return head_of(self.answer, self.graph)

    @property
    def has_logits(self) -> bool:
        """Whether a tensor holds the scores in front of the final activation."""
        return self.answer.logit is not None

    @cached_property
    def axes(self) -> Axes:
        """What the axes of every tensor mean."""
        return tag_axes(self.graph, self.shapes, self.image)

    @cached_property
    def layer_choice(self) -> LayerChoice:
        """Layers for class activation maps, with the reason for the first one and its doubts."""
        return choose_layer(*about_layers(self))

    @property
    def layers(self) -> list[SpatialLayer]:
        """Layers for class activation maps, the best first; may be empty."""
        return list(self.layer_choice.layers)

    def layer(self, asked: str | int | None) -> SpatialLayer:
        """Return the layer that is meant, or the best one; see `layer_tensor` and `placed`.

        Raises
        ------
        UnknownNameError
            If there is no such tensor.
        MethodRefusedError
            If it, or the whole model, has no places in the picture, or answers at other ones.
        """
        return placed(self, named_layer(self, asked))

    def cam_head(self, layer: SpatialLayer) -> CamHead:
        """Return the linear head that follows a layer; see `linear_head`."""
        return linear_head(self, layer)
