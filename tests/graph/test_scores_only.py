"""What the explained output is not computed from is left out, and nothing else."""

import numpy as np
import onnx
import onnxruntime
import pytest
from graphs import build, classifier, value_info, weights
from onnx import TensorProto, helper
from onnx.helper import make_node as node

from onnxplain.convert import missing_operators
from onnxplain.errors import MethodRefusedError, UsageError
from onnxplain.graph.image_input import find_image_input
from onnxplain.graph.prepare import prepare
from onnxplain.graph.scores_only import cut_to_scores

X = np.random.default_rng(0).uniform(-1, 1, (2, 3, 4, 6)).astype(np.float32)
ANY = helper.make_empty_tensor_value_info


def outputs_of(graph, x=X):
    session = onnxruntime.InferenceSession(graph.model.SerializeToString())
    names = [o.name for o in session.get_outputs()]
    return dict(zip(names, session.run(None, {session.get_inputs()[0].name: x}), strict=True))


def hard(source, result):
    """A node that PyTorch gets no converter for: it keeps the first two columns."""
    return node("ArrayFeatureExtractor", [source, "columns"], [result], domain="ai.onnx.ml")


def model_of(tail, outputs, constants=None, inputs=()):
    """A linear classifier with logits ``z``, followed by `tail`."""
    nodes = [node("Flatten", ["x"], ["f"]), node("MatMul", ["f", "w"], ["z"]), *tail]
    graph = helper.make_graph(
        nodes,
        "test",
        [value_info("x", ["N", 3, 4, 6]), *inputs],
        [value_info(n, s) for n, s in outputs],
        [
            onnx.numpy_helper.from_array(a, n)
            for n, a in {
                "w": weights(72, 5),
                "columns": np.array([0, 1]),
                "three": np.array(3),
                "true": np.array(True),
                "start": np.zeros((2, 5), np.float32),
                **(constants or {}),
            }.items()
        ],
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    onnx.checker.check_model(model)
    return model


def both(tail, outputs, output, **more):
    """The whole graph, and what is left of it."""
    graph = prepare(model_of(tail, outputs, **more))
    return graph, cut_to_scores(graph, output)


def test_a_graph_without_other_outputs_is_the_same_object():
    graph = prepare(classifier(final="Softmax"))
    assert cut_to_scores(graph, "scores") is graph


def test_a_side_branch_goes_with_what_only_it_reads():
    tail = [node("Mul", ["z", "k"], ["a"]), hard("a", "side"), node("Neg", ["z"], ["y"])]
    shapes = [("side", ["N", 2]), ("y", ["N", 5])]
    graph, cut = both(tail, shapes, "y", constants={"k": np.float32(2)})
    assert [n.op_type for n in cut.nodes] == ["Flatten", "MatMul", "Neg"]
    assert list(cut.constant_names) == ["w"]
    assert [o.name for o in cut.outputs] == ["y"]
    assert cut.left_out.outputs == ("side",)
    assert cut.left_out.operators == {"Mul": 1, "ai.onnx.ml::ArrayFeatureExtractor": 1}
    assert missing_operators(graph)
    assert not missing_operators(cut)
    np.testing.assert_array_equal(outputs_of(cut)["y"], outputs_of(graph)["y"])


def test_what_the_scores_need_stays_however_hard():
    tail = [hard("z", "a"), node("Neg", ["a"], ["y"])]
    _, cut = both(tail, [("y", ["N", 2]), ("z", ["N", 5])], "y")
    assert missing_operators(cut) == ["ai.onnx.ml::ArrayFeatureExtractor-1"]


def test_outputs_on_the_way_to_the_scores_stay():
    tail = [node("Softmax", ["z"], ["y"]), node("Neg", ["z"], ["side"])]
    shapes = [("z", ["N", 5]), ("side", ["N", 5]), ("y", ["N", 5])]
    _, cut = both(tail, shapes, "y")
    assert [o.name for o in cut.outputs] == ["z", "y"]
    assert cut.left_out.outputs == ("side",)
    _, cut = both(tail, shapes, "z")
    assert [o.name for o in cut.outputs] == ["z"]
    assert cut.left_out.outputs == ("side", "y")


def test_inputs_that_only_a_side_branch_needs_go():
    gain = value_info("gain", ["N", 5])
    tail = [node("Mul", ["z", "gain"], ["side"]), node("Neg", ["z"], ["y"])]
    shapes = [("side", ["N", 5]), ("y", ["N", 5])]
    _, cut = both(tail, shapes, "y", inputs=[gain])
    assert find_image_input(cut).others == ()
    assert cut.left_out.inputs == ("gain",)
    _, cut = both(tail, shapes, "side", inputs=[gain])
    assert find_image_input(cut).others == ("gain",)


def test_a_picture_that_does_not_matter_is_refused():
    other = value_info("other", ["N", 3, 4, 6])
    tail = [node("Add", ["x", "other"], ["a"]), node("Flatten", ["a"], ["side"])]
    shapes = [("side", ["N", 72]), ("z", ["N", 5])]
    _, cut = both(tail, shapes, "z", inputs=[other])
    with pytest.raises(UsageError, match=r"'z'.* does not depend on input 'other'.*'x'"):
        find_image_input(cut, name="other")


def test_an_output_that_depends_on_nothing_keeps_the_inputs():
    graph = prepare(build([node("Relu", ["w"], ["y"]), node("Flatten", ["x"], ["f"])],
                          [value_info("y", [2, 5]), value_info("f", ["N", 72])],
                          {"w": weights(2, 5)}))  # fmt: skip
    assert [i.name for i in cut_to_scores(graph, "y").inputs] == ["x"]


def test_layers_that_do_not_matter_are_refused_by_any_of_their_names():
    tail = [
        node("Abs", ["z"], ["branch/a"], name="branch_node"),
        node("Identity", ["branch/a"], ["copy"]),
        node("Neg", ["copy"], ["side"]),
        node("Sqrt", ["copy"], ["more"]),
        node("Exp", ["z"], ["y"]),
    ]
    shapes = [("side", ["N", 5]), ("y", ["N", 5]), ("more", ["N", 5])]
    _, cut = both(tail, shapes, "y")
    said = "'y'.*not computed from tensor 'branch/a'.*'side', 'more'.*--output"
    for name in ("branch/a", "copy", "branch_node", "ch/a"):
        with pytest.raises(MethodRefusedError, match=said):
            cut.resolve(name)
    assert cut.resolve("z") == "z"


def branches():
    """An If of two outputs, the first of which is hard in one branch."""
    then = helper.make_graph(
        [hard("z", "p1"), node("Abs", ["z"], ["p2"])], "then", [], [ANY("p1"), ANY("p2")]
    )
    other = helper.make_graph([node("Neg", ["z"], ["q"])], "else", [], [ANY("q"), ANY("q")])
    return [
        node("ReduceSum", ["z"], ["sum"], keepdims=0),
        node("Cast", ["sum"], ["if"], to=TensorProto.BOOL),
        node("If", ["if"], ["side", "y"], then_branch=then, else_branch=other),
    ]


def rounds():
    """A Loop that stacks two results, the first of which is hard."""
    body = helper.make_graph(
        [
            node("Identity", ["going"], ["go"]),
            node("Add", ["state", "z"], ["next"]),
            hard("state", "r1"),
            node("Neg", ["state"], ["r2"]),
        ],
        "body",
        [
            value_info("i", [], np.int64),
            value_info("going", [], np.bool_),
            value_info("state", ["N", 5]),
        ],
        [ANY("go"), ANY("next"), ANY("r1"), ANY("r2")],
    )
    return [
        node("Loop", ["three", "true", "z"], ["last", "side", "stack"], body=body),
        node("ReduceMean", ["stack"], ["y"], axes=[0], keepdims=0),
    ]


def slices():
    """A Scan over the samples; its results are stacked in different ways."""
    body = helper.make_graph(
        [
            node("Add", ["state", "row"], ["next"]),
            hard("state", "r1"),
            node("Neg", ["row"], ["r2"]),
        ],
        "body",
        [value_info("state", [2, 5]), value_info("row", [5])],
        [ANY("next"), ANY("r1"), ANY("r2")],
    )
    scan = node(
        "Scan", ["start", "z"], ["last", "side", "y"], body=body, num_scan_inputs=1,
        scan_output_axes=[1, 1], scan_output_directions=[0, 1],
    )  # fmt: skip
    return [scan]


@pytest.mark.parametrize("tail", [branches, rounds, slices])
def test_results_of_a_body_that_nobody_wants_go(tail):
    rank = {branches: 2, rounds: 3, slices: 3}[tail]
    shapes = [("side", [None] * rank), ("y", [None, None])]
    graph, cut = both(tail(), shapes, "y")
    assert missing_operators(graph) == ["ai.onnx.ml::ArrayFeatureExtractor-1"]
    assert missing_operators(cut) == []
    assert cut.left_out.operators == {"ai.onnx.ml::ArrayFeatureExtractor": 1}
    for x in (X, -X):  # an If takes its other branch
        np.testing.assert_array_equal(outputs_of(cut, x)["y"], outputs_of(graph, x)["y"])
    _, kept = both(tail(), shapes, "side")
    assert missing_operators(kept) == missing_operators(graph)


def test_what_a_loop_carries_stays():
    tail = rounds()
    shapes = [("last", ["N", 5]), ("side", [None] * 3), ("y", ["N", 5])]
    graph, cut = both(tail, shapes, "last")
    assert missing_operators(cut) == []
    np.testing.assert_array_equal(outputs_of(cut)["last"], outputs_of(graph)["last"])


def test_the_graph_itself_is_left_as_it_was():
    graph, _ = both(branches(), [("side", [None, None]), ("y", ["N", 5])], "y")
    before = graph.model.SerializeToString()
    cut_to_scores(graph, "y")
    assert graph.model.SerializeToString() == before
