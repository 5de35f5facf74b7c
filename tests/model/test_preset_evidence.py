"""What scores say for a preprocessing, on scores made for it."""

import itertools

import numpy as np
import pytest

from onnxplain.model.preset_evidence import beats, enough, evidence, witnesses


def sharp(count=8, classes=20, height=6.0, seed=0):
    """Return scores with one class far above the others, another one for each picture."""
    scores = np.random.default_rng(seed).normal(size=(count, classes))
    scores[np.arange(count), np.arange(count) % classes] += height
    return scores


def weighed(scores, classes=None):
    return evidence(scores, scores.argmax(axis=1), classes)


def test_height_is_counted_in_standard_deviations():
    scores = sharp()
    wanted = [(max(row) - np.mean(row)) / np.std(row) for row in scores]
    np.testing.assert_allclose(weighed(scores).height, wanted, rtol=1e-12)
    blown = weighed(1000 * scores + 7)
    np.testing.assert_allclose(blown.height, wanted, rtol=1e-9)


def test_alike_is_1_of_equal_answers_and_about_0_of_unrelated_ones():
    scores = sharp()
    assert weighed(np.repeat(scores[:1], 5, axis=0)).alike == pytest.approx(1.0)
    unrelated = np.random.default_rng(3).normal(size=(16, 5000))
    assert weighed(unrelated).alike < 0.002
    assert weighed(scores[:1]).alike == 0.0


def test_scores_that_are_all_equal_say_nothing():
    found = weighed(np.ones((3, 4)))
    assert found.height.tolist() == [0.0] * 3
    assert found.strength == 0.0


def test_a_model_that_says_the_same_of_all_loses():
    good, same = sharp(height=3.0), np.repeat(sharp(height=9.0)[:1], 8, axis=0)
    assert weighed(same).height.mean() > weighed(good).height.mean()
    assert weighed(good).strength > weighed(same).strength
    assert beats(weighed(good), weighed(same))
    assert not beats(weighed(same), weighed(good))


def test_known_classes_count_and_sameness_is_no_fault_then():
    one_class = np.repeat(sharp()[:1], 8, axis=0)
    found = weighed(one_class, [0] * 8)
    assert (found.right, found.strength) == (1.0, pytest.approx(float(found.height.mean())))
    wrong = weighed(one_class, [1] * 8)
    assert wrong.right == 0.0
    assert wrong.strength < found.strength


class TestBeats:
    def test_a_clear_difference(self):
        assert beats(weighed(sharp(height=9)), weighed(sharp(height=2)))

    def test_no_difference(self):
        assert not beats(weighed(sharp()), weighed(sharp()))
        close = sharp(height=6.0) + 0.001 * sharp(seed=5)
        assert not beats(weighed(sharp()), weighed(close))

    def test_pictures_of_one_thing_are_one_witness(self):
        """Ten pictures of a cat say the same ten times."""
        rng = np.random.default_rng(1)
        cats = rng.normal(size=(10, 50)) + 9 * (np.arange(50) == 3)
        flat = rng.normal(size=(10, 50)) + 5 * (np.arange(50) == 3)
        assert witnesses(weighed(cats)) == 1
        assert not beats(weighed(cats), weighed(flat))
        told = [3] * 10
        assert beats(weighed(cats, told), weighed(flat, told))

    def test_fewer_right_answers_never_win(self):
        scores = sharp()
        classes = [k % 20 for k in range(8)]
        wrong = scores.copy()
        wrong[:2, 15] += 50
        assert not beats(weighed(wrong, classes), weighed(scores, classes))

    @pytest.mark.parametrize("count", range(1, 9))
    def test_the_share_of_signs_against_a_plain_loop(self, count):
        """All pictures agree: 1 of 2 ** count combinations is as extreme."""
        signs = itertools.product([1, -1], repeat=count)
        share = np.mean([sum(s) >= count for s in signs])
        assert enough(count) == (share <= 0.05)
        first = weighed(sharp(count, height=9.0))
        assert beats(first, weighed(sharp(count, height=1.0))) == (share <= 0.05)
