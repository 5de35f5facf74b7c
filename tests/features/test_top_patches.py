"""The strongest images of each channel: one pass against brute force, and what is cut out."""

import numpy as np
import pytest
from PIL import Image

import onnxplain
from onnxplain.errors import ImageError, MethodRefusedError, UsageError
from onnxplain.features import top_patches as module
from onnxplain.features.patches import fields_of
from onnxplain.features.top_patches import TopPatches, channel_patches, top_patches
from onnxplain.features.top_units import TopUnits
from onnxplain.inputs.dataset import read_dataset

LAYER = "/2/Conv_output_0"


@pytest.fixture(scope="module")
def model():
    return onnxplain.load("models/digits-gap.onnx", batch_size=4)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Thirty pictures, one of which is none."""
    path = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(0)
    for k in range(30):
        Image.fromarray(rng.integers(0, 256, (8, 8), np.uint8)).save(path / f"{k:02d}.png")
    (path / "13.png").write_bytes(b"no picture")
    return path


def brute_force(model, samples, count):
    """All responses at once, then sorted."""
    kept = [k for k in range(30) if k != 13]
    x = np.concatenate([model.read(samples[k].path).x for k in kept])
    maps = model.network.ort.activations(x, [LAYER])[LAYER]
    best = maps.reshape(len(kept), maps.shape[1], -1)
    for channel in range(maps.shape[1]):
        order = sorted(range(len(kept)), key=lambda n: (-best[n, channel].max(), n))[:count]
        yield [
            (kept[n], best[n, channel].max(), divmod(int(best[n, channel].argmax()), maps.shape[3]))
            for n in order
        ]


def test_one_pass_is_brute_force(model, folder):
    samples = read_dataset(folder)
    found = top_patches(model, samples, LAYER, count=5)
    assert [s.name for s in found.skipped] == ["13.png"]
    assert "cannot read image" in found.skipped[0].why
    for channel, expected in enumerate(brute_force(model, samples, 5)):
        assert found.units.images[channel].tolist() == [k for k, _, _ in expected]
        np.testing.assert_allclose(
            found.units.scores[channel], [v for _, v, _ in expected], rtol=1e-6
        )
        assert [tuple(p) for p in found.units.places[channel].tolist()] == [
            p for _, _, p in expected
        ]


def test_batches_change_nothing_and_ties_keep_their_order(rng):
    maps = rng.integers(0, 3, (20, 4, 3, 5)).astype(np.float32)
    results = []
    for size in (1, 7, 20):
        units = TopUnits.empty(4, 6)
        for start in range(0, 20, size):
            units.add(np.arange(start, min(start + size, 20)), maps[start : start + size])
        results.append(units)
    for units in results[1:]:
        for name, values in units.arrays().items():
            assert np.array_equal(values, results[0].arrays()[name])
    same = results[0].scores == results[0].scores[:, :1]
    assert same.sum() > 4
    for images, tied in zip(results[0].images, same, strict=True):
        assert (np.diff(images[tied]) > 0).all()


def test_fewer_images_than_asked_for():
    units = TopUnits.empty(1, 3)
    units.add(np.array([4]), np.array([[[[1.0, 2.0]]]]))
    assert units.images.tolist() == [[4, -1, -1]]
    assert units.scores.tolist() == [[2.0, -np.inf, -np.inf]]
    assert units.places[0, 0].tolist() == [0, 1]


def test_an_interrupted_pass_is_resumed(model, folder, tmp_path, monkeypatch):
    samples = read_dataset(folder)
    whole = top_patches(model, samples, LAYER, count=5)
    monkeypatch.setattr(module, "_SAVE_EVERY", 0.0)
    state = tmp_path / "state.npz"

    def stop(done, total):
        if done > 17:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        top_patches(model, samples, LAYER, count=5, state=state, progress=stop)
    assert 0 < TopPatches.load(state).done < 18
    seen = []
    resumed = top_patches(
        model, samples, LAYER, count=5, state=state, progress=lambda d, t: seen.append(d)
    )
    assert min(seen) > 12
    assert resumed.skipped == whole.skipped
    for name, values in whole.units.arrays().items():
        assert np.array_equal(values, resumed.units.arrays()[name])
    seen.clear()
    top_patches(model, samples, LAYER, count=5, state=state, progress=lambda d, t: seen.append(d))
    assert seen == []
    top_patches(model, samples[:9], LAYER, count=5, state=state)
    assert TopPatches.load(state).done == 9


def test_damaged_state_is_replaced(model, folder, tmp_path):
    state = tmp_path / "state.npz"
    state.write_bytes(b"PK nonsense")
    with pytest.raises(UsageError, match="not a saved top patches file"):
        TopPatches.load(state)
    samples = read_dataset(folder)[:3]
    assert top_patches(model, samples, LAYER, state=state).done == 3
    assert TopPatches.load(state).names == [s.name for s in samples]


def test_patches_lie_in_the_receptive_field(model, folder):
    samples = read_dataset(folder)
    found = top_patches(model, samples, LAYER)
    fields, local = fields_of(model, LAYER)
    assert fields.size == (5, 5)
    assert not local
    (patches,) = channel_patches(model, samples, found, [3], projection="gradient")
    assert len(patches.patches) == len(patches.projections) == 9
    for k, name in enumerate(patches.names):
        row, column = found.units.places[3, k]
        box = fields.box(row, column)
        pixels = model.read(folder / name).pixels
        expected = pixels[box.top : box.bottom, box.left : box.right]
        top = 5 - expected.shape[0] if box.top == 0 else 0
        left = 5 - expected.shape[1] if box.left == 0 else 0
        inside = patches.patches[k][top:, left:][: expected.shape[0], : expected.shape[1]]
        assert np.array_equal(inside, expected)
        assert patches.projections[k].shape == (5, 5, 1)
        assert np.abs(patches.projections[k]).max() > 0


def test_refusals(model, folder, tmp_path):
    samples = read_dataset(folder)
    with pytest.raises(MethodRefusedError, match="no height and width"):
        top_patches(model, samples, "logits")
    found = top_patches(model, samples[:3], LAYER)
    with pytest.raises(UsageError, match=r"channel 16 is out of range"):
        list(channel_patches(model, samples, found, [16]))
    (tmp_path / "only.png").write_bytes(b"no picture")
    with pytest.raises(ImageError, match="none of the 1 pictures can be read"):
        top_patches(model, read_dataset(tmp_path), LAYER)
