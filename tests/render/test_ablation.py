"""The curve of accuracy against silenced filters."""

import numpy as np

from onnxplain.evaluate.filter_ablation import FilterAblation
from onnxplain.render.ablation import ablation_figure


def test_the_curves_are_the_means():
    rng = np.random.default_rng(0)
    found = FilterAblation([0, 2], [0, 1, 4], rng.random((2, 3)), rng.random((3, 2, 3)),
                           rng.random((2, 3)))  # fmt: skip
    axes = ablation_figure(found, "a $model$").axes[0]
    lines = {line.get_label(): line.get_ydata() for line in axes.lines}
    np.testing.assert_allclose(lines["relevant"], found.relevant.mean(axis=0))
    np.testing.assert_allclose(lines["least"], found.least.mean(axis=0))
    drawn = {container.get_label(): container for container in axes.containers}
    np.testing.assert_allclose(drawn["random"][0].get_ydata(), found.random.mean(axis=(0, 1)))
    assert axes.get_title() == "a $model$"
    assert "mCA" in axes.get_ylabel()
