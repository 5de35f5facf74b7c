"""Which task an answer has, and what no task answers."""

import pytest

from onnxplain.errors import UnsupportedModelError
from onnxplain.tasks.classes import Classes
from onnxplain.tasks.embedding import Embedding
from onnxplain.tasks.find import names_of, require_task, task_of
from onnxplain.tasks.values import Numbers
from tests.tasks.answers import SHAPES, answer


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("classes", Classes),
        ("labels", Classes),
        ("yes-no", Classes),
        ("values", Numbers),
        ("embedding", Embedding),
    ],
)
def test_each_answer_has_its_task(said, kind):
    tensor = "one" if said == "yes-no" else "v"
    found = answer(said, tensor, "sigmoid" if said == "yes-no" else None)
    require_task(found)
    assert type(task_of(found, (), SHAPES)) is kind


def test_a_detector_whose_boxes_nobody_can_read():
    found = answer("boxes", evidence="it suppresses boxes", doubt="two outputs may be scores")
    with pytest.raises(
        UnsupportedModelError,
        match=r"detector \(it suppresses boxes\).*two outputs may be scores; declare them",
    ):
        require_task(found)


@pytest.mark.parametrize(("doubt", "end"), [("", "whole numbers$"), ("or not", "numbers; or not$")])
def test_numbers_that_nothing_is_known_of(doubt, end):
    found = answer("unknown", evidence="whole numbers", doubt=doubt)
    with pytest.raises(UnsupportedModelError, match=f"output 'v' holds no scores .*{end}"):
        require_task(found)


def test_both_sides_of_yes_and_no_have_names():
    assert names_of("yes-no", []) == ["no", "yes"]
    assert names_of("yes-no", ["tumour"]) == ["not tumour", "tumour"]
    assert names_of("yes-no", ["cat", "dog"]) == ["cat", "dog"]
    assert names_of("classes", ["tumour"]) == ["tumour"]
