"""torchvision's detectors: boxes as torchvision says, and maps, or a reason why not."""

import numpy as np
import onnxruntime
import pytest
import torch
from torchvision_detectors import BUILT, SIDE, network, written

import onnxplain
from onnxplain.errors import MethodRefusedError
from onnxplain.network.context import scores_by


@pytest.fixture(scope="module", params=BUILT)
def opened(request):
    return request.param, onnxplain.load(
        written(request.param), preprocess="zero-one", device="cpu"
    )


@pytest.fixture(scope="module")
def photo():
    return np.random.default_rng(5).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)


def in_order(sides, scores, labels):
    """Rows by score, label and place; equal scores may follow each other in any order."""
    rows = np.column_stack([np.asarray(scores), labels, sides]).astype(np.float64)
    return rows[np.lexsort(np.round(rows, 2).T[::-1])]


def test_boxes_are_those_of_torchvision(opened, photo):
    name, model = opened
    picture = model.read(photo)
    found = model.predict(picture)
    session = onnxruntime.InferenceSession(written(name).SerializeToString())
    said = [session.run(None, {"images": picture.x})]
    if name != "fcos":  # the exporter keeps lengths that are those of one picture
        with torch.no_grad():
            said.append([t.numpy() for t in network(name)(torch.from_numpy(picture.x))])
    own = in_order(found.sides, found.scores, found.found.labels)
    for sides, scores, labels in said:
        assert len(found.scores) == len(scores) > 3
        np.testing.assert_allclose(own, in_order(sides, scores, labels), rtol=1e-3, atol=2e-3)


def test_number_of_classes_and_names_are_open(opened):
    _, model = opened
    assert model.labels == []
    assert not any("ImageNet" in w for w in model.warnings)


@pytest.mark.parametrize("engine", ["auto", "brute-force"])
def test_occlusion_is_the_drop_of_the_match(opened, photo, engine):
    """As many boxes as each covered picture has; the file tells inputs apart by runs alone."""
    _, model = opened
    picture = model.read(photo)
    found = model.explain(picture, "occlusion", "1", window=16, stride=16, engine=engine)
    (aim,) = model.resolve(picture, ["1"], by_match=True)
    mean = picture.x.mean(axis=(2, 3), keepdims=True)

    def score(x):
        return aim.score(model.network.ort.activations(x.astype(np.float32), aim.tensors))[0]

    for top, left in np.ndindex(4, 4):
        covered = picture.x.copy()
        covered[:, :, 16 * top : 16 * top + 16, 16 * left : 16 * left + 16] = mean
        drop = score(picture.x) - score(covered)
        assert found.attribution[16 * top + 8, 16 * left + 8] == pytest.approx(drop, abs=1e-5)


def test_rise_scores_every_mask_on_its_own(opened, photo):
    _, model = opened
    picture = model.read(photo)
    (aim,) = model.resolve(picture, ["1"], by_match=True)
    several = np.concatenate([picture.x * share for share in (1.0, 0.8, 0.5)])
    found = scores_by(model.network.ort, several, aim)
    each = [aim.score(model.network.ort.activations(x[None], aim.tensors))[0] for x in several]
    np.testing.assert_allclose(found, each, rtol=1e-6)
    assert found.shape == (3,)


def test_gradients_are_those_of_torchvision(opened, photo):
    name, model = opened
    picture = model.read(photo)
    said = model.predict(picture)
    x = torch.from_numpy(picture.x).requires_grad_()
    sides, scores, _ = network(name)(x)
    # The first of equal scores may be any of them.
    away = np.abs(sides.detach().numpy() - said.sides[0]).max(axis=1)
    away += 100 * np.abs(scores.detach().numpy() - said.scores[0])
    scores[int(away.argmin())].backward()
    wanted = x.grad[0].numpy()
    found = model.explain(picture, "gradient", "1").attribution
    np.testing.assert_allclose(found, wanted, atol=1e-3 * np.abs(wanted).max())


@pytest.mark.parametrize("name", ["ssd", "faster-rcnn"])
def test_a_method_that_looks_at_other_pictures_is_refused(name, photo):
    model = onnxplain.load(written(name), preprocess="zero-one", device="cpu")
    with pytest.raises(MethodRefusedError, match="ranks its boxes") as error:
        model.explain(photo, "integrated-gradients", "1", steps=2, max_steps=2)
    assert "\n" not in str(error.value)
