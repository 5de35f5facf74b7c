"""Values of a preprocess file, and what is wrong with them."""

import pytest

from onnxplain.inputs.recipe_values import bands_problem, framing_problem, from_json


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("size", [32, 48.0], (32, 48)),
        ("resize_to", 256, 256),
        ("resize_to", [256, 300], (256, 300)),
        ("resize_to", None, None),
        ("mean", [0, 1], (0.0, 1.0)),
        ("fill", 114, (114.0,)),
        ("white", None, None),
        ("white", 4095, 4095.0),
        ("interpolation", "area", "box"),
        ("interpolation", "bicubic", "bicubic"),
        ("name", "as it is", "as it is"),
    ],
)
def test_values_become_those_of_the_attributes(key, value, expected):
    found = from_json(key, value)
    assert (found, type(found)) == (expected, type(expected))


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("size", [32.5, 32], "not a whole number of pixels"),
        ("resize_to", 0.5, "not a whole number of pixels"),
        ("bands", [0.5], "count from 0"),
        ("mean", ["x"], "could not convert"),
    ],
)
def test_values_that_cannot_be_one(key, value, said):
    with pytest.raises(ValueError, match=said):
        from_json(key, value)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("crop", 256, 1.0, (0.5, 0.5)), ""),
        (("crop", None, 0.875, (0.0, 1.0)), ""),
        (("crop", (256,), 1.0, (0.5, 0.5)), ""),
        (("crop", 0, 1.0, (0.5, 0.5)), "give the shorter side"),
        (("crop", (1, 2, 3), 1.0, (0.5, 0.5)), "give the shorter side"),
        (("pad", 256, 1.0, (0.5, 0.5)), "goes with resize 'crop', not 'pad'"),
        (("pad-first", None, 0.9, (0.5, 0.5)), "does not go with resize 'pad-first'"),
        (("none", None, 0.9, (0.5, 0.5)), "cut out at a fixed size"),
        (("crop", 256, 0.9, (0.5, 0.5)), "cut out at a fixed size"),
        (("crop", None, 1.0, (0.5,)), "give two shares from 0 to 1"),
        (("crop", None, 1.0, (0.5, 1.5)), "give two shares from 0 to 1"),
    ],
)
def test_framings(given, said):
    found = framing_problem(*given)
    assert said in found
    assert bool(said) == bool(found)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("RGB", 3, (0.0,), (), (), None), ""),
        (("bands", 4, (0.0,) * 4, (3, 2, 1, 0), (2, 1, 0), 4095.0), ""),
        (("RGB", 3, (0.0, 1.0), (), (), None), "give 1 or 3 values from 0 to 255"),
        (("RGB", 3, (256.0,), (), (), None), "give 1 or 3 values from 0 to 255"),
        (("RGB", 3, (0.0,), (), (0,), 255.0), "shown and white goes with color 'bands'"),
        (("bands", 4, (0.0,), (0, 1), (), None), "name 4 bands of the file"),
        (("bands", 2, (0.0,), (-1, 1), (), None), "name 2 bands of the file"),
        (("bands", 4, (0.0,), (), (0, 1), None), "name 1 or 3 of the 4 channels"),
        (("bands", 4, (0.0,), (), (4,), None), "name 1 or 3 of the 4 channels"),
        (("bands", 4, (0.0,), (), (), 0.0), "must be finite and above 0"),
        (("bands", 4, (0.0,), (), (), float("inf")), "must be finite and above 0"),
    ],
)
def test_channels(given, said):
    found = bands_problem(*given)
    assert said in found
    assert bool(said) == bool(found)
