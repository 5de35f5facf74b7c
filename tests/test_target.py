"""Which score is meant: by index, by name, alone or against another class."""

import numpy as np
import pytest
import torch
from graphs import CLASSES, SIDE, classifier

import onnxplain
from onnxplain.errors import UnknownNameError, UsageError
from onnxplain.target import Target, class_index

LABELS = ["tabby", "Tiger Cat", "dog", "crane", "crane"]
PICTURE = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), np.uint8)


@pytest.mark.parametrize(
    ("said", "index"),
    [(2, 2), ("2", 2), (" 4 ", 4), (np.int64(3), 3), ("tiger cat", 1), ("TABBY", 0), (" dog ", 2)],
)
def test_a_class_by_index_or_name(said, index):
    assert class_index(said, LABELS, 5) == index


def test_names_that_are_numbers_are_indices():
    assert class_index("1", ["1", "0"], 2) == 1


@pytest.mark.parametrize("said", [-1, 5, "5", "-1", 10**20])
def test_an_index_out_of_range(said):
    with pytest.raises(UsageError, match=r"out of range: the model has 0\.\.4"):
        class_index(said, LABELS, 5)


@pytest.mark.parametrize("said", ["tiger", "--3", "²", "1.0", "", "True"])
def test_a_name_that_is_none(said):
    with pytest.raises(UnknownNameError, match=r"an index 0\.\.4 does as well") as caught:
        class_index(said, LABELS, 5)
    assert ("Tiger Cat" in caught.value.nearest) == (said == "tiger")


def test_without_names_the_error_says_how_to_give_them():
    with pytest.raises(UnknownNameError, match=r"no class names: give an index 0\.\.4 or --labels"):
        class_index("dog", [], 5)


def test_a_name_of_two_classes():
    with pytest.raises(UsageError, match=r"stands at indices \[3, 4\]"):
        class_index("Crane", LABELS, 5)


@pytest.mark.parametrize("kind", [np.asarray, torch.tensor])
def test_select(kind):
    scores = kind([[1.0, 5.0, 2.0], [4.0, 0.5, 1.0]])
    alone = Target(1, "logit", "y", "none", 3)
    against = Target(1, "logit", "y", "none", 3, contrast=0)
    assert alone.select(scores).tolist() == [5.0, 0.5]
    assert against.select(scores).tolist() == [4.0, -3.5]


@pytest.mark.parametrize(
    ("target", "text"),
    [
        (Target(1, "logit", "y", "none", 3), "class 1, logit"),
        (Target(1, "probability", "y", "softmax", 3, name="dog"), "dog (1), probability"),
        (Target(1, "logit", "y", "none", 3, 0, "dog"), "dog (1) rather than class 0, logit"),
    ],
)
def test_describe(target, text):
    assert target.describe() == text


@pytest.fixture(scope="module")
def model():
    labels = ["a", "b", "c", "d"]
    return onnxplain.load(classifier(final="Softmax"), preprocess="zero-one", labels=labels)


class TestOfAModel:
    def test_the_most_probable_class_unless_told_otherwise(self, model):
        prediction = model.predict(PICTURE)
        target = model.target(None, prediction)
        assert target.index == prediction.probabilities.argmax()
        assert target.name == "abcd"[target.index]

    @pytest.mark.parametrize(("kind", "tensor"), [("logit", "logits"), ("probability", "scores")])
    def test_a_score_is_what_the_tensor_holds(self, model, kind, tensor):
        prediction = model.predict(PICTURE)
        target = model.target("c", prediction, kind=kind, contrast="a")
        assert (target.index, target.contrast, target.tensor) == (2, 0, tensor)
        x = model.read(PICTURE).x
        values = model.network.ort.activations(x, [tensor])[tensor]
        found = model.explain(PICTURE, "occlusion", "c", kind=kind, contrast="a", window=6)
        assert found.score == pytest.approx(float(values[0, 2] - values[0, 0]), rel=1e-5)

    @pytest.mark.parametrize("method", ["gradient", "cam", "lrp", "occlusion"])
    def test_a_contrast_is_a_difference(self, model, method):
        options = {
            "occlusion": {"window": 6},
            # The epsilon rule is linear in relevance, layer by layer.
            "lrp": {"composite": "epsilon", "epsilon": 1e-9},
        }.get(method, {})

        def explain(target, contrast=None):
            found = model.explain(
                PICTURE, method, target, kind="logit", contrast=contrast, **options
            )
            return found.attribution

        expected = explain(2) - explain(1)
        found = explain(2, 1)
        assert np.abs(found - expected).max() < 1e-4 * np.abs(expected).max()
        assert np.abs(found - explain(2)).max() > 0.01 * np.abs(found).max()

    def test_a_class_is_not_contrasted_with_itself(self, model):
        with pytest.raises(UsageError, match="class 2 cannot be contrasted with itself"):
            model.target("c", model.predict(PICTURE), contrast=2)

    def test_an_index_beyond_the_classes(self, model):
        with pytest.raises(UsageError, match=rf"0\.\.{CLASSES - 1}"):
            model.target(CLASSES, model.predict(PICTURE))
