"""Put the nodes of the maps into a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import onnx
from numpy.typing import DTypeLike
from onnx import TensorProto, helper, numpy_helper

from onnxplain.export.maps import AT_INPUT, AT_LAYER, cam, layer_maps
from onnxplain.export.path import Path, write_path
from onnxplain.export.plan import CAM, INTEGRATED, LRP, Plan
from onnxplain.export.targets.explained import Given, Pass, Score, write_wide
from onnxplain.graph.image_input import ImageInput
from onnxplain.graph.quantised import scale_and_zero
from onnxplain.graph.view import Graph
from onnxplain.relevance.nodes.propagate import write_relevance
from onnxplain.symbolic.builder import Builder
from onnxplain.symbolic.copies import copy_forward, needed_nodes
from onnxplain.symbolic.facts import Facts
from onnxplain.symbolic.pull_back import pull_back

#: Names of the input that asks for maps, and of outputs; further inputs are those of `Explained`.
EXPLAIN, ATTRIBUTION, GAP = "explain", "attribution", "gap"
#: Name of the input that takes bytes.
PICTURE = "picture"
# The oldest format in which an input may have a default.
_OLDEST_FORMAT = 8


@dataclass(frozen=True)
class Forward:
    """How the maps get at what the file computes.

    What reads a tensor keeps ONNX Runtime from fusing the nodes around it, and fused nodes
    round otherwise. Where that would change the scores, the maps compute what they need again.

    Attributes
    ----------
    again : bool
        Whether they compute it again.
    """

    again: bool

    @property
    def name(self) -> str:
        """In one word."""
        return "repeated" if self.again else "shared"


@dataclass(frozen=True)
class Written:
    """A model with its maps.

    Attributes
    ----------
    model : onnx.ModelProto
        The model.
    inputs : mapping of str to str
        Names of the inputs for ``explain``, ``target`` and whatever else says what is explained,
        and for ``picture`` if that is made of bytes.
    outputs : mapping of str to str
        Name of the output for each method.
    gap : str
        Name of the output with the completeness gap of integrated gradients; may be empty.
    overlays : mapping of str to str
        Name of the output with the overlay for each method; none if they are not asked for.
    """

    model: onnx.ModelProto
    inputs: Mapping[str, str]
    outputs: Mapping[str, str]
    gap: str = ""
    overlays: Mapping[str, str] = field(default_factory=dict)

    @property
    def picture(self) -> str:
        """Name of the input that takes bytes in the place of the model's own; may be empty."""
        return self.inputs.get(PICTURE, "")


def write(
    base: Graph, graph: Graph, image: ImageInput, facts: Facts, plan: Plan, forward: Forward
) -> Written:
    """Write the maps of a plan beside what a file computes.

    Parameters
    ----------
    base : Graph
        The whole of the file: all of it stays.
    graph : Graph
        What the explained scores are computed from, with the same names.
    image : ImageInput
        The explained input.
    facts : Facts
        What is known of the tensors of `graph`.
    plan : Plan
        What is to be written.
    forward : Forward
        Which tensors of the file the maps read.

    Raises
    ------
    ConversionError
        If an operator has no rule.
    """
    taken = [*base.tensor_names(), *base.constant_names, *(n.name for n in base.nodes)]
    taken += [*graph.tensor_names(), *graph.constant_names, *(o.name for o in base.outputs)]
    build = Builder(taken, graph.constant_names, graph.opsets[""])
    names = {n: build.claim(n) for n in (EXPLAIN, *(g.name for g in plan.given))}
    with build.body() as nodes:
        found, gap = _maps(base, graph, image, facts, build, plan, names, forward)
    several = len(plan.methods) > 1
    outputs = {
        m: build.claim(f"{ATTRIBUTION}_{m.replace('-', '_')}" if several else ATTRIBUTION)
        for m in plan.methods
    }
    made = [(found[m], outputs[m], _shape(plan, image, m)) for m in plan.methods]
    if gap:
        gap_name = build.claim(GAP)
        made.append((gap, gap_name, (None,)))
    nodes = needed_nodes(nodes, [tensor for tensor, _, _ in made])
    model = onnx.ModelProto()
    model.CopyFrom(base.model)
    own = {*base.constant_names, *base.tensor_names()}
    model.graph.initializer.extend(t for t in graph.model.graph.initializer if t.name not in own)
    _put_in(model, build, nodes, made, names, plan.given)
    return Written(model, names, outputs, gap_name if gap else "")


