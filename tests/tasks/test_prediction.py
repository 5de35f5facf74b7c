"""What a prediction says, and how runs are averaged."""

import numpy as np
import pytest

from onnxplain.errors import UsageError
from onnxplain.tasks.prediction import Prediction, mean_of

LOGITS, SHARES = np.array([1.0, 3.0, 3.0, -2.0]), np.array([0.25, 0.0, 0.5, 0.25])


def test_probabilities_are_shown_before_logits_and_shares_before_both():
    flat = np.array([0.5, 0.25, 0.25, 0.0])
    both = Prediction({"logit": LOGITS, "probability": flat}, "probability")
    assert both.scores is flat
    assert Prediction({"raw": flat, "logit": LOGITS}, "logit").scores is LOGITS
    dense = Prediction({"logit": LOGITS}, "area", shares=SHARES)
    assert (dense.scores is SHARES, dense.winner) == (True, 2)


def test_the_first_of_equal_scores_comes_first():
    said = Prediction({"logit": LOGITS}, "logit", ("a", "b", "c", "d"))
    assert said.order() == [1, 2, 0, 3]
    assert said.order(2) == [1, 2]
    assert said.winner == 1
    assert said.name(3) == "d"
    assert Prediction({"logit": LOGITS}, "logit").name(3) == ""


def test_a_kind_that_the_answer_does_not_have():
    said = Prediction({"logit": LOGITS}, "logit")
    assert said.logits is LOGITS
    with pytest.raises(UsageError, match=r"known to be a probability; .*--scores"):
        _ = said.probabilities
    with pytest.raises(UsageError, match="a raw"):
        _ = said.raw


def test_the_mean_of_runs():
    runs = [
        Prediction({"logit": LOGITS * k}, "logit", ("x",), shares=np.eye(4)[k]) for k in range(4)
    ]
    mean = mean_of(runs)
    assert mean.logits.tolist() == [1.5, 4.5, 4.5, -3.0]
    assert mean.shares.tolist() == [0.25] * 4
    assert mean.names == ("x",)
    assert mean_of([Prediction({"raw": LOGITS}, "value")]).shares is None
