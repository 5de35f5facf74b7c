"""Detectors in the forms that exporters write: boxes, targets and explanations."""

import copy

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from detector_forms import CLASSES, FORMS, SIDE, boxes_of, network, slow_iou, truth, written

import onnxplain
from onnxplain.errors import NowhereError, UsageError

LABELS = ["cat", "dog", "car"]
# Of float32 coordinates of up to 64 pixels that went through some additions.
PIXELS = 1e-4


@pytest.fixture(scope="module")
def photo():
    return np.random.default_rng(3).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)


@pytest.fixture(scope="module", params=FORMS)
def opened(request):
    model = onnxplain.load(written(request.param), preprocess="zero-one", device="cpu")
    return request.param, model


def expected(name, model, x):
    form, rule = FORMS[name], model.task.layout.suppression
    found = truth(x, form.kind)
    if form.final:
        return found, boxes_of(found, rule.least, None, 20)
    every = {"every_class": name == "suppression"}
    return found, boxes_of(found, rule.least, rule.overlap, rule.most, **every)


def test_boxes_are_those_of_an_independent_decoder(opened, photo):
    name, model = opened
    picture = model.read(photo)
    said = model.predict(picture)
    found, kept = expected(name, model, picture.x)
    assert len(kept) > 3
    assert len(said.scores) == len(kept)
    np.testing.assert_allclose(said.scores, [s for s, _, _ in kept], atol=1e-5)
    assert said.found.labels.tolist() == [k for _, k, _ in kept]
    np.testing.assert_allclose(said.sides, [found.sides[r] for _, _, r in kept], atol=PIXELS)
    assert said.unit == "score"
    first = LABELS[kept[0][1]]
    assert said.names[0] == f"{first}#1"


@pytest.mark.parametrize(
    ("least", "overlap", "most", "shared"), [(0.3, 0.5, 100, True), (0.05, 0.3, 4, False)]
)
def test_boxes_are_those_that_the_file_chooses_itself(photo, least, overlap, most, shared):
    """A candidate may be a box of several classes, and each class has so many boxes at most."""
    proto = copy.deepcopy(written("suppression"))
    for tensor in proto.graph.initializer:
        if tensor.name in ("least", "overlap", "most"):
            value = {"least": least, "overlap": overlap, "most": most}[tensor.name]
            dtype = np.int64 if tensor.name == "most" else np.float32
            tensor.CopyFrom(onnx.numpy_helper.from_array(np.array([value], dtype), tensor.name))
    model = onnxplain.load(proto, preprocess="zero-one", device="cpu")
    picture = model.read(photo)
    found = model.predict(picture).found
    session = onnxruntime.InferenceSession(proto.SerializeToString())
    (chosen,) = session.run(None, {"images": picture.x})
    wanted = {(int(label), int(row)) for _, label, row in chosen}
    assert (len({row for _, row in wanted}) < len(wanted)) == shared
    assert (max(np.bincount([label for label, _ in wanted])) == most) == (not shared)
    assert len(found.rows) == len(wanted)
    assert set(zip(found.labels.tolist(), found.rows.tolist(), strict=True)) == wanted
    assert (np.diff(found.scores) <= 0).all()


def test_a_letterbox_is_undone(photo):
    from PIL import Image

    model = onnxplain.load(written("v8"), preprocess="zero-one", device="cpu")
    recipe = model.preprocess.to_dict() | {"resize": "pad"}
    model = onnxplain.load(
        written("v8"), preprocess=type(model.preprocess).from_dict(recipe, "test"), device="cpu"
    )
    wide = Image.fromarray(photo).resize((4 * SIDE, 2 * SIDE))
    said = model.predict(wide)
    inside = said.found.sides
    # Four pixels of the photo are one of the input; half of the input is border.
    np.testing.assert_allclose(said.sides[:, 0::2], inside[:, 0::2] * 4, atol=1e-3)
    np.testing.assert_allclose(said.sides[:, 1::2], (inside[:, 1::2] - SIDE / 4) * 4, atol=1e-3)


def test_the_match_is_the_best_overlap_times_score(opened, photo):
    name, model = opened
    picture = model.read(photo)
    found, kept = expected(name, model, picture.x)
    for number, (_, label, row) in enumerate(kept[:3], 1):
        (aim,) = model.resolve(picture, [str(number)], by_match=True)
        among = [r for _, _, r in kept] if FORMS[name].final else range(len(found.sides))
        scores = {r: s for s, k, r in kept if k == label} if FORMS[name].final else None
        wanted = max(
            slow_iou(found.sides[r], found.sides[row])
            * (found.scores[r, label] if scores is None else scores.get(r, 0.0))
            for r in among
        )
        x = model.network.ort.activations(picture.x, aim.tensors)
        assert aim.score(x)[0] == pytest.approx(wanted, abs=1e-4)


