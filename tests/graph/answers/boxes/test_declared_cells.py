"""Cells and anchors as a person declares them."""

import pytest

from onnxplain.errors import UsageError
from onnxplain.graph.answers.boxes.declared_cells import declared_cells

ANCHORS = [[[3, 4]], [[5.5, 6]]]


def test_cells_and_anchors_of_each_stride():
    cells = declared_cells({"strides": [8, 16], "anchors": ANCHORS}, "yolov5", (64, 32))
    assert (cells.sizes, cells.strides, cells.anchors) == (((8, 4), (4, 2)), (8, 16), ANCHORS)
    assert declared_cells({"strides": [8], "unit": "pixels"}, "ltrb", (64, 32)).each(0) == 1


@pytest.mark.parametrize(
    ("given", "form", "said"),
    [
        ({}, "yolox", "is relative to cells"),
        ({"strides": [8, 0]}, "yolox", "is relative to cells"),
        ({"strides": [8, 128]}, "yolox", "is relative to cells"),
        ({"strides": [8], "unit": "cells"}, "yolox", "unit 'cells'"),
        ({"strides": [8], "unit": "shares"}, "ltrb", "unit 'shares'"),
        ({"strides": [8]}, "yolov5", "needs 'anchors'"),
        ({"strides": [8], "anchors": ANCHORS[:1]}, "yolox", "takes no 'anchors'"),
        ({"strides": [8], "anchors": ANCHORS}, "yolov3", "a list for each stride"),
        ({"strides": [8], "anchors": [[[3, "?"]]]}, "yolov3", "a list for each stride"),
        ({"strides": [8], "anchors": [[[3, 4, 5]]]}, "yolov3", "a list for each stride"),
        ({"strides": [8, 16], "anchors": [[[3, 4]], [[3, 4], [5, 6]]]}, "yolov3", "as many"),
    ],
)
def test_what_is_wrong_is_said(given, form, said):
    with pytest.raises(UsageError, match=said) as error:
        declared_cells(given, form, (64, 64))
    assert "\n" not in str(error.value)
