"""What the user says of an answer, against what the graph shows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit, softmax

from onnxplain.errors import UnknownNameError, UsageError
from onnxplain.graph.answers.answer import Answer
from onnxplain.graph.answers.declare import SCORES, TASKS, declared
from onnxplain.targets.reading import Piece, Reading

Y = np.random.default_rng(0).normal(size=(3, 4))
RAW, LOGIT, SOFT = Reading((Piece("y"),)), Reading((Piece("z"),)), Reading((Piece("p"),))


def answer(task="classes", count=4, *, probability=None, logit=RAW, doubt="doubtful"):
    return Answer("y", task, RAW, probability, logit, (count,), 0, (), "of the graph", doubt)


BARE = answer()
SOFTMAX = answer(probability=SOFT, logit=LOGIT, doubt="")
SIGMOIDS = answer("labels", probability=SOFT, logit=LOGIT, doubt="")
NUMBER = answer("values", 1)


def test_nothing_said_changes_nothing():
    assert declared(BARE, None, None) is BARE


@pytest.mark.parametrize(("task", "scores"), [("classes", None), (None, "logits"), (None, "raw")])
def test_what_is_declared_is_no_doubt(task, scores):
    found = declared(BARE, task, scores)
    assert (found.doubt, found.evidence) == ("", "declared")


@pytest.mark.parametrize(
    ("given", "task", "expected"),
    [
        (BARE, "classes", softmax(Y, axis=1)),
        (BARE, "labels", expit(Y)),
        (BARE, None, softmax(Y, axis=1)),
        (answer("labels"), None, expit(Y)),
        (NUMBER, "yes-no", expit(Y)),
    ],
)
def test_logits_are_those_of_a_softmax_or_of_sigmoids(given, task, expected):
    found = declared(given, task, "logits")
    values = {"y": Y}
    np.testing.assert_allclose(found.probability.read(values), expected, rtol=1e-14)
    np.testing.assert_array_equal(found.logit.read(values), Y)


def test_probabilities_are_read_as_they_are():
    found = declared(BARE, None, "probabilities")
    assert found.probability is RAW
    assert declared(SOFTMAX, None, "probabilities").probability is SOFT


@pytest.mark.parametrize("given", [BARE, SOFTMAX, SIGMOIDS])
def test_raw_numbers_are_neither(given):
    found = declared(given, None, "raw")
    assert (found.probability, found.logit, found.raw) == (None, None, RAW)


@pytest.mark.parametrize("task", ["values", "embedding"])
@pytest.mark.parametrize("scores", [None, "raw"])
@pytest.mark.parametrize("given", [BARE, SOFTMAX, SIGMOIDS])
def test_values_and_embeddings_have_no_probabilities(given, task, scores):
    found = declared(given, task, scores)
    assert (found.task, found.probability, found.logit) == (task, None, None)


def test_the_task_alone_leaves_the_readings_that_fit_it():
    found = declared(SOFTMAX, "classes", None)
    assert (found.probability, found.logit) == (SOFT, LOGIT)
    found = declared(NUMBER, "yes-no", None)
    assert (found.task, found.probability, found.logit) == ("yes-no", None, RAW)


def test_boxes_stay_boxes_unless_a_task_is_declared():
    boxes = answer("boxes", logit=None)
    for scores in SCORES:
        assert declared(boxes, None, scores) is boxes
    assert declared(boxes, "values", None).task == "values"


@pytest.mark.parametrize(
    ("given", "task", "scores", "words"),
    [
        (BARE, "yes-no", None, "holds 4 scores, and task yes-no has one"),
        (NUMBER, "classes", None, "holds one score; declare task yes-no, or values"),
        (SOFTMAX, "labels", None, "has a Softmax over its classes"),
        (SOFTMAX, None, "logits", "declare probabilities or raw"),
        (SIGMOIDS, None, "logits", "declare probabilities or raw"),
        (NUMBER, "values", "logits", r"read as task values.*declare the task as well"),
        (NUMBER, "values", "probabilities", "read as task values"),
        (BARE, "embedding", "logits", "read as task embedding"),
    ],
)
def test_what_contradicts_the_output_or_itself(given, task, scores, words):
    with pytest.raises(UsageError, match=words):
        declared(given, task, scores)


@pytest.mark.parametrize("task", ["boxes", "unknown", "class", "Values"])
def test_a_task_that_cannot_be_declared(task):
    with pytest.raises(UnknownNameError, match=f"unknown task '{task}'.*allowed: classes"):
        declared(BARE, task, None)


def test_scores_that_cannot_be_declared():
    with pytest.raises(UnknownNameError, match=r"kind of scores 'logit'.*allowed: logits, prob"):
        declared(BARE, None, "logit")


def said_or_refused(given, task, scores):
    """What is declared, or none if it is refused by a line that names the output."""
    try:
        return declared(given, task, scores)
    except UsageError as error:
        line = str(error)
    assert given.output in line
    return None


def test_everything_that_may_be_declared_together_is_read_or_refused():
    wanted = {"logits": ("logit", "probability"), "probabilities": ("probability",), "raw": ()}
    for given in (BARE, SOFTMAX, SIGMOIDS, NUMBER, replace(NUMBER, task="yes-no")):
        for task in (None, *TASKS):
            for scores in SCORES:
                found = said_or_refused(given, task, scores)
                if found is None:
                    continue
                settled = task or given.task
                if task is None and given is NUMBER and scores != "raw":
                    settled = "yes-no"  # such a number belongs to classes
                assert found.task == settled
                assert all(getattr(found, name) is not None for name in wanted[scores])
