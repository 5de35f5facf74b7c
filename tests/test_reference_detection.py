"""The slow transcriptions say what closed forms and torchvision say."""

import numpy as np
import onnx
import onnxruntime
import pytest
import reference_detection as reference
import torch
from torch.nn import functional
from torchvision.ops import box_convert, box_iou

SIZE = (12, 10)


def raw_output(rng, classes=3, count=40):
    boxes = np.concatenate([rng.uniform(10, 50, (2, count)), rng.uniform(5, 30, (2, count))])
    return np.concatenate([boxes, rng.random((classes, count))])


def test_sides_and_overlaps_are_torchvisions(rng):
    raw = raw_output(rng)
    sides, scores = reference.candidates(raw)
    expected = box_convert(torch.from_numpy(raw[:4].T), "cxcywh", "xyxy")
    np.testing.assert_allclose(sides, expected.numpy(), rtol=1e-14)
    np.testing.assert_array_equal(scores, raw[4:].T)
    ours = [[reference.iou(a, b) for b in sides] for a in sides]
    np.testing.assert_allclose(ours, box_iou(expected, expected).numpy(), rtol=1e-12)


NMS = """
<ir_version: 8, opset_import: ["" : 17]>
nms (float[1, P, 4] boxes, float[1, K, P] scores) => (int64[M, 3] kept)
<int64 most = {1000}, float overlap = {0.3}, float least = {0.3}>
{ kept = NonMaxSuppression (boxes, scores, most, overlap, least) }
"""


def test_detections_are_those_of_onnx(rng):
    raw = raw_output(rng)
    sides, scores = reference.candidates(raw)
    session = onnxruntime.InferenceSession(
        onnx.parser.parse_model(NMS).SerializeToString(), providers=["CPUExecutionProvider"]
    )
    feeds = {"boxes": sides[None], "scores": scores.T[None]}
    (kept,) = session.run(None, {k: v.astype(np.float32) for k, v in feeds.items()})
    ours = reference.detections(raw, 0.3, 0.3, every_class=True)
    assert {(int(r[5]), int(r[6])) for r in ours} == {(int(k), int(p)) for _, k, p in kept}
    assert 1 < len(ours) == len(kept) < (scores > 0.3).sum()


@pytest.mark.parametrize("every_class", [False, True])
def test_detections_are_apart_and_explain_every_candidate(rng, every_class):
    raw = raw_output(rng)
    rows = reference.detections(raw, 0.3, 0.5, every_class=every_class)
    sides, scores = reference.candidates(raw)
    assert (np.diff(rows[:, 4]) <= 0).all()
    for a, one in enumerate(rows):
        assert all(
            reference.iou(one[:4], other[:4]) <= 0.5 for other in rows[:a] if other[5] == one[5]
        )
    for p, of_classes in enumerate(scores):
        asked = range(3) if every_class else [of_classes.argmax()]
        for k in (k for k in asked if of_classes[k] > 0.3):
            stronger = [r for r in rows if r[5] == k and r[4] >= of_classes[k]]
            assert any(r[6] == p or reference.iou(r[:4], sides[p]) > 0.5 for r in stronger)
    assert 0 < len(rows) < scores.size


def test_masks_are_enlarged_as_pytorch_does_and_see_a_share(rng):
    grid = rng.random((3, 4))
    ours = reference._enlarged(grid, 20, 18)
    theirs = functional.interpolate(
        torch.from_numpy(grid)[None, None], (20, 18), mode="bilinear", align_corners=False
    )
    np.testing.assert_allclose(ours, theirs[0, 0].numpy(), atol=1e-12)
    masks = reference.rise_masks(rng, 200, (3, 4), SIZE, 0.3)
    assert masks.shape == (200, *SIZE)
    assert masks.min() >= 0
    assert masks.max() <= 1
    # Twelve cells of each mask, seen with 0.3: five standard errors of their mean.
    assert abs(masks.mean() - 0.3) < 5 * np.sqrt(0.3 * 0.7 / (12 * 200)) + 0.01


def test_similarities_of_the_box_itself():
    sides, scores = np.array([[0, 0, 4, 4.0], [2, 0, 6, 4]]), np.array([[0.8, 0.6], [0.0, 0.5]])
    by_class = reference.class_similarity(sides[0], 0)(sides, scores)
    np.testing.assert_allclose(by_class, [0.8, 0.0])
    by_cosine = reference.cosine_similarity(sides[0], scores[0])(sides, scores)
    np.testing.assert_allclose(by_cosine, [1.0, 1 / 3 * 0.6])


def test_d_rise_of_a_detector_that_looks_at_one_pixel(rng):
    x = np.ones((3, *SIZE))
    masks = reference.rise_masks(rng, 30, (3, 3), SIZE, 0.5)

    def run(pictures):
        weak = np.array([[5, 5, 4, 4, 0.0]])
        return np.stack([np.concatenate([[[5, 5, 4, 4, p[0, 7, 2]]], weak]).T for p in pictures])

    found = reference.d_rise(run, x, masks, reference.class_similarity(np.array([3, 3, 7, 7]), 0))
    np.testing.assert_allclose(found, (masks * masks[:, 7:8, 2:3]).mean(0), rtol=1e-12)
    # A box beside: the overlap of 1 / 3 is a factor.
    beside = reference.d_rise(run, x, masks, reference.class_similarity(np.array([5, 3, 9, 7]), 0))
    np.testing.assert_allclose(beside, found / 3, rtol=1e-12)
