"""Classes as a task: what is predicted, what may be asked, which targets that makes."""

import numpy as np
import pytest
from scipy.special import expit, softmax

from onnxplain.errors import UnknownNameError, UsageError
from onnxplain.targets.request import TargetRequest
from onnxplain.tasks.classes import Classes
from tests.tasks.answers import CLASSES, GRID, SHAPES, answer, reading

RNG = np.random.default_rng(0)
V = {"v": RNG.normal(size=(1, CLASSES))}
ONE = {"one": np.array([[0.7]])}
Y = {"y": RNG.normal(size=(1, CLASSES, *GRID))}
NAMES = ["road", "tree", "sky"]


def task(labels=NAMES, **made):
    return Classes(answer(**made), labels, SHAPES)


def targets(chosen, said, values, kind="logit", **options):
    said_of_it = chosen.predict(values)
    return chosen.targets(chosen.request(said), values, said_of_it, kind=kind, **options)


class TestVectors:
    def test_every_kind_of_score_is_predicted(self):
        found = task().predict(V)
        np.testing.assert_allclose(found.probabilities, softmax(V["v"][0]), rtol=1e-14)
        np.testing.assert_array_equal(found.logits, V["v"][0])
        np.testing.assert_array_equal(found.raw, V["v"][0])
        assert (found.unit, found.winner) == ("probability", V["v"][0].argmax())
        assert [found.name(k) for k in found.order()] == [NAMES[k] for k in np.argsort(-V["v"][0])]

    @pytest.mark.parametrize(
        ("activation", "logit", "unit", "kinds"),
        [
            ("softmax", True, "probability", {"logit": "logit", "probability": "probability"}),
            ("softmax", False, "probability", {"logit": "raw", "probability": "probability"}),
            (None, True, "logit", {"logit": "logit", "probability": "logit"}),
            (None, False, "score", {"logit": "raw", "probability": "raw"}),
        ],
    )
    def test_the_nearest_kind_there_is(self, activation, logit, unit, kinds):
        more = {} if logit else {"logit": None}
        chosen = task(activation=activation, **more)
        assert chosen.predict(V).unit == unit
        assert {wanted: chosen.kind(wanted) for wanted in kinds} == kinds
        assert chosen.kind("raw") == "raw"
        if activation is None:
            with pytest.raises(UsageError, match=r"a probability; .*--scores logits"):
                _ = chosen.predict(V).probabilities

    @pytest.mark.parametrize(
        ("said", "indices"),
        [("tree", [1]), (2, [2]), ("top-2", None), (None, None), ("top-9", None)],
    )
    def test_classes_by_name_number_and_rank(self, said, indices):
        ranked = np.argsort(-V["v"][0]).tolist()
        count = {"top-2": 2, None: 1, "top-9": 3}.get(said)
        found = targets(task(), said, V)
        assert [t.index for t in found] == (ranked[:count] if indices is None else indices)
        assert [t.name for t in found] == [NAMES[t.index] for t in found]

    @pytest.mark.parametrize("kind", ["logit", "probability", "raw"])
    def test_a_target_has_the_score_of_the_prediction(self, kind):
        chosen = task()
        for index in range(CLASSES):
            (found,) = targets(chosen, index, V, kind=kind)
            assert found.kind == kind
            assert found.score(V) == pytest.approx(chosen.predict(V).of_kind(kind)[index])

    def test_a_contrast_is_not_ranked(self):
        best, second = np.argsort(-V["v"][0])[:2].tolist()
        (found,) = targets(task(), None, V, kind="logit", contrast=best)
        assert (found.index, found.contrast) == (second, best)
        assert found.score(V)[0] == pytest.approx(V["v"][0, second] - V["v"][0, best])

    @pytest.mark.parametrize(
        ("said", "options", "words"),
        [
            (1, {"contrast": 1}, "cannot be contrasted with itself"),
            (1, {"contrast": 0, "margin": True}, "exclude each other"),
            ("not-tree", {}, "only a class with a Sigmoid"),
        ],
    )
    def test_what_means_nothing(self, said, options, words):
        with pytest.raises(UsageError, match=words):
            targets(task(), said, V, kind="logit", **options)

    def test_what_there_is_not(self):
        with pytest.raises(UnknownNameError, match="unknown class 'sea'"):
            task().request("sea")
        with pytest.raises(UsageError, match=r"out of range: the model has 0\.\.2"):
            task().request(3)
        with pytest.raises(UsageError, match="no places"):
            task().request("tree@1,2")


class TestLabels:
    def test_the_negative_of_one_of_several(self):
        chosen = task(task="labels", activation="sigmoid")
        (plain,) = targets(chosen, "tree", V, kind="probability")
        (negative,) = targets(chosen, "not-tree", V, kind="probability")
        p = expit(V["v"][0, 1])
        assert plain.score(V)[0] == pytest.approx(p)
        assert negative.score(V)[0] == pytest.approx(1 - p)
        assert negative.describe() == "not tree (1), probability"


