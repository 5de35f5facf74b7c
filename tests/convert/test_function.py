"""The pieces that every converter is made of."""

import torch

from onnxplain.convert.function import Function, integers, unsupported
from onnxplain.errors import ConversionError
from onnxplain.graph.view import Node


def test_a_module_hands_its_inputs_on_in_order_with_absent_ones():
    seen = []

    def record(*inputs):
        seen.extend(inputs)
        return inputs[0]

    x = torch.ones(2)
    module = Function(record)
    assert module(x, None, x) is x
    assert seen[0] is x
    assert seen[1] is None
    assert len(seen) == 3
    assert "record" in repr(module)


def test_integers_come_row_by_row():
    found = integers(torch.tensor([[3, -1], [2, 2**40]]))
    assert found == [3, -1, 2, 2**40]
    assert all(type(v) is int for v in found)
    assert integers(torch.tensor(5)) == [5]


def test_what_is_not_supported_names_the_node():
    node = Node("Resize", "", "up", ("x",), ("big",), {}, 0)
    error = unsupported(node, "mode 'odd'")
    assert isinstance(error, ConversionError)
    assert str(error) == f"{node}: mode 'odd' is not supported"
    assert "Resize" in str(error)
    assert "big" in str(error)
