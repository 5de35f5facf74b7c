"""A model without a finite answer to an input that a method made: the picture is not blamed."""

import numpy as np
import pytest
from handmade import model

import onnxplain
from onnxplain.errors import NumericalError

PIXELS = np.random.default_rng(0).integers(100, 200, (2, 2, 3), np.uint8)


def opened():
    """Its logits are sums of the pixels' logarithms: black has none."""
    body = "f = Flatten(image) l = Log(f) scores = MatMul(l, w)"
    arrays = {"w": np.random.default_rng(1).normal(size=(12, 3))}
    proto = model(body, arrays, image="float[N,3,2,2] image")
    return onnxplain.load(proto, preprocess="zero-one", scores="logits")


@pytest.mark.parametrize(
    ("method", "said"),
    [
        ("integrated-gradients", "choose another baseline than black"),
        ("guided-ig", "choose another baseline than black"),
        ("deeplift", "choose another baseline than black"),
        ("rise", "choose another fill than black"),
        ("region-search", "choose another fill than black"),
    ],
)
def test_the_stand_in_is_named_and_another_one_works(method, said):
    net = opened()
    few = {"rise": {"samples": 40, "cells": 1}, "region-search": {"regions": 4}}
    options = few.get(method, {})
    with pytest.raises(NumericalError) as found:
        net.explain(PIXELS, method, 0, **options)
    text = str(found.value)
    assert said in text
    assert "not for the picture" in text
    assert "preprocessing" not in text
    name = "fill_with" if "fill" in said else "baseline"
    net.explain(PIXELS, method, 0, **options, **{name: "0.5"})


def test_a_picture_without_an_answer_is_still_told_to_check_the_preprocessing():
    with pytest.raises(NumericalError, match="check the preprocessing"):
        opened().explain(np.zeros((2, 2, 3), np.uint8), "integrated-gradients", 0)
