"""Outputs with places, sequences, and batches on other axes or on none."""

from __future__ import annotations

import numpy as np
import pytest
from heads import (
    BATCH,
    MAPS,
    SIDE,
    VECTOR,
    constants,
    file_says,
    model,
    opened,
    pictures,
    values,
)
from scipy.special import expit, softmax

TIGHT = {"rtol": 1e-12, "atol": 1e-14}
FIRST = "z = MatMul(h, m5) t = Transpose<perm=[0,3,1,2]>(z) "
ROWS = "d = Cast<to=11>(image) p = ReduceMean<axes=[2]>(d)"
ONE = "z = MatMul(h, m1) t = Transpose<perm=[0,3,1,2]>(z) "


def of_places(picture: np.ndarray, weights: str) -> np.ndarray:
    """The numbers at each place, classes first, by NumPy."""
    return np.einsum("nchw,ck->nkhw", picture.astype(np.float64), constants()[weights])


def check(made, answer, graph, picture, **expected):
    tensors = values(graph, picture)
    for which in ("raw", "probability", "logit"):
        reading, truth = getattr(answer, which), expected[which]
        assert (reading is None) == (truth is None), which
        if reading is not None:
            found = reading.read(tensors)
            assert found.shape[1:] == answer.shape
            np.testing.assert_allclose(found, truth.reshape(found.shape), **TIGHT)


@pytest.mark.parametrize(
    ("tail", "shape", "axis", "moved"),
    [
        ("out = Softmax<axis=1>(t)", "N,5,6,6", 0, None),
        ("out = Softmax<axis=-1>(z)", "N,6,6,5", 2, (0, 2, 3, 1)),
        ("s = Softmax<axis=3>(z) out = Transpose<perm=[0,3,1,2]>(s)", "N,5,6,6", 0, None),
        ("r = Reshape(t, flat) out = Softmax<axis=1>(r)", "N,5,36", 0, None),
        ("s = Softmax<axis=1>(t) out = Reshape(s, flat)", "N,5,36", 0, None),
    ],
)
def test_a_softmax_at_each_place(tail, shape, axis, moved):
    made = model(
        f"{MAPS} {FIRST} {tail}", [f"double[{shape}] out"], extra={"flat": np.array([0, 5, 36])}
    )
    picture = pictures(made)
    found = opened(made)
    answer = found.only
    assert (answer.task, answer.axis) == ("classes", axis)
    logits = of_places(picture, "m5")
    probabilities = softmax(logits, axis=1)
    if moved:
        logits, probabilities = logits.transpose(moved), probabilities.transpose(moved)
    check(
        made,
        answer,
        found.graph,
        picture,
        raw=probabilities,
        probability=probabilities,
        logit=logits,
    )


def test_a_label_map_leads_to_the_scores():
    made = model(f"{MAPS} {FIRST} out = ArgMax<axis=1, keepdims=0>(t)", ["int64[N,6,6] out"])
    picture = pictures(made)
    found = opened(made)
    logits = of_places(picture, "m5")
    assert (found.only.task, found.only.shape, found.only.axis) == ("classes", (5, 6, 6), 0)
    check(made, found.only, found.graph, picture, raw=logits, probability=None, logit=logits)
    np.testing.assert_array_equal(file_says(made, picture)[0], logits.argmax(1))


def test_segmentation_before_opset_13_keeps_its_axis():
    tail = "z = MatMul(h, m5) s = Softmax<axis=3>(z) out = Transpose<perm=[0,3,1,2]>(s)"
    made = model(f"{MAPS} {tail}", ["double[N,5,6,6] out"], opset=11)
    assert opened(made).only.axis == 0
    assert opened(made).only.shape == (5, 6, 6)


@pytest.mark.parametrize("axis", ["", "<axis=1>"])
def test_a_softmax_over_all_places_is_one_vector(axis):
    # Before opset 13 a Softmax along axis 1, its default, runs over all axes behind it.
    made = model(f"{MAPS} {FIRST} out = Softmax{axis}(t)", ["double[N,5,6,6] out"], opset=11)
    picture = pictures(made)
    found = opened(made)
    assert (found.only.task, found.only.shape) == ("classes", (180,))
    together = softmax(of_places(picture, "m5").reshape(BATCH, -1), axis=1)
    probability = found.only.probability.read(values(found.graph, picture))
    np.testing.assert_allclose(probability, together, **TIGHT)
    np.testing.assert_allclose(file_says(made, picture)[0].reshape(BATCH, -1), together, **TIGHT)


@pytest.mark.parametrize(
    ("tail", "shape"),
    [
        ("out = Sigmoid(t)", "N,1,6,6"),
        ("s = Sigmoid(t) out = Squeeze(s, l1)", "N,6,6"),
        ("s = Squeeze(t, l1) out = Sigmoid(s)", "N,6,6"),
    ],
)
def test_a_mask_is_yes_or_no_at_each_place(tail, shape):
    made = model(f"{MAPS} {ONE} {tail}", [f"double[{shape}] out"])
    picture = pictures(made)
    found = opened(made)
    logits = of_places(picture, "m1")
    assert (found.only.task, found.only.shape, found.only.axis) == ("yes-no", (1, 6, 6), 0)
    check(
        made,
        found.only,
        found.graph,
        picture,
        raw=expit(logits),
        probability=expit(logits),
        logit=logits,
    )


