"""One picture against what was found in it again: which figure differs, and where."""

import copy

import pytest
from audit.made_results import picture, spot

from onnxplain.audit.records.pictures import Picture
from onnxplain.audit.records.plain import build
from onnxplain.audit.verify.pictures import PicturesAgain

FOUND, _ = picture(1, spot(0, 0))
FOUND["methods"]["m"]["curves"] = {"deletion": [0.5] * 33}
FOUND["methods"]["m"]["record"] = {"parity_error": 1e-7, "gap": None}


def differing(edit):
    known = copy.deepcopy(FOUND)
    edit(known)
    again = PicturesAgain()
    again.compare(*(build(Picture, {"number": 0, **value}) for value in (known, FOUND)))
    return [(c.figure, c.worst) for c in again.checks() if not c.reproduces]


def method(**changes):
    return lambda known: known["methods"]["m"].update(changes)


@pytest.mark.parametrize(
    "edit",
    [
        lambda known: known.update(probability=0.90005),
        lambda known: known["methods"]["m"]["record"].update(parity_error=1.0),
        lambda known: known["methods"]["m"].pop("curves"),  # as in format 1
        method(curves={"deletion": [0.504] * 33}),
        lambda known: known.update(mask_sha256=None),
    ],
)
def test_what_counts_as_the_same(edit):
    assert differing(edit) == []


@pytest.mark.parametrize(
    ("edit", "figure", "where"),
    [
        (lambda k: k.update(probability=0.8), "probability", "p.png"),
        (lambda k: k.update(predicted=2), "predicted class", "predicted of p.png"),
        (lambda k: k.update(file_sha256="1" * 64), "picture files", "p.png"),
        (lambda k: k.update(mask_sha256="1" * 64), "picture files", "p.png"),
        (method(measures={"deletion": 0.3}), "m: deletion", "deletion of p.png"),
        (method(record={"gap": 0.1}), "m: gap", "gap of p.png"),
        (method(curves={"deletion": [0.51] * 33}), "m: curve of deletion", "deletion of p.png"),
        (method(curves={}), "m: curve of deletion", "deletion of p.png"),
        (lambda k: k.update(methods={}), "m: works", "p.png"),
        (lambda k: k.update(probability=None, score=0.9, unit="area"),
         "predicted class", "unit of the score of p.png"),
    ],
)  # fmt: skip
def test_what_does_not(edit, figure, where):
    assert differing(edit) == [(figure, where)]
