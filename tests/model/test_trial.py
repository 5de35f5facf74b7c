"""Is the preprocessing found that a model was trained on, or made to want?"""

import shutil
from dataclasses import replace

import numpy as np
import onnx
import pytest
from folded import folded
from small_models import NAN, write_model

import onnxplain
from onnxplain.errors import ImageError, UsageError
from onnxplain.inputs.dataset import Sample, read_dataset
from onnxplain.inputs.preprocess import preset
from onnxplain.model.trial import candidates_of, same_values, to_dict, try_preprocessings

PHOTOS, FLOWERS, DIGITS = (
    read_dataset(f"examples/{name}") for name in ("photos", "flowers", "digits")
)
EFFICIENTNET = "efficientnet-lite0"


def slow(*values):
    return pytest.param(*values, marks=pytest.mark.slow)


def loaded(model, **options):
    if isinstance(model, onnx.ModelProto):
        model = onnxplain.load(model, task="classes", scores="logits", **options)
    return model


def plain(stem, folder):
    """Open a shipped model without what is declared of its preprocessing."""
    for path in (f"models/{stem}.onnx", f"models/{stem}.labels.json"):
        shutil.copy(path, folder)
    options = {} if "softmax" in stem or "keras" in stem else {"scores": "logits"}
    return onnxplain.load(folder / f"{stem}.onnx", task="classes", **options)


def require_found(trial, wanted):
    """The preset, or one that gives the same values, comes first."""
    first = trial.first.recipe
    assert same_values(first, preset(wanted, first.layout, first.size, first.channels))


@pytest.mark.parametrize("stem", [EFFICIENTNET, f"{EFFICIENTNET}-int8"])
def test_shipped_photo_models(stem, tmp_path):
    trial = try_preprocessings(plain(stem, tmp_path), PHOTOS)
    assert trial.first.recipe.name == "minus-one-one"
    assert "raw" not in trial.rivals
    assert len(trial.pictures) == 6


def test_shipped_flowers_are_nearest_to_imagenet(tmp_path):
    """They were trained on -2..2, for which there is no name."""
    trial = try_preprocessings(plain("flowers-gap", tmp_path), FLOWERS)
    require_found(trial, "imagenet-torch")


@pytest.mark.parametrize("stem", ["digits-gap", "digits-softmax", "digits-vit", "digits-keras"])
def test_shipped_digits(stem, tmp_path):
    trial = try_preprocessings(plain(stem, tmp_path), DIGITS)
    require_found(trial, "zero-one")
    assert "minus-one-one" not in trial.rivals


@pytest.mark.parametrize(
    ("wanted", "beaten"),
    [
        slow("imagenet-torch", {"raw", "zero-one", "keras-caffe"}),
        slow("zero-one", {"raw", "imagenet-torch", "clip", "keras-caffe"}),
        slow("keras-tf", {"raw", "zero-one"}),
        ("keras-caffe", {"zero-one", "keras-tf", "minus-one-one", "imagenet-torch", "clip"}),
        slow("raw", {"zero-one", "keras-tf", "minus-one-one", "imagenet-torch", "clip"}),
    ],
)
def test_a_photo_model_that_wants_something_else(wanted, beaten):
    """Nothing in the graph tells: only the answers do."""
    trial = try_preprocessings(loaded(folded(EFFICIENTNET, wanted)), PHOTOS)
    require_found(trial, wanted)
    assert beaten.isdisjoint(trial.rivals)


def test_clip_and_imagenet_are_too_much_alike_to_be_told_apart_by_six_photos():
    trial = try_preprocessings(loaded(folded(EFFICIENTNET, "clip")), PHOTOS)
    assert "clip" in {trial.first.recipe.name, *trial.rivals}
    assert not trial.decided
    assert {"raw", "raw-bgr", "zero-one", "minus-one-one"}.isdisjoint(trial.rivals)


@pytest.fixture(scope="module")
def labelled():
    """Return the flowers with the names of their classes."""
    return [replace(s, label="-".join(s.path.stem.split("-")[:2])) for s in FLOWERS]


def flowers(wanted, **options):
    names = onnxplain.load("models/flowers-gap.onnx").labels
    return loaded(folded("flowers-gap", wanted), labels=names, **options)


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("wanted", ["zero-one", "raw", "keras-caffe"])
def test_a_flower_model_that_wants_something_else(wanted, known, labelled):
    trial = try_preprocessings(flowers(wanted), labelled if known else FLOWERS)
    require_found(trial, wanted)
    assert trial.first.evidence.right == (1.0 if known else None)
    told = {t.recipe.name for t in trial.tried} - {trial.first.recipe.name, *trial.rivals}
    assert told >= {"imagenet-torch", "minus-one-one", "clip"}


