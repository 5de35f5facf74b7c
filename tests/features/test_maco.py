"""Pictures of natural magnitudes: what grows, grows; the magnitudes stay; they can differ."""

from dataclasses import replace

import numpy as np
import pytest
from features.small import opened, written

import onnxplain
from onnxplain.errors import UsageError
from onnxplain.features.archive import read_archive
from onnxplain.features.concepts.examples import examples_of
from onnxplain.features.maco import Maco, as_inputs, data_spectrum, maco, of_inputs, of_range
from onnxplain.features.raised import Channel
from onnxplain.features.spectrum import natural_spectrum

FEW = Maco(steps=30, crops=2, noise=0.0)


@pytest.fixture(scope="module")
def model():
    return onnxplain.load("models/digits-gap.onnx")


def test_a_trained_classifier_is_convinced(model, tmp_path):
    target, _ = examples_of(model, (), 3)
    found = maco(model, target, how=FEW, seed=1)
    start = maco(model, target, how=replace(FEW, steps=1), seed=1)
    assert found.scores[0] > start.scores[0] + 3
    assert found.history[-1] > found.history[0]
    x = model.read(found.pixels[0]).x
    assert float(
        target.score(model.network.ort.activations(x, target.tensors))[0]
    ) == pytest.approx(found.scores[0], rel=0.1)
    found.save(tmp_path / "x.npz")
    record, arrays = read_archive(tmp_path / "x.npz", "maco pictures")
    np.testing.assert_array_equal(arrays["pixels"], found.pixels)
    assert record["settings"]["spectrum"] == "natural, 1/f"
    assert arrays["weight"].max() == 1


def test_the_picture_keeps_the_magnitudes(model):
    """Undo the squashing of what was made, up to the rounding of its pixels."""
    found = maco(model, Channel("/2/Conv_output_0", 4), how=FEW)
    share = np.clip(found.pixels[0, ..., 0] / 255, 0.002, 0.998)
    waves = np.log(share / (1 - share)) / 4
    spectrum = natural_spectrum((8, 8), 1)
    wanted = spectrum.magnitudes[0] * spectrum.colors[0, 0]
    np.testing.assert_allclose(np.abs(np.fft.rfft2(waves)), wanted, atol=0.35, rtol=0.1)


def test_pictures_are_kept_apart(model):
    target, _ = examples_of(model, (), 8)
    layer = model.network.layer(None).name

    def likeness(diversity):
        made = maco(model, target, how=replace(FEW, diversity=diversity), count=2, seed=2)
        x = np.concatenate([model.read(p).x for p in made.pixels])
        a, b = model.network.ort.activations(x, [layer])[layer].mean(axis=(2, 3))
        return a @ b / np.linalg.norm(a) / np.linalg.norm(b)

    assert likeness(200.0) < likeness(0.0)


def test_the_same_seed_makes_the_same_picture(model):
    one, again, other = (
        maco(model, Channel("/2/Conv_output_0", 0), how=replace(FEW, steps=3), seed=s)
        for s in (1, 1, 2)
    )
    np.testing.assert_array_equal(one.pixels, again.pixels)
    assert not np.array_equal(one.pixels, other.pixels)


def test_magnitudes_of_a_data_set(tmp_path):
    model = opened()
    samples = written(tmp_path, 5, broken=(1,))
    spectrum, skipped = data_spectrum(model, samples, replace(FEW, zoom=2.0))
    assert [s.name for s in skipped] == ["01.png"]
    assert (spectrum.size, spectrum.source) == ((24, 24), "4 pictures")
    made = maco(model, Channel("d", 0), spectrum, replace(FEW, steps=2, zoom=2.0))
    assert made.pixels.shape == (1, 24, 24, 3)
    with pytest.raises(UsageError, match=r"pictures of \(24, 24\), not of \(12, 12\)"):
        maco(model, Channel("d", 0), spectrum, FEW)


def test_inputs_and_pictures_are_one_another(rng):
    model = opened()
    x = rng.uniform(0, 255, (2, 3, 12, 12)).astype(np.float32)
    np.testing.assert_allclose(as_inputs(model, of_range(model, x)), x, rtol=1e-6)
    np.testing.assert_allclose(of_inputs(model, x), x.astype(float) * 255)


@pytest.mark.parametrize(
    "wrong",
    [{"steps": 0}, {"crops": 0}, {"rate": 0.0}, {"smallest": 0.95}, {"zoom": 5.0}, {"noise": -1.0}],
)
def test_impossible_settings_are_refused(wrong):
    with pytest.raises(UsageError, match="must be 1 or more"):
        Maco(**wrong)


def test_no_pictures_are_refused(model):
    with pytest.raises(UsageError, match="the number of pictures must be 1 or more"):
        maco(model, Channel("/2/Conv_output_0", 0), how=FEW, count=0)
