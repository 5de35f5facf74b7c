"""Maps of boxes on drawn scenes: in the box far more than blind maps, and on a planted shortcut."""

import functools
import json

import numpy as np
import pytest
from scenes_source import ROOT
from scipy import ndimage

import onnxplain
from models.build.scenes import FIRST_TEST_SEED, SIDE, STAR, scene
from onnxplain.errors import NowhereError
from onnxplain.evaluate.controls import CONTROLS
from onnxplain.inputs.image import open_image

SCENES = ROOT / "examples/scenes"
METHODS = {
    "d-rise": {"samples": 150, "cells": 8},
    "rise": {"samples": 150, "cells": 8},
    "occlusion": {"window": 12, "stride": 8},
    "recipro-cam": {},
    "grad-cam": {},
    "layercam": {},
    "layercam-scales": {},
    "g-came": {},
    "odam": {},
    "gradient-x-input": {},
    "integrated-gradients": {"steps": 20, "max_steps": 20},
    "smoothgrad": {"samples": 8},
    "lrp": {},
}
# Signs of a gradient say which way a pixel has to change, not where evidence is.
BY_SIZE = ("smoothgrad",)
# How many standard errors of the difference of two means are clear: chance gives one in 700.
CLEAR = 3.0
# These see what lies beside a box; the coarse cells of class activation maps do not.
FINDING = ("d-rise", "rise", "occlusion", "integrated-gradients", "lrp")


@functools.cache
def model(stem="scenes-detector"):
    return onnxplain.load(ROOT / f"models/{stem}.onnx", device="cpu")


def middle(name, box):
    left, top, right, bottom = box[:4]
    return f"{name}@{(left + right) / 2:g},{(top + bottom) / 2:g}"


@functools.cache
def objects():
    """File, truth and what to ask for, of each object that the detector finds and names."""
    found = []
    for name, truths in json.loads((SCENES / "boxes.json").read_text("utf-8")).items():
        picture = model().read(SCENES / name)
        for one in truths:
            said = middle(one["class"], one["box"])
            try:
                model().resolve(picture, [said])
            except NowhereError:
                continue
            found.append((SCENES / name, one["box"], said))
    return found


def positive(explanation):
    heatmap = explanation.heatmap()
    return np.abs(heatmap) if explanation.method in BY_SIZE else np.maximum(heatmap, 0)


def inside(values, box):
    left, top, right, bottom = box[:4]
    return values[top:bottom, left:right].sum() / values.sum()


@functools.cache
def shares_of_controls():
    rng = np.random.default_rng(0)
    return {
        name: np.array([inside(draw(np.asarray(open_image(path)), rng), box)
                        for path, box, _ in objects()])
        for name, draw in CONTROLS.items()
    }  # fmt: skip


def standard_errors(shares, others):
    """By how many standard errors the mean of paired shares lies above that of others."""
    differences = shares - others
    return differences.mean() / (differences.std(ddof=1) / np.sqrt(len(differences)))


def test_almost_every_object_is_there_to_explain():
    assert len(objects()) == 16


def shares_of(method, **options):
    return np.array(
        [
            inside(positive(model().explain(path, method, said, **options)), box)
            for path, box, said in objects()
        ]
    )


@pytest.mark.parametrize("method", METHODS)
def test_evidence_lies_in_the_box_clearly_more_than_blind_maps(method):
    shares = shares_of(method, **METHODS[method])
    for control in shares_of_controls().values():
        assert standard_errors(shares, control) > CLEAR


def test_score_cam_is_above_noise_alone():
    """Matches lie between 0 and 1: their Softmax weights all maps nearly the same."""
    shares = shares_of("score-cam")
    above = {k: standard_errors(shares, c) for k, c in shares_of_controls().items()}
    assert above["random"] > CLEAR > min(above.values())


def test_no_blind_map_passes():
    """The test can fail: the best control is not clearly above all others."""
    shares = shares_of_controls()
    for name, own in shares.items():
        others = [share for other, share in shares.items() if other != name]
        assert not all(standard_errors(own, share) > CLEAR for share in others)
    # A map that says the same everywhere has the box's share of the picture.
    areas = np.array([inside(np.ones((SIDE, SIDE)), box) for _, box, _ in objects()])
    assert abs(standard_errors(shares["random"], areas)) < CLEAR


@functools.cache
def stars():
    """Pictures in which both detectors find a star with its bar; its box and its bar."""
    found = []
    for seed in range(FIRST_TEST_SEED + 30_000, FIRST_TEST_SEED + 30_060):
        drawn = scene(seed, shortcut=True)
        for row, bar in zip(drawn.boxes, drawn.bars, strict=True):
            said = middle("star", row)
            try:
                for stem in ("scenes-detector", "scenes-shortcut"):
                    model(stem).resolve(model(stem).read(drawn.image), [said])
            except NowhereError:
                continue
            if row[4] == STAR:
                found.append((drawn.image, row, ndimage.binary_dilation(bar), said))
        if len(found) >= 8:
            break
    return found


def on_bar(stem, method):
    """Mean evidence on the bar over that in the box, of each star."""
    found = []
    for pixels, row, bar, said in stars():
        values = positive(model(stem).explain(pixels, method, said, **METHODS[method]))
        left, top, right, bottom = row[:4]
        found.append(values[bar].mean() / values[top:bottom, left:right].mean())
    return np.array(found)


@pytest.mark.parametrize("method", FINDING)
def test_a_planted_shortcut_is_found(method):
    """A pixel of the bar says more than one of the star, in the detector that learned it alone."""
    learned, ordinary = (on_bar(stem, method) for stem in ("scenes-shortcut", "scenes-detector"))
    assert len(learned) >= 8
    assert learned.mean() > 1 > 2 * ordinary.mean()
    assert standard_errors(learned, ordinary) > CLEAR
