"""Pictures of selected features: which tiles are drawn, in which order, with which words."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np

from onnxplain.features.enriched import Enriched, FeatureEvidence
from onnxplain.features.relevant import Feature, RelevantFeatures
from onnxplain.inputs.picture import Picture
from onnxplain.render.colors import blend
from onnxplain.render.relevant import class_label, draw_enriched, draw_relevant
from onnxplain.tasks.prediction import Prediction
from tests.render.pages import images, words

FEATURES = [Feature("a", 3), Feature("b", 1), Feature("b", 7)]


def bundle():
    averages = np.stack([np.full((4, 4, 3), level, np.uint8) for level in (10, 100, 200)])
    return RelevantFeatures(
        layers=["a", "b"],
        features=FEATURES,
        positions=np.array([3, 9, 15]),
        classes=[0, 2],
        weights=np.array([[0.5, 2.0, -1.0], [0.0, 0.0, -0.25]]),
        typical=np.ones((2, 3)),
        gaps=np.zeros(2),
        averages=averages,
        counts=np.array([5, 7, 6]),
        units=SimpleNamespace(),
        names=["x.png", "y.png"],
        skipped=[],
        mu=5.0,
        record={},
    )


def test_features_that_speak_for_a_class_are_drawn_the_strongest_first():
    figure = draw_relevant(bundle(), "m", ["cat", "dog", "cow"], classes=[0, 2])
    said = words(figure)
    assert "cat 2.00: b:1" in said
    assert "cat 0.50: a:3" in said
    assert said.index("b:1") < said.index("a:3")
    assert [int(image.mean()) for image in images(figure)] == [100, 10]
    assert "b:7" not in said  # it speaks against both classes
    assert "cow" not in said
    assert "mu 5; 3 filters selected for 2 classes from 2 pictures" in said
    assert "up to 7 patches" in said


def enriched(features):
    picture = Picture(np.zeros((1, 3, 4, 4)), np.full((4, 4, 3), 90, np.uint8), "some\\dir\\p.png")
    prediction = Prediction({"probability": np.array([0.25, 0.0, 0.75])}, "probability")
    found = [
        FeatureEvidence(k, FEATURES[k], 1.0, share, np.eye(4)) for k, share in features.items()
    ]
    return Enriched(picture, prediction, 0, found, np.eye(4) if found else np.zeros((4, 4)))


def test_an_enriched_prediction_shows_evidence_and_what_it_stands_for():
    figure = draw_enriched(enriched({1: 0.4, 0: 0.1}), bundle(), "m", [])
    said = words(figure)
    for expected in ("class 0, 25 %", "b:1: 40 %", "a:3: 10 %", "what b:1 represents", "p.png"):
        assert expected in " ".join(said.split())
    assert "dir" not in said
    drawn = images(figure)
    assert len(drawn) == 6
    assert [int(image.mean()) for image in drawn[-2:]] == [100, 10]
    assert (drawn[0] == 90).all()
    assert (drawn[1] != 90).any()


def test_the_page_says_how_heatmaps_were_projected():
    own = enriched({1: 0.4})
    assert "guided projection of all of the filter's activations." in words(
        draw_enriched(own, bundle(), "m", [])
    )
    other = replace(own, projection="deconvnet", resample=False)
    said = " ".join(words(draw_enriched(other, bundle(), "m", [])).split())
    assert "deconvnet projection of all of the filter's activations, with the grid" in said


def test_a_prediction_without_features_says_so():
    figure = draw_enriched(enriched({}), bundle(), "m", ["cat", "dog", "cow"])
    assert "none of the selected features supports this class here" in words(figure)
    photo, together = images(figure)
    np.testing.assert_array_equal(together, blend(photo, np.zeros(photo.shape[:2]), "magnitude"))


def test_classes_without_names_have_their_index():
    assert class_label([], 4) == "class 4"
    assert class_label(["cat", "dog"], 1) == "dog"
