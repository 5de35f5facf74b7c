"""Verdicts of single pictures: true maps, blind ones, and those of networks that know nothing."""

import numpy as np
import pytest
import scipy
from evaluate.choose.made import choice, finding
from evaluate.linear import SIDE, evidence, linear_model, picture

from onnxplain.evaluate.choose.choice import BEATS, NONE, UNDECIDED
from onnxplain.evaluate.choose.rate import said_rate
from onnxplain.evaluate.choose.verdict import MATCHED, Judge, Verdict

MODEL = linear_model()


def judge(seed=0, found=None, index=1, methods=1):
    seen = picture(seed)
    said = MODEL.predict(seen)
    target, start = (
        MODEL.target(index, said, picture=seen, kind=k) for k in ("probability", "logit")
    )
    return Judge(MODEL, seen, target, start, choice(found), methods=methods)


def true_map(seed=0, index=1):
    """What imputing takes away: the difference to the neighbours' mean, weighted."""
    seen = picture(seed)
    blurred = scipy.ndimage.uniform_filter(seen.x[0], (0, 5, 5))
    return evidence(index, type(seen)(seen.x - blurred[None], seen.pixels, "array"))


def test_the_evidence_beats_the_controls():
    found = judge().of("gradient", true_map())
    assert found.words == BEATS
    assert found.chance == max(found.matched_chance, found.shuffled_chance)
    assert found.matched_chance >= 1 / (MATCHED + 1)
    assert found.shuffled_chance == pytest.approx(1 / 41)
    assert "beats the controls (p = " in found.sentence
    assert said_rate() in found.sentence


def test_chances_are_multiplied_by_the_methods_that_are_judged():
    one, two = (judge(methods=n).of("gradient", true_map()) for n in (1, 2))
    assert two.chance == pytest.approx(2 * one.chance)
    assert judge(methods=100).of("gradient", true_map()).words == UNDECIDED


def test_no_better_than_maps_of_shuffled_networks():
    found = judge(found=finding(null=(0.99,) * 40)).of("gradient", true_map())
    assert found.words == UNDECIDED
    assert found.shuffled_chance == 1.0


def test_a_map_below_a_blind_one_does_not():
    found = judge().of("gradient", -true_map())
    assert found.words == NONE
    assert "follows the score as well" in found.why
    assert max(found.blind.values()) >= found.faithfulness


@pytest.mark.parametrize(("overall", "words"), [(NONE, NONE), (UNDECIDED, UNDECIDED)])
def test_a_method_that_did_not_beat_them_on_the_data_never_does_on_a_picture(overall, words):
    assert judge(found=finding(overall)).of("gradient", true_map()).words == words


def test_random_maps_beat_the_controls_as_rarely_as_promised():
    """Nulls of random maps of the same kind: the rank is exact, up to chance."""
    rng = np.random.default_rng(0)
    one = judge()
    null = [one.of("gradient", rng.normal(size=(SIDE, SIDE))).faithfulness for _ in range(40)]
    two = judge(found=finding(null=null))
    said = [two.of("gradient", rng.normal(size=(SIDE, SIDE))).words for _ in range(60)]
    assert said.count(BEATS) <= 6


def test_a_picture_whose_score_never_changes_is_undecided():
    model, seen = MODEL, picture(0)

    class Constant:
        tensors = ("z",)
        one_by_one = False

        def score(self, values):
            return np.ones(len(values["z"]))

    found = Judge(model, seen, Constant(), None, choice()).of("gradient", true_map())
    assert found.words == UNDECIDED
    assert "imputed regions changes the score" in found.why
    assert found.to_dict()["faithfulness"] is None


def test_plain_data():
    record = judge().of("gradient", true_map()).to_dict()
    assert record["verdict"] == BEATS
    assert set(record["blind"]) == {"random", "centre", "edges", "saturation"}
    assert isinstance(Verdict(NONE, "why", "m").sentence, str)
