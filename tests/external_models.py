"""One classifier with its weights at different places of the file, or in files beside it."""

import numpy as np
from onnx import TensorProto, helper, numpy_helper

SHAPE, CLASSES = (3, 4, 4), 10
# Whole numbers and sums in which float32 is exact; most are zero, so that they can be sparse.
WEIGHTS = np.zeros((48, CLASSES), np.float32)
WEIGHTS[np.arange(48), np.arange(48) % CLASSES] = np.arange(1, 49)
PLACES = np.flatnonzero(WEIGHTS).astype(np.int64)


def plain(name="w"):
    return numpy_helper.from_array(WEIGHTS, name)


def sparse(two_columns=False):
    places = np.stack(np.unravel_index(PLACES, WEIGHTS.shape), 1) if two_columns else PLACES
    values = numpy_helper.from_array(WEIGHTS.reshape(-1)[PLACES], "w")
    return helper.make_sparse_tensor(values, numpy_helper.from_array(places, "i"), WEIGHTS.shape)


def classifier(nodes, weights=(), sparse_weights=(), functions=(), opset=17):
    """Flatten the picture, then whatever makes ``y`` of ``f``."""
    graph = helper.make_graph(
        [helper.make_node("Flatten", ["x"], ["f"]), *nodes],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", *SHAPE])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", CLASSES])],
        list(weights),
        sparse_initializer=list(sparse_weights),
    )
    opsets = [helper.make_opsetid("", opset)]
    if functions:
        opsets.append(helper.make_opsetid("own", 1))
    return helper.make_model(graph, ir_version=9, opset_imports=opsets, functions=list(functions))


MATMUL = helper.make_node("MatMul", ["f", "w"], ["y"])


def constant(**value):
    return helper.make_node("Constant", [], ["w"], **value)


def branches(weights=(), nodes=()):
    """An If whose condition is known; both branches are the same."""
    inside = [*nodes, helper.make_node("MatMul", ["f", "w"], ["z"])]
    result = helper.make_tensor_value_info("z", TensorProto.FLOAT, ["N", CLASSES])
    body = helper.make_graph(inside, "branch", [], [result], list(weights))
    yes = helper.make_node("Constant", [], ["c"], value=numpy_helper.from_array(np.array(True)))
    return [yes, helper.make_node("If", ["c"], ["y"], then_branch=body, else_branch=body)]


def function(nodes):
    opsets = [helper.make_opsetid("", 17)]
    return helper.make_function("own", "Layer", ["f"], ["y"], nodes, opsets)


CALL = helper.make_node("Layer", ["f"], ["y"], domain="own")


def then_branch(node):
    return next(a.g for a in node.attribute if a.name == "then_branch")


# By name: the model, and those of its tensors whose values may lie in other files.
KINDS = {
    "initializer": (
        lambda: classifier([MATMUL], [plain()]),
        lambda m: [m.graph.initializer[0]],
    ),
    "sparse initializer": (
        lambda: classifier([MATMUL], sparse_weights=[sparse()]),
        lambda m: [m.graph.sparse_initializer[0].values, m.graph.sparse_initializer[0].indices],
    ),
    "sparse initializer by rows": (
        lambda: classifier([MATMUL], sparse_weights=[sparse(two_columns=True)]),
        lambda m: [m.graph.sparse_initializer[0].values, m.graph.sparse_initializer[0].indices],
    ),
    "constant": (
        lambda: classifier([constant(value=plain()), MATMUL]),
        lambda m: [m.graph.node[1].attribute[0].t],
    ),
    "sparse constant": (
        lambda: classifier([constant(sparse_value=sparse()), MATMUL]),
        lambda m: [
            m.graph.node[1].attribute[0].sparse_tensor.values,
            m.graph.node[1].attribute[0].sparse_tensor.indices,
        ],
    ),
    "subgraph": (
        lambda: classifier(branches([plain()])),
        lambda m: [then_branch(m.graph.node[2]).initializer[0]],
    ),
    "constant in a subgraph": (
        lambda: classifier(branches(nodes=[constant(value=plain())])),
        lambda m: [then_branch(m.graph.node[2]).node[0].attribute[0].t],
    ),
    "sparse constant in a subgraph": (
        lambda: classifier(branches(nodes=[constant(sparse_value=sparse())])),
        lambda m: [then_branch(m.graph.node[2]).node[0].attribute[0].sparse_tensor.values],
    ),
    "local function": (
        lambda: classifier([CALL], functions=[function([constant(value=plain()), MATMUL])]),
        lambda m: [m.functions[0].node[0].attribute[0].t],
    ),
    "sparse in a local function": (
        lambda: classifier([CALL], functions=[function([constant(sparse_value=sparse()), MATMUL])]),
        lambda m: [m.functions[0].node[0].attribute[0].sparse_tensor.indices],
    ),
    "subgraph in a local function": (
        lambda: classifier([CALL], functions=[function(branches([plain()]))]),
        lambda m: [then_branch(m.functions[0].node[1]).initializer[0]],
    ),
}


def move(tensor, folder, location, offset=0, file=None):
    """Put a tensor's values into a file, which `location` may spell in its own way."""
    path = folder / (file or location)
    path.parent.mkdir(parents=True, exist_ok=True)
    known = path.read_bytes() if path.exists() else b""
    path.write_bytes(known.ljust(offset, b"\xee")[:offset] + tensor.raw_data)
    refer(tensor, location, offset, len(tensor.raw_data))


def refer(tensor, location, offset, length):
    """Say that a tensor's values are in a file."""
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    del tensor.external_data[:]
    for key, value in {"location": location, "offset": offset, "length": length}.items():
        tensor.external_data.add(key=key, value=str(value))


def write(model, folder, name="model.onnx"):
    path = folder / name
    path.write_bytes(model.SerializeToString())
    return path


def in_two_files(folder):
    """A classifier with one file of weights, as PyTorch's default export leaves it."""
    model = classifier([MATMUL], [plain()])
    move(model.graph.initializer[0], folder, "model.onnx.data")
    return write(model, folder)


def flip(path, bit=0):
    """Change one bit of a file."""
    data = bytearray(path.read_bytes())
    data[bit // 8] ^= 1 << bit % 8
    path.write_bytes(bytes(data))
