"""What is held several times stays below a budget."""

import pytest

from onnxplain.graph.budget import Budget, OverBudgetError, within
from onnxplain.graph.held import require_held
from onnxplain.graph.image_input import find_image_input
from tests.graph.written import graph

SMALL = Budget(picture_bytes=4_000, side=100)


@pytest.mark.parametrize(
    ("sides", "numbers", "said"),
    [
        ((101, 2), 202, "layer 'a': one side of 101 x 2 is too long, .*--budget side=N"),
        ((2, 101), 202, "one side of 2 x 101 "),
        ((100, 10), 1_001, "it takes 4,004 bytes, and 4,000 .*--budget picture-bytes=N"),
    ],
)
def test_what_is_too_long_or_too_large_is_refused_by_name(sides, numbers, said):
    with within(SMALL), pytest.raises(OverBudgetError, match=said):
        require_held("layer 'a'", sides, numbers)


def test_what_fits_is_held():
    with within(SMALL):
        require_held("layer 'a'", (100, 10), 1_000)


@pytest.mark.parametrize(
    ("shape", "where"),
    [("N,3,1000000,12", "input 'x'"), ("N,3,12,1000000", "input 'x'"), ("9999,3,99,99", "bytes")],
)
def test_a_picture_and_a_batch_of_the_file_are_checked_before_anything_is_made(shape, where):
    made = graph("y = Relu(x)", inputs=f"float[{shape}] x")
    with pytest.raises(OverBudgetError, match=where):
        find_image_input(made)
