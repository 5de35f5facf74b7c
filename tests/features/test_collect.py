"""Responses of all filters to a labelled data set: one pass, on disk, resumed, or refused."""

from dataclasses import replace

import numpy as np
import pytest
from features.small import inputs, opened, tensors, written

from onnxplain.errors import (
    ImageError,
    NumericalError,
    OutputError,
    UnknownNameError,
    UsageError,
)
from onnxplain.features import collect as module
from onnxplain.features.archive import read_archive
from onnxplain.features.archive import write_archive as write
from onnxplain.features.collect import collect, forget
from onnxplain.features.responses import feature_layers, responses

COUNT, BROKEN = 11, 4


@pytest.fixture(scope="module")
def model():
    return opened(batch_size=3)


@pytest.fixture(scope="module")
def layers(model):
    return feature_layers(model)


@pytest.fixture
def samples(tmp_path):
    """Eleven pictures, one of which is none."""
    (tmp_path / "data").mkdir()
    return written(tmp_path / "data", COUNT, (BROKEN,))


def same(one, other):
    assert np.array_equal(one.responses, other.responses)
    assert np.array_equal(one.labels, other.labels)
    assert (one.skipped, one.done) == (other.skipped, other.done)
    for name, values in one.units.arrays().items():
        np.testing.assert_array_equal(values, other.units.arrays()[name])
    return True


def test_a_pass_finds_what_numpy_finds(model, layers, samples):
    told = []
    found = collect(model, samples, layers, top=4, progress=lambda *step: told.append(step))
    kept = [k for k in range(COUNT) if k != BROKEN]
    values = tensors(inputs(*kept))
    wanted = responses({n.name: values[n.name] for n in layers}, layers)
    np.testing.assert_array_equal(found.responses[kept], wanted)
    np.testing.assert_array_equal(found.labels[kept], np.array(kept) % 3)
    # What cannot be read is no row, has no class and excites nothing.
    assert found.labels[BROKEN] == -1
    assert not found.responses[BROKEN].any()
    assert [s.name for s in found.skipped] == ["04.png"]
    assert not (found.units.images == BROKEN).any()
    for layer in layers:
        maps = layer.maps(values[layer.name])
        best = maps.reshape(len(kept), layer.channels, -1).max(axis=2)
        for channel in range(layer.channels):
            order = np.argsort(-best[:, channel], kind="stable")[:4]
            row = layer.first + channel
            np.testing.assert_array_equal(found.units.images[row], np.array(kept)[order])
            np.testing.assert_array_equal(found.units.scores[row], best[order, channel])
    assert told[-1] == (COUNT, COUNT)
    assert [done for done, _ in told] == sorted(done for done, _ in told)


def test_a_pass_on_disk_is_the_one_in_memory(model, layers, samples, tmp_path):
    whole = collect(model, samples, layers, top=4)
    stored = collect(model, samples, layers, top=4, folder=tmp_path / "pass")
    assert isinstance(stored.responses, np.memmap)
    assert same(stored, whole)
    told = []
    again = collect(
        model, samples, layers, top=4, folder=tmp_path / "pass",
        progress=lambda *step: told.append(step),
    )  # fmt: skip
    assert same(again, whole)
    assert told == []
    forget(tmp_path / "pass")
    assert not (tmp_path / "pass").exists()
    forget(tmp_path / "pass")


def interrupted(model, layers, samples, folder, monkeypatch):
    monkeypatch.setattr(module, "_SAVE_EVERY", 0.0)

    def stop(done, total):
        if done > 7:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        collect(model, samples, layers, top=4, folder=folder, progress=stop)


def resumed(model, layers, samples, folder, **changes):
    told = []
    options = {"top": 4, **changes}
    found = collect(
        model, samples, layers, folder=folder, progress=lambda d, _: told.append(d), **options
    )
    return found, told


def test_an_interrupted_pass_goes_on(model, layers, samples, tmp_path, monkeypatch):
    whole = collect(model, samples, layers, top=4)
    interrupted(model, layers, samples, tmp_path / "pass", monkeypatch)
    found, told = resumed(model, layers, samples, tmp_path / "pass")
    assert same(found, whole)
    assert min(told) > 7


@pytest.mark.parametrize("damage", ["numbers", "state", "record", "labels", "type", "missing"])
def test_a_damaged_pass_starts_anew(model, layers, samples, tmp_path, monkeypatch, damage):
    whole = collect(model, samples, layers, top=4)
    folder = tmp_path / "pass"
    interrupted(model, layers, samples, folder, monkeypatch)
    numbers, state = folder / "responses.npy", folder / "pass.npz"
    record, arrays = read_archive(state, "response pass")
    if damage == "numbers":
        numbers.write_bytes(b"no array")
    elif damage == "state":
        state.write_bytes(b"PK no archive")
    elif damage == "record":
        write(state, "response pass", {k: v for k, v in record.items() if k != "done"}, arrays)
    elif damage == "labels":
        write(state, "response pass", record, {k: v for k, v in arrays.items() if k != "labels"})
    elif damage == "type":
        np.save(numbers, whole.responses.astype(np.float64))
    else:
        numbers.unlink()
    found, told = resumed(model, layers, samples, folder)
    assert same(found, whole)
    assert min(told) < 7


def test_another_question_starts_anew(model, layers, samples, tmp_path, monkeypatch):
    interrupted(model, layers, samples, tmp_path / "pass", monkeypatch)
    found, told = resumed(model, layers, samples, tmp_path / "pass", top=2)
    assert same(found, collect(model, samples, layers, top=2))
    assert min(told) < 7


def test_pictures_need_a_class_that_the_model_knows(model, layers, samples):
    with pytest.raises(UsageError, match=r"'00\.png' has no class; put pictures into subfolders"):
        collect(model, [replace(samples[0], label=None)], layers)
    named = opened(labels=["ant", "bee", "cat"])
    assert collect(named, samples[:1], layers).labels.tolist() == [0]
    with pytest.raises(UnknownNameError, match="unknown class 'eleven'"):
        collect(named, [replace(samples[0], label="eleven")], layers)


def test_models_of_values_have_no_classes(samples, layers):
    values = opened(scores=None, task="values")
    with pytest.raises(UsageError, match="need a model that answers classes"):
        collect(values, samples, layers)


def test_none_that_can_be_read(model, layers, tmp_path):
    with pytest.raises(ImageError, match="none of the 2 pictures"):
        collect(model, written(tmp_path, 2, (0, 1)), layers)


def test_numbers_without_a_rank_are_refused(samples):
    body = """
        a = Conv<pads = [1,1,1,1]>(image, k1) l = Log(a) g = GlobalMaxPool(l)
        scores = Flatten(g)
    """
    made = opened(body)
    with pytest.raises(NumericalError, match="'l' holds NaN or Inf"):
        collect(made, [replace(s, label="1") for s in samples], feature_layers(made, ["l"]))


def test_a_folder_that_cannot_be_written(model, layers, samples, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match="cannot write"):
        collect(model, samples, layers, folder=tmp_path / "file" / "pass")
