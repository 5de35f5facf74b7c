"""Reference pictures by relevance: one pass against explaining each picture alone."""

from dataclasses import replace

import numpy as np
import pytest
from features.small import CLASSES, opened, pixels, written

import onnxplain.features.concepts.relmax as module
from onnxplain.errors import ImageError
from onnxplain.explanations.display import reduce_channels
from onnxplain.features.concepts.relmax import references, relevant_samples

LAYER = "d"


@pytest.fixture(scope="module")
def model():
    return opened(precision="double", batch_size=3)


def brute_force(model, count, target, own):
    """Share of each channel in each picture, by explanations one by one."""
    shares = {}
    for k in range(count):
        found = model.explain(pixels(k), "lrp", None if own else target, at=LAYER)
        sums = found.maps["channels"]
        shares[k] = sums / np.abs(sums).sum()
    return shares


@pytest.mark.parametrize("own", [True, False])
def test_one_pass_is_brute_force(model, tmp_path, own):
    samples = written(tmp_path, 10)
    target = model.explain(pixels(0), "lrp", "bee").target
    found = relevant_samples(model, samples, LAYER, target, own=own, count=4)
    shares = brute_force(model, 10, target, own)
    for channel in range(5):
        order = sorted(shares, key=lambda k: (-shares[k][channel], k))[:4]
        assert found.units.images[channel].tolist() == order
        np.testing.assert_allclose(
            found.units.scores[channel], [shares[k][channel] for k in order], rtol=1e-9
        )


def test_the_two_rankings_differ(model, tmp_path):
    samples = written(tmp_path, 10)
    target = model.explain(pixels(0), "lrp", "bee").target
    one, other = (
        relevant_samples(model, samples, LAYER, target, own=own, count=4) for own in (True, False)
    )
    assert not np.array_equal(one.units.images, other.units.images)


def test_references_show_where_the_channel_was_relevant(model, tmp_path):
    samples = written(tmp_path, 8, broken=(2,))
    target = model.explain(pixels(0), "lrp").target
    found = relevant_samples(model, samples, LAYER, target, count=3)
    assert [s.name for s in found.skipped] == ["02.png"]
    channel = int(found.units.scores[:, 0].argmax())
    (row,) = references(model, samples, found, [channel])
    assert row.channel == channel
    assert len(row.names) == len(row.pixels) == len(row.maps) == len(row.shares) > 0
    for name, seen, pixel in zip(row.names, row.maps, row.pixels, strict=True):
        number = int(name[:2])
        np.testing.assert_array_equal(pixel, pixels(number))
        alone = model.explain(pixels(number), "lrp", at=LAYER, channels=str(channel))
        wanted = reduce_channels(alone.attribution, alone.axes)
        np.testing.assert_allclose(seen, wanted, atol=1e-9 * np.abs(wanted).max())


def test_pictures_that_a_channel_opposes_are_left_out(model, tmp_path):
    samples = written(tmp_path, 6)
    target = model.explain(pixels(0), "lrp").target
    found = relevant_samples(model, samples, LAYER, target, count=6)
    rows = list(references(model, samples, found, range(5)))
    assert all(share > 0 for row in rows for share in row.shares)
    assert sum(len(row.names) for row in rows) == int((found.units.scores > 0).sum()) < 30


def test_a_data_set_without_a_readable_picture_is_refused(model, tmp_path):
    samples = written(tmp_path, 2, broken=(0, 1))
    target = model.explain(pixels(0), "lrp", CLASSES[0]).target
    with pytest.raises(ImageError, match="none of the 2 pictures can be read"):
        relevant_samples(model, samples, LAYER, target)


@pytest.mark.parametrize("own", [True, False])
def test_an_interrupted_pass_is_resumed(tmp_path, monkeypatch, own):
    model = opened(path=tmp_path / "small.onnx", batch_size=3)
    samples = written(tmp_path, 12, broken=(1,))
    target = model.explain(pixels(0), "lrp", "bee").target
    options = {"own": own, "count": 4}
    whole = relevant_samples(model, samples, LAYER, target, **options)
    monkeypatch.setattr(module, "_SAVE_EVERY", -1.0)
    state, seen = tmp_path / "state.npz", []

    def stop(done, total):
        if done > 6:
            raise KeyboardInterrupt

    def again(aim=target, **changed):
        seen.clear()
        return relevant_samples(
            model, samples, LAYER, aim, **{**options, **changed}, state=state,
            progress=lambda done, _: seen.append(done),
        )  # fmt: skip

    with pytest.raises(KeyboardInterrupt):
        relevant_samples(model, samples, LAYER, target, **options, state=state, progress=stop)
    found = again()
    assert min(seen) > 6
    assert found.skipped == whole.skipped
    for name, values in whole.units.arrays().items():
        np.testing.assert_array_equal(found.units.arrays()[name], values)
    np.testing.assert_array_equal(again().units.images, whole.units.images)
    assert seen == []  # a finished pass is read
    other = replace(target, index=2, name="cat")
    again(other)
    assert bool(seen) is not own  # each picture's own class is the same for every target
    for changed in ({"count": 3}, {"composite": "epsilon"}, {"own": not own}):
        again(**changed)
        assert seen[-1] == 12
    state.write_bytes(b"no archive")
    np.testing.assert_array_equal(again().units.images, whole.units.images)
    assert seen[-1] == 12
