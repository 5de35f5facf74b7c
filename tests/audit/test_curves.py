"""Curves of an audit: the very scores of the model, and their means over the pictures."""

import numpy as np
import pytest
from audit.made_results import filled, picture, spot
from scipy.integrate import trapezoid

import onnxplain
from onnxplain.audit.config import AuditConfig
from onnxplain.audit.curves import SHARES, kept, summarise_curves
from onnxplain.audit.examine import examine
from onnxplain.evaluate.removal import Curve
from onnxplain.inputs.dataset import read_dataset

CONFIG = AuditConfig(methods=("grad-cam",), measures=("deletion", "insertion", "randomisation"))


@pytest.mark.parametrize("rows", [8, 32, 224])
def test_points_that_were_measured_are_kept_as_they_are(rows):
    shares = np.linspace(0, 1, rows + 1)
    scores = np.random.default_rng(0).random(rows + 1)
    both = np.isclose(shares[:, None], SHARES)
    found = np.array(kept(Curve(shares, scores)))
    assert both.any(axis=1).sum() == min(rows, 32) + 1
    np.testing.assert_allclose(found[both.any(axis=0)], scores[both.any(axis=1)], atol=5e-7)


def test_between_them_a_curve_is_straight():
    found = kept(Curve(np.array([0, 0.5, 1]), np.array([1.0, 0.0, 0.5])))
    np.testing.assert_allclose(found[:17], 1 - 2 * SHARES[:17], atol=5e-7)
    np.testing.assert_allclose(found[16:], SHARES[16:] - 0.5, atol=5e-7)


def test_a_picture_has_the_scores_of_its_own_inputs():
    model = onnxplain.load("models/digits-gap.onnx", batch_size=CONFIG.batch_size)
    sample = read_dataset("examples/digits")[0]
    picture, _ = examine(model, sample, CONFIG.methods, CONFIG)
    found = picture.methods["grad-cam"]
    assert set(found.curves) == {"deletion", "insertion"}
    # Eight rows of pixels: the area is that under every fourth of the points.
    for measure, scores in found.curves.items():
        area = trapezoid(scores[::4], SHARES[::4])
        assert area == pytest.approx(found.measures[measure], abs=1e-6)
    # Deletion begins with the picture and ends with black, where insertion ends with it.
    probabilities = model.predict(model.read(sample.path)).probabilities
    score = pytest.approx(float(probabilities[picture.explained]), abs=1e-6)
    assert found.curves["deletion"][0] == score == found.curves["insertion"][-1]
    assert found.curves["deletion"][-1] != score


def drawn(scores):
    value, maps = picture(0, spot(0, 0))
    value["methods"]["m"]["curves"] = scores
    return value, maps


def test_means_and_quartiles_are_of_all_pictures_at_each_share(tmp_path):
    rng = np.random.default_rng(0)
    deleted, inserted = rng.random((5, 33)).round(6), rng.random((2, 33)).round(6)
    entries = [drawn({"deletion": row.tolist()}) for row in deleted]
    for (value, _), row in zip(entries, inserted, strict=False):
        value["methods"]["m"]["curves"]["insertion"] = row.tolist()
    failed = ({"name": "", "file_sha256": None, "status": "failed", "problem": "?"}, {})
    with filled(tmp_path, [failed, *entries, drawn({})]) as store:
        deletion, insertion = summarise_curves(store)
    assert (deletion.measure, deletion.method, deletion.count) == ("deletion", "m", 5)
    assert insertion.count == 2
    np.testing.assert_allclose(deletion.mean, deleted.mean(axis=0), atol=5e-7)
    # Of five numbers in order, the second and the fourth.
    np.testing.assert_allclose(deletion.lower_quartile, np.sort(deleted, axis=0)[1], atol=5e-7)
    np.testing.assert_allclose(deletion.upper_quartile, np.sort(deleted, axis=0)[3], atol=5e-7)


def test_an_audit_without_curves_has_none(tmp_path):
    with filled(tmp_path, [picture(0, spot(0, 0))]) as store:
        assert summarise_curves(store) == []
