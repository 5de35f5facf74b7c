"""One map of one picture: what a measure may ask of it."""

from dataclasses import replace

import numpy as np
import pytest
from evaluate.linear import CLASSES, SIDE, case, logits, picture, probabilities, score_of

from onnxplain.errors import UnknownNameError
from onnxplain.evaluate.settings import Settings

OTHERS = np.random.default_rng(7).uniform(0, 1, (5, 3, SIDE, SIDE)).astype(np.float32)


@pytest.mark.parametrize(("kind", "scores"), [("logit", logits), ("probability", probabilities)])
@pytest.mark.parametrize("index", range(CLASSES))
def test_the_score_is_that_of_the_target(kind, scores, index):
    found = case(index, kind).score(OTHERS)
    np.testing.assert_allclose(found, scores(OTHERS)[:, index], rtol=1e-12)


def test_random_numbers_belong_to_the_picture_and_the_seed():
    first = case(method="gradient").rng.random(4)
    np.testing.assert_array_equal(first, case(method="occlusion", index=3).rng.random(4))
    assert (first != case(seed=1, method="gradient").rng.random(4)).all()
    assert (first != replace(case(), seed=1).rng.random(4)).all()


def test_one_stream_serves_all_measures_of_a_case():
    made = case()
    assert made.rng is made.rng
    assert made.rng.random() != made.rng.random()


def test_what_is_absent_has_the_values_of_the_models_input():
    made = case()
    np.testing.assert_array_equal(made.filled("black"), np.zeros_like(made.picture.x))
    np.testing.assert_array_equal(made.filled("white"), np.ones_like(made.picture.x))
    np.testing.assert_array_equal(made.filled("0.25"), np.full_like(made.picture.x, 0.25))
    mean = made.picture.x.mean(axis=(2, 3), keepdims=True, dtype=np.float64)
    np.testing.assert_allclose(made.filled("mean") - mean, 0, atol=1e-7)
    with pytest.raises(UnknownNameError, match="fill"):
        made.filled("nonsense")


def test_each_method_is_asked_about_the_form_that_it_explains():
    seen = picture()
    start, target = score_of(1, "logit", seen), score_of(1, "probability", seen)
    for name, wanted in (("gradient", start), ("occlusion", target), ("lime", target)):
        assert case(target=target, start=start, method=name).aim is wanted
    # A model without logits has one form only.
    assert case(target=target, method="gradient").aim is target


def test_a_place_is_that_of_the_target():
    made = case()
    assert made.position == ()
    assert replace(made, target=replace(made.target, position=(2, 3))).position == (2, 3)


def test_the_network_is_seen_with_the_seed_of_the_case():
    made = replace(case(), seed=5)
    assert made.context is made.context
    assert made.context.seed == 5
    assert made.context.network is made.model.network


@pytest.mark.parametrize("order", ["cascading", "independent"])
def test_the_sanity_check_follows_the_settings(order):
    made = replace(case(), method="gradient", settings=Settings(order=order, stages=1))
    check = made.sanity
    assert (check.method, check.order, check.layers) == ("gradient", order, ("z",))
    np.testing.assert_array_equal(check.shares, [1.0])
    # The only layer has lost its weights: another gradient stands there.
    assert abs(check.spearman[0]) < 0.8
    assert made.sanity is check
    again = replace(made, seed=1).sanity
    assert check.spearman[0] != again.spearman[0]


def test_what_is_of_the_picture_is_computed_for_the_first_of_its_maps():
    asked = []

    def compute(one):
        asked.append(one)
        return len(asked)

    first = case()
    second = case(shared=first.shared)
    assert [one.once_of_picture(compute) for one in (first, second, case())] == [1, 1, 2]