def _maps(
    base: Graph,
    graph: Graph,
    image: ImageInput,
    facts: Facts,
    build: Builder,
    plan: Plan,
    inputs: Mapping[str, str],
    forward: Forward,
) -> tuple[dict[str, str], str]:
    """Write the maps; return their tensors, and that of the gap."""
    x = image.name
    at_layer = [m for m in plan.methods if m in AT_LAYER or m == CAM]
    at_input = [m for m in plan.methods if m in AT_INPUT]
    layer = plan.layer
    entry = x
    rank = len(next(i.shape or () for i in base.inputs if i.name == x))
    if len(facts.shapes[x]) > rank:  # a file for one picture, without a batch
        entry = build.add("Unsqueeze", x, build.integers(0))
    copies: dict[str, str] = {}
    if forward.again:
        wanted = [*plan.explained.tensors, *([layer.name] if layer else [])]
        copies = copy_forward(graph, build, wanted, {x: entry})
    here = Pass(build, facts, copies)
    # What is predicted is told by the scores themselves, if they can be read.
    given = {o.name for o in base.outputs}.issuperset(plan.explained.tensors)
    chosen = plan.explained.choose(Pass(build, facts, {}) if given else here, inputs)
    score = plan.explained.score(here, chosen)
    names = [*([layer.name] if layer and at_layer else []), *([x] if at_input else [])]
    slopes = {}
    if names:
        slopes = pull_back(graph, facts, build, score.slopes, names, copies)
    found: dict[str, str] = {}
    if layer is not None:
        values, steep = _at_layer(build, graph, plan, facts, copies, slopes[layer.name])
        weights = {m: w for m, w in AT_LAYER.items() if m in at_layer}
        found.update({m: write_map(build, values, steep) for m, write_map in weights.items()})
        if plan.with_cam:
            others = [k for k, a in enumerate(layer.axes) if a not in "NC"]
            rows = build.reduce("ReduceSum", slopes[layer.name], others, keep=False)
            found[CAM] = cam(build, values, build.add("Cast", rows, to=TensorProto.FLOAT))
    channels = 1 if image.layout == "NCHW" else 3
    for m in at_input:
        own = build.add("Cast", entry, to=TensorProto.FLOAT)
        steep = build.add("Cast", slopes[x], to=TensorProto.FLOAT)
        found[m] = AT_INPUT[m](build, own, steep, channels)
    if plan.composite is not None:
        found[LRP] = _relevance(graph, image, here, plan, score)
    found = {m: _where_it_exists(build, score.value, values) for m, values in found.items()}
    gap = ""
    if plan.baseline is not None:
        path = Path(x, entry, plan.baseline, plan.steps)
        start = (score.value, chosen)
        values, gap = write_path(graph, facts, build, plan.explained, start, path)
        found[INTEGRATED] = _where_it_exists(build, score.value, values)
    return found, gap


def _relevance(graph: Graph, image: ImageInput, here: Pass, plan: Plan, score: Score) -> str:
    """Write the relevance of the input; it starts with slope times value."""
    assert plan.composite is not None
    build, x = here.build, image.name
    starts = {
        n: build.add("Mul", slopes, write_wide(here, n, here.tensor(n)))
        for n, slopes in score.slopes.items()
    }
    found = write_relevance(graph, here.facts, build, starts, plan.composite, [x], x, here.names)
    return build.add("Cast", found[x], to=TensorProto.FLOAT)


def _where_it_exists(build: Builder, value: str, values: str) -> str:
    """Turn the map of a picture without what is explained, whose number is NaN, into NaN."""
    rank = build.add("Size", build.add("Shape", values))
    ones = build.add("Sub", build.add("Reshape", rank, build.integers(1)), build.integers(1))
    one = onnx.helper.make_tensor("value", TensorProto.INT64, [1], [1])
    wide = build.add("Concat", build.integers(-1), build.add("ConstantOfShape", ones, value=one),
                     axis=0)  # fmt: skip
    missing = build.add("Reshape", build.add("IsNaN", value), wide)
    return build.add("Where", missing, build.number(np.nan), values)


