"""Two sentences for each picture: right for every kind of answer, and before any figure."""

import numpy as np
import pytest

from onnxplain.render.summary import accounted
from onnxplain.targets.classes import ClassScore
from onnxplain.targets.recorded import RecordedTarget
from tests.made_explanations import made

CORNER = np.zeros((30, 30))
CORNER[2:6, 2:6] = 1.0
BIG = {"attribution": CORNER, "pixels": np.zeros((30, 30, 3), np.uint8)}


def target(index=1, **more):
    return ClassScore(index, more.pop("kind", "logit"), "z", "none", 3, **more)


def said(**changes):
    return made(**{**BIG, **changes}).sentences


def test_class_place_and_how_sure():
    first, second = said(measures={"parity_error": 1e-6, "completeness_gap": 0.22})
    assert first == "Cat, 70 % sure. The evidence for it is in the upper left (2 % of the picture)."
    assert second.startswith("Can be read: the engines agree; 78 % of the score is accounted for,")
    assert "not compared with control maps" in second


def test_a_class_that_the_model_does_not_say():
    first, _ = said(target=target(0))
    assert first.startswith("Dog, 20 % sure; the model says cat, 70 %.")


def test_labels_that_do_not_compete_have_no_winner():
    first, _ = said(target=target(0), probabilities=(0.9, 0.95, 0.1))
    assert first.startswith("Dog, 90 % sure. ")


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"contrast": 0}, "Cat rather than dog, 70 % sure."),
        ({"margin": True}, "Cat rather than the next best class, 70 % sure."),
        ({"negative": True}, "Not cat, 30 % sure."),
        ({"position": (3, 4)}, "Cat at (3, 4), 70 % sure."),
    ],
)
def test_other_questions_about_a_class(more, words):
    assert said(target=target(**more))[0].startswith(words)


def test_almost_none_and_almost_all_are_not_rounded_to_them():
    assert said(probabilities=(0.0002, 0.9996, 0.0002))[0].startswith("Cat, over 99 % sure.")
    first = said(target=target(0), probabilities=(0.0002, 0.9996, 0.0002))[0]
    assert first.startswith("Dog, under 1 % sure; the model says cat, over 99 %.")


def test_scores_that_are_no_probabilities():
    first, _ = said(target=target(0), unit="logit", probabilities=(-3.0, 7.25, 0.0))
    assert first.startswith("Dog, logit -3; the model says cat.")


def test_segments():
    first, _ = said(target=target(region="its predicted region"), unit="area")
    assert first.startswith("Cat in its predicted region; it is predicted on 70 % of the picture.")


@pytest.mark.parametrize(
    ("unit", "words"),
    [("value", "What raises it is"), ("cosine", "The evidence for it is")],
)
def test_values_and_embeddings(unit, words):
    number = RecordedTarget(unit, "the age", "age", ("y",), {})
    first, _ = said(target=number, score=34.25, unit=unit)
    assert first.startswith(f"The age: 34.2. {words} in the upper left")


@pytest.mark.parametrize(
    ("method", "display", "words"),
    [
        ("saliency", "magnitude", "The pixels that its score depends on most are"),
        ("gradient", "signed", "The pixels that raise or lower its score most are"),
        ("eigen-cam", "positive", "What stands out to the network, whatever the class, is"),
        ("counterfactual-grad-cam", "positive", "The evidence against it is"),
        ("deep-taylor", "positive", "What its score rests on is"),
    ],
)
def test_what_is_shown_is_what_the_card_says(method, display, words):
    assert words in said(method=method, display=display)[0]


def test_lowering_pixels_have_a_place_too():
    first, _ = said(method="gradient", attribution=-CORNER)
    assert "in the upper left" in first


def test_an_empty_map():
    assert "shows no evidence for it" in said(attribution=-CORNER)[0]


def test_engines_that_disagree_or_were_not_compared():
    assert "engines disagree" in said(measures={"parity_error": 0.5})[1]
    assert said(measures={"parity_error": 0.5})[1].startswith("Do not rely on it")
    assert "the engines were not compared" in said()[1]
    itself = {"provenance": {"precision": "as the file"}}
    assert "computed by the deployed file itself" in said(method="occlusion", **itself)[1]
    assert "derivatives agree with differences" in said(measures={"slope_error": 1e-6}, **itself)[1]


def test_a_logit_in_place_of_a_probability_is_said():
    assert "its probability hardly changes" in said(notes={"probability_moves": 1e-6})[1]
    assert "hardly changes" not in said()[1]


def test_a_warning_comes_first():
    assert said(warnings=("why",))[1].startswith("Do not rely on it before you have read")


@pytest.mark.parametrize(
    ("share", "words"),
    [
        (0.95, "95 % of the score is accounted for;"),
        (0.7, "70 % of the score is accounted for, so take its size with care;"),
        (0.3, "30 % of the score is accounted for, so read its shape, not its size;"),
        (1.8, "its numbers add up to 180 % of the score, so read its shape, not its size;"),
    ],
)
def test_how_much_is_accounted_for(share, words):
    assert words in said(method="lrp", measures={"conservation": share})[1]


def test_no_share_is_promised_for_some_channels():
    found = made(**BIG, measures={"conservation": 0.2}, parameters={"channels": "1"})
    assert accounted(found) is None


@pytest.mark.parametrize("error", [0.2, np.nan])
def test_few_samples(error):
    assert "map may still change" in said(method="rise", measures={"relative_error": error})[1]
    assert "may still move" not in said(method="rise", measures={"relative_error": 0.01})[1]


def test_a_method_that_nobody_knows():
    assert "What the map shows most of is in the upper left" in said(method="made up")[0]
