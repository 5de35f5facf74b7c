"""Values as other people's files hold them, and the recipe that is made of them."""

import pytest
from PIL import Image

from onnxplain.errors import UsageError
from onnxplain.graph.image_input import ImageInput
from onnxplain.inputs.conventions.convention import (
    FILTERS,
    Convention,
    before_cut,
    filter_of,
    numbers,
    one_line,
    sides,
    truth,
    whole,
)


def image(channels=3, size=(32, 48)):
    return ImageInput("x", "float32", "NCHW", channels, size, None, False)


@pytest.mark.parametrize(
    "said", [[1, 2.5, -3], "1 2.5 -3", "[1, 2.5, -3]", "(1; 2.5; -3)", ("1", "2.5", "-3")]
)
def test_numbers_in_every_writing(said):
    assert numbers(said) == (1.0, 2.5, -3.0)


@pytest.mark.parametrize(
    "said",
    ["", [], "a", [None], [[1]], {}, True, [True], "nan", [float("inf")], 10**400, [-(10**400)]],
    ids=lambda s: str(s)[:12],
)
def test_what_are_no_numbers(said):
    with pytest.raises(ValueError, match=r"number|float"):
        numbers(said)


def test_sides_are_whole_and_moderate():
    assert (sides(7), sides([7, 9]), sides("7x".strip("x"))) == ((7, 7), (7, 9), (7, 7))
    assert whole("65536") == 65536
    for said in (0, -1, 1.5, 65537, [1, 2, 3]):
        with pytest.raises(ValueError, match=r"pixels|a height and a width"):
            sides(said)


def test_truth_and_filters():
    assert [truth(s) for s in (True, "YES", 1, False, "none", "0")] == [True] * 3 + [False] * 3
    with pytest.raises(ValueError, match="neither true nor false"):
        truth("perhaps")
    # Pillow's own numbers.
    for name in FILTERS:
        assert filter_of(Image.Resampling[name.upper()].value, "nearest") == name
    assert filter_of(None, "box") == "box"
    assert filter_of("cv2.INTER_AREA", "nearest") == "box"
    for said in (6, -1, "sharp", True):
        with pytest.raises(ValueError, match="unknown filter"):
            filter_of(said, "box")


def test_an_error_becomes_one_line_of_moderate_length():
    assert one_line(ValueError("a\n  b\tc")) == "a b c"
    assert len(one_line(ValueError("word " * 1000))) == 300


def test_one_value_is_that_of_every_channel():
    recipe = Convention("n", "s", {"mean": (0.5,), "std": (1, 2, 3)}).recipe(image())
    assert (recipe.mean, recipe.std, recipe.color) == ((0.5,) * 3, (1, 2, 3), "RGB")
    assert Convention("n", "s").recipe(image(1)).color == "gray"
    assert Convention("n", "s").recipe(image(5)).color == "bands"
    with pytest.raises(UsageError, match="2 values of mean for 3 channels"):
        Convention("n", "s", {"mean": (1.0, 2.0)}).recipe(image())


@pytest.mark.parametrize(
    ("to", "expected"),
    [(20, 60), ((20, 30), (40, 90))],  # the input is twice as high and three times as wide
)
def test_a_cut_keeps_its_proportion_for_inputs_of_another_size(to, expected):
    values = {"resize": "crop", "resize_to": to}
    assert Convention("n", "s", values, (16, 16)).recipe(image()).resize_to == expected
    assert Convention("n", "s", values, (32, 48)).recipe(image()).resize_to == to


def test_the_picture_before_a_cut():
    # "Resize to 256, cut out 224" is a share of 7/8.
    assert before_cut(224, 0.875) == 256
    assert before_cut(32, 0.9) == 35
    for share in (0.0, -1.0, 1e-320, 1e-9):
        with pytest.raises(ValueError, match=r"crop_pct|number"):
            before_cut(224, share)
