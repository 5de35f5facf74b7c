"""Files that take pixels: the scores are those of the preprocessing in every bit."""

import json
from dataclasses import replace

import nets
import numpy as np
import onnx
import pytest
import torch
from PIL import Image
from torch import nn

import onnxplain
from onnxplain.errors import UsageError
from onnxplain.export.preprocess import require_bytes, table
from onnxplain.inputs.preprocess import Preprocess, preset
from tests.export.views import Viewed, of_product

SIZE = (20, 24)
RECIPES = {
    "mean and std": preset("imagenet-torch", "NCHW", SIZE),
    "blue first, of 255": preset("keras-caffe", "NCHW", SIZE),
    "of 255": preset("raw", "NCHW", SIZE),
    "-1 to 1": preset("minus-one-one", "NCHW", SIZE),
    "blue first, mean and std": preset("imagenet-torch-bgr", "NCHW", SIZE),
    "grey": preset("zero-one", "NCHW", SIZE, channels=1),
    "five bands": preset("zero-one", "NCHW", SIZE, channels=5),
    "channels last": preset("clip", "NHWC", SIZE),
    "channels last, blue first": preset("keras-caffe", "NHWC", SIZE),
}


class Net(nn.Module):
    def __init__(self, channels, layout):
        super().__init__()
        torch.manual_seed(3)
        self.layout = layout
        self.body = nn.Sequential(
            nn.Conv2d(channels, 6, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(6, 6, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
            nn.Linear(6, 4),
        )  # fmt: skip

    def forward(self, x):
        return self.body(x.permute(0, 3, 1, 2) if self.layout == "NHWC" else x)


def made(recipe, folder, methods=("grad-cam",), **view):
    source = folder / "model.onnx"
    net = Net(recipe.channels, recipe.layout).eval()
    onnx.save(nets.export(net, torch.rand(2, *recipe.shape[1:])), source)
    model = onnxplain.load(source, preprocess=recipe)
    return Viewed(model, source, folder / "out.onnx", methods, uint8=True, **view)


def noise(recipe, seed=0):
    channels = recipe.channels if recipe.takes_bands else 3
    return np.random.default_rng(seed).integers(0, 256, (*recipe.size, channels), np.uint8)


def whole(recipe):
    """The same recipe for pictures that have the model's size."""
    return replace(recipe, resize="stretch", crop_fraction=1.0)


@pytest.mark.parametrize("name", RECIPES)
def test_scores_and_maps_are_those_of_the_preprocessed_picture(name, tmp_path):
    recipe = RECIPES[name]
    file = made(recipe, tmp_path)
    pixels = np.stack([noise(recipe, k) for k in range(3)])
    read = [whole(recipe).apply(p if recipe.takes_bands else Image.fromarray(p)) for p in pixels]
    x = {"image": np.concatenate(read)}
    (before,) = file.original.run(None, x)
    (after,) = file.run(["scores"], {"picture": pixels})
    assert after.tobytes() == before.tobytes()
    for k, one in enumerate(read):
        (ours,) = file.output("grad-cam", {"picture": pixels[k : k + 1]})
        expected = file.model.explain(one, "grad-cam").attribution
        np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-5 * np.abs(expected).max())
    # The control: other pixels have other scores.
    (other,) = file.run(["scores"], {"picture": pixels[..., ::-1] ^ 255})
    assert not np.allclose(other, before)


@pytest.mark.parametrize("name", RECIPES)
@pytest.mark.parametrize("uint8", [True, False])
def test_the_overlay_has_the_picture_that_was_preprocessed(name, uint8, tmp_path):
    recipe = RECIPES[name]
    source = tmp_path / "model.onnx"
    onnx.save(nets.export(Net(recipe.channels, recipe.layout).eval(),
                          torch.rand(2, *recipe.shape[1:])), source)  # fmt: skip
    model = onnxplain.load(source, preprocess=whole(recipe))
    file = Viewed(model, source, tmp_path / "out.onnx", ["grad-cam"], overlay=True, uint8=uint8)
    pixels = noise(recipe)
    feeds = {"picture": pixels[None]} if uint8 else file.x(pixels)
    (ours,) = file.overlay("grad-cam", feeds)
    _, _, expected = of_product(model.explain(pixels, "grad-cam"))
    apart = np.abs(ours.astype(int) - expected)
    assert (apart > 1).mean() < 0.01
    assert apart.max() <= 8


@pytest.mark.parametrize("dtype", ["float32", "float16", "float64", "uint8", "int8", "int32"])
@pytest.mark.parametrize("name", RECIPES)
def test_each_byte_has_its_number_in_every_bit(name, dtype):
    recipe = replace(RECIPES[name], dtype=dtype)
    pixels = noise(recipe)[None, ..., : recipe.channels]
    x = recipe.encode(pixels)
    channels_last = np.moveaxis(x, 1, -1) if recipe.layout == "NCHW" else x
    seen = pixels[..., ::-1] if recipe.color == "BGR" else pixels
    values = table(recipe)
    assert values.dtype == x.dtype
    for k in range(recipe.channels):
        assert np.array_equal(values[k][seen[..., k]], channels_last[..., k])


@pytest.mark.parametrize("source", ["digits-gap", "fashion-cnn", "digits-keras", "flowers-gap"])
def test_shipped_models_take_pixels(source, tmp_path):
    path = f"models/{source}.onnx"
    model = onnxplain.load(path)
    file = Viewed(model, path, tmp_path / "out.onnx", ["gradient"], uint8=True)
    recipe = model.preprocess
    pixels = noise(recipe)
    outputs = [o.name for o in file.original.get_outputs()]
    before = file.original.run(outputs, {model.network.image.name: model.read(pixels).x})
    for explain in (True, False):
        after = file.run(outputs, {"picture": pixels[None]}, explain=np.array(explain))
        assert [a.tobytes() for a in after] == [b.tobytes() for b in before]


def test_the_file_says_which_preprocessing_it_has(tmp_path):
    recipe = RECIPES["mean and std"]
    made(recipe, tmp_path)
    said = {p.key: p.value for p in onnx.load(tmp_path / "out.onnx").metadata_props}
    data = json.loads(said["onnxplain.export"])
    assert Preprocess.from_dict(data["preprocess"]) == recipe
    assert data["preprocess_from"] == "given"
    assert data["inputs"]["picture"] == "picture"


def test_a_guess_is_called_one(tmp_path):
    source = tmp_path / "model.onnx"
    onnx.save(nets.export(Net(3, "NCHW").eval(), torch.rand(2, 3, *SIZE)), source)
    file = Viewed(onnxplain.load(source), source, tmp_path / "out.onnx", ["gradient"], uint8=True)
    said = {p.key: p.value for p in onnx.load(file.made.path).metadata_props}
    assert json.loads(said["onnxplain.export"])["preprocess_from"].startswith("a guess")
    assert "from a guess" in file.made.preprocess


def test_a_model_of_bytes_needs_nothing():
    class Bytes(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = Net(3, "NHWC")

        def forward(self, x):
            return self.net(x.float() / 255)

    proto = nets.export(Bytes().eval(), torch.zeros(2, *SIZE, 3, dtype=torch.uint8))
    model = onnxplain.load(proto, layout="NHWC")
    with pytest.raises(UsageError, match="takes uint8 pictures as they are; leave --uint8 out"):
        require_bytes(model.preprocess)


def test_bands_of_more_bits_are_refused():
    recipe = replace(RECIPES["five bands"], white=4095.0)
    with pytest.raises(UsageError, match="do not fit into uint8"):
        require_bytes(recipe)
