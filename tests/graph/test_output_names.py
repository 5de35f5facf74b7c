"""Names of outputs, also of those that are no tensors."""

import pytest

from onnxplain.errors import UnknownNameError, UsageError
from onnxplain.graph.left_out import LeftOut, Wrapped
from onnxplain.graph.output_names import file_outputs, named_output, no_scores, own_outputs
from onnxplain.graph.view import Graph
from tests.graph.written import model

MAP = Wrapped("sequence(map(string, float32))", ("probs",), added=("probs",))
EMPTY = Wrapped("sequence(string)")
GRAPH = Graph(
    model(
        "y = Relu(x) probs = Softmax(x) b = Not(t)",
        "float[1,3] x, bool[1] t",
        "float[1,3] y, float[1,3] probs, bool[1] b",
    ),
    origin={"merged": "y"},
    left_out=LeftOut("y", ("aux",)),
    wrapped={"map": MAP, "words": EMPTY},
)


def test_the_files_own_outputs():
    assert own_outputs(GRAPH) == ["y", "b"]
    assert file_outputs(GRAPH) == ["y", "b", "map", "words", "aux"]


def test_what_a_name_means():
    assert [named_output(GRAPH, n) for n in ("y", "merged", "probs")] == ["y", "y", "probs"]


@pytest.mark.parametrize(
    ("name", "error", "said"),
    [
        ("b", UsageError, "output 'b' holds no scores: it is bool"),
        ("map", UsageError, r"not a tensor but sequence\(map.*with --output: 'probs'"),
        ("words", UsageError, "it holds no scores"),
        ("z", UnknownNameError, "outputs: y, probs, b, map, words"),
    ],
)
def test_names_that_mean_nothing_to_explain(name, error, said):
    with pytest.raises(error, match=said):
        named_output(GRAPH, name)


def test_a_list_of_outputs_without_scores():
    made = Graph(model("b = Not(t)", "bool[2] t", "bool[2] b"), wrapped={"words": EMPTY})
    assert no_scores(made) == (
        "b bool [2], 'words' is not a tensor but sequence(string) (it holds no scores)"
    )
