"""Summaries in a record: units that are not said, and places that were never tried."""

from onnxplain.audit.records.plain import UNSAID, build, plain
from onnxplain.audit.records.summaries import PredictionSums, SuspectSum, TriedPlace

COUNTS = {"scored": 1, "labelled": 1, "right": 1, "accuracy": 1}
RANKED = {"number": 0, "name": "a", "label": 1, "predicted": 1, "probability": 0.5}
SUSPECT = {"index": None, "method": "m", "kind": "fixed place", "strength": 2, "where": "top",
           "recurs": 1.0, "count": 5, "examples": [], "box": [0, 0, 0.25, 0.25]}  # fmt: skip


def sums(**more):
    lists = {"most_confident_errors": [], "least_confident_errors": [], "least_confident": [RANKED]}
    return {**COUNTS, **lists, **more}


def test_units():
    old = build(PredictionSums, sums())
    assert (old.unit, old.target_unit) == ("probability", "probability")
    assert plain(old) == sums()
    new = build(PredictionSums, sums(unit="value", target_unit="cosine"))
    assert (new.unit, new.target_unit) == ("value", "cosine")
    assert new.least_confident[0].value == 0.5


def test_a_place_that_was_not_tried_differs_from_one_that_no_record_speaks_of():
    assert build(SuspectSum, SUSPECT).transplant is UNSAID
    assert plain(build(SuspectSum, SUSPECT)) == SUSPECT
    untried = {**SUSPECT, "transplant": None}
    assert plain(build(SuspectSum, untried)) == untried
    tried = {"same": 0.5, "rise": None, "donors": [1], "hosts": [2]}
    assert isinstance(build(SuspectSum, {**SUSPECT, "transplant": tried}).transplant, TriedPlace)
