"""A data set read batch by batch: what is read, what is skipped, and what marks a pass."""

import os
from dataclasses import replace

import numpy as np
import pytest
from features.small import IMAGE, inputs, opened, written

from onnxplain.errors import ImageError, NumericalError, UsageError
from onnxplain.features.passes import Skipped, batches, fingerprint, require_finite, silent


@pytest.fixture(scope="module")
def model():
    return opened(batch_size=4)


def read(model, samples, **options):
    skipped = []
    return list(batches(model, samples, skipped, **options)), skipped


@pytest.mark.parametrize(("size", "wanted"), [(None, [4, 4, 2]), (3, [3, 3, 3, 1]), (99, [10])])
def test_every_picture_comes_once_and_in_order(model, tmp_path, size, wanted):
    found, skipped = read(model, written(tmp_path, 10), size=size)
    assert [len(x) for _, x, _ in found] == wanted
    assert [done for _, _, done in found] == np.cumsum(wanted).tolist()
    assert np.concatenate([i for i, _, _ in found]).tolist() == list(range(10))
    np.testing.assert_array_equal(np.concatenate([x for _, x, _ in found]), inputs(*range(10)))
    assert skipped == []


def test_a_pass_goes_on_where_it_stopped(model, tmp_path):
    found, _ = read(model, written(tmp_path, 7), start=5)
    ((indices, x, done),) = found
    assert (indices.tolist(), done) == ([5, 6], 7)
    np.testing.assert_array_equal(x, inputs(5, 6))
    assert read(model, written(tmp_path, 7), start=7) == ([], [])


@pytest.mark.parametrize("broken", [(0,), (2, 3), (6,), (0, 1, 2, 3, 4, 5)])
def test_what_cannot_be_read_is_skipped_and_told_without_its_path(model, tmp_path, broken):
    found, skipped = read(model, written(tmp_path, 7, broken), size=2)
    kept = [k for k in range(7) if k not in broken]
    assert np.concatenate([i for i, _, _ in found]).tolist() == kept
    assert [s.name for s in skipped] == [f"{k:02d}.png" for k in broken]
    assert all("cannot read" in s.why and str(tmp_path) not in s.why for s in skipped)


def test_none_that_can_be_read_is_an_error(model, tmp_path):
    with pytest.raises(ImageError, match="none of the 3 pictures can be read; the first: cannot"):
        read(model, written(tmp_path, 3, (0, 1, 2)))
    # What was skipped before the interruption counts.
    skipped = [Skipped("00.png", "why")]
    samples = written(tmp_path, 3, (0, 1, 2))
    with pytest.raises(ImageError, match="the first: why"):
        list(batches(model, samples, skipped, start=1))
    assert read(model, []) == ([], [])


def test_other_errors_end_the_pass(model, tmp_path, monkeypatch):
    def refusing(path):
        raise UsageError("wrong recipe")

    monkeypatch.setattr(model, "read", refusing)
    with pytest.raises(UsageError, match="wrong recipe"):
        read(model, written(tmp_path, 3))


def test_a_fingerprint_is_of_everything_that_numbers_depend_on(tmp_path):
    model, samples = opened(path=tmp_path / "m.onnx"), written(tmp_path, 3)
    first = fingerprint(model, samples, top=3)
    assert first == fingerprint(opened(path=tmp_path / "m.onnx"), list(samples), top=3)
    gain = np.array([2.0], np.float32)
    body = "m = Mul(image, gain) g = GlobalMaxPool(m) scores = Flatten(g)"
    path, image = tmp_path / "n.onnx", f"{IMAGE}, float[1] gain"
    bound = opened(body, image=image, path=path, bound={"gain": gain})
    other_bound = opened(body, image=image, path=path, bound={"gain": 2 * gain})
    others = [
        fingerprint(model, samples, top=4),
        fingerprint(model, samples[:2], top=3),
        fingerprint(model, samples[::-1], top=3),
        fingerprint(model, [replace(samples[0], label="bee"), *samples[1:]], top=3),
        fingerprint(opened(path=tmp_path / "m.onnx", preprocess="zero-one"), samples, top=3),
        fingerprint(bound, samples, top=3),
        fingerprint(other_bound, samples, top=3),
    ]
    os.utime(samples[1].path, ns=(1, 1))
    others.append(fingerprint(model, samples, top=3))
    samples[1].path.unlink()
    others.append(fingerprint(model, samples, top=3))
    assert len({first, *others}) == len(others) + 1


def test_a_model_without_a_digest_is_like_no_other():
    model = opened()
    edited = model.with_graph(model.network.graph)
    assert fingerprint(edited, []) != fingerprint(edited, [])
    assert fingerprint(model, []) == fingerprint(model, [])


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_what_has_no_rank_is_refused(wrong):
    require_finite(np.zeros(3), "t")
    with pytest.raises(NumericalError, match="tensor 't' holds NaN or Inf"):
        require_finite(np.array([1.0, wrong]), "t")


def test_nobody_is_told():
    assert silent(1, 2) is None
