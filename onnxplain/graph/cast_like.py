"""CastLike of a constant: the other operand's element type is known, its values never matter.

The default exporter writes the bounds of ReLU6 so when it does not optimise; as long as they
are computed, nobody can tell that the Clip is a ReLU6.
"""

from __future__ import annotations

from onnxplain.graph.ir import ir, passes


def settle_types(model: ir.Model) -> None:
    """Replace every CastLike of a constant by the Cast that it is, in place.

    Parameters
    ----------
    model : onnx_ir.Model
        Constants have to be initializers already. A node whose element type neither the file
        nor shape inference tells stays as it is.
    """
    waiting = [node for node in model.graph if _casts_constant(node)]
    if any(_wanted(node) is None for node in waiting):
        passes.ShapeInferencePass(check_type=False, strict_mode=False)(model)
    for node in waiting:
        wanted = _wanted(node)
        if wanted is not None:
            _replace(model, node, wanted)


def _casts_constant(node: ir.Node) -> bool:
    if node.op_type != "CastLike" or node.domain or len(node.inputs) != 2:
        return False
    constant = node.inputs[0]
    return constant is not None and constant.const_value is not None


def _wanted(node: ir.Node) -> ir.DataType | None:
    like = node.inputs[1]
    if like is None:
        return None
    return like.dtype if like.const_value is None else like.const_value.dtype


def _replace(model: ir.Model, node: ir.Node, wanted: ir.DataType) -> None:
    to = ir.AttrInt64("to", int(wanted))
    cast = ir.Node("", "Cast", [node.inputs[0]], [to, *node.attributes.values()])
    model.graph.insert_before(node, cast)
    old, new = node.outputs[0], cast.outputs[0]
    name, new.shape, new.type = old.name, old.shape, ir.TensorType(wanted)
    old.name = f"{name}/like"
    new.name = name
    ir.convenience.replace_all_uses_with(old, new, replace_graph_outputs=True)
    model.graph.remove(node, safe=True)
