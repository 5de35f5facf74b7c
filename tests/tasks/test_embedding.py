"""Embeddings as a task: what a vector is compared with, or one dimension of it."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from graphs import SIDE, classifier
from PIL import Image

import onnxplain
from onnxplain.errors import UsageError
from onnxplain.tasks.embedding import Embedding, read_vector
from tests.tasks.answers import SHAPES, answer

RNG = np.random.default_rng(0)
V = {"v": RNG.normal(size=(1, 3))}
REFERENCE = RNG.normal(size=3)
TASK = Embedding(answer("embedding", "v", None, logit=None), (), SHAPES)


def target(said, reference=None, **options):
    request = replace(TASK.request(said), reference=reference)
    (found,) = TASK.targets(request, V, TASK.predict(V), kind="logit", **options)
    return found


def test_a_prediction_is_the_vector():
    found = TASK.predict(V)
    np.testing.assert_array_equal(found.scores, V["v"][0])
    assert (found.unit, TASK.count, TASK.tensors) == ("value", 3, ("v",))


def test_likeness_to_a_vector():
    found = target("like=b.npy", REFERENCE)
    expected = torch.cosine_similarity(*map(torch.from_numpy, (V["v"], REFERENCE[None])))
    assert found.score(V)[0] == pytest.approx(float(expected[0]), rel=1e-12)
    assert (found.describe(), found.stem) == ("likeness to b.npy, cosine", "like-b-npy")


@pytest.mark.parametrize("said", [2, "2", " 2 "])
def test_one_dimension(said):
    found = target(said)
    assert found.score(V) == [V["v"][0, 2]]
    assert found.describe() == "dimension 2, value"


@pytest.mark.parametrize("said", [None, "", "tiger cat", "top-1", "like"])
def test_something_to_compare_with_is_asked_for(said):
    with pytest.raises(UsageError, match=r"say what to compare the picture with.*like=PICTURE"):
        TASK.request(said)


@pytest.mark.parametrize("said", [3, "-1"])
def test_a_dimension_that_there_is_not(said):
    with pytest.raises(UsageError, match=r"out of range: the model has 0\.\.2"):
        TASK.request(said)


@pytest.mark.parametrize("vector", [np.ones(4), np.zeros(3), np.ones((2, 3))])
def test_a_vector_that_does_not_fit(vector):
    with pytest.raises(UsageError, match=r"has . numbers; it must have 3"):
        target("like=b.npy", vector)


@pytest.mark.parametrize("options", [{"contrast": 0}, {"margin": True}])
def test_dimensions_do_not_compete(options):
    with pytest.raises(UsageError, match="an embedding has no classes that compete"):
        target("1", **options)


def test_a_vector_from_a_file(tmp_path):
    np.save(tmp_path / "v.npy", REFERENCE[None].astype(np.float32))
    np.testing.assert_array_equal(
        read_vector(str(tmp_path / "v.npy")), REFERENCE.astype(np.float32)
    )
    for name, content in (("bad.npy", b"nothing"), ("none.npy", None)):
        if content is not None:
            (tmp_path / name).write_bytes(content)
        with pytest.raises(UsageError, match=name):
            read_vector(str(tmp_path / name))


@pytest.fixture(scope="module")
def model():
    return onnxplain.load(classifier(extra=True), preprocess="zero-one", output="embedding")


class TestOfAModel:
    PICTURES = RNG.integers(0, 256, (2, SIDE, SIDE, 3), np.uint8)

    def vectors(self, model):
        rows = np.concatenate([model.read(p).x for p in self.PICTURES])
        return model.network.ort.activations(rows, ["embedding"])["embedding"].astype(np.float64)

    def like(self, tmp_path):
        Image.fromarray(self.PICTURES[1]).save(tmp_path / "other.png")
        return f"like={tmp_path / 'other.png'}"

    @pytest.mark.parametrize("form", ["picture", "vector"])
    def test_the_cosine_of_two_pictures(self, model, tmp_path, form):
        one, other = self.vectors(model)
        said = self.like(tmp_path)
        if form == "vector":
            np.save(tmp_path / "v.npy", other)
            said = f"like={tmp_path / 'v.npy'}"
        found = model.explain(self.PICTURES[0], "occlusion", said, window=6)
        cosine = one @ other / np.linalg.norm(one) / np.linalg.norm(other)
        assert found.score == pytest.approx(cosine, rel=1e-6)

    def test_deeplift_is_complete(self, model, tmp_path):
        found = model.explain(self.PICTURES[0], "deeplift", self.like(tmp_path), baseline="mean")
        assert abs(found.measures["completeness_gap"]) < 1e-4
        assert np.abs(found.attribution).max() > 0

    def test_relevance_adds_up_to_the_cosine(self, model, tmp_path):
        said = self.like(tmp_path)
        found = model.explain(self.PICTURES[0], "lrp", said, composite="epsilon", epsilon=1e-9)
        leaks = sum(leak["absorbed"] for leak in found.notes["leaks"])
        assert found.attribution.sum() + leaks == pytest.approx(found.score, rel=1e-4)

    def test_without_a_target_the_model_asks(self, model):
        with pytest.raises(UsageError, match="like=PICTURE"):
            model.explain(self.PICTURES[0], "gradient")
