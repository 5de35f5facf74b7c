"""What a person writes for a box."""

import pytest

from onnxplain.errors import UnknownNameError, UsageError
from onnxplain.targets.boxes.request import BoxRequest, read_box

LABELS = ("car", "Traffic Light")


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (None, BoxRequest()),
        (3, BoxRequest(number=3)),
        (" 3 ", BoxRequest(number=3)),
        ("top-2", BoxRequest(top=2)),
        ("CAR", BoxRequest(0)),
        ("traffic light#2", BoxRequest(1, number=2)),
        ("#2", BoxRequest(number=2)),
        ("car@120, 80.5", BoxRequest(0, point=(120.0, 80.5))),
        ("@1,2", BoxRequest(point=(1.0, 2.0))),
        ("car in 10,20, 110.5,220", BoxRequest(0, sides=(10.0, 20.0, 110.5, 220.0))),
        ("1 in -1,0,1,2", BoxRequest(1, sides=(-1.0, 0.0, 1.0, 2.0))),
    ],
)
def test_every_form(said, expected):
    assert read_box(said, LABELS, 2) == expected


@pytest.mark.parametrize("said", ["car in 10,0,10,5", "car in 0,5,10,4"])
def test_an_empty_box_is_refused(said):
    with pytest.raises(UsageError, match="is empty; write left, top, right and bottom"):
        read_box(said, LABELS, 2)


def test_boxes_count_from_one():
    with pytest.raises(UsageError, match="numbered from 1"):
        read_box(0, LABELS, 2)


# Some digits, and numbers of thousands of them, are none that Python reads.
UNREADABLE = ["\N{SUPERSCRIPT TWO}", "9" * 5000, "top-" + "9" * 5000, "car#" + "9" * 5000]


@pytest.mark.parametrize(
    "said", ["lorry", "lorry#1", "lorry@1,2", "car#0", "car@1", *UNREADABLE], ids=lambda s: s[:6]
)
def test_what_is_no_class_is_refused_with_the_forms(said):
    with pytest.raises(UnknownNameError, match="the model is a detector: write 2"):
        read_box(said, LABELS, 2)


def test_an_index_beyond_the_classes_is_refused():
    with pytest.raises(UsageError, match=r"out of range: the model has 0\.\.1"):
        read_box("2@5,5", LABELS, 2)
