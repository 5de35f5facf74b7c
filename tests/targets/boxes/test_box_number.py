"""Numbers of one candidate, and their slopes against differences."""

import numpy as np
import pytest

from onnxplain.targets.boxes.box_number import BoxNumber
from onnxplain.targets.boxes.codes import BoxCode
from onnxplain.targets.boxes.columns import Columns
from onnxplain.targets.boxes.layout import BoxLayout
from onnxplain.targets.boxes.parts import PARTS

# Centre, width and height, objectness and two scores of three candidates.
ROWS = np.array(
    [[[5, 6, 4, 2, 0.5, 1, 2], [8, 9, 6, 10, 0.25, 3, 4], [1, 1, 1, 1, 1, 0, 0]]], float
)


def number(part, squash="none", objectness=True):
    layout = BoxLayout(
        Columns(("out",), first=0, stop=4),
        BoxCode("cxcywh"),
        Columns(("out",), first=5, stop=7, squash=squash),
        2,
        Columns(("out",), first=4, stop=5) if objectness else None,
    )
    return BoxNumber("dog 1", "box-1", layout, 1, 1, (5.0, 4.0, 11.0, 14.0), part)


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ("class", 4.0),
        ("score", 1.0),  # 4 times its objectness of 1/4
        ("left", 5.0),
        ("right", 11.0),
        ("top", 4.0),
        ("bottom", 14.0),
        ("x", 8.0),
        ("y", 9.0),
        ("width", 6.0),
        ("height", 10.0),
    ],
)
def test_each_part_of_a_box(part, expected):
    assert number(part).score({"out": ROWS}).tolist() == [expected]


@pytest.mark.parametrize("squash", ["none", "sigmoid", "softmax"])
@pytest.mark.parametrize("part", PARTS)
def test_slopes_are_those_of_the_score(part, squash):
    target = number(part, squash)
    step, found = 2.0**-20, target.slopes({"out": ROWS})["out"]
    expected = np.zeros_like(ROWS)
    for place in np.ndindex(ROWS.shape):
        up, down = ROWS.copy(), ROWS.copy()
        up[place] += step
        down[place] -= step
        rise = target.score({"out": up}) - target.score({"out": down})
        expected[place] = rise[0] / (2 * step)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-8)


def test_what_is_linear():
    assert number("left").is_linear
    assert number("class").is_linear
    assert not number("class", "sigmoid").is_linear
    assert not number("score").is_linear  # a product
    assert number("score", objectness=False).is_linear


def test_names_and_units():
    assert (number("class").unit, number("class").stem) == ("score", "box-1")
    assert (number("left").unit, number("left").stem) == ("pixels", "box-1-left")
    assert number("class").describe() == "dog 1, class score"
    assert number("left").to_dict()["row"] == 1
