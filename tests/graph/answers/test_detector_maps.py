"""Detectors whose outputs are maps, by the cells that strides make of the picture."""

import pytest

from onnxplain.graph.answers.detector_maps import maps
from tests.graph.answers.shaped import outputs_of_shapes, traced


def found(shapes, size=(64, 64), classes=0, activations=None):
    made = traced(outputs_of_shapes(shapes, size, activations))
    return maps(made.tracer, made.image, made.outputs, classes)


def scaled(form, strides=(8, 16, 32), size=(64, 64)):
    """One output of a form for each scale, whose cells cover the picture."""
    cells = {s: tuple(-(-n // s) for n in size) for s in strides}
    return {f"o{s}": form(*cells[s]) for s in strides}


FORMS = {
    "channels first": lambda h, w: (255, h, w),
    "channels last": lambda h, w: (h, w, 255),
    "anchors first": lambda h, w: (3, h, w, 85),
    "anchors, then channels": lambda h, w: (3, 85, h, w),
    "anchors behind the cells": lambda h, w: (h, w, 3, 85),
}


@pytest.mark.parametrize("size", [(64, 64), (64, 96), (70, 100)])
@pytest.mark.parametrize("form", FORMS)
def test_three_scales_of_a_detector(form, size):
    shapes = scaled(FORMS[form], size=size)
    evidence = found(shapes, size)
    assert set(evidence) == set(shapes)
    (why,) = set(evidence.values())
    assert why == "3 maps of strides 8/16/32 with 3 boxes of 85 numbers at each place"


@pytest.mark.parametrize(
    ("channels", "classes", "is_detector"),
    [
        (7 + 4, 7, True),
        (7 + 5, 7, True),
        (7 + 64, 7, True),
        (3 * (7 + 5), 7, True),
        (7 + 6, 7, False),
        (255, 7, False),  # names of other classes than the maps have
        (18, 0, True),  # three boxes of a box, an objectness and one class
        (15, 0, False),
        (20, 0, False),
    ],
)
def test_the_channels_tell_boxes(channels, classes, is_detector):
    shapes = scaled(lambda h, w: (channels, h, w))
    assert bool(found(shapes, classes=classes)) == is_detector


@pytest.mark.parametrize(
    ("strides", "is_detector"),
    [((8, 16, 32), True), ((16, 32), True), ((8, 16, 32, 64), True), ((4, 8, 16), False),
     ((8, 32), False), ((16,), False)],
)  # fmt: skip
def test_the_strides_are_those_of_a_detector(strides, is_detector):
    shapes = scaled(lambda h, w: (24, h, w), strides, (128, 128))
    assert bool(found(shapes, (128, 128))) == is_detector


def test_a_map_that_is_no_scale_s_ends_it():
    shapes = scaled(FORMS["channels first"])
    assert found(shapes)
    assert found({**shapes, "fine": (255, 64, 64)}) == {}
    assert found({**shapes, "again": (255, 8, 8)}) == {}
    assert found({**shapes, "o32": (252, 2, 2)}) == {}
    # A vector beside them is no map, and does not count.
    assert set(found({**shapes, "kind": (10,)})) == {*shapes, "kind"} - {"kind"}


def test_probabilities_of_classes_are_no_boxes():
    shapes = scaled(FORMS["channels first"])
    assert found(shapes, activations=dict.fromkeys(shapes, "Softmax")) == {}
    assert found(shapes, activations=dict.fromkeys(shapes, "Sigmoid"))


def test_boxes_and_scores_in_maps_of_their_own():
    both = scaled(lambda h, w: (20, h, w), (8, 16))
    boxes = {f"b{n}": (4, *s[1:]) for n, s in both.items()}
    evidence = found({**both, **boxes})
    assert set(evidence) == {*both, *boxes}
    assert set(evidence.values()) == {"boxes and scores as separate maps of strides 8/16"}
    numbers = {f"b{n}": (7, *s[1:]) for n, s in both.items()}
    assert found({**both, **numbers}) == {}
    # At one scale only, they may be anything.
    assert found({"o8": (20, 8, 8), "b8": (4, 8, 8)}) == {}


def test_a_heat_map_beside_sizes_and_offsets():
    centres = {"hm": (20, 16, 16), "wh": (2, 16, 16), "reg": (2, 16, 16)}
    assert set(found(centres)) == set(centres)
    assert found({k: centres[k] for k in ("hm", "wh")}) == {}
    assert found({**centres, "reg": (3, 16, 16)}) == {}
