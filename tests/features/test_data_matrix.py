"""The matrices X and L, before anything is normalised or selected."""

import numpy as np
import pytest
from features.small import CLASSES, inputs, opened, tensors, written

from onnxplain.errors import UsageError
from onnxplain.features.archive import read_archive
from onnxplain.features.collect import collect
from onnxplain.features.data_matrix import data_matrix
from onnxplain.features.relevant import select
from onnxplain.features.responses import feature_layers

LAYERS = ["b", "d"]


@pytest.fixture(scope="module")
def model():
    return opened()


def test_x_holds_the_length_of_every_map(model, tmp_path):
    found = data_matrix(model, written(tmp_path, 7), LAYERS)
    values = tensors(inputs(*range(7)))
    expected = [
        [np.linalg.norm(maps.ravel()) for name in LAYERS for maps in values[name][n]]
        for n in range(7)
    ]
    np.testing.assert_allclose(found.X, np.transpose(expected), rtol=1e-6)
    classes = [found.L[:, n].tolist() for n in range(7)]
    assert classes == [[int(k == n % 3) for k in range(3)] for n in range(7)]


def test_its_normalised_form_is_what_the_selection_sees(model, tmp_path):
    samples = written(tmp_path, 9)
    found = data_matrix(model, samples, LAYERS)
    seen = collect(model, samples, feature_layers(model, LAYERS), top=1)
    np.testing.assert_array_equal(found.normalised.T, seen.responses)
    np.testing.assert_array_equal(found.L.argmax(axis=0), seen.labels)
    assert select(seen, 2.0)[1].any()
    # Squares as shares of their layer, then all layers together of length one.
    power = [found.X[:4] ** 2, found.X[4:] ** 2]
    shares = np.concatenate([p / p.sum(axis=0) for p in power])
    expected = shares / np.linalg.norm(shares, axis=0)
    np.testing.assert_allclose(found.normalised, expected, atol=1e-6)


def test_what_cannot_be_read_is_left_out_and_the_file_names_the_rest(model, tmp_path):
    samples = written(tmp_path, 4, broken=(1,))
    found = data_matrix(model, samples, LAYERS)
    assert [s.name for s in found.skipped] == ["01.png"]
    assert found.names == ["00.png", "02.png", "03.png"]
    found.save(tmp_path / "r.npz")
    record, arrays = read_archive(tmp_path / "r.npz", "responses")
    assert record["names"] == found.names
    assert [row[0] for row in record["rows"]] == LAYERS
    for name in ("X", "L", "normalised"):
        np.testing.assert_array_equal(arrays[name], getattr(found, name))
    assert arrays["L"].shape == (len(CLASSES), 3)


def test_a_picture_without_a_class_is_refused(model, tmp_path):
    from dataclasses import replace

    samples = [replace(s, label=None) for s in written(tmp_path, 2)]
    with pytest.raises(UsageError, match="has no class"):
        data_matrix(model, samples, LAYERS)