class TestYesAndNo:
    def chosen(self, labels=("no", "yes"), **more):
        return task(labels, task="yes-no", tensor="one", activation="sigmoid", **more)

    def test_two_sides_of_one_number(self):
        chosen = self.chosen()
        found = chosen.predict(ONE)
        p = expit(0.7)
        assert (chosen.count, chosen.name) == (2, "yes-no")
        np.testing.assert_allclose(found.probabilities, [1 - p, p], rtol=1e-14)
        np.testing.assert_allclose(found.logits, [-0.7, 0.7])
        assert found.name(found.winner) == "yes"

    def test_what_the_output_holds_is_a_logit_or_a_probability(self):
        """1 - p and p of an output behind a Sigmoid, -z and z of one that holds the logit."""
        held = {"one": np.array([[0.3]])}
        as_logit = answer("yes-no", "one", "sigmoid")
        assert as_logit.logit is as_logit.raw
        found = Classes(as_logit, (), SHAPES).predict(held)
        np.testing.assert_allclose(found.raw, [-0.3, 0.3])
        behind = answer("yes-no", "one", None, logit=None, probability=None)
        found = Classes(behind, (), SHAPES).predict(held)
        np.testing.assert_allclose(found.raw, [-0.3, 0.3])
        whole = reading("one")
        probable = answer("yes-no", "one", None, logit=None, probability=whole)
        np.testing.assert_allclose(Classes(probable, (), SHAPES).predict(held).raw, [0.7, 0.3])

    @pytest.mark.parametrize(("said", "sign"), [("yes", 1), ("not-no", 1), ("no", -1), ("1", 1)])
    def test_sides_by_name(self, said, sign):
        (found,) = targets(self.chosen(), said, ONE, kind="logit")
        assert found.score(ONE)[0] == pytest.approx(sign * 0.7)

    def test_yes_rather_than_no(self):
        (found,) = targets(self.chosen(), "yes", ONE, kind="probability", margin=True)
        assert found.score(ONE)[0] == pytest.approx(2 * expit(0.7) - 1)


class TestMaps:
    PROBABILITIES = softmax(Y["y"][0], axis=0)
    WINNERS = Y["y"][0].argmax(axis=0)

    def chosen(self):
        return task(tensor="y")

    def test_a_whole_answer_has_shares_of_the_area(self):
        found = self.chosen().predict(Y)
        expected = [(k == self.WINNERS).mean() for k in range(CLASSES)]
        np.testing.assert_allclose(found.shares, expected)
        np.testing.assert_array_equal(found.scores, found.shares)
        assert found.unit == "area"
        np.testing.assert_allclose(found.probabilities, self.PROBABILITIES.mean((1, 2)))

    def test_a_place_has_scores(self):
        found = self.chosen().predict(Y, (2, 3))
        np.testing.assert_allclose(found.probabilities, self.PROBABILITIES[:, 2, 3], rtol=1e-14)
        assert (found.unit, found.shares, found.position) == ("probability", None, (2, 3))

    @pytest.mark.parametrize("kind", ["logit", "probability"])
    def test_a_class_is_explained_where_it_wins(self, kind):
        scores = Y["y"][0] if kind == "logit" else self.PROBABILITIES
        for index in range(CLASSES):
            (found,) = targets(self.chosen(), index, Y, kind=kind)
            expected = scores[index][index == self.WINNERS].mean()
            assert found.score(Y)[0] == pytest.approx(expected, rel=1e-12)
            assert found.region == "its predicted region"
            assert "in its predicted region" in found.describe()

    @pytest.mark.parametrize("kind", ["logit", "probability"])
    def test_everywhere_at_a_place_and_in_a_mask(self, kind, tmp_path):
        scores = (Y["y"][0] if kind == "logit" else self.PROBABILITIES)[1]
        mask = RNG.random(GRID) > 0.5
        np.save(tmp_path / "m.npy", mask)
        wanted = {
            "tree@everywhere": scores.mean(),
            "tree@3,0": scores[3, 0],
            f"tree@{tmp_path / 'm.npy'}": scores[mask].mean(),
        }
        stems = set()
        for said, expected in wanted.items():
            (found,) = targets(self.chosen(), said, Y, kind=kind)
            assert found.score(Y)[0] == pytest.approx(expected, rel=1e-12)
            stems.add(found.stem)
        assert len(stems) == 3

    @pytest.mark.parametrize("said", ["tree", "tree@everywhere", "tree@3,0"])
    @pytest.mark.parametrize("kind", ["logit", "probability"])
    @pytest.mark.parametrize("more", [{}, {"contrast": 0}, {"margin": True}], ids=str)
    def test_slopes_are_those_of_the_score(self, said, kind, more):
        (found,) = targets(self.chosen(), said, Y, kind=kind, **more)
        slopes = found.slopes(Y)["y"]
        assert slopes.shape == Y["y"].shape
        for way in np.random.default_rng(1).normal(size=(4, *Y["y"].shape)):
            ends = [float(found.score({"y": Y["y"] + s * 1e-6 * way})[0]) for s in (1, -1)]
            difference = (ends[0] - ends[1]) / 2e-6
            assert (slopes * way).sum() == pytest.approx(difference, rel=1e-6, abs=1e-9)

    def test_a_class_that_wins_nowhere_is_refused(self):
        lost = {"y": Y["y"] - 100 * np.eye(CLASSES)[0].reshape(1, -1, 1, 1)}
        with pytest.raises(UsageError, match="predicted at no place"):
            targets(self.chosen(), "road", lost)

    def test_a_place_that_there_is_not(self):
        with pytest.raises(UsageError, match="has 4 x 5 places"):
            self.chosen().request("tree@4,0")

    def test_a_request_keeps_its_region(self):
        assert self.chosen().request("@everywhere") == TargetRequest(region="everywhere")
