"""N pictures and T targets in one call: what each of them gives alone, by every method."""

import dataclasses
import functools
from collections.abc import Mapping

import nets
import numpy as np
import pytest
from graphs import classifier
from handmade import PyTorchOnly, context_of, target_of

import onnxplain
from onnxplain.adapters import converted
from onnxplain.convert.program import Program
from onnxplain.errors import MethodRefusedError, OnnxplainError
from onnxplain.methods import registered
from onnxplain.network.network import Network
from onnxplain.network.sharing import run_shared
from onnxplain.relevance import walk
from tests.applicable import NEED_BOXES, NEED_FEATURES

# Few samples, so that the whole registry takes seconds; what is not here runs as it is.
FEW = {
    "integrated-gradients": {"steps": 3, "max_steps": 6},
    "expected-gradients": {"samples": 5},
    "guided-ig": {"steps": 3},
    "blur-ig": {"steps": 3, "max_steps": 6},
    "smoothgrad": {"samples": 3},
    "smoothgrad-squared": {"samples": 3},
    "vargrad": {"samples": 3},
    "occlusion": {"window": 4, "stride": 4},
    "rise": {"samples": 12, "cells": 3},
    "lime": {"samples": 12},
    "kernel-shap": {"samples": 12},
    "sobol": {"samples": 3, "regions": 9},
    "hsic": {"samples": 12},
    "region-search": {"segments": "grid", "regions": 9},
    "prediction-difference": {"samples": 2},
}
TARGETS = (3, 0, 1)
CLASSIFYING = [name for name in registered() if name not in NEED_BOXES | NEED_FEATURES]


def chosen(name):
    """The parameters of the table that the method has."""
    method = registered()[name]
    return {k: v for k, v in FEW.get(name, {}).items() if k in method.parameters}


@functools.cache
def subject_for(name, kind):
    """A small network that the method accepts, with three pictures."""
    for proto, x in (
        (classifier(), np.random.default_rng(0).uniform(-1, 1, (3, 3, 12, 12))),
        (nets.exported("vit").proto, nets.images("vit", 3)),
    ):
        context = context_of(proto, kind)
        try:
            registered()[name].requires(context.network)
        except MethodRefusedError:
            continue
        return context, x
    raise AssertionError(f"no network here is one that {name} accepts")


def explain(name, context, x, index):
    method = registered()[name]
    target = target_of(context, index, method.explains)
    return method.function(context, x, target, **chosen(name))


def arrays(found):
    return {"values": found.values, **found.measures, **found.maps}


@pytest.mark.parametrize(("kind", "tolerance"), [(PyTorchOnly, 1e-10), (Network, 1e-5)])
@pytest.mark.parametrize("name", CLASSIFYING)
def test_a_batch_gives_what_each_picture_gives_alone(name, kind, tolerance):
    context, x = subject_for(name, kind)
    x = x if kind is PyTorchOnly else x.astype(np.float32)
    together = arrays(explain(name, context, x, 3))
    alone = [arrays(explain(name, context, x[n : n + 1], 3)) for n in range(len(x))]
    if name != "deconvnet":  # which does not look at the picture where nothing is max-pooled
        assert np.ptp(together["values"], axis=0).max() > 0
    for key, values in together.items():
        assert len(values) == len(x)
        expected = np.concatenate([single[key] for single in alone]).astype(np.float64)
        scale = np.nanmax(np.abs(expected), initial=0.0)
        np.testing.assert_allclose(values, expected, rtol=0, atol=tolerance * (scale + 1))


def shared(name, context, x, indices):
    def work(share, index):
        return explain(name, dataclasses.replace(context, share=share), x, index)

    outcomes = run_shared([functools.partial(work, index=k) for k in indices])
    for outcome in outcomes:
        if isinstance(outcome, OnnxplainError):
            raise outcome
    return outcomes


@pytest.mark.parametrize("name", CLASSIFYING)
def test_targets_side_by_side_are_those_one_by_one(name):
    context, x = subject_for(name, PyTorchOnly)
    together = shared(name, context, x[:1], TARGETS)
    alone = [explain(name, context, x[:1], k) for k in TARGETS]
    for ours, theirs in zip(together, alone, strict=True):
        np.testing.assert_array_equal(ours.values, theirs.values)
        for key, value in ours.measures.items():
            np.testing.assert_array_equal(value, theirs.measures[key])
    if registered()[name].class_discriminative:
        assert np.abs(alone[0].values - alone[1].values).max() > 0


