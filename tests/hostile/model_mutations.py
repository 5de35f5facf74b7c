"""Models with something wrong in them, made from sound ones, field by field of the protobuf."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import onnx
from google.protobuf.descriptor import FieldDescriptor as Field
from onnx import TensorProto, helper, numpy_helper

from tests.hostile.values import Rng, changed_bytes, floating, text, whole

OPERATORS = tuple(
    "Conv Relu MaxPool AveragePool Gemm MatMul Add Mul Reshape Transpose Softmax Resize Pad Slice "
    "Gather Concat Split Unsqueeze Squeeze ReduceMean Expand Tile BatchNormalization Flatten Clip "
    "LayerNormalization ConvTranspose GlobalAveragePool LSTM GRU RNN TopK NonZero Where Cast Range "
    "QuantizeLinear DequantizeLinear QLinearConv Einsum GridSample SpaceToDepth DepthToSpace "
    "Identity Dropout ScatterND OneHot CumSum Loop If Scan SequenceAt Optional ImageDecoder "
    "StringSplit NonMaxSuppression RoiAlign STFT DFT MaxUnpool Col2Im DeformConv Attention Sqrt "
    "RotaryEmbedding Log Div LRN InstanceNormalization RandomNormalLike RandomUniform Multinomial "
    "Bernoulli Det Mod BitShift ConstantOfShape EyeLike Unique Compress GatherND GatherElements "
    "Trilu Shape Size HannWindow LabelEncoder TfIdfVectorizer Celu Hardmax LpPool LpNormalization "
    "MaxRoiPool GroupNormalization ReverseSequence AffineGrid Upsample Pow Nope".split()
)
_WHOLE = {Field.CPPTYPE_INT32, Field.CPPTYPE_INT64, Field.CPPTYPE_UINT32, Field.CPPTYPE_UINT64}
_BROKEN = (IndexError, ValueError, TypeError, KeyError, OverflowError, AttributeError)


def changed_model(content: bytes, rng: Rng) -> tuple[bytes, str]:
    """Change a model in one to three places; also says how."""
    if rng.random() < 0.12:
        return changed_bytes(content, rng)
    model = onnx.ModelProto.FromString(content)
    done = []
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        how = _any_field if rng.random() < 0.55 else rng.choice(_BY_MEANING)
        try:
            done.append(how(model, rng))
        except _BROKEN:  # the change before left nothing to change
            done.append(f"{how.__name__.strip('_')}: nothing")
    written = model.SerializeToString()
    if rng.random() < 0.05:
        written, said = _with_broken_text(written, model, rng)
        done.append(said)
    return written, "; ".join(done)


def _fields(message: Any, depth: int = 0) -> Iterator[tuple[Any, Any]]:
    """Each message with each field that its type has, set or not."""
    for field in message.DESCRIPTOR.fields:
        yield message, field
    for field, value in message.ListFields():
        if field.type == Field.TYPE_MESSAGE and depth < 40:
            for inner in value if _repeated(field) else (value,):
                yield from _fields(inner, depth + 1)


def _repeated(field: Any) -> bool:
    return (
        field.is_repeated if hasattr(field, "is_repeated") else field.label == field.LABEL_REPEATED
    )


def _any_field(model: onnx.ModelProto, rng: Rng) -> str:
    """Set, clear, double or move any field of any message."""
    by_type: dict[str, list[tuple[Any, Any]]] = {}
    for message, field in _fields(model):
        by_type.setdefault(message.DESCRIPTOR.name, []).append((message, field))
    message, field = rng.choice(by_type[rng.choice(sorted(by_type))])
    name = f"{message.DESCRIPTOR.name}.{field.name}"
    if _repeated(field):
        return f"{name} {_change_list(getattr(message, field.name), field, rng)}"
    if rng.random() < 0.15:
        message.ClearField(field.name)
        return f"{name} cleared"
    if field.type == Field.TYPE_MESSAGE:
        value = getattr(message, field.name)
        if rng.random() < 0.5:
            value.SetInParent()
            return f"{name} there"
        value.Clear()
        return f"{name} emptied"
    setattr(message, field.name, _odd(field, getattr(message, field.name), rng))
    return f"{name} set"


def _change_list(values: Any, field: Any, rng: Rng) -> str:
    how = rng.choice(("set", "set", "set", "add", "drop", "empty", "double", "swap", "many"))
    if field.type == Field.TYPE_MESSAGE:
        if how in ("add", "set", "many") or not values:
            new = values.add()
            if len(values) > 1 and rng.random() < 0.7:
                new.CopyFrom(values[rng.randrange(len(values) - 1)])
            return "added"
        if how == "drop":
            del values[rng.randrange(len(values))]
        elif how == "empty":
            del values[:]
        else:
            rest = list(values)
            rng.shuffle(rest)
            kept = [m.__class__.FromString(m.SerializeToString()) for m in rest]
            del values[:]
            values.extend(kept + (kept if how == "double" else []))
        return how
    if how == "drop" and values:
        del values[rng.randrange(len(values))]
    elif how == "empty":
        del values[:]
    elif how == "double":
        values.extend(list(values)[:10_000])
    elif how == "many":
        values.extend([_odd(field, None, rng)] * rng.choice((2, 5, 1000)))
    elif how == "set" and values:
        k = rng.randrange(len(values))
        values[k] = _odd(field, values[k], rng)
    elif how == "swap" and len(values) > 1:
        rest = list(values)
        rng.shuffle(rest)
        values[:] = rest
    else:
        values.append(_odd(field, None, rng))
        return "added"
    return how


def _odd(field: Any, value: Any, rng: Rng) -> Any:
    kind = field.cpp_type
    if kind in _WHOLE:
        if kind in (Field.CPPTYPE_INT32, Field.CPPTYPE_UINT32):
            return rng.choice((0, 1, 2, 3, 6, 7, 9, 10, 11, 16, 99, -1, 2**31 - 1))
        number = whole(rng)
        return abs(number) if kind == Field.CPPTYPE_UINT64 else number
    if kind in (Field.CPPTYPE_FLOAT, Field.CPPTYPE_DOUBLE):
        return floating(rng)
    if kind == Field.CPPTYPE_ENUM:
        return rng.choice([v.number for v in field.enum_type.values])
    if kind == Field.CPPTYPE_BOOL:
        return rng.random() < 0.5
    if field.type == Field.TYPE_BYTES:
        if rng.random() < 0.4:
            return text(rng).encode("utf-8", "surrogatepass")
        return changed_bytes(value or b"", rng)[0]
    # A text of protobuf cannot hold lone surrogates; broken UTF-8 is put in afterwards.
    return text(rng).encode("utf-8", "ignore").decode()


def _attribute(model: onnx.ModelProto, rng: Rng) -> str:
    node = rng.choice([n for n in model.graph.node if n.attribute])
    given = rng.choice(node.attribute)
    if given.type == onnx.AttributeProto.INT:
        given.i = whole(rng)
    elif given.type == onnx.AttributeProto.FLOAT:
        given.f = floating(rng)
    elif given.type == onnx.AttributeProto.INTS:
        for k in range(len(given.ints)) if rng.random() < 0.3 else [rng.randrange(len(given.ints))]:
            given.ints[k] = whole(rng)
    elif given.type == onnx.AttributeProto.STRING:
        given.s = text(rng).encode("utf-8", "surrogatepass")
    elif given.type == onnx.AttributeProto.TENSOR:
        given.t.dims[:] = [whole(rng)]
    return f"{node.op_type}.{given.name}"


def _another_operator(model: onnx.ModelProto, rng: Rng) -> str:
    node = rng.choice(model.graph.node)
    node.op_type = rng.choice(OPERATORS)
    return f"is now {node.op_type}"


def _other_values(model: onnx.ModelProto, rng: Rng) -> str:
    """Other numbers in a constant, in NumPy, with its type and shape kept."""
    # Small whole numbers are sizes, axes and repeats: those are the sharp ones.
    own = [t for t in model.graph.initializer if t.data_location != onnx.TensorProto.EXTERNAL]
    small = [t for t in own if 0 < np.prod(t.dims) <= 8 or not t.dims]
    tensor = rng.choice(small or own)
    values = np.array(numpy_helper.to_array(tensor))
    flat = values.reshape(-1)
    k = rng.randrange(flat.size) if rng.random() < 0.7 else slice(None)
    odd = floating(rng) if flat.dtype.kind == "f" else whole(rng)
    with np.errstate(all="ignore"):
        flat[k] = np.array(odd).astype(flat.dtype)
    tensor.CopyFrom(numpy_helper.from_array(flat.reshape(values.shape), tensor.name))
    return f"values of {tensor.name}"


def _renamed(model: onnx.ModelProto, rng: Rng) -> str:
    """The same graph with another name of a tensor, everywhere."""
    names = [o for n in model.graph.node for o in n.output if o]
    names += [v.name for v in (*model.graph.input, *model.graph.output)]
    old, new = rng.choice(names), text(rng).encode("utf-8", "ignore").decode()
    for node in model.graph.node:
        for ends in (node.input, node.output):
            ends[:] = [new if e == old else e for e in ends]
    for value in (*model.graph.input, *model.graph.output, *model.graph.initializer):
        value.name = new if value.name == old else value.name
    return f"renamed {old}"


def _initializer_as_output(model: onnx.ModelProto, rng: Rng) -> str:
    tensor = rng.choice(model.graph.initializer)
    value = helper.make_tensor_value_info(tensor.name, tensor.data_type, list(tensor.dims))
    if rng.random() < 0.5:
        del model.graph.output[:]
    model.graph.output.append(value)
    return f"{tensor.name} is an output"


def _other_wire(model: onnx.ModelProto, rng: Rng) -> str:
    """An input of a node from another tensor: circles, wrong shapes, wrong types."""
    known = [o for n in model.graph.node for o in n.output]
    known += [i.name for i in model.graph.initializer] + [i.name for i in model.graph.input]
    node = rng.choice([n for n in model.graph.node if n.input])
    node.input[rng.randrange(len(node.input))] = rng.choice([*known, "", "nowhere"])
    return f"another input of {node.op_type}"


def _opset(model: onnx.ModelProto, rng: Rng) -> str:
    version = rng.choice((*range(1, 28), 0, -1, 100, 2**31, 2**62, -(2**63)))
    rng.choice(model.opset_import).version = version
    return f"opset {version}"


def _shape_of_end(model: onnx.ModelProto, rng: Rng) -> str:
    value = rng.choice((*model.graph.input, *model.graph.output))
    dims = value.type.tensor_type.shape.dim
    if rng.random() < 0.2:
        value.type.tensor_type.elem_type = rng.choice((0, 1, 2, 3, 6, 7, 8, 9, 10, 11, 16, 99))
        return f"type of {value.name}"
    if rng.random() < 0.3:
        rng.choice(dims).dim_param = text(rng).encode("utf-8", "ignore").decode()
    else:
        rng.choice(dims).dim_value = whole(rng)
    return f"shape of {value.name}"


def _metadata(model: onnx.ModelProto, rng: Rng) -> str:
    key = rng.choice(
        ("names", "labels", "onnxplain.preprocess", "onnxplain.labels", "imgsz", "task", "stride",
         "id2label", "Image.NominalPixelRange", "model_info labels", "onnxplain.maps", "classes")
    )  # fmt: skip
    value = rng.choice(
        ("{0: 'a', 1: 'b', 2: 'c', 3: 'd'}", "[12, 12]", "a b c d", '["a","b","c","d"]',
         '{"name":"p","layout":"NCHW","size":[12,12],"scale":1e999}', "(" * 5000, "9" * 5000,
         '{"' + "1" * 5000 + '":"a"}', "-" * 20_000 + "1", "1" + "+1j" * 5000, text(rng))
    )  # fmt: skip
    model.metadata_props.add(key=key, value=value.encode("utf-8", "ignore").decode())
    return f"metadata {key}"


def _inserted(model: onnx.ModelProto, rng: Rng) -> str:
    """Another operator in front of a node, with constants that may be absurd."""
    graph = model.graph
    at = rng.randrange(len(graph.node))
    node = graph.node[at]
    k = rng.randrange(len(node.input))
    name = f"new{rng.randrange(10**6)}"
    ints = numpy_helper.from_array(
        np.array([whole(rng) for _ in range(rng.choice((1, 2, 4, 8)))], np.int64), f"{name}_i"
    )
    if rng.random() < 0.4:
        ints = numpy_helper.from_array(np.array(whole(rng), np.int64), f"{name}_i")
    number = np.array([floating(rng) for _ in range(rng.choice((1, 4)))], np.float32)
    floats = numpy_helper.from_array(number, f"{name}_f")
    operator, inputs, attributes = rng.choice(
        (
            ("Reshape", ["", "i"], {}), ("Tile", ["", "i"], {}), ("Expand", ["", "i"], {}),
            ("Pad", ["", "i"], {"mode": rng.choice(("constant", "reflect", "edge", "wrap"))}),
            ("Slice", ["", "i", "i"], {}), ("Gather", ["", "i"], {"axis": rng.randint(-5, 4)}),
            ("TopK", ["", "i"], {}), ("Unsqueeze", ["", "i"], {}), ("CumSum", ["", "i"], {}),
            ("Resize", ["", "", "f"], {"mode": rng.choice(("nearest", "linear", "cubic"))}),
            ("Mod", ["", "f"], {"fmod": 1}), ("Pow", ["", "f"], {}), ("Div", ["", "f"], {}),
            ("Clip", ["", "f", "f"], {}), ("Cast", [""], {"to": rng.randint(0, 25)}),
            ("LpPool", [""], {"kernel_shape": [1, 1], "p": whole(rng)}),
            ("MaxPool", [""], {"kernel_shape": [rng.choice((1, 2, 99)), 1]}),
            ("DepthToSpace", [""], {"blocksize": whole(rng)}),
            ("RandomNormalLike", [""], {"scale": floating(rng), "mean": floating(rng)}),
            ("RandomUniformLike", [""], {"low": floating(rng), "high": floating(rng)}),
            ("Dropout", ["", "f"], {}), ("OneHot", ["", "i", "f"], {"axis": rng.randint(-5, 5)}),
            ("Einsum", [""], {"equation": rng.choice(("abcd->abcd", "abcd->ab", "...->...", "a"))}),
            ("Split", [""], {"axis": rng.randint(-5, 5)}), ("Det", [""], {}),
            ("Loop", ["i", "", ""], {"body": onnx.GraphProto()}), ("Softmax", [""], {"axis": 9}),
            ("If", ["i"], {"then_branch": onnx.GraphProto(), "else_branch": onnx.GraphProto()}),
            ("QuantizeLinear", ["", "f"], {}), ("Transpose", [""], {"perm": [0, 3, 1, 2]}),
            ("Bernoulli", [""], {}), ("Multinomial", [""], {"sample_size": whole(rng)}),
            ("NonZero", [""], {}), ("Shape", [""], {"start": whole(rng)}), ("Sqrt", [""], {}),
        )
    )  # fmt: skip
    old = node.input[k]
    given = [{"": old, "i": ints.name, "f": floats.name}[i] for i in inputs]
    if operator == "Resize":
        given[1] = ""
    node.input[k] = name
    made = helper.make_node(operator, given, [name], **attributes)
    graph.initializer.extend([ints, floats])
    graph.node.insert(at, made)
    return f"{operator} in front of {node.op_type}"


def _from_constants(model: onnx.ModelProto, rng: Rng) -> str:
    """Something large or slow that is computed from constants alone, added to the answer."""
    side = rng.choice((1, 3, 30, 300, 1000, 3000))
    shape = rng.choice(([side], [side, side], [1, 1, side, side], [side, 3, 3], [1, side, 3, 3]))
    operator, attributes = rng.choice(
        (
            ("MaxPool", {"kernel_shape": [3, 3]}), ("AveragePool", {"kernel_shape": [9, 9]}),
            ("Det", {}), ("LRN", {"size": 5}), ("Hardmax", {}), ("GlobalLpPool", {}),
            ("LpNormalization", {}), ("Einsum", {"equation": "ij,jk->ik"}), ("TopK", {}),
            ("Unique", {}), ("CumSum", {}), ("NonZero", {}), ("Softmax", {}), ("MatMul", {}),
        )
    )  # fmt: skip
    twice = operator in ("Einsum", "MatMul", "Conv")
    graph = model.graph
    graph.initializer.append(numpy_helper.from_array(np.array(shape, np.int64), "fold_shape"))
    last = graph.output[0].name
    for node in graph.node:
        node.output[:] = ["fold_old" if o == last else o for o in node.output]
        node.input[:] = ["fold_old" if i == last else i for i in node.input]
    graph.node.extend(
        [
            helper.make_node("ConstantOfShape", ["fold_shape"], ["fold_made"]),
            helper.make_node(
                operator, ["fold_made"] * (2 if twice else 1), ["fold_done"], **attributes
            ),
            helper.make_node("ReduceMean", ["fold_done"], ["fold_mean"], keepdims=0),
            helper.make_node("Add", ["fold_old", "fold_mean"], [last]),
        ]
    )
    return f"{operator} of {shape} constants"


def _body(model: onnx.ModelProto, rng: Rng) -> str:
    """A change within the graph of a Loop, If or Scan, or within a function."""
    inner = [a.g for n in model.graph.node for a in n.attribute if a.HasField("g")]
    inside: Any = rng.choice([*inner, *model.functions])
    node = rng.choice(inside.node)
    if rng.random() < 0.5:
        node.op_type = rng.choice(OPERATORS)
        return f"body: {node.op_type}"
    ends = rng.choice((node.input, node.output))
    ends[rng.randrange(len(ends))] = rng.choice(("", "x", "c", "nowhere", "y"))
    return f"body: ends of {node.op_type}"


def _outside(model: onnx.ModelProto, rng: Rng) -> str:
    """A weight that is said to lie in another file."""
    tensor: TensorProto = rng.choice(model.graph.initializer)
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    del tensor.external_data[:]
    where = ("w.bin", "w.bin", "", ".", "../w.bin", "/etc/passwd", "a\x00b", "x" * 5000, "m.onnx")
    tensor.external_data.add(key="location", value=rng.choice(where))
    for key in ("offset", "length"):
        if rng.random() < 0.6:
            value = rng.choice((str(whole(rng)), "", "abc", "9" * 5000, "648"))
            tensor.external_data.add(key=key, value=value)
    return f"{tensor.name} lies outside"


def _with_broken_text(content: bytes, model: onnx.ModelProto, rng: Rng) -> tuple[bytes, str]:
    """A name in which one byte is no UTF-8, everywhere in the file."""
    names = [n.op_type for n in model.graph.node] + [v.name for v in model.graph.output]
    names += [model.graph.name, *(p.value for p in model.metadata_props)]
    name = rng.choice([n for n in names if n] or ["g"]).encode()
    return content.replace(name, b"\xff" + name[1:]), "not UTF-8"


_BY_MEANING: tuple[Callable[[onnx.ModelProto, Rng], str], ...] = (
    _attribute, _attribute, _another_operator, _other_values, _other_values, _renamed,
    _initializer_as_output, _other_wire, _opset, _shape_of_end, _shape_of_end, _metadata,
    _inserted, _inserted, _inserted, _from_constants, _body, _outside,
)  # fmt: skip
