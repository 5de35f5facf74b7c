"""Targets that come back out of a record."""

import numpy as np
import pytest

from onnxplain.errors import UsageError
from onnxplain.targets.classes import ClassScore
from onnxplain.targets.recorded import RecordedTarget, target_from

DATA = {
    "type": "box-match",
    "describe": "dog, match",
    "stem": "dog-1",
    "unit": "match",
    "tensors": ["out"],
    "label": 3,
}


def test_words_survive():
    target = target_from(DATA)
    assert (target.describe(), target.stem, target.unit) == ("dog, match", "dog-1", "match")
    assert target.tensors == ("out",)
    assert target.to_dict() == DATA


@pytest.mark.parametrize("function", ["score", "slopes"])
def test_a_record_holds_no_function(function):
    with pytest.raises(UsageError, match=r"'dog, match' comes from a record"):
        getattr(target_from(DATA), function)({"out": np.zeros(1)})


def test_scores_of_classes_can_be_computed_again():
    made = ClassScore(2, "logit", "logits", "none", 3, position=(4, 5), negative=True)
    again = target_from({**made.to_dict(), "position": [4, 5]})
    assert isinstance(again, ClassScore)
    assert again == made
    # Earlier versions wrote no type.
    assert target_from({k: v for k, v in made.to_dict().items() if k != "type"}) == made


def test_what_is_no_target():
    with pytest.raises(KeyError, match="describe"):
        target_from({"type": "values", "unit": "value"})
    assert isinstance(target_from(DATA), RecordedTarget)
