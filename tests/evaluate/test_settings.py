"""Choices that measures are computed with: what is refused."""

import pytest

from onnxplain.errors import UsageError
from onnxplain.evaluate.settings import Settings


@pytest.mark.parametrize("share", [0.0, 1.0, -0.1, 20.0, float("nan")])
def test_a_share_lies_between_nothing_and_all(share):
    with pytest.raises(UsageError, match=r"must lie between 0 and 1"):
        Settings(strong=share)


@pytest.mark.parametrize("wrong", [{"stages": 0}, {"step": 0}, {"step": -3}])
def test_numbers_of_steps_are_one_or_more(wrong):
    with pytest.raises(UsageError, match="must be 1 or more"):
        Settings(**wrong)


def test_the_smallest_numbers_pass():
    found = Settings(step=1, stages=1, strong=0.01)
    assert (found.step, found.stages, found.strong) == (1, 1, 0.01)
