"""Models of a few nodes, written as text, opened as `Network` or `Walker`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import onnx
import torch

from onnxplain.adapters.base import Adapter, Capability
from onnxplain.convert import to_torch
from onnxplain.graph.prepare import prepare
from onnxplain.inputs.preprocess import Preprocess
from onnxplain.network.context import Context
from onnxplain.network.network import Network
from onnxplain.relevance.composites import Composite
from onnxplain.relevance.walk import Walked, Walker
from onnxplain.targets.classes import ClassScore, Kind
from onnxplain.tasks.classes import Classes

IMAGE = "float[N,3,6,6] image"


def model(
    body: str,
    weights: Mapping[str, np.ndarray] | None = None,
    *,
    image: str = IMAGE,
    output: str = "float[N,K] scores",
    opset: int = 17,
    **more: np.ndarray,
) -> onnx.ModelProto:
    """Build a model from nodes in ONNX's textual syntax and named weights."""
    proto = onnx.parser.parse_model(
        f'<ir_version: 9, opset_import: ["" : {opset}, "com.microsoft" : 1]> '
        f"g ({image}) => ({output}) {{ {body} }}"
    )
    for name, value in {**(weights or {}), **more}.items():
        array = value.astype(np.float32) if value.dtype == np.float64 else value
        proto.graph.initializer.append(onnx.numpy_helper.from_array(array, name))
    onnx.checker.check_model(proto)
    return proto


def declared_scores(proto: onnx.ModelProto) -> dict[str, str]:
    """Options that declare logits where the file itself does not end in probabilities."""
    probable = proto.graph.node[-1].op_type in ("Softmax", "LogSoftmax", "Sigmoid")
    return {} if probable else {"scores": "logits"}


class PyTorchOnly(Network):
    """A network whose forward passes run in PyTorch too."""

    def adapter(self, needs: Capability) -> Adapter:
        return self.torch


def context_of(
    proto: onnx.ModelProto, kind: type[Network] = Network, *, seed: int = 0, **options: object
) -> Context:
    """Open a model in float64 with inputs in [-1, 1] whose black is -1."""
    options = {"precision": "double", **declared_scores(proto), **options}
    network = kind(prepare(proto), **options)
    image = network.image
    grey = image.channels == 1
    recipe = Preprocess(
        name="unit",
        layout=image.layout,
        size=image.size,
        color="gray" if grey else "RGB",
        scale=1 / 127.5,
        mean=(1.0,) * image.channels,
        std=(1.0,) * image.channels,
    )
    return Context(network, recipe, seed)


def target_of(context: Context, index: int, kind: Kind = "logit", **more: object) -> ClassScore:
    """Target a class of a context's network."""
    task = Classes(context.network.answer, (), context.network.shapes)
    return replace(task.plain(task.kind(kind), index), **more)


def walk(
    proto: onnx.ModelProto,
    x: np.ndarray,
    R: np.ndarray,
    rules: Composite,
    *,
    names: tuple[str, ...] = ("image",),
    output: str = "scores",
) -> Walked:
    """Propagate relevance `R` of tensor `output` down to `names`, in float64."""
    graph = prepare(proto)
    walker = Walker(graph, to_torch(graph, double=True), "image")
    feeds = {"image": torch.from_numpy(x).double()}
    seeds = [lambda values: {output: torch.from_numpy(R).reshape(values[output].shape)}]
    return walker.walk(feeds, [output], seeds, rules, names)[0]


def computed(proto: onnx.ModelProto, output: str = "scores") -> Callable[[np.ndarray], np.ndarray]:
    """Return the function from the image to a tensor, in PyTorch and float64."""
    program = to_torch(prepare(proto), double=True)
    return lambda x: program.run({"image": torch.from_numpy(x).double()}, [output])[output].numpy()