def test_what_all_answer_right_is_left_open(labelled):
    """Flowers are recognised on -1..1, by the values of CLIP and by those of ImageNet."""
    trial = try_preprocessings(flowers("minus-one-one"), labelled)
    assert {"minus-one-one", "clip", "imagenet-torch"} <= {trial.first.recipe.name, *trial.rivals}
    assert not trial.decided


def test_folders_that_are_no_classes_of_the_model_count_as_unknown(labelled):
    renamed = [replace(s, label="my flowers") for s in labelled]
    assert try_preprocessings(flowers("raw"), renamed).first.evidence.right is None


class TestOneThing:
    """Pictures that show the same thing, or few, cannot decide, whatever they say."""

    def test_one_picture(self):
        trial = try_preprocessings(loaded(folded("flowers-gap", "zero-one")), FLOWERS[:1])
        assert not trial.decided
        assert trial.too_few

    def test_the_same_picture_many_times(self):
        many = [replace(FLOWERS[0], name=f"{k}") for k in range(10)]
        trial = try_preprocessings(loaded(folded("flowers-gap", "zero-one")), many)
        assert not trial.decided
        assert trial.too_few


def test_a_declared_preprocessing_is_tried_as_well():
    model = onnxplain.load("models/flowers-gap.onnx")
    (recipe, reason), *others = candidates_of(model)
    assert recipe == model.preprocess
    assert reason == "declared: flowers-gap.preprocess.json"
    digests = [r.sha256 for r, _ in (candidates_of(model))]
    assert len(set(digests)) == len(digests) == len(others) + 1
    assert try_preprocessings(model, FLOWERS).first.recipe == model.preprocess


def test_answers_are_those_of_the_model(tmp_path):
    trial = try_preprocessings(plain("digits-softmax", tmp_path), DIGITS[:3])
    for tried in trial.tried:
        options = {"preprocess": tried.recipe}
        model = onnxplain.load("models/digits-softmax.onnx", **options)
        for sample, said in zip(DIGITS[:3], tried.said, strict=True):
            prediction = model.predict(sample.path)
            assert said.index == prediction.winner
            assert said.name == model.labels[said.index]
            assert said.score == pytest.approx(prediction.probabilities.max(), abs=1e-6)
            assert said.unit == "probability"
    document = to_dict(trial)
    assert [e["preset"] for e in document["tried"]] == [t.recipe.name for t in trial.tried]


def test_scores_that_are_no_probabilities_are_not_called_so():
    trial = try_preprocessings(
        onnxplain.load(folded("flowers-gap", "raw"), task="classes", scores="raw"), FLOWERS[:2]
    )
    assert {s.unit for t in trial.tried for s in t.said} == {"score"}


def test_a_picture_that_cannot_be_read_is_left_out(tmp_path):
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no picture")
    model = loaded(folded("flowers-gap", "zero-one"))
    trial = try_preprocessings(model, [Sample("broken.png", broken), *FLOWERS[:2]])
    assert trial.pictures == tuple(s.name for s in FLOWERS[:2])
    assert [text.startswith("broken.png: ") for text in trial.failures] == [True]
    with pytest.raises(ImageError):
        try_preprocessings(model, [Sample("broken.png", broken)])


def test_scores_that_are_no_numbers(tmp_path):
    model = onnxplain.load(write_model(tmp_path / "m.onnx", NAN), task="classes", scores="logits")
    trial = try_preprocessings(model, DIGITS[:2])
    assert not trial.decided
    assert all(t.evidence is None and t.problem for t in trial.tried)


def test_what_answers_no_classes_is_refused():
    model = onnxplain.load(folded("flowers-gap", "zero-one"), task="values")
    with pytest.raises(UsageError, match="this one answers values"):
        try_preprocessings(model, FLOWERS[:1])


def test_folding_keeps_the_answers():
    """The truth of these tests: same answers but for the border."""
    own = onnxplain.load("models/flowers-gap.onnx")
    for wanted in ("zero-one", "keras-caffe"):
        made = onnxplain.load(folded("flowers-gap", wanted), task="classes", scores="logits",
                              preprocess=wanted)  # fmt: skip
        for sample in FLOWERS:
            assert made.predict(sample.path).winner == own.predict(sample.path).winner
    wrong = onnxplain.load(folded("flowers-gap", "keras-caffe"), task="classes", scores="logits",
                           preprocess="zero-one")  # fmt: skip
    winners = [wrong.predict(s.path).winner for s in FLOWERS]
    assert len(np.unique(winners)) < 3
