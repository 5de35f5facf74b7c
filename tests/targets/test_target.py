"""What every target inherits, with a product of two tensors as the target."""

import numpy as np

from onnxplain.targets.classes import ClassScore
from onnxplain.targets.target import Target


class Product(Target):
    """The product of one number of each of two tensors."""

    tensors = ("a", "b")
    unit = "value"
    stem = "product"
    linear = False

    @property
    def is_linear(self):
        return self.linear

    def score(self, values):
        return (values["a"] * values["b"])[:, 0]

    def slopes(self, values):
        return {"a": values["b"], "b": values["a"]}

    def describe(self):
        return "product"

    def to_dict(self):
        return {"type": "product"}


HERE = {"a": np.array([[2.0], [1.0]]), "b": np.array([[3.0], [4.0]])}
THERE = {"a": np.array([[0.0], [5.0]]), "b": np.array([[1.0], [-2.0]])}


def test_the_base_class_stands_for_the_score_of_a_class():
    assert type(Target(2, "logit", "logits", "none", 3)) is ClassScore
    assert type(Product()) is Product


def test_starts_are_slope_times_value():
    starts = Product().starts(HERE)
    assert starts["a"].tolist() == starts["b"].tolist() == [[6.0], [4.0]]


def test_secants_account_for_the_whole_difference():
    secants = Product().secants(HERE, THERE)
    # The mean slope of a product on the straight way is the mean of the other factor.
    assert np.allclose(secants["a"], [[2.0], [1.0]], rtol=1e-12)
    assert np.allclose(secants["b"], [[1.0], [3.0]], rtol=1e-12)
    parts = sum((secants[n] * (HERE[n] - THERE[n]))[:, 0] for n in "ab")
    assert np.allclose(parts, [6.0 - 0.0, 4.0 + 10.0], rtol=1e-12)


def test_secants_of_a_linear_target_are_its_slopes(monkeypatch):
    monkeypatch.setattr(Product, "linear", True)
    secants = Product().secants(HERE, THERE)
    assert {n: s.tolist() for n, s in secants.items()} == {
        "a": HERE["b"].tolist(),
        "b": HERE["a"].tolist(),
    }


def test_what_is_so_unless_said_otherwise():
    target = Product()
    assert target.origin is None
    assert not target.is_probability
