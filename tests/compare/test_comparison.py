"""Summing up pairs of files: means, extremes and controls that can be counted by hand."""

import json

import pytest

from onnxplain.compare.comparison import LIKENESS, Comparison, PairOfFiles


def pair(sample, rank, *, same=True, difference=0.1, control=None, first="a", second="b", **more):
    likeness = {"m": {**dict.fromkeys(LIKENESS, 0.5), "spearman": rank}}
    controls = {} if control is None else {"m": control}
    return PairOfFiles(sample, first, second, same, difference, likeness, controls, **more)


def summed(*pairs, models=("a", "b")):
    return Comparison(list(models), list(pairs), [], provenance={"seed": 0})


def test_means_over_the_pictures():
    found = summed(
        pair("1", 1.0), pair("2", 0.5, same=False, difference=0.3, control=0.2),
        pair("3", 0.0, control=0.4),
    )  # fmt: skip
    (line,) = found.summary()
    assert (line["first"], line["second"], line["method"], line["pictures"]) == ("a", "b", "m", 3)
    assert line["same_prediction"] == pytest.approx(2 / 3)
    assert line["score_difference"] == pytest.approx(0.5 / 3)
    assert (line["spearman"], line["least_spearman"]) == (0.5, 0.0)
    assert line["control"] == pytest.approx(0.3)
    assert 0.0 <= line["low"] <= 0.5 <= line["high"] <= 1.0
    assert "answers_cosine" not in line


def test_what_is_not_known_of_every_picture_has_no_mean():
    (line,) = summed(pair("1", 1.0, difference=None), pair("2", 1.0, same=None)).summary()
    assert (line["score_difference"], line["same_prediction"]) == (None, None)
    assert line["control"] is None
    (line,) = summed(pair("1", 1.0, answers_cosine=0.5)).summary()
    assert line["answers_cosine"] == 0.5


def test_each_two_files_have_a_line():
    pairs = [pair("1", 0.1 * k, first=f, second=s) for k, (f, s) in enumerate(["ab", "ac", "bc"])]
    lines = summed(*pairs, models="abc").summary()
    assert [(line["first"], line["second"]) for line in lines] == [
        tuple(p) for p in ("ab", "ac", "bc")
    ]
    assert [line["spearman"] for line in lines] == pytest.approx([0.0, 0.1, 0.2])


def test_other_predictions_first_then_other_maps():
    found = summed(
        pair("alike", 0.9), pair("other maps", 0.1), pair("other class", 1.0, same=False)
    )
    assert [p.sample for p in found.most_different(2)] == ["other class", "other maps"]
    assert json.loads(json.dumps(found.to_dict()))["most_different"][0]["sample"] == "other class"
