"""Which score is meant: by index, by name, alone or against another class."""

import numpy as np
import pytest
import torch
from graphs import CLASSES, SIDE, classifier

import onnxplain
from onnxplain.errors import UnknownNameError, UnsupportedModelError, UsageError
from onnxplain.targets.classes import ClassScore
from onnxplain.targets.request import TargetRequest, class_index, read_target
from onnxplain.targets.target import Target

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
    with pytest.raises(UnknownNameError, match=r"an index 0\.\.4 works as well") as caught:
        class_index(said, LABELS, 5)
    assert ("Tiger Cat" in caught.value.nearest) == (said == "tiger")


def test_without_names_the_error_says_how_to_give_them():
    with pytest.raises(UnknownNameError, match=r"no class names: give an index 0\.\.4 or --labels"):
        class_index("dog", [], 5)


def test_a_name_of_two_classes():
    with pytest.raises(UsageError, match=r"has several indices, \[3, 4\]"):
        class_index("Crane", LABELS, 5)


@pytest.mark.parametrize("kind", [np.asarray, torch.tensor])
def test_select(kind):
    scores = kind([[1.0, 5.0, 2.0], [4.0, 0.5, 1.0]])
    alone = Target(1, "logit", "y", "none", 3)
    against = Target(1, "logit", "y", "none", 3, contrast=0)
    assert alone.select(scores).tolist() == [5.0, 0.5]
    assert against.select(scores).tolist() == [4.0, -3.5]


@pytest.mark.parametrize("kind", [np.asarray, torch.tensor])
def test_margin_and_negative(kind):
    scores = kind([[1.0, 5.0, 2.0], [4.0, 0.5, 1.0], [3.0, 1.0, 3.0]])
    margin = Target(1, "logit", "y", "none", 3, margin=True)
    assert margin.select(scores).tolist() == [3.0, -3.5, -2.0]
    negative = Target(1, "logit", "y", "none", 3, negative=True)
    assert negative.select(scores).tolist() == [-5.0, -0.5, -1.0]
    complement = Target(1, "probability", "y", "sigmoid", 3, negative=True)
    assert complement.select(scores / 10).tolist() == pytest.approx([0.5, 0.95, 0.9])


@pytest.mark.parametrize(
    "more", [{}, {"contrast": 2}, {"margin": True}, {"negative": True}], ids=str
)
def test_coefficients_are_the_derivative(more):
    """Also among equals, where the class of the lowest index is the rival."""
    scores = np.array([[1.0, 5.0, 2.0], [4.0, 0.5, 1.0], [3.0, 1.0, 3.0]])
    target = Target(1, "logit", "y", "none", 3, **more)
    leaf = torch.tensor(scores, requires_grad=True)
    target.select(leaf).sum().backward()
    np.testing.assert_array_equal(target.coefficients(scores), leaf.grad.numpy())
    np.testing.assert_allclose(
        (target.coefficients(scores) * scores).sum(axis=1), target.select(scores)
    )
    if more.get("margin"):
        assert leaf.grad[2].tolist() == [-1.0, 1.0, 0.0]


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        (None, TargetRequest()),
        ("top-3", TargetRequest(top=3)),
        ("TOP-9", TargetRequest(top=5)),
        ("dog", TargetRequest(2)),
        (" Tiger Cat @ 3, 4 ", TargetRequest(1, position=(3, 4))),
        ("@7", TargetRequest(position=(7,))),
        ("top-2@1,2", TargetRequest(top=2, position=(1, 2))),
        ("not-dog", TargetRequest(2, negative=True)),
        ("not-2@0,0", TargetRequest(2, negative=True, position=(0, 0))),
        ("dog@everywhere", TargetRequest(2, region="everywhere")),
        ("not-dog@My mask.PNG", TargetRequest(2, negative=True, region="My mask.PNG")),
        ("@a/b.npy", TargetRequest(region="a/b.npy")),
    ],
)
def test_a_target_as_people_write_it(said, wanted):
    assert read_target(said, LABELS, 5) == wanted