def _at_layer(
    build: Builder,
    graph: Graph,
    plan: Plan,
    facts: Facts,
    copies: Mapping[str, str],
    slopes: str,
) -> tuple[str, str]:
    """Write values and slopes of the layer as feature maps, in real numbers."""
    layer = plan.layer
    assert layer is not None
    scale, zero = scale_and_zero(graph, layer.name)
    values = build.add("Cast", copies.get(layer.name, layer.name), to=TensorProto.FLOAT)
    if facts.types[layer.name].kind != "f":
        shifted = build.add("Sub", values, build.number(zero))
        values = build.add("Mul", shifted, build.number(scale))
    values = layer_maps(build, layer, values)
    slopes = build.add("Cast", slopes, to=TensorProto.FLOAT)
    if scale != 1.0:
        slopes = build.add("Div", slopes, build.number(scale))
    slopes = layer_maps(build, layer, slopes)
    # Where no slope arrives, a map would say nothing: `explain` refuses it there.
    some = build.reduce("ReduceMax", build.add("Abs", slopes), [1, 2, 3])
    nothing = build.add("Equal", some, build.number(0.0))
    return build.add("Where", nothing, build.number(np.nan), values), slopes


def _shape(plan: Plan, image: ImageInput, method: str) -> tuple[int | None, ...]:
    """Shape of a map; the batch is left open."""
    if method in AT_LAYER or method == CAM:
        assert plan.layer is not None
        return (None, *plan.layer.grid)
    if method == "saliency":
        return (None, *image.size)
    return (None, *image.shape[1:])


def _put_in(
    model: onnx.ModelProto,
    build: Builder,
    nodes: Sequence[onnx.NodeProto],
    made: Sequence[tuple[str, str, tuple[int | None, ...]]],
    names: Mapping[str, str],
    given: Sequence[Given],
) -> None:
    """Add inputs, outputs and the branch that is taken if maps are asked for."""
    graph = model.graph
    before = list(graph.node)
    inner = [_info(t, [None] * len(s)) for t, _, s in made]
    then = helper.make_graph(list(nodes), "with_maps", [], inner)
    empty = [build.fresh("nothing") for _ in made]
    nodes_without = [nothing(n, s) for n, (_, _, s) in zip(empty, made, strict=True)]
    none = [_info(n, [d or 0 for d in s]) for n, (_, _, s) in zip(empty, made, strict=True)]
    without = helper.make_graph(nodes_without, "without_maps", [], none)
    branch = helper.make_node(
        "If",
        [names[EXPLAIN]],
        [o for _, o, _ in made],
        build.fresh("If"),
        then_branch=then,
        else_branch=without,
    )
    del graph.node[:]
    graph.node.extend([*before, *build.fixed, branch])
    graph.initializer.extend(build.initializers)
    graph.output.extend(_info(o, s) for _, o, s in made)
    for one in (Given(EXPLAIN, np.array(True), ()), *given):
        name = names[one.name]
        graph.initializer.append(numpy_helper.from_array(one.default, name))
        code = helper.np_dtype_to_tensor_dtype(one.default.dtype)
        axes = [f"{name}_{a}" if isinstance(a, str) else a for a in one.axes]
        graph.input.append(helper.make_tensor_value_info(name, code, axes))
    model.ir_version = max(model.ir_version, _OLDEST_FORMAT)


def nothing(
    name: str, shape: Sequence[int | None], dtype: DTypeLike = np.float32
) -> onnx.NodeProto:
    """Return a node with an empty array: the map of a run that was not asked for one."""
    empty = np.zeros([d or 0 for d in shape], np.dtype(dtype))
    return helper.make_node("Constant", [], [name], value=numpy_helper.from_array(empty))


def _info(name: str, shape: Sequence[int | None]) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, list(shape))