@pytest.mark.parametrize(
    ("tail", "shape"),
    [("out = Transpose<perm=[0,1,2,3]>(t)", "N,1,6,6"), ("out = Squeeze(t, l1)", "N,6,6")],
)
def test_depth_is_a_value_at_each_place(tail, shape):
    made = model(f"{MAPS} {ONE} {tail}", [f"double[{shape}] out"])
    picture = pictures(made)
    found = opened(made)
    depth = of_places(picture, "m1")
    assert (found.only.task, found.only.shape, found.only.axis) == ("values", (1, 6, 6), 0)
    assert "mask" in found.only.doubt
    check(made, found.only, found.graph, picture, raw=depth, probability=None, logit=depth)


@pytest.mark.parametrize("reduce", ["ReduceMax", "ReduceMean"])
def test_labels_pooled_over_places(reduce):
    made = model(
        f"{MAPS} {FIRST} s = Sigmoid(t) out = {reduce}<axes=[2,3], keepdims=0>(s)",
        ["double[N,5] out"],
    )
    picture = pictures(made)
    found = opened(made)
    each = expit(of_places(picture, "m5"))
    truth = each.max((2, 3)) if reduce == "ReduceMax" else each.mean((2, 3))
    assert (found.only.task, found.only.shape) == ("labels", (5,))
    check(made, found.only, found.graph, picture, raw=truth, probability=truth, logit=None)


def test_an_enlarged_segmentation_keeps_its_classes():
    made = model(
        f"{MAPS} {FIRST} s = Softmax<axis=1>(t) f = Cast<to=1>(s) "
        'out = Resize<mode="linear">(f, , scales)',
        ["float[N,5,12,12] out"],
        extra={"scales": np.array([1, 1, 2, 2], np.float32)},
    )
    answer = opened(made).only
    assert (answer.task, answer.shape, answer.axis) == ("classes", (5, 12, 12), 0)
    assert answer.probability is not None
    assert answer.logit is None


@pytest.mark.parametrize("batch", ["N", 1, 2])
def test_a_time_major_sequence(batch):
    made = model(
        f"{MAPS} z = MatMul(h, m5) r = Reshape(z, sh) t = Transpose<perm=[1,0,2]>(r) "
        "out = LogSoftmax<axis=2>(t)",
        [f"double[36,{batch},5] out"],
        batch=batch,
        extra={"sh": np.array([0, 36, 5])},
    )
    picture = pictures(made)
    found = opened(made)
    answer = found.only
    assert (answer.task, answer.shape, answer.axis) == ("classes", (36, 5), 1)
    assert answer.probability.pieces[0].batch_axis == 1
    logits = of_places(picture, "m5").transpose(0, 2, 3, 1).reshape(len(picture), 36, 5)
    check(
        made,
        answer,
        found.graph,
        picture,
        raw=np.log(softmax(logits, axis=2)),
        probability=softmax(logits, axis=2),
        logit=logits,
    )


def test_a_file_without_a_batch_axis():
    made = model(
        f"{VECTOR} z = MatMul(f, w4) s = Softmax<axis=1>(z) out = Gather(s, first)",
        ["double[4] out"],
        batch=1,
        extra={"first": np.array(0)},
    )
    picture = pictures(made)
    found = opened(made)
    answer = found.only
    assert (answer.task, answer.shape) == ("classes", (4,))
    assert answer.raw.pieces[0].batch_axis is None
    logits = picture.reshape(1, -1).astype(np.float64) @ constants()["w4"]
    check(
        made,
        answer,
        found.graph,
        picture,
        raw=softmax(logits, axis=1),
        probability=softmax(logits, axis=1),
        logit=logits,
    )


@pytest.mark.parametrize("batch", [1, 4])
def test_a_fixed_batch_of_squeezed_answers(batch):
    made = model(
        f"{VECTOR} z = MatMul(f, w1) s = Sigmoid(z) out = Squeeze(s, l1)",
        [f"double[{batch}] out"],
        batch=batch,
    )
    picture = pictures(made)
    found = opened(made)
    logits = picture.reshape(batch, -1).astype(np.float64) @ constants()["w1"]
    assert (found.only.task, found.only.shape) == ("yes-no", (1,))
    check(
        made,
        found.only,
        found.graph,
        picture,
        raw=expit(logits),
        probability=expit(logits),
        logit=logits,
    )