def test_a_class_of_that_very_name_comes_first():
    labels = ["not-hotdog", "hotdog", "top-1", "a@2"]
    assert read_target("Not-Hotdog", labels, 4) == TargetRequest(0)
    assert read_target("not-hotdog@1", labels, 4) == TargetRequest(0, position=(1,))
    assert read_target("not-top-1", labels, 4) == TargetRequest(2, negative=True)
    assert read_target("top-1", labels, 4) == TargetRequest(2)
    assert read_target("a@2", labels, 4) == TargetRequest(3)
    assert read_target(None, labels, 4) == TargetRequest()


@pytest.mark.parametrize(
    ("said", "error", "words"),
    [
        ("dog@", UsageError, "place '' is not understood; write CLASS@ROW,COLUMN"),
        ("dog@-1,2", UsageError, "place '-1,2' is not understood"),
        ("dog@mask.jpg", UsageError, r"place 'mask\.jpg' is not understood.*CLASS@MASK"),
        ("top-0", UnknownNameError, "unknown class 'top-0'"),
        ("not-5", UsageError, r"out of range: the model has 0\.\.4"),
        ("not-wolf", UnknownNameError, "unknown class 'wolf'"),
    ],
)
def test_a_target_that_cannot_be_read(said, error, words):
    with pytest.raises(error, match=words):
        read_target(said, LABELS, 5)


