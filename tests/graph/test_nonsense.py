"""Files whose numbers do not fit each other: a path ends there, and nothing else is hidden."""

import numpy as np
import pytest

import onnxplain
from onnxplain.errors import ModelFileError
from onnxplain.graph.nonsense import unless_nonsense
from tests.graph.written import model
from tests.heads import file_says

READS = {
    "an order of axes that is none": lambda: (1, 2)[9],
    "a step of zero": lambda: 5 // 0,
    "a constant that does not broadcast": lambda: np.ones(3) + np.ones(2),
    "a position that is not a whole number": lambda: range(2)[float("nan")],
    "an attribute that is missing": lambda: {}["axis"],
}


@pytest.mark.parametrize("name", READS)
def test_nonsense_is_nothing(name):
    with pytest.raises((ArithmeticError, LookupError, TypeError, ValueError)):
        READS[name]()
    assert unless_nonsense(READS[name]) is None


def test_what_makes_sense_comes_back():
    assert unless_nonsense(lambda: (1, 2)[1]) == 2


def test_a_mistake_of_the_program_is_not_hidden():
    def mistaken():
        raise AssertionError

    with pytest.raises(AssertionError):
        unless_nonsense(mistaken)


# First nodes of a file that no engine runs, with their constants.
DAMAGED = {
    "Transpose": ("a = Transpose<perm = [0,2,9,1]>(image)", {}),
    "Slice": ("a = Slice(image, b, e, k)", {"b": [0], "e": [2], "k": [9]}),
    "Slice of no whole numbers": (
        "a = Slice(image, b, e, k)",
        {n: np.array([v], np.float32) for n, v in (("b", 0), ("e", 2), ("k", 1))},
    ),
    "Gather of a number": (
        "l = Squeeze(image, k) a = Gather<axis = 0>(l, b)", {"k": [0, 1, 2, 3], "b": [1, 0]},
    ),
    "a sum with nothing": ("a = Add(image, c)", {"c": np.zeros((1, 0, 1, 1), np.float32)}),
    "a factor of nothing": ("a = Mul(image, c)", {"c": np.zeros(0, np.float32)}),
    "a normalisation by one number": (
        "a = BatchNormalization(image, c, c, c, c)", {"c": np.float32(1)},
    ),
    "padding without an end": (
        "a = MaxPool<kernel_shape = [1,1], pads = [1099511627776,0,0,0]>(image)", {},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", DAMAGED)
def test_the_engine_says_what_is_wrong_with_a_damaged_file(name):
    body, constants = DAMAGED[name]
    proto = model(
        f"{body} p = GlobalAveragePool(a) f = Flatten(p) s = Softmax<axis = 1>(f)",
        "float[N,3,8,8] image",
        "float[N,K] s",
        **constants,
    )
    picture = np.zeros((8, 8, 3), np.uint8)
    with pytest.raises(ModelFileError):
        onnxplain.load(proto, preprocess="zero-one").explain(picture, "occlusion")
    # Not because of a number that a reader of the graph could not place: no engine runs it.
    with pytest.raises(Exception, match=r"(?i)node|shape|size|rank|input"):
        file_says(proto, np.zeros((1, 3, 8, 8), np.float32))
