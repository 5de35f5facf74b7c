"""Average patches: the mean of what excites a feature, brought to one size."""

import numpy as np
import pytest
import torch
from features.small import SIDE as PICTURE
from features.small import opened, pixels, written
from PIL import Image
from torch.nn.functional import interpolate

from onnxplain.features.averages import SIDE, average_patches
from onnxplain.features.top_units import TopUnits
from onnxplain.inputs.dataset import Sample
from onnxplain.model.model import Model


@pytest.fixture(scope="module")
def model():
    return opened()


def units(*features):
    """Each feature is a list of (score, image, row, column)."""
    count = max(map(len, features))
    found = TopUnits.empty(len(features), count)
    for k, ranked in enumerate(features):
        for rank, (score, image, row, column) in enumerate(ranked):
            found.scores[k, rank], found.images[k, rank] = score, image
            found.places[k, rank] = row, column
    return found


def enlarged(patch):
    """Bilinearly, by PyTorch."""
    planes = torch.from_numpy(np.moveaxis(patch.astype(np.float64), -1, 0))[None]
    large = interpolate(planes, (SIDE, SIDE), mode="bilinear", align_corners=False)
    return np.moveaxis(large[0].numpy(), 0, -1)


def test_an_average_is_the_mean_of_the_enlarged_patches(model, tmp_path):
    samples = written(tmp_path, 3)
    found, counts = average_patches(
        model, samples, ["b", "d"], units([(9, 0, 4, 5), (7, 2, 6, 3)], [(2, 1, 3, 3)])
    )
    assert found.shape == (2, SIDE, SIDE, 3)
    assert found.dtype == np.uint8
    assert counts.tolist() == [2, 1]
    # Units of b see 3 x 3 pixels, those of d 5 x 5.
    first = (enlarged(pixels(0)[3:6, 4:7]) + enlarged(pixels(2)[5:8, 2:5])) / 2
    second = enlarged(pixels(1)[4:9, 4:9])
    for image, wanted in zip(found, (first, second), strict=True):
        assert np.abs(image - wanted).max() <= 0.5 + 1e-9


def test_a_patch_at_the_border_is_filled_with_its_mean_colour(model, tmp_path):
    found, _ = average_patches(model, written(tmp_path, 1), ["b"], units([(1, 0, 0, 11)]))
    corner = pixels(0)[:2, 10:]
    patch = np.empty((3, 3, 3), np.uint8)
    patch[...] = corner.mean(axis=(0, 1)).astype(np.uint8)
    patch[1:, :2] = corner
    assert np.abs(found[0] - enlarged(patch)).max() <= 0.5 + 1e-9


def test_what_nothing_excites_is_grey(model, tmp_path):
    """Responses that are not positive, and places that nothing fills."""
    found, counts = average_patches(
        model, written(tmp_path, 1), ["b", "b", "b"], units([(0, 0, 4, 4)], [(-2, 0, 4, 4)], [])
    )
    assert counts.tolist() == [0, 0, 0]
    assert (found == 127).all()


def test_each_picture_is_read_once(model, tmp_path, monkeypatch):
    asked = []
    read = Model.read
    monkeypatch.setattr(Model, "read", lambda self, p: asked.append(p.name) or read(self, p))
    ranked = [(3, 2, 4, 4), (2, 0, 5, 5)]
    average_patches(model, written(tmp_path, 4), ["b", "d", "b"], units(*[ranked] * 3))
    assert asked == ["00.png", "02.png"]


def test_grey_models_have_grey_averages(tmp_path):
    body = "a = Conv(image, kg) b = Relu(a) g = GlobalMaxPool(b) scores = Flatten(g)"
    image = f"float[N,1,{PICTURE},{PICTURE}] image"
    grey = opened(body, image=image, kg=np.ones((2, 1, 3, 3), np.float32))
    Image.new("L", (PICTURE, PICTURE), 77).save(tmp_path / "g.png")
    samples = [Sample("g.png", tmp_path / "g.png")]
    found, _ = average_patches(grey, samples, ["b"], units([(1, 0, 3, 3)]))
    assert found.shape == (1, SIDE, SIDE, 1)
    assert (found == 77).all()
