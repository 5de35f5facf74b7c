"""Overlap and suppression against slow transcriptions."""

import numpy as np
import pytest
from detector_forms import Truth, boxes_of, slow_iou

from onnxplain.targets.boxes.overlap import iou, suppress


@pytest.fixture
def boxes(rng):
    corner = rng.uniform(0, 8, (2, 60))
    return np.concatenate([corner, corner + rng.uniform(1, 30, (2, 60))])


def test_overlaps(boxes):
    for k in range(5):
        found = iou(boxes, boxes[:, k])
        np.testing.assert_allclose(found, [slow_iou(b, boxes[:, k]) for b in boxes.T], atol=1e-12)
        assert found[k] == pytest.approx(1.0)


def test_empty_boxes_overlap_nothing():
    crossed = np.array([[5.0], [5.0], [1.0], [1.0]])
    assert iou(crossed, np.array([0.0, 0, 9, 9])) == 0
    assert iou(crossed, crossed[:, 0]) == 0


@pytest.mark.parametrize("overlap", [0.0, 0.3, 0.7])
def test_suppression(boxes, rng, overlap):
    scores = rng.random((60, 3))
    best, labels = scores.max(1), scores.argmax(1)
    kept = suppress(boxes, best, labels, overlap, 300)
    wanted = boxes_of(Truth(boxes.T, scores, scores), 0.0, overlap, 300)
    assert kept == [row for _, _, row in wanted]
    assert 3 <= len(kept) < 60
    assert suppress(boxes, best, labels, overlap, 2) == kept[:2]
