"""Give an exported file another form: what it takes as a picture, and how its maps look."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import onnx
from onnx import TensorProto, helper

from onnxplain.export.display import Form, enlarged, flat, limit, shown_part, unit
from onnxplain.export.overlay import write_overlay
from onnxplain.export.preprocess import (
    picture_channels,
    write_input,
    write_levels,
    write_seen,
    write_shown,
)
from onnxplain.export.view import View
from onnxplain.export.write import PICTURE, Written, nothing
from onnxplain.symbolic.builder import Builder

if TYPE_CHECKING:
    from onnxplain.inputs.preprocess import Preprocess

#: Name of the output that shows the map on the picture.
OVERLAY = "overlay"


def dress(
    written: Written, forms: Mapping[str, Form], image: str, recipe: Preprocess, view: View
) -> Written:
    """Return a file of another form; the given one stays as it is.

    Parameters
    ----------
    written : Written
        A file as `onnxplain.export.write.write` returns it.
    forms : mapping of str to Form
        Of each method's map.
    image : str
        Name of the input with the picture.
    recipe : Preprocess
        How pixels become that input.
    view : View
        The form that is wanted.
    """
    model = onnx.ModelProto()
    model.CopyFrom(written.model)
    graph = model.graph
    constants = [t.name for t in graph.initializer]
    opset = next(o.version for o in model.opset_import if o.domain in ("", "ai.onnx"))
    build = Builder({*_names(graph), *constants}, constants, opset)
    inputs, seen = dict(written.inputs), ""
    with build.body() as before:
        if view.uint8:
            picture = inputs[PICTURE] = build.claim(PICTURE)
            seen = write_seen(build, recipe, picture)
            write_input(build, recipe, seen, image)
            _take_pixels(graph, image, picture, recipe)
    branch = graph.node[-1]
    overlays: dict[str, str] = {}
    with build.body() as inside:
        made = {n: _Maps(build, form, _inner(branch, written.outputs[n]))
                for n, form in forms.items()}  # fmt: skip
        if view.flattens:
            for method, maps in made.items():
                _replace(graph, branch, written.outputs[method], *maps.wanted(view))
        if view.overlay:
            photo = write_shown(build, recipe, seen or write_levels(build, recipe, image))
            for method, maps in made.items():
                name = f"{OVERLAY}_{method.replace('-', '_')}" if len(forms) > 1 else OVERLAY
                overlays[method] = build.claim(name)
                shown = write_overlay(build, photo, maps.shown(), maps.form.display)
                _add(graph, branch, overlays[method], shown, (None, *maps.form.size, 3))
    branch_of(branch, "then_branch").node.extend(inside)
    nodes = [*build.fixed, *before, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    graph.initializer.extend(build.initializers)
    return replace(written, model=model, inputs=inputs, overlays=overlays)


class _Maps:
    """One map in all forms; what two of them need is written once."""

    def __init__(self, build: Builder, form: Form, raw: str) -> None:
        self.build, self.form, self.raw = build, form, raw
        self._shown = ""

    def wanted(self, view: View) -> tuple[str, tuple[int | None, ...]]:
        """The map that a view asks for, and its shape."""
        large = view.map_size == "input"
        shape = (None, *(self.form.size if large else self.form.grid))
        if view.map_scale == "raw":
            return enlarged(self.build, self.form, flat(self.build, self.form, self.raw)), shape
        return (self.shown() if large else self._unit(large=False)), shape

    def shown(self) -> str:
        """The map that lies over a picture."""
        self._shown = self._shown or self._unit(large=True)
        return self._shown

    def _unit(self, *, large: bool) -> str:
        part = shown_part(self.build, self.form, flat(self.build, self.form, self.raw))
        top = limit(self.build, self.form, part)
        return unit(self.build, top, enlarged(self.build, self.form, part) if large else part)


def branch_of(node: onnx.NodeProto, name: str) -> onnx.GraphProto:
    """A branch of an If, to be changed in its place."""
    return next(a.g for a in node.attribute if a.name == name)


def _inner(branch: onnx.NodeProto, output: str) -> str:
    place = list(branch.output).index(output)
    return str(branch_of(branch, "then_branch").output[place].name)


def _replace(
    graph: onnx.GraphProto,
    branch: onnx.NodeProto,
    output: str,
    tensor: str,
    shape: Sequence[int | None],
) -> None:
    """Let an output show another tensor of the branch."""
    place = list(branch.output).index(output)
    info = helper.make_tensor_value_info(tensor, TensorProto.FLOAT, [None] * len(shape))
    branch_of(branch, "then_branch").output[place].CopyFrom(info)
    without = branch_of(branch, "else_branch")
    name = without.output[place].name
    for node in without.node:
        if node.output[0] == name:
            node.CopyFrom(nothing(name, shape, np.float32))
    empty = [d or 0 for d in shape]
    without.output[place].CopyFrom(helper.make_tensor_value_info(name, TensorProto.FLOAT, empty))
    for info in graph.output:
        if info.name == output:
            info.CopyFrom(helper.make_tensor_value_info(output, TensorProto.FLOAT, list(shape)))


def _add(
    graph: onnx.GraphProto,
    branch: onnx.NodeProto,
    output: str,
    tensor: str,
    shape: Sequence[int | None],
) -> None:
    """Add an output of bytes to the branch and to the file."""
    code = TensorProto.UINT8
    branch.output.append(output)
    then, without = (branch_of(branch, f"{w}_branch") for w in ("then", "else"))
    then.output.append(helper.make_tensor_value_info(tensor, code, [None] * len(shape)))
    name = f"{without.name}/{output}"
    without.node.append(nothing(name, shape, np.uint8))
    without.output.append(helper.make_tensor_value_info(name, code, [d or 0 for d in shape]))
    graph.output.append(helper.make_tensor_value_info(output, code, list(shape)))


def _take_pixels(graph: onnx.GraphProto, image: str, picture: str, recipe: Preprocess) -> None:
    """Put an input of bytes in the place of the model's own."""
    for info in graph.input:
        if info.name == image:
            graph.value_info.append(info)
            batch = info.type.tensor_type.shape.dim[0]
            shape = [None, *recipe.size, picture_channels(recipe)]
            made = helper.make_tensor_value_info(picture, TensorProto.UINT8, shape)
            made.type.tensor_type.shape.dim[0].CopyFrom(batch)
            info.CopyFrom(made)
            return


def _names(graph: onnx.GraphProto) -> Iterator[str]:
    """Names of all tensors and nodes, those of bodies included."""
    for value in (*graph.input, *graph.output, *graph.value_info, *graph.initializer):
        yield value.name
    for node in graph.node:
        yield node.name
        yield from node.output
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from _names(attribute.g)
