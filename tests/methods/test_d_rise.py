"""D-RISE of a detector against the paper's loops on the same masks, in float64."""

import functools

import numpy as np
import pytest
import reference_detection as reference
from boxes_of_source import EXAMPLE, model
from noise import ALLOWED, rounding
from originals import difference
from scenes_source import ROOT, outputs

import onnxplain
from onnxplain.perturb.blocks import Blocks
from onnxplain.perturb.masks import RiseMasks
from onnxplain.targets.request import TargetRequest

COUNT, CELLS, SHARE = 60, 6, 0.5
OPTIONS = {"samples": COUNT, "cells": CELLS, "share": SHARE}
# Sums of masks are kept in single precision.
KEPT = 1e-5


@functools.cache
def masks(size=(96, 96)):
    made = RiseMasks(size, CELLS, SHARE)
    return made.masks(Blocks(0, made.draw).rows(slice(0, COUNT))).astype(np.float64)


def explained(number):
    """Sides, scores and class of a box, by the reference decoder."""
    raw = outputs(model().read(EXAMPLE).x)[0]
    row = reference.detections(raw)[number - 1]
    return row[:4], raw[4:, int(row[6])], int(row[5])


def slow(similarity):
    return reference.d_rise(outputs, model().read(EXAMPLE).x[0], masks(), similarity) / SHARE


def found(method, said, **options):
    return model().explain(EXAMPLE, method, said, **OPTIONS, **options)


def paper(explanation):
    return explanation.maps["score_when_kept"]


@pytest.mark.parametrize("number", [1, 3])
def test_the_map_is_that_of_the_paper(number):
    sides, scores, label = explained(number)
    expected = slow(reference.cosine_similarity(sides, scores))
    result = found("d-rise", str(number))
    assert result.target.unit == "likeness"
    assert difference(paper(result), expected) < KEPT
    by_score = slow(reference.class_similarity(sides, label))
    assert difference(paper(result), by_score) > 0.1
    assert difference(paper(found("rise", str(number))), by_score) < KEPT


@pytest.mark.parametrize("match", ["score", "likeness"])
@pytest.mark.parametrize("method", ["rise", "d-rise"])
def test_how_boxes_match_can_be_said(method, match):
    sides, scores, label = explained(2)
    how = {
        "score": reference.class_similarity(sides, label),
        "likeness": reference.cosine_similarity(sides, scores),
    }
    asked = model().request("2")
    request = TargetRequest(box=asked.box, match=match)
    assert difference(paper(found(method, request)), slow(how[match])) < KEPT


def test_a_drawn_box_has_one_class_and_no_other():
    sides = np.array([60.0, 25, 95, 60])
    expected = slow(reference.cosine_similarity(sides, np.array([1.0, 0, 0, 0, 0])))
    assert difference(paper(found("d-rise", "circle in 60,25,95,60")), expected) < KEPT
    other = slow(reference.cosine_similarity(sides, np.array([0.0, 1, 0, 0, 0])))
    assert difference(expected, other) > 0.1


def test_the_quantised_file_itself_is_asked():
    int8 = onnxplain.load(ROOT / "models/scenes-detector-int8.onnx", device="cpu")
    x = int8.read(EXAMPLE).x

    def run(pictures):
        return int8.network.ort.activations(pictures.astype(np.float32), ["output0"])["output0"]

    row = reference.detections(run(x)[0])[0]
    sides, scores = row[:4], np.float64(run(x)[0, 4:, int(row[6])])
    expected = reference.d_rise(run, x[0], masks(), reference.cosine_similarity(sides, scores))
    result = int8.explain(EXAMPLE, "d-rise", "1", **OPTIONS)
    bound = ALLOWED * max(rounding(run, x), KEPT)
    assert difference(paper(result) * SHARE, expected) < bound


def test_it_ends_when_the_map_has_settled():
    result = model().explain(EXAMPLE, "d-rise", "1", cells=CELLS, samples=4000, tolerance=0.2)
    assert 16 <= result.measures["samples"] < 4000
    assert result.measures["relative_error"] <= 0.2
    assert (result.maps["standard_error"] > 0).any()
