"""What nodes cost: times read from a profile, and operations counted from shapes."""

import json

import nets
import numpy as np
import pytest
from adapters.incremental.compare import Case, windows_of
from adapters.incremental.exact import case
from handmade import context_of

from onnxplain.adapters.incremental import costs
from onnxplain.adapters.incremental.costs import arithmetic, estimated_seconds, node_seconds


def event(name, begin, length):
    return {"cat": "Node", "name": f"{name}_kernel_time", "ts": begin, "dur": length}


def test_times_of_nodes_from_a_profile(tmp_path):
    """The shortest run counts; fused and rewritten nodes count under the name that is left."""
    graph = context_of(nets.exported("vgg").proto).network.graph
    first, second = graph.nodes[0], graph.nodes[1]
    runs = [
        [event(f"{second.output}_nchwc", 0, 900), event("ReorderOutput", 2, 100)],
        [event(f"{second.output}_nchwc", 10, 300), event("ReorderOutput", 12, 900)],
    ]
    noise = [{"cat": "Session", "name": "model_run", "ts": 5, "dur": 9}]
    file = tmp_path / "profile.json"
    file.write_text(json.dumps([*noise, *runs[1], *runs[0]]))
    seconds = node_seconds(file, graph.nodes, inputs=4, runs=2)
    assert seconds[0] == 0
    np.testing.assert_allclose(seconds[1], 1000e-6 / 4)
    file.write_text(json.dumps([event(first.name, 0, 80), event(f"{second.name}_bn_nchwc", 1, 40)]))
    seconds = node_seconds(file, graph.nodes, inputs=1, runs=1)
    np.testing.assert_allclose(seconds[:2], [80e-6, 40e-6])


@pytest.mark.parametrize("name", ["vgg", "resnet", "mobilenet"])
def test_onnx_runtimes_own_profile_is_understood(name):
    """Nearly all kernel time finds its node; a new naming of fused nodes would show here."""
    made = nets.exported(name)
    case = Case(made.proto, ["scores"], windows=windows_of((32, 32)))
    batches = [np.repeat(case.x[None], 4, axis=0)] * 2
    values, seconds = case.network.ort._profile(batches, case.sections)
    assert len(values) == 2
    conv = [n.op_type == "Conv" for n in case.sections.nodes]
    busy = counted(case)
    # Convolutions are fused with what follows, whose name they may take.
    assert (seconds > 0).sum() >= 0.8 * sum(conv)
    assert seconds.sum() > 0
    assert busy[np.argmax(conv)] > 0


def counted(made):
    sections = made.sections
    return arithmetic(sections.graph, sections.nodes, sections.shapes)


def test_operations_are_products_and_writes():
    """By hand: 4 maps of 12 x 12 from 27 products each, 5 of 6 x 6 from 36, and what is written."""
    made = case()
    found = dict(zip((n.output for n in made.sections.nodes), counted(made), strict=True))
    a, c = 4 * 144, 5 * 36
    assert found == {"a": 27 * a, "b": a, "c": 36 * c, "d": c, "g": 5, "scores": 5}


def test_seconds_are_estimated_from_products_and_writes(monkeypatch):
    """By hand, as above; what is multiplied is written, too."""
    monkeypatch.setattr(costs, "_PRODUCT", 1.0)
    monkeypatch.setattr(costs, "_WRITE", 1000.0)
    sections = case().sections
    seconds = estimated_seconds(sections.graph, sections.nodes, sections.shapes)
    found = dict(zip((n.output for n in sections.nodes), seconds, strict=True))
    a, c = 4 * 144, 5 * 36
    assert found == {
        "a": 1027 * a, "b": 1000 * a, "c": 1036 * c, "d": 1000 * c, "g": 5000, "scores": 5000,
    }  # fmt: skip


def test_a_matrix_product_costs_its_inner_length():
    body = "g = GlobalMaxPool(image) f = Flatten(g) scores = MatMul(f, w)"
    made = case(body, w=np.ones((3, 7), np.float32))
    assert counted(made).tolist() == [3, 3, 21]


def test_a_kernel_of_no_node_counts_for_the_node_before(tmp_path):
    """Also a name that only looks like one, and whatever comes before the first node."""
    graph = context_of(nets.exported("vgg").proto).network.graph
    first, second = graph.nodes[:2]
    file = tmp_path / "profile.json"
    kernels = [("before all", 1), (first.name, 2), (f"{second.name}_copy", 4), (second.output, 8)]
    file.write_text(json.dumps([event(n, k, d) for k, (n, d) in enumerate(kernels)]))
    seconds = node_seconds(file, graph.nodes, inputs=2, runs=1)
    np.testing.assert_allclose(seconds[:2], [7e-6 / 2, 8e-6 / 2])
    assert not seconds[2:].any()