@pytest.mark.parametrize(
    ("target", "text"),
    [
        (Target(1, "logit", "y", "none", 3), "class 1, logit"),
        (Target(1, "probability", "y", "softmax", 3, name="dog"), "dog (1), probability"),
        (Target(1, "logit", "y", "none", 3, 0, "dog"), "dog (1) rather than class 0, logit"),
        (
            Target(1, "logit", "y", "none", 3, margin=True),
            "class 1 rather than any other, logit",
        ),
        (
            Target(1, "raw", "y", "none", 3, name="dog", negative=True, position=(3, 4)),
            "not dog (1) at (3, 4), score",
        ),
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

    @pytest.mark.parametrize(
        ("options", "words"),
        [
            ({"contrast": 0, "margin": True}, "exclude each other"),
            (
                {"target": "not-c"},
                "has a negative, and this model's classes compete",
            ),
            ({"target": "top-2"}, "'top-2' stands for 2 targets"),
            ({"target": "c@1,2"}, "no places; drop the position"),
        ],
    )
    def test_what_excludes_each_other(self, model, options, words):
        with pytest.raises(UsageError, match=words):
            model.explain(PICTURE, "gradient", **options)

    def test_a_margin_is_the_contrast_with_the_next_best_class(self, model):
        prediction = model.predict(PICTURE)
        best, second = np.argsort(-prediction.logits)[:2].tolist()
        margin = model.explain(PICTURE, "cam", margin=True)
        assert margin.target.margin
        assert margin.score == pytest.approx(prediction.logits[best] - prediction.logits[second])
        against = model.explain(PICTURE, "cam", best, contrast=second)
        np.testing.assert_allclose(margin.attribution, against.attribution, rtol=1e-6)
        assert abs(margin.measures["completeness_gap"]) < 1e-5
        other = model.explain(PICTURE, "cam", second, margin=True)
        np.testing.assert_allclose(other.attribution, -margin.attribution, rtol=1e-6)

    def test_raw_is_what_the_output_holds(self, model):
        raw = model.explain(PICTURE, "occlusion", "c", kind="raw", window=6)
        probability = model.explain(PICTURE, "occlusion", "c", kind="probability", window=6)
        np.testing.assert_array_equal(raw.attribution, probability.attribution)
        assert (raw.target.kind, raw.target.tensor) == ("raw", "scores")
        logits = onnxplain.load(classifier(), preprocess="zero-one")
        found = logits.explain(PICTURE, "occlusion", 2, kind="raw", window=6)
        assert found.score == pytest.approx(logits.predict(PICTURE).logits[2])


class TestOfASigmoid:
    @pytest.mark.parametrize("final", ["Sigmoid", None])
    def test_the_negative_of_a_single_output(self, final):
        proto = classifier(final=final, classes=1)
        declared = {} if final else {"task": "yes-no", "scores": "logits"}
        model = onnxplain.load(proto, preprocess="zero-one", labels=["wolf"], **declared)
        for method in ("gradient", "cam", "grad-cam", "deeplift"):
            plain = model.explain(PICTURE, method, "wolf")
            negative = model.explain(PICTURE, method, "not-wolf")
            assert negative.score == pytest.approx(-plain.score)
            np.testing.assert_allclose(negative.attribution, -plain.attribution, atol=1e-7)
            assert np.abs(plain.attribution).max() > 1e-4
            assert negative.target.describe() == "not wolf (1), logit"
            no = model.explain(PICTURE, method, "0")
            np.testing.assert_array_equal(no.attribution, negative.attribution)
            assert (no.score, no.target.name) == (negative.score, "not wolf")
        covered = model.explain(PICTURE, "occlusion", "not-wolf", window=6)
        plain = model.explain(PICTURE, "occlusion", "wolf", window=6)
        assert covered.score == pytest.approx(1 - plain.score)
        np.testing.assert_allclose(covered.attribution, -plain.attribution, atol=1e-7)

    def test_classes_that_do_not_compete_have_negatives(self):
        model = onnxplain.load(classifier(final="Sigmoid"), preprocess="zero-one")
        found = model.explain_targets(PICTURE, "gradient", [2, "not-2"])
        np.testing.assert_array_equal(found[0].attribution, -found[1].attribution)
        assert [e.target.stem for e in found] == ["2", "not-2"]

    def test_yes_and_no_are_two_classes(self):
        """The margin of yes over no is twice the logit, 2 p - 1 of probabilities."""
        model = onnxplain.load(classifier(final="Sigmoid", classes=1), preprocess="zero-one")
        x = model.read(PICTURE).x
        values = model.network.ort.activations(x, ["logits", "scores"])
        prediction = model.predict(PICTURE)
        p = float(values["scores"][0, 0])
        assert list(model.labels) == ["no", "yes"]
        np.testing.assert_allclose(prediction.probabilities, [1 - p, p], rtol=1e-6)
        plain = model.explain(PICTURE, "gradient", "yes")
        for options in ({"margin": True}, {"contrast": "no"}):
            double = model.explain(PICTURE, "gradient", "yes", **options)
            assert double.score == pytest.approx(2 * float(values["logits"][0, 0]), rel=1e-6)
            np.testing.assert_allclose(double.attribution, 2 * plain.attribution, rtol=1e-6)
        covered = model.explain(PICTURE, "occlusion", "yes", margin=True, window=6)
        assert covered.score == pytest.approx(2 * p - 1, rel=1e-6)

    def test_a_side_is_known_in_its_record_but_not_explained_from_it(self, tmp_path):
        model = onnxplain.load(classifier(final="Sigmoid", classes=1), preprocess="zero-one")
        found = model.explain(PICTURE, "gradient", "no")
        found.save(tmp_path / "e.json")
        again = onnxplain.Explanation.load(tmp_path / "e.json")
        assert again.target == found.target
        with pytest.raises(UsageError, match="comes from a record; resolve it again"):
            model.explain(PICTURE, "gradient", again.target)

    def test_a_single_value_has_no_margin(self):
        model = onnxplain.load(classifier(classes=1), preprocess="zero-one")
        with pytest.raises(UsageError, match="a value has no classes that compete"):
            model.explain(PICTURE, "gradient", margin=True)


def test_arrays_of_a_region_take_no_part_in_equality():
    """What a target is stands in its words; arrays have no truth value to compare by."""
    weights = np.full(4, 0.25)
    one, same = (
        ClassScore(1, "logit", "y", "none", 3, region="all places", weights=weights * k)
        for k in (1, 2)
    )
    assert one == same
    assert len({one, same}) == 1
    assert one != ClassScore(1, "logit", "y", "none", 3, region="its predicted region")


def test_fewer_numbers_than_classes_are_refused(monkeypatch):
    one = ClassScore(1, "logit", "y", "none", 3)
    monkeypatch.setattr(ClassScore, "_reading", lambda self, values: Plain())
    assert one.score({"y": np.array([[1.0, 5.0, 2.0]])}).tolist() == [5.0]
    with pytest.raises(UnsupportedModelError, match=r"say 3 classes, .* answers with 2 numbers"):
        one.score({"y": np.array([[1.0, 5.0]])})


class Plain:
    """A reading of the tensor as it is."""

    def read(self, values):
        return values["y"]
