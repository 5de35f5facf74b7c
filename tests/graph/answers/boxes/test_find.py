"""The first form that an output of a detector has, or what is missing."""

import numpy as np
import pytest
from seen_boxes import MAPS, seen

from onnxplain.graph.answers.boxes.find import find_boxes
from onnxplain.graph.answers.boxes.found import FoundBoxes
from onnxplain.graph.answers.boxes.scales import UNDECODED
from tests.graph.answers.shaped import outputs_of_shapes, traced

SIZES = {
    "halves": np.array([4, 4]), "flat": np.array([0, 4, -1]),
    "places": np.arange(64 * 4, dtype=np.float32).reshape(64, 4),
}  # fmt: skip
APART = (
    f"{MAPS} a, c = Split<axis=1>(m, halves) r = Reshape(a, flat) q = Reshape(c, flat) "
    "t = Transpose<perm=[0,2,1]>(r) z = Transpose<perm=[0,2,1]>(q) scores = Sigmoid(z) "
)
OUTPUTS = ["float[N,64,4] boxes", "float[N,64,4] scores"]


def of_shapes(shapes, names=0, **activations):
    return find_boxes(traced(outputs_of_shapes(shapes, (64, 64), activations)).seen(names))


def test_a_layout_has_its_logits_and_names():
    found = find_boxes(seen(f"{APART} boxes = Add(t, places)", OUTPUTS, names=4, **SIZES))
    assert isinstance(found, FoundBoxes)
    assert found.layout.tensors == ("boxes", "scores")
    assert found.names == 4
    # Class 2 of candidate 9 is channel 4 + 2 of the ninth of 64 cells, before the activation.
    element = found.layout.logits.at(2, 9)
    assert (element.tensor, element.position) == ("m", (4 + 2) * 64 + 9)


def test_boxes_to_which_no_places_are_added_are_refused():
    assert find_boxes(seen(f"{APART} boxes = Identity(t)", OUTPUTS, **SIZES)) == UNDECODED


@pytest.mark.parametrize(
    ("shapes", "names", "tensors", "labelled"),
    [
        ({"o": (300, 6)}, 80, ("o",), True),
        ({"boxes": (300, 4), "scores": (300,), "labels": (300,)}, 0,
         ("boxes", "scores", "labels"), True),
        ({"o": (9, 100)}, 5, ("o",), False),
        ({"a": (67, 8, 8), "b": (67, 4, 4)}, 3, ("a", "b"), False),
    ],
)  # fmt: skip
def test_each_form_is_found(shapes, names, tensors, labelled):
    found = of_shapes(shapes, names)
    assert isinstance(found, FoundBoxes)
    assert found.layout.tensors == tensors
    assert (found.layout.labels is not None) == labelled
    assert found.names == names


@pytest.mark.parametrize(
    ("shapes", "said"),
    [
        ({"o": (9, 100)}, "'o' holds 9 numbers for each of its candidates"),
        ({"a": (255, 8, 8), "b": (255, 4, 4)}, "offsets from cells or anchors"),
        # The first phrase is said, of rows in front of that of maps.
        ({"o": (9, 100), "a": (255, 8, 8), "b": (255, 4, 4)}, "'o' holds 9 numbers"),
        ({"o": (4,)}, "none of its outputs has a form of boxes that is known"),
    ],
)
def test_what_is_missing_is_said(shapes, said):
    found = of_shapes(shapes)
    assert isinstance(found, str)
    assert said in found
