"""What becomes of the elements of a tensor that are moved, scaled and shifted."""

import numpy as np
import pytest

from onnxplain.graph.answers.part import Part, Source, close


def test_taken_elements_are_found_again():
    values = np.arange(100, 112)  # what the anchor holds
    part = Part("sigmoid", Source("p", np.array([3, 5, 7])), slots=np.array([0, 2, 4]))
    # A mover takes five elements of the tensor; those at 1 and 3 are of another part.
    positions = np.array([4, 1, 0, 3, 0])
    taken = part.taken(positions, None)
    assert taken.slots.tolist() == [0, 2, 4]
    assert values[taken.anchor.flat].tolist() == [107, 103, 103]
    assert part.taken(np.array([1, 3]), None) is None
    whole = Part("sigmoid", Source("p")).taken(positions, None)
    assert (whole.anchor.flat.tolist(), whole.slots) == ([4, 1, 0, 3, 0], None)


def test_one_minus_a_probability_is_that_of_the_opposite():
    part = Part("sigmoid", Source("p"), logit=Source("z"))
    other = part.affine(-1.0, 1.0)
    assert (other.kind, other.scale, other.offset, other.logit.scale) == ("sigmoid", 1.0, 0.0, -1.0)
    assert other.logit.is_minus(part.logit)
    again = other.affine(-1.0, 1.0)
    assert again.logit.scale == 1.0
    softmax = Part("softmax", Source("p"), axes=(1,), logit=Source("z")).affine(-100.0, 100.0)
    assert (softmax.kind, softmax.scale, softmax.logit, softmax.axes) == ("sigmoid", 100, None, ())


def test_a_sigmoid_written_with_tanh():
    # (tanh(z / 2) + 1) / 2 is the Sigmoid of z.
    part = Part("tanh", Source("t"), logit=Source("z", scale=0.5)).affine(0.5, 0.5)
    assert (part.kind, part.plain, part.logit.scale) == ("sigmoid", True, 1.0)
    assert Part("tanh", Source("t")).affine(0.5, 0.25).kind == "tanh"


@pytest.mark.parametrize("kind", ["raw", "softmax", "unit"])
def test_other_scales_and_shifts_add_up(kind):
    part = Part(kind, Source("p")).affine(2.0, 1.0).affine(3.0, -1.0)
    assert (part.kind, part.scale, part.offset) == (kind, 6.0, 2.0)  # 3 (2 p + 1) - 1
    assert not part.plain


def test_sources_of_opposite_sign():
    index = np.array([1, 0])
    assert Source("a", index, -1.0).is_minus(Source("a", index.copy()))
    for other in (Source("b", index), Source("a", index[::-1]), Source("a"), Source("a", scale=-1)):
        assert not Source("a", index, -1.0).is_minus(other)


def test_notes_stand_in_the_order_of_the_way_back():
    part = Part("raw", Source("p")).noted("second").noted("").noted("first")
    assert part.notes == ("first", "second")


def test_close():
    assert close(1.0, np.float32(1 / 255) * 255)
    assert not close(1.0, 1.00001)
