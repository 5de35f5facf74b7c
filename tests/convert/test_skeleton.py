"""The structure that onnx2torch gets to see: neutral names, and nothing is lost."""

import numpy as np
from handmade import model

from onnxplain.convert.skeleton import (
    Names,
    build_skeleton,
    module_path,
    neutral_domain,
    step_name,
)
from onnxplain.graph.prepare import prepare


def test_names_go_both_ways():
    names = Names()
    first, second = names.neutral("a/b:0"), names.neutral("c")
    assert first != second
    assert names.neutral("a/b:0") == first
    assert (names.original(first), names.original(second)) == ("a/b:0", "c")
    assert names.neutral("") == names.original("") == ""


def test_domains_have_no_dots_and_modules_are_found_by_them():
    assert neutral_domain("com.microsoft") == "com_microsoft"
    assert module_path("com.microsoft", 3) == f"com_microsoft/{step_name(3)}"
    assert module_path("", 3) == step_name(3)


def test_the_structure_stays_and_bare_nodes_lose_their_attributes():
    body = """
        c = Conv<pads = [1, 1, 1, 1]>(image, w) r = LeakyRelu<alpha = 0.5>(c)
        s = Add(r, c) f = Flatten(s) scores = MatMul(f, u)
    """
    graph = prepare(model(body, w=np.ones((3, 3, 3, 3)), u=np.ones((108, 2))))
    names = Names()
    skeleton = build_skeleton(graph, names, [0])
    found = skeleton.graph
    assert [n.op_type for n in found.node] == [n.op_type for n in graph.nodes]
    assert [n.name for n in found.node] == [step_name(k) for k in range(len(graph.nodes))]
    for own, node in zip(found.node, graph.nodes, strict=True):
        assert tuple(map(names.original, own.input)) == node.inputs
        assert tuple(map(names.original, own.output)) == node.outputs
    assert len(found.node[0].attribute) == 0
    assert found.node[1].attribute[0].f == 0.5
    # Weights are inputs, so that none is copied.
    assert len(found.initializer) == 0
    assert {names.original(i.name) for i in found.input} >= {"image", "w", "u"}


def test_an_unused_output_has_a_name_of_its_own():
    body = "a, b = Split<axis = 1>(image, parts) f = Flatten(a) scores = MatMul(f, u)"
    proto = model(body, parts=np.array([1, 2]), u=np.ones((36, 2)))
    proto.graph.node[0].output[1] = ""
    skeleton = build_skeleton(prepare(proto), Names(), [])
    outputs = [o for n in skeleton.graph.node for o in n.output]
    assert all(outputs)
    assert len(set(outputs)) == len(outputs)
