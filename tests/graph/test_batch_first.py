"""Scores whose inputs stand on another axis, or on none, are explained as their usual twins."""

from __future__ import annotations

import numpy as np
import pytest
from heads import MAPS, VECTOR, model
from tasks.rows import PICTURE, RECIPE

import onnxplain
from onnxplain.graph.batch_first import with_batch_first

OPTIONS = {
    "gradient": {},
    "integrated-gradients": {},
    "smoothgrad": {"samples": 20},
    "deeplift": {},
    "lrp": {"composite": "epsilon"},
    # As many pictures as steps: the axis cannot be told by its length.
    "occlusion": {"window": 1, "stride": 1},
    "rise": {"samples": 36, "cells": 2},
    "kernel-shap": {"regions": 4, "segments": "grid"},
}
STEPS = {"sh": np.array([0, 36, 5])}
LOGITS = f"{MAPS} z = MatMul(h, m5) s = Tanh(z) r = Reshape(s, sh) "


def sequence(batch, *, time_first, softmax):
    order = "1,0,2" if time_first else "0,1,2"
    shape = f"36,{batch},5" if time_first else f"{batch},36,5"
    last = "out = LogSoftmax<axis=2>(t)" if softmax else "out = Identity(t)"
    body = f"{LOGITS} t = Transpose<perm=[{order}]>(r) {last}"
    return model(body, [f"double[{shape}] out"], batch=batch, extra=STEPS)


def bare(*, batch_axis):
    shape = "1,4" if batch_axis else "4"
    last = "out = Identity(z)" if batch_axis else "out = Gather(z, first)"
    return model(
        f"{VECTOR} y = MatMul(f, w4) z = Tanh(y) {last}",
        [f"double[{shape}] out"], batch=1, extra={"first": np.array(0)},
    )  # fmt: skip


def opened(made, **options):
    return onnxplain.load(made, preprocess=RECIPE, precision="double", **options)


@pytest.mark.parametrize("softmax", [True, False])
@pytest.mark.parametrize("batch", ["N", 1, 2, 36])
@pytest.mark.parametrize("method", OPTIONS)
def test_time_first(method, batch, softmax):
    found, expected = (
        opened(sequence(b, time_first=first, softmax=softmax)).explain(
            PICTURE, method, "3@17", **OPTIONS[method]
        )
        for b, first in ((batch, True), ("N", False))
    )
    alike(found, expected)


@pytest.mark.parametrize("batch", ["N", 36])
def test_it_survives_an_edit_of_the_graph(batch):
    whole = opened(sequence(batch, time_first=True, softmax=True))
    edited = whole.with_graph(whole.network.graph)
    fresh = whole.with_graph(opened(sequence(batch, time_first=True, softmax=True)).network.graph)
    expected = whole.explain(PICTURE, "gradient", "3@17")
    for model_ in (edited, fresh):
        alike(model_.explain(PICTURE, "gradient", "3@17"), expected)


@pytest.mark.parametrize("method", OPTIONS)
def test_no_batch_axis(method):
    said = {"task": "values"}
    found, expected = (
        opened(bare(batch_axis=b), **said).explain(PICTURE, method, 2, **OPTIONS[method])
        for b in (False, True)
    )
    alike(found, expected)


def test_a_usual_graph_is_left_as_it_is():
    network = opened(sequence("N", time_first=False, softmax=True)).network
    assert with_batch_first(network.graph, network.answer, network.shapes) is network.graph


def alike(found, expected):
    assert found.score == pytest.approx(expected.score, rel=1e-12)
    scale = np.abs(expected.attribution).max()
    assert scale > 0
    # RISE adds up its masks in single precision, in batches that a fixed batch divides otherwise.
    single = found.method == "rise"
    bound = OPTIONS["rise"]["samples"] * np.finfo(np.float32).eps if single else 1e-9
    assert np.abs(found.attribution - expected.attribution).max() <= bound * scale