def test_occlusion_is_the_drop_of_the_match(opened, photo):
    _, model = opened
    found = model.explain(photo, "occlusion", "2", window=16, stride=16)
    picture = model.read(photo)
    (aim,) = model.resolve(picture, ["2"], by_match=True)

    def score(x):
        return aim.score(model.network.ort.activations(x.astype(np.float32), aim.tensors))[0]

    covered = picture.x.copy()
    covered[:, :, 16:32, 32:48] = picture.x.mean(axis=(2, 3), keepdims=True)
    drop = score(picture.x) - score(covered)
    assert found.target.unit == "match"
    assert found.attribution[20, 36] == pytest.approx(drop, abs=1e-6)


@pytest.mark.parametrize("name", [n for n, f in FORMS.items() if not f.final])
def test_gradients_start_at_the_logit_of_the_candidate(name, photo):
    model = onnxplain.load(written(name), preprocess="zero-one", device="cpu", precision="double")
    picture = model.read(photo)
    _, kept = expected(name, model, picture.x)
    _, label, row = kept[0]
    found = model.explain(photo, "gradient", "1")
    x = torch.from_numpy(picture.x).double().requires_grad_()
    net = network().double()
    _, _, logits = net.candidates(x)
    if FORMS[name].kind == "softmax":
        assert found.target.unit == "logit"
    logits[0, label, row].backward()
    network().float()
    np.testing.assert_allclose(found.attribution, x.grad[0].numpy(), rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("part", ["left", "bottom", "width", "y"])
@pytest.mark.parametrize("name", ["v8", "v5", "ssd", "detr", "suppression"])
def test_sides_have_slopes(name, part, photo):
    model = onnxplain.load(written(name), preprocess="zero-one", device="cpu", precision="double")
    picture = model.read(photo)
    _, kept = expected(name, model, picture.x)
    _, _, row = kept[0]
    from dataclasses import replace

    (aim,) = model.resolve(picture, [replace(model.request("1"), part=part)])
    found = model.explain(picture, "gradient", aim)
    x = torch.from_numpy(picture.x).double().requires_grad_()
    net = network().double()
    sides, _, _ = net.candidates(x)
    left, top, right, bottom = sides[0, :, row]
    wanted = {"left": left, "bottom": bottom, "width": right - left, "y": (top + bottom) / 2}
    wanted[part].backward()
    network().float()
    assert aim.unit == "pixels"
    np.testing.assert_allclose(found.attribution, x.grad[0].numpy(), rtol=1e-4, atol=1e-7)


def test_the_layer_is_that_of_the_scale(photo):
    model = onnxplain.load(written("v8"), preprocess="zero-one", device="cpu")
    picture = model.read(photo)
    said = model.predict(picture)
    cells = np.cumsum([(SIDE // s) ** 2 for s in (8, 16, 32)])
    for k in range(min(6, len(said.scores))):
        found = model.explain(picture, "grad-cam", str(k + 1))
        scale = int(np.searchsorted(cells, said.found.rows[k], side="right"))
        assert found.attribution.shape == (SIDE // (8, 16, 32)[scale],) * 2


def test_what_a_person_writes(photo):
    model = onnxplain.load(written("v8"), preprocess="zero-one", device="cpu")
    picture = model.read(photo)
    said = model.predict(picture)
    label = LABELS[said.found.labels[0]]
    other = next(k for k, n in enumerate(said.names) if not n.startswith(label))
    x, y = (said.sides[other, :2] + said.sides[other, 2:]) / 2
    named = said.names[other].partition("#")[0]

    def one(text):
        (aim,) = model.resolve(picture, [text], by_match=True)
        return aim

    assert one(None) == one("1") == one(label) == one(f"{label}#1")
    assert one(f"{named}#1") == one(str(other + 1))
    at = one(f"{named}@{x:.2f},{y:.2f}")
    assert at.sides[0] <= x <= at.sides[2]
    drawn = one("car in 5,6,30,31.5")
    np.testing.assert_allclose(drawn.sides, (5, 6, 30, 31.5))
    assert len(model.resolve(picture, ["top-3"])) == 3
    with pytest.raises(NowhereError, match="number 999"):
        one(f"{label}#999")
    with pytest.raises(UsageError, match=r"unknown class 'top-1@5'; the model is a detector"):
        one("top-1@5")
    with pytest.raises(UsageError, match="is empty"):
        one("car in 30,6,5,31")
    with pytest.raises(UsageError, match="no classes that compete"):
        model.resolve(picture, ["1"], contrast="car")


def test_no_box_says_how_to_go_on():
    model = onnxplain.load(written("v8"), preprocess="zero-one", device="cpu")
    from dataclasses import replace

    model.task.layout = replace(
        model.task.layout, suppression=replace(model.task.layout.suppression, least=1.1)
    )
    photo = np.zeros((SIDE, SIDE, 3), np.uint8)
    assert not len(model.predict(photo).scores)
    with pytest.raises(NowhereError, match="finds no box"):
        model.explain(photo, "gradient")
    drawn = model.explain(photo, "occlusion", "dog in 8,8,40,40")
    assert drawn.score >= 0
    assert model.task.count == CLASSES