def test_joined_heads_in_a_fixed_batch():
    made = model(
        f"{VECTOR} a = MatMul(f, w1) b = MatMul(f, w4) s = Sigmoid(a) t = Sigmoid(b) "
        "j = Concat<axis=1>(s, t) out = Slice(j, l1, l4, l1)",
        ["double[2,3] out"],
        batch=2,
    )
    picture = pictures(made)
    found = opened(made)
    logits = picture.reshape(2, -1).astype(np.float64) @ constants()["w4"][:, :3]
    assert found.only.task == "labels"
    check(
        made,
        found.only,
        found.graph,
        picture,
        raw=expit(logits),
        probability=expit(logits),
        logit=logits,
    )


def test_a_map_of_single_places_is_a_vector():
    made = model(
        f"{VECTOR} z = MatMul(f, w4) out = Reshape(z, sh)",
        ["double[N,4,1,1] out"],
        extra={"sh": np.array([-1, 4, 1, 1])},
    )
    picture = pictures(made)
    found = opened(made)
    logits = picture.reshape(BATCH, 3 * SIDE**2).astype(np.float64) @ constants()["w4"]
    assert (found.only.task, found.only.shape, found.only.places) == ("classes", (4,), ())
    check(made, found.only, found.graph, picture, raw=logits, probability=None, logit=logits)


def test_one_of_two_maps_leads_to_both():
    made = model(
        f"{MAPS} z = MatMul(h, m2) t = Transpose<perm=[0,3,1,2]>(z) p = Softmax<axis=1>(t) "
        "out = Slice(p, l1, l2, l1)",
        ["double[N,1,6,6] out"],
    )
    picture = pictures(made)
    found = opened(made)
    logits = of_places(picture, "m2")
    probabilities = softmax(logits, axis=1)
    assert (found.only.task, found.only.shape, found.only.axis) == ("classes", (2, 6, 6), 0)
    check(
        made,
        found.only,
        found.graph,
        picture,
        raw=probabilities,
        probability=probabilities,
        logit=logits,
    )
    np.testing.assert_allclose(file_says(made, picture)[0], probabilities[:, 1:], **TIGHT)


def test_the_best_scores_at_each_place_are_no_boxes():
    made = model(
        f"{MAPS} z = MatMul(h, m5) p = Softmax<axis=3>(z) out, ranks = TopK<axis=3>(p, l1)",
        ["double[N,6,6,1] out", "int64[N,6,6,1] ranks"],
    )
    for answer in opened(made).answers:
        assert (answer.task, answer.shape, answer.axis) == ("classes", (6, 6, 5), 2)


@pytest.mark.parametrize(
    ("body", "shape", "expected", "axis"),
    [
        (f"{MAPS} out = MatMul(h, m5)", "N,6,6,5", (6, 6, 5), 2),
        (
            "d = Cast<to=11>(image) p = ReduceMean<axes=[2]>(d) out = Squeeze(p, l2)",
            "N,3,6",
            (3, 6),
            0,
        ),
        (f"{MAPS} {FIRST} out = ReduceMean<axes=[2], keepdims=0>(t)", "N,5,6", (5, 6), 0),
        (f"{MAPS} z = MatMul(h, m1) out = Reshape(z, flat)", "N,36", (1, 36), 0),
        ("d = Cast<to=11>(image) out = Flatten(d)", "N,108", (108,), 0),
    ],
)
def test_the_axis_of_classes_is_that_of_the_channels(body, shape, expected, axis):
    made = model(body, [f"double[{shape}] out"], extra={"flat": np.array([-1, 36])})
    assert (opened(made).only.shape, opened(made).only.axis) == (expected, axis)


def test_a_softmax_over_places_makes_no_probabilities_of_classes():
    made = model(
        f"{MAPS} {FIRST} r = Reshape(t, flat) s = Softmax<axis=2>(r) out = Reshape(s, maps)",
        ["double[N,5,6,6] out"],
        extra={"flat": np.array([0, 5, 36]), "maps": np.array([0, 5, 6, 6])},
    )
    answer = opened(made).only
    assert (answer.task, answer.shape, answer.axis) == ("values", (5, 6, 6), 0)
    assert answer.probability is None


def test_a_time_major_sequence_whose_batch_has_another_name():
    made = model(
        f"{MAPS} z = MatMul(h, m5) r = Reshape(z, sh) t = Transpose<perm=[1,0,2]>(r) "
        "out = Softmax<axis=2>(t)",
        ["double[36,M,5] out"],
        extra={"sh": np.array([0, 36, 5])},
    )
    assert opened(made).only.raw.pieces[0].batch_axis == 1


def test_the_default_axis_since_opset_13_is_the_last():
    made = model(f"{MAPS} z = MatMul(h, m5) out = Softmax(z)", ["double[N,6,6,5] out"], opset=13)
    assert (opened(made).only.shape, opened(made).only.axis) == ((6, 6, 5), 2)


def test_an_output_that_swaps_its_inputs_has_no_logits():
    made = model(
        f"{VECTOR} z = MatMul(f, w4) s = Sigmoid(z) out = Gather<axis=0>(s, swapped)",
        ["double[2,4] out"],
        batch=2,
        extra={"swapped": np.array([1, 0])},
    )
    assert opened(made).only.task == "labels"
    assert opened(made).only.logit is None
