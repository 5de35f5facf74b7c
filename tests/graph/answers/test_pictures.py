"""Outputs that may be pictures."""

import pytest

from onnxplain.graph.answers import doubts
from onnxplain.graph.answers.answer import Answer
from onnxplain.graph.answers.pictures import as_picture
from onnxplain.graph.image_input import ImageInput
from onnxplain.targets.reading import Piece, Reading

READING = Reading((Piece("y"),), axis=0, activation="none")


def read(task, shape, channels=3, doubt="", probable=True, output="y"):
    probability = READING if probable else None
    answer = Answer(output, task, READING, probability, READING, shape, 0, (), "why", doubt)
    image = ImageInput("x", "float32", "NCHW", channels, (8, 12), None, False)
    return answer, as_picture(answer, image)


@pytest.mark.parametrize(("count", "times"), [(1, 2), (3, 2), (3, 4)])
def test_what_is_larger_than_the_input_is_a_picture(count, times):
    answer, found = read("labels", (count, 8 * times, 12 * times))
    assert (found.task, found.probability, found.declarable) == ("values", None, READING)
    assert found.evidence == f"why, {times} times as large as the input"
    assert found.doubt == doubts.PICTURE
    assert answer.task == "labels"


def test_three_labels_at_each_place_may_be_colours():
    assert read("labels", (3, 8, 12))[1].task == "values"
    assert read("labels", (3, 8, 12), channels=1)[1].task == "labels"
    assert read("labels", (4, 8, 12))[1].task == "labels"


@pytest.mark.parametrize(
    ("task", "shape"),
    [
        ("classes", (3, 16, 24)),  # a Softmax at each place
        ("labels", (3, 8, 8)),  # other proportions
        ("labels", (3, 4, 6)),  # smaller
        ("labels", (3,)),
        ("embedding", (3, 8, 12)),
    ],
)
def test_what_stays_what_it_is(task, shape):
    answer, found = read(task, shape)
    assert found is answer


def test_a_mask_may_be_drawn():
    assert read("yes-no", (1, 8, 12), output="alpha_matte")[1].doubt == doubts.DRAWN
    assert read("yes-no", (1, 8, 12), channels=1)[1].doubt == doubts.DRAWN
    assert read("yes-no", (1, 8, 12))[1].doubt == ""
