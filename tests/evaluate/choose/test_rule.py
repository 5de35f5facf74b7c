"""The rule on numbers that are known: who is chosen, who is tied, and when nobody is."""

import numpy as np
import pytest
from evaluate.choose.made import measured
from evaluate.test_significance import signed_rank_by_enumeration, step_down

from onnxplain.errors import UsageError
from onnxplain.evaluate.choose.candidate import Candidate
from onnxplain.evaluate.choose.choice import BEATS, NONE, UNDECIDED
from onnxplain.evaluate.choose.measuring import FAITHFUL, ROBUST
from onnxplain.evaluate.choose.rule import choose_from, fewest_pictures

COUNT = 12
METHODS = ("gradient", "saliency", "lrp")
CANDIDATES = [Candidate(name) for name in METHODS]


def numbers(mean, seed, count=COUNT):
    return np.random.default_rng(seed).normal(mean, 0.05, count)


def controls(count=COUNT, **means):
    names = {"random": 0.0, "centre": 0.1, "edges": 0.3, "saturation": 0.2, **means}
    names |= {f"shuffled {m}": 0.0 for m in METHODS}
    return {name: numbers(mean, k, count) for k, (name, mean) in enumerate(names.items())}


def chosen(means, extra=None, count=COUNT, **others):
    values = {name: numbers(mean, 50 + k, count) for k, (name, mean) in enumerate(means.items())}
    every = {FAITHFUL: {**controls(count, **others), **values}, **(extra or {})}
    return choose_from(measured(every), CANDIDATES, [FAITHFUL], 0)


def test_the_most_faithful_is_chosen():
    found = chosen({"gradient": 0.5, "saliency": 0.9, "lrp": 0.1})
    assert (found.best, found.conclusion, found.tied) == ("saliency", BEATS, ())
    said = [f.conclusion for f in found.findings.values()]
    assert said == [BEATS, BEATS, NONE]
    assert list(found.findings) == ["saliency", "gradient", "lrp"]
    assert found.findings["lrp"].standings[FAITHFUL].control == "edges"


def test_every_control_has_to_be_beaten():
    """Its own maps of shuffled networks too."""
    means = {"gradient": 0.5, "saliency": 0.9, "lrp": 0.1}
    values = {name: numbers(mean, 50) for name, mean in means.items()}
    blind = controls() | {"shuffled saliency": numbers(0.95, 9)}
    found = choose_from(measured({FAITHFUL: {**blind, **values}}), CANDIDATES, [FAITHFUL], 0)
    assert found.best == "gradient"
    assert found.findings["saliency"].conclusion == NONE
    assert found.findings["saliency"].standings[FAITHFUL].control == "shuffled"


def test_chances_are_those_of_the_hardest_control_and_corrected_together():
    rng = np.random.default_rng(3)
    blind = {name: rng.normal(0.0, 1, 9) for name in controls()}
    values = {name: rng.normal(0.8, 1, 9) for name in METHODS}
    found = choose_from(measured({FAITHFUL: {**blind, **values}}), CANDIDATES, [FAITHFUL], 0)
    chances = []
    for name in METHODS:
        against = ["random", "centre", "edges", "saturation", f"shuffled {name}"]
        chances.append(max(signed_rank_by_enumeration(values[name] - blind[c]) for c in against))
        standing = found.findings[name].standings[FAITHFUL]
        assert standing.chance == pytest.approx(chances[-1])
        assert standing.difference_low <= standing.difference <= standing.difference_high
    for level in (0.05, 0.3, 0.6):
        adjusted = [found.findings[n].standings[FAITHFUL].adjusted for n in METHODS]
        assert {k for k, p in enumerate(adjusted) if p <= level} == step_down(chances, level)


def test_of_those_that_cannot_be_told_apart_the_steadier_is_chosen():
    robust = {ROBUST: {"gradient": [0.9] * 5, "saliency": [0.2] * 5}}
    found = chosen({"gradient": 0.7, "saliency": 0.71, "lrp": 0.1}, robust)
    assert (found.best, found.tied) == ("gradient", ("saliency",))


def test_undecided_and_none():
    found = chosen({"gradient": 0.31, "saliency": 0.0, "lrp": 0.1}, edges=0.3)
    assert found.conclusion in (UNDECIDED, NONE)
    assert found.conclusion != BEATS
    nobody = chosen({"gradient": 0.2, "saliency": 0.0, "lrp": 0.1})
    assert (nobody.conclusion, nobody.best, nobody.tied) == (NONE, "gradient", ())


def test_too_few_pictures_decide_nothing():
    assert fewest_pictures(3) == 6
    few = chosen({"gradient": 0.9, "saliency": 0.0, "lrp": 0.1}, count=5)
    assert few.conclusion == UNDECIDED
    assert "5 pictures are too few" in few.remarks[0]
    assert "give 6 or more" in few.remarks[0]
    assert chosen({"gradient": 0.9, "saliency": 0, "lrp": 0}, count=6).conclusion == BEATS


def test_nothing_measured():
    with pytest.raises(UsageError, match="nothing could be measured"):
        choose_from(measured({FAITHFUL: {"random": [1.0]}}), CANDIDATES, [FAITHFUL], 0)


def test_blind_candidates_are_rarely_chosen():
    """Three candidates no better than the controls, two hundred times."""
    beaten = 0
    for seed in range(200):
        rng = np.random.default_rng([7, seed])
        every = {name: rng.normal(size=8) for name in [*controls(), *METHODS]}
        found = choose_from(measured({FAITHFUL: every}), CANDIDATES, [FAITHFUL], 0)
        beaten += found.conclusion == BEATS
    assert beaten <= 10
