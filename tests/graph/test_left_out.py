"""What was cut off is refused by every name that it had."""

import pytest

from onnxplain.errors import MethodRefusedError
from onnxplain.graph.left_out import LeftOut

CUT = LeftOut(
    "scores",
    ("aux", "more"),
    tensors={"net/aux/conv_out": ("aux",), "net/both": ("aux", "more")},
    nodes={"net/Conv_7": "net/aux/conv_out"},
)


@pytest.mark.parametrize("name", ["net/aux/conv_out", "conv_out", "net/Conv_7", "Conv_7"])
def test_a_tensor_by_its_name_its_nodes_or_an_ending(name):
    said = r"the explained output 'scores' .* 'net/aux/conv_out'; outputs that are: 'aux'; choose"
    with pytest.raises(MethodRefusedError, match=said):
        CUT.refuse(name)


def test_all_outputs_are_named():
    with pytest.raises(MethodRefusedError, match="outputs that are: 'aux', 'more'; choose"):
        CUT.refuse("both")


@pytest.mark.parametrize("name", ["", "t", "unknown", "scores"])
def test_another_or_an_ambiguous_name_is_nothing_that_was_cut_off(name):
    two = LeftOut("scores", tensors={"a/out": ("x",), "b/out": ("x",)})
    assert two.refuse(name) is None
    assert LeftOut().refuse(name) is None


def test_equal_cuts_are_equal():
    assert LeftOut("y", tensors={"a": ("x",)}) == LeftOut("y", tensors={"a": ("x",)})
    assert hash(CUT) == hash(LeftOut("scores", ("aux", "more")))
