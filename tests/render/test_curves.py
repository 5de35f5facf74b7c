"""Curves of an evaluation: every method is drawn, and told apart from the others."""

import numpy as np

from onnxplain.evaluate.evaluation import MeanCurve
from onnxplain.render.curves import curves_figure

SHARES = np.linspace(0, 1, 5)


def test_one_panel_a_measure_and_one_line_a_method():
    methods = ["grad-cam", "saliency", "random", "centre"]
    curves = [
        MeanCurve(m, measure, SHARES, SHARES * k)
        for measure in ("deletion", "insertion")
        for k, m in enumerate(methods)
    ]
    figure = curves_figure(curves, {"random", "centre"}, "probability")
    assert [axes.get_title() for axes in figure.axes] == ["deletion", "insertion"]
    for axes in figure.axes:
        assert [line.get_label() for line in axes.lines] == methods
        looks = {(str(line.get_color()), str(line.get_linestyle())) for line in axes.lines}
        assert len(looks) == len(methods)
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == methods


def test_many_methods_have_many_looks():
    curves = [MeanCurve(f"m{k}", "deletion", SHARES, SHARES) for k in range(18)]
    axes = curves_figure(curves, set(), "probability").axes[0]
    assert len({str(line.get_color()) for line in axes.lines}) == 18


def test_the_legend_names_what_is_in_any_panel():
    shown = [("randomisation", "lrp"), ("deletion", "lrp"), ("deletion", "random")]
    curves = [MeanCurve(method, measure, SHARES, SHARES) for measure, method in shown]
    (legend,) = curves_figure(curves, {"random"}, "probability").legends
    assert [text.get_text() for text in legend.get_texts()] == ["lrp", "random"]


def test_scores_below_zero_are_not_cut_off_and_named_by_their_unit():
    curves = [MeanCurve("lrp", "deletion", SHARES, SHARES - 3)]
    (axes,) = curves_figure(curves, set(), "value").axes
    assert axes.get_ylabel() == "value"
    assert axes.get_ylim()[0] <= -3
