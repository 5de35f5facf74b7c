"""Score-CAM and Recipro-CAM of how well boxes match, in loops over maps and places, in float64."""

import functools

import numpy as np
import pytest
import reference_detection as reference
import torch
from boxes_of_source import BOXES, EXAMPLE, SCALE, aim, maps_at, model, picture
from originals import difference
from scenes_source import outputs, source
from scipy.special import softmax

# Results of forward methods are kept in single precision on the way.
KEPT = 1e-5


@functools.cache
def maps(number):
    return maps_at(source().detector.kinds[SCALE][0], number)[0]


def match(raw, number):
    """Largest overlap times score of the class, candidate by candidate."""
    similarity = reference.class_similarity(np.array(aim(number).sides), aim(number).label)
    return similarity(*reference.candidates(raw)).max()


def match_of_maps(values, number):
    """The match when the last layer in front of the logits had other values."""
    module = source().detector.kinds[SCALE][0]
    hook = module.register_forward_hook(lambda *_: torch.from_numpy(values)[None])
    raw = outputs(picture().numpy())[0]
    hook.remove()
    return match(raw, number)


@pytest.mark.parametrize("number", BOXES)
def test_score_cam(number):
    found, scores = maps(number), []
    for one in found:
        large = torch.nn.functional.interpolate(
            torch.from_numpy(one)[None, None], size=(96, 96), mode="bilinear", align_corners=False
        )
        seen = (large - large.min()) / (large.max() - large.min())
        scores.append(match(outputs((picture() * seen).numpy())[0], number))
    expected = np.einsum("k,khw->hw", softmax(scores), found)
    result = model().explain(EXAMPLE, "score-cam", number)
    assert result.target.unit == "match"
    assert difference(result.attribution, expected) < KEPT
    assert np.ptp(scores) > 0.05
    assert difference(found.mean(axis=0), expected) > KEPT


@pytest.mark.parametrize("number", BOXES)
def test_recipro_cam(number):
    found = maps(number)
    nothing = match_of_maps(np.zeros_like(found), number)
    expected = np.zeros(found.shape[1:])
    for i, j in np.ndindex(expected.shape):
        alone = np.zeros_like(found)
        alone[:, i, j] = found[:, i, j]
        expected[i, j] = match_of_maps(alone, number) - nothing
    result = model().explain(EXAMPLE, "recipro-cam", number, mask="delta")
    assert difference(result.attribution, expected) < KEPT
    assert difference(expected.T, expected) > 0.1
