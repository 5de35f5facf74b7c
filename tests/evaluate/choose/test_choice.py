"""A choice as plain data, and verdicts summed up."""

import json

import pytest
from evaluate.choose.made import STANDING, choice

from onnxplain.evaluate.choose.choice import ALPHA, BEATS, NONE, UNDECIDED, in_all


def test_plain_data():
    record = choice().to_dict()
    assert json.loads(json.dumps(record))["findings"]["gradient"]["conclusion"] == BEATS
    assert (record["kind"], record["format"]) == ("choice", 1)


def test_a_standing_beats_at_the_level():
    assert STANDING.beats
    assert ALPHA == 0.05


@pytest.mark.parametrize(
    ("said", "words"),
    [([BEATS, NONE], BEATS), ([NONE, NONE], NONE), ([NONE, UNDECIDED], UNDECIDED),
     ([UNDECIDED], UNDECIDED)],
)  # fmt: skip
def test_several_verdicts(said, words):
    assert in_all(said) == words