def passed_inputs(name, monkeypatch, indices):
    """Count the inputs that pass forwards through the network, whole or step by step."""
    context, x = subject_for(name, PyTorchOnly)
    passed = []

    def counting(original):
        def run(*arguments, **options):
            feeds = next(a for a in arguments if isinstance(a, Mapping) and "image" in a)
            passed.append(len(feeds["image"]))
            return original(*arguments, **options)

        return run

    with monkeypatch.context() as patched:
        patched.setattr(Program, "run", counting(Program.run))
        patched.setattr(walk, "record_steps", counting(walk.record_steps))
        patched.setattr(converted, "run_rectified", counting(converted.run_rectified))
        shared(name, context, x[:1], indices)
    return sum(passed)


@pytest.mark.parametrize(
    ("name", "inputs"),
    [
        ("gradient", 1),
        ("integrated-gradients", 11),  # three and six steps; the picture and the baseline
        ("expected-gradients", 10),  # five points, four baselines, the picture
        ("smoothgrad", 3),
        ("grad-cam", 1),
        ("cam", 1),
        ("eigen-cam", 1),
        ("occlusion", 10),
        ("rise", 12),
        ("lrp", 3),  # the picture, and both of its bounds for the first layer
        ("deep-taylor", 3),
        ("attn-lrp", 1),
        ("deeplift", 3),  # picture and baseline; the baseline's score
        ("clear", 2),  # the last layer's response, and the pass that is projected back
        ("guided-backprop", 1),
        ("deconvnet", 1),
    ],
)
def test_targets_share_the_forward_passes(name, inputs, monkeypatch):
    assert passed_inputs(name, monkeypatch, TARGETS) == inputs
    assert passed_inputs(name, monkeypatch, TARGETS[:1]) == inputs


def test_targets_that_part_go_on_by_themselves(monkeypatch):
    """An error of one target is its own; the others are explained."""
    context, x = subject_for("gradient", PyTorchOnly)

    def work(share, index):
        if index == TARGETS[0]:
            raise MethodRefusedError("not this one")
        own = dataclasses.replace(context, share=share)
        return explain("gradient", own, x[:1], index)

    refused, *found = run_shared([functools.partial(work, index=k) for k in TARGETS])
    assert isinstance(refused, MethodRefusedError)
    for index, outcome in zip(TARGETS[1:], found, strict=True):
        expected = explain("gradient", context, x[:1], index)
        np.testing.assert_array_equal(outcome.values, expected.values)


def test_a_defect_in_one_target_ends_all(monkeypatch):
    context, x = subject_for("gradient", PyTorchOnly)

    def work(share, index):
        found = explain("gradient", dataclasses.replace(context, share=share), x[:1], index)
        if index == TARGETS[1]:
            raise ZeroDivisionError("a defect")
        return found

    with pytest.raises(ZeroDivisionError, match="a defect"):
        run_shared([functools.partial(work, index=k) for k in TARGETS])


def test_pictures_and_targets_in_one_call():
    model = onnxplain.load(classifier(), preprocess="minus-one-one", scores="logits")
    pictures = np.random.default_rng(0).integers(0, 256, (3, 12, 12, 3), np.uint8)
    rare = int(model.predict(pictures[0]).probabilities.argmin())
    found = onnxplain.explain_all(model, pictures, "smoothgrad", ["top-2", rare], samples=3)
    assert len(found[0]) == 3
    for picture, row in zip(pictures, found, strict=True):
        ranked = np.argsort(-model.predict(picture).probabilities, kind="stable")[:2]
        assert [e.target.index for e in row] == list(dict.fromkeys([*ranked.tolist(), rare]))
        for explanation in row:
            alone = model.explain(picture, "smoothgrad", explanation.target.index, samples=3)
            scale = np.abs(alone.attribution).max()
            assert np.abs(alone.attribution - explanation.attribution).max() < 1e-6 * scale
            assert alone.target == explanation.target
